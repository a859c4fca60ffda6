"""Each kind of wrong spikes that quantization once made, as a law for all networks of that kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.loihi.inputs import program_inputs
from neurocompile.backends.loihi.plan import part_ids
from neurocompile.backends.synchronous import run
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.bounds import state_overflows
from neurocompile.passes.loihi.quantization.currents import every_tick
from neurocompile.semantics.loihi import LoihiNeuron, State, step
from neurocompile.semantics.reset import Reset
from tests.passes.loihi.quantization.float_nets import (
    LOIHI1,
    LOIHI2,
    ONE,
    RESETS,
    integers_of,
    neuron,
    one_population,
    scale_of,
    share_wrong,
    spikes,
    trains,
)

STATIC, ANALOG = InputKind.STATIC, InputKind.ANALOG
TARGETS = {"loihi1": LOIHI1, "loihi2": LOIHI2}


# -- several analog inputs ---------------------------------------------------------------------


def analog_net(rng: np.random.Generator, kinds: list[InputKind], encoder_bias: bool) -> Network:
    """A population that gets an analog input of each kind, and whose neurons feed another one."""
    network = one_population(neuron(0.9), [
        (Input(f"x{k}", (5,), kind, low=-1.0, high=1.0), rng.normal(0, 0.6, (12, 5)))
        for k, kind in enumerate(kinds)], rng.normal(0.1, 0.1, 12) if encoder_bias else None)
    behind = Population("behind", (4,), neuron())
    return replace(network, populations=(*network.populations, behind), projections=(
        *network.projections, Projection("n", "behind", Dense((12,), (4,), rng.normal(
            0.2, 0.5, (4, 12))))))


def analog_values(network: Network, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {item.name: rng.uniform(-1, 1, (6, *([network.n_ticks] * (item.kind is ANALOG)), 5))
            for item in network.inputs}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.lists(st.sampled_from([STATIC, STATIC, ANALOG]), min_size=2,
                                      max_size=3), st.booleans(), st.sampled_from(["loihi1", "loihi2"]))
def test_all_analog_inputs_of_a_population_reach_it(
        seed: int, kinds: list[InputKind], encoder_bias: bool, target: str) -> None:
    """Through one encoder of several terms; static ones beside one of every tick on the host."""
    rng = np.random.default_rng(seed)
    network = analog_net(rng, kinds, encoder_bias)
    x = analog_values(network, rng)
    integers = integers_of(network, target=TARGETS[target]).network
    encoder, = integers.encoders
    assert set(encoder.sources) == set(x)
    assert integers.population("n").on_host == (ANALOG in kinds)
    assert share_wrong(network, integers, x) < 0.06
    current = sum(p.operator.apply(np.broadcast_to(
        x[p.source].reshape(6, -1, 5), (6, 8, 5)).reshape(-1, 5)) for p in network.into("n"))
    bias = network.population("n").bias
    exact = (current + (0 if bias is None else bias.mantissa)) * scale_of(network, integers) * (
        2.0 ** (6 - encoder.exponent))
    rows = encoder.mantissas(integers.encoder_rows(encoder, x))
    rows = np.repeat(rows, 8, axis=0) if len(rows) == 6 else rows
    assert np.abs(rows - np.clip(exact, encoder.low, encoder.high)).max() <= 0.51

    host = run(integers, x).spikes  # what the emitted program gets
    arrays, ids = program_inputs(integers, x, host), part_ids(integers)
    if ANALOG in kinds:
        assert np.array_equal(arrays[f"spikes_{ids['n']}"], host["n"])
    else:
        assert np.array_equal(arrays[f"bias_{ids['n']}"], rows[::8])


# -- ties ----------------------------------------------------------------------------------------


@st.composite
def tied_nets(draw: st.DrawFn) -> tuple[Network, dict[str, np.ndarray]]:
    """Weights and thresholds of few bits, decays of two; so many ticks that float64 is exact."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    unit = draw(st.sampled_from([1.0, 0.25, 2.0**-9, 3.0, float(np.float32(0.1))]))
    weights = draw(st.sampled_from(["ternary", "dyadic", "positive"]))
    decay, ticks = draw(st.sampled_from([(1.0, 12), (0.5, 8), (0.75, 5), (0.25, 5), (0.0, 12)]))
    alpha = draw(st.sampled_from([None, None, 0.5])) if decay and ticks < 12 else None
    ticks = ticks if alpha is None else 4
    shape = (10, draw(st.sampled_from([8, 8, 60])))
    matrix = {"ternary": rng.integers(-1, 2, shape), "positive": rng.integers(0, 2, shape),
              "dyadic": rng.integers(-6, 9, shape) / 4}[weights]
    cell = neuron(decay, unit * draw(st.sampled_from([1.0, 2.0])), draw(st.booleans()),
                  draw(st.sampled_from(RESETS)), alpha)
    bias = rng.integers(-1, 3, 10) / 4 * unit if alpha is None and draw(st.booleans()) else None
    network = one_population(cell, [(spikes(shape[1]), matrix * unit)], bias, ticks)
    return network, {"x": (rng.random((12, ticks, shape[1])) < 2.4 / shape[1]).astype(float)}


def ties(network: Network, x: dict[str, np.ndarray]) -> int:
    """Neuron-ticks in which a `>=` decides what a `>` does not, before the first spike."""
    cell = network.population("n").floating
    strict = replace(network, populations=(replace(
        network.populations[0], neuron=replace(cell, strict=not cell.strict)),))
    return int((trains(network, x) != trains(strict, x)).sum())


@settings(max_examples=150, deadline=None)
@given(tied_nets(), st.sampled_from(["loihi1", "loihi2"]))
def test_a_network_on_the_grid_is_exact(case: tuple[Network, dict[str, np.ndarray]],
                                        target: str) -> None:
    network, x = case
    if network.population("n").floating.reset is not Reset.HARD:
        target = "loihi2"
    integers = integers_of(network, target=TARGETS[target]).network
    assert np.array_equal(trains(network, x), trains(integers, x))
    on_sample = integers_of(network, x, TARGETS[target]).network  # a sample moves nothing
    assert np.array_equal(trains(network, x), trains(on_sample, x))


def test_the_property_sees_ties_and_spikes() -> None:
    seen: dict[tuple[float, Reset, bool], int] = {}

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(tied_nets())
    def collect(case: tuple[Network, dict[str, np.ndarray]]) -> None:
        cell = case[0].population("n").floating
        key = cell.decay, cell.reset, cell.strict
        seen[key] = seen.get(key, 0) + ties(*case)
    collect()
    assert sum(count > 50 for count in seen.values()) > 25


# -- neurons without memory ----------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(RESETS), st.booleans(), st.booleans(), st.booleans())
def test_neurons_without_memory_keep_the_bits_of_their_weights(
        seed: int, reset: Reset, strict: bool, with_bias: bool, with_sample: bool) -> None:
    rng = np.random.default_rng(seed)
    bias = rng.normal(0, 0.1, 32) if with_bias else None
    network = one_population(neuron(0.0, 0.4, strict, reset), [
        (spikes(16), rng.normal(0, 0.25, (32, 16)))], bias, 12)
    x = {"x": (rng.random((16, 12, 16)) < 0.3).astype(float)}
    integers = integers_of(network, x if with_sample else None).network
    values = [np.unique(p.operator.weights) for p in integers.projections]
    assert sum(map(len, values)) > 100
    assert loihi_neuron(integers.populations[0]).vth > 64
    assert share_wrong(network, integers, x) < 0.05


# -- graded inputs beside biases -----------------------------------------------------------------


def graded_net(rng: np.random.Generator, high: float, bias: float, kind: InputKind,
               cell: Any) -> Network:
    """Analog input of a synaptic current beside a bias; much larger or smaller than it."""
    return one_population(cell, [
        (Input("x", (4,), kind, high=high), rng.uniform(-0.4, 0.8, (10, 4)) / high),
        (ONE, rng.uniform(-bias, bias, (10, 1)))], ticks=10)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 9999), st.sampled_from([0.01, 1.0, 30.0]), st.sampled_from([0.02, 0.3]),
       st.sampled_from([STATIC, ANALOG]), st.sampled_from([0.5, 0.8]), st.sampled_from([0.0, 0.9]),
       st.booleans())
def test_graded_inputs_keep_their_weights_and_the_bias_its_own(
        seed: int, high: float, bias: float, kind: InputKind, alpha: float, decay: float,
        with_sample: bool) -> None:
    """The currents that arrive are the float ones but for 3 % of their size, static ones on average."""
    rng = np.random.default_rng(seed)
    network = graded_net(rng, high, bias, kind, neuron(decay, alpha=alpha))
    x = {"x": high * rng.random((12, *([10] * (kind is ANALOG)), 4))}
    integers = integers_of(network, x if with_sample else None).network
    scale = scale_of(network, integers)
    rows = x["x"].reshape(-1, 4)
    for before in network.projections:
        exact = before.operator.apply(rows if before.source == "x" else np.ones((1, 1)))
        item = next(i for i in integers.inputs if i.name == before.source)
        messages = np.ones((1, 1)) if before.source != "x" else (
            item.integers(rows) if kind is ANALOG else item.trains(rows, 10).mean(axis=1))
        delivery = sum(p.operator.apply(messages) * 2.0**p.exponent for p in integers.into("n")
                      if p.source == before.source) / scale
        assert np.sqrt(np.mean((delivery - exact)**2)) < 0.03 * np.sqrt(np.mean(exact**2))
    assert share_wrong(network, integers, x) < 0.12


# -- static inputs over many ticks -----------------------------------------------------------------


def plain_run(cell: LoihiNeuron, current: int, ticks: int) -> list[bool]:
    """A neuron at a constant current, in registers without an end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurocompile.semantics.loihi.clip24", lambda x: x)
        state = State()
        return [step(cell, state, 0, current) for _ in range(ticks)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.sampled_from([1, 2, 7, 32, 33, 100, 256, 512]),
       st.sampled_from(RESETS), st.booleans(), st.sampled_from([1.0, 0.9, 0.5, 0.0]),
       st.booleans())
def test_static_input_is_clipped_without_a_loss_over_any_number_of_ticks(
        seed: int, ticks: int, reset: Reset, strict: bool, decay: float, with_sample: bool) -> None:
    """Currents far beyond the threshold and far below 0, and those in between."""
    rng = np.random.default_rng(seed)
    cell = neuron(decay, 0.3, strict, reset)
    network = one_population(cell, [(Input("x", (16,), STATIC, low=-1.0, high=1.0),
                                     np.diag(0.3 * np.logspace(-1.5, 3, 16)))], ticks=ticks)
    x = {"x": rng.choice([-1.0, 1.0, 0.7], (6, 16)) * rng.uniform(0.3, 1, (6, 16))}
    sample = {"x": np.clip(x["x"], -0.01, 0.01)} if with_sample else None
    integers = integers_of(network, sample).network
    encoder, = integers.encoders
    assert not list(state_overflows(integers, integers.populations[0], LOIHI2))
    if with_sample:
        assert not encoder.lossless or encoder.high >= encoder.low
    if not with_sample:
        assert encoder.lossless
        assert encoder.low == 0
        exact, limits = encoder.exact(x), encoder.mantissas(x)
        assert (exact > encoder.high).any()
        assert (exact < 0).any()
        chip = loihi_neuron(integers.populations[0])
        for before, after in {(int(a), int(b)) for a, b in zip(
                exact.flat, limits.flat, strict=True) if a != b}:
            assert plain_run(chip, before << encoder.exponent, ticks) == plain_run(
                chip, after << encoder.exponent, ticks)
        current = network.projections[0].operator.apply(x["x"])
        sure = (current >= 1.001 * every_tick(network.populations[0])) | (current <= 0)
        sure = np.broadcast_to(sure[:, None], (6, ticks, 16))
        assert np.array_equal(trains(network, x)[sure], trains(integers, x)[sure])
    assert 0 < trains(network, x).sum() < trains(network, x).size


@pytest.mark.parametrize("ticks", [33, 256])
@pytest.mark.parametrize("encoder", ["auto", "bias", "host"])
def test_long_static_images_have_a_scale(ticks: int, encoder: str) -> None:
    rng = np.random.default_rng(0)
    network = one_population(neuron(1.0), [
        (Input("x", (16,), STATIC), rng.uniform(-0.25, 0.25, (8, 16)))], ticks=ticks)
    x = {"x": rng.random((8, 16))}
    integers = integers_of(network, encoder=encoder).network
    assert share_wrong(network, integers, x) < 0.03


# -- biases --------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.floats(0.003, 0.5), st.sampled_from([5.0, 30.0, 200.0]),
       st.booleans())
def test_biases_of_synaptic_currents_have_an_exponent_of_their_own(
        seed: int, bias: float, outlier: float, with_sample: bool) -> None:
    """Beside weights of which one is far larger than the rest."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(-0.2, 0.3, (10, 20))
    weight[0, 0] = outlier
    biases = bias * rng.uniform(0.8, 1.0, (10, 1))
    network = one_population(neuron(0.55, alpha=0.5), [(spikes(20), weight), (ONE, biases)],
                             ticks=12)
    x = {"x": (rng.random((10, 12, 20)) < 0.3).astype(float)}
    integers = integers_of(network, x if with_sample else None).network
    scale = scale_of(network, integers)
    delivery = sum(p.operator.weights * 2.0**p.exponent for p in integers.projections
                  if p.source == "one") / scale
    if not with_sample:  # else they make up for what the other weights lost
        assert np.abs(delivery - biases).max() < max(0.015 * bias, 0.51 / scale)
    assert share_wrong(network, integers, x) < 0.2  # 0.025 in the mean


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.floats(1e-4, 3.0), st.sampled_from(RESETS), st.booleans(),
       st.sampled_from([(0.7, 1 / 0.3), (1.0, 40.0)]))
def test_biases_have_the_smallest_exponent_that_holds_them(
        seed: int, size: float, reset: Reset, with_sample: bool, case: tuple[float, float]) -> None:
    """Or whole mantissas, where half of one in each tick that is remembered decides nothing."""
    (decay, memory), rng = case, np.random.default_rng(seed)
    network = one_population(neuron(decay, 1.0, False, reset), [
        (spikes(12), rng.normal(0, 0.4, (10, 12)))], rng.normal(0, size, 10), 40)
    x = {"x": (rng.random((8, 40, 12)) < 0.3).astype(float)}
    integers = integers_of(network, x if with_sample else None).network
    bias = integers.population("n").bias
    assert bias is not None
    largest = np.abs(bias.mantissa).max()
    assert largest <= 4095
    threshold = scale_of(network, integers)
    whole = bias.exponent == 6 and memory / 2 <= threshold / 128
    assert bias.exponent == 0 or largest > 4095 / 2 - 1 or whole
    if not with_sample:
        old = network.population("n").bias
        assert old is not None
        exact = old.mantissa * threshold * 64
        assert np.abs(bias.value - exact).max() <= 2.0**bias.exponent / 2 + 1e-6
