"""Potentials that may saturate: only where it pays, counted, and the same in all that run them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Bias, Network, Population, Projection
from neurocompile.ir.operators import Array, Dense
from neurocompile.passes.loihi.quantization.bounds import state_bounds, state_overflows
from neurocompile.semantics import loihi as specification
from neurocompile.semantics.loihi import LoihiNeuron, State, step
from neurocompile.semantics.loihi_widths import STATE_MAX
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import IntegerBatch
from tests.passes.loihi.quantization.float_nets import (
    LOIHI2,
    RESETS,
    integers_of,
    neuron,
    one_population,
    share_wrong,
    spikes,
)


def long_sums(seed: int, ticks: int = 64, reset: Reset = Reset.HARD, decay: float = 1.0) -> Network:
    """Many inputs into neurons without leak: worst cases are far beyond what happens."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(0.02, 1, (6, 300))
    return one_population(neuron(decay, 5.0, reset=reset), [(spikes(300), weight)], ticks=ticks)


def inputs(seed: int, ticks: int = 64) -> dict[str, Array]:
    return {"x": (np.random.default_rng(seed).random((4, ticks, 300)) < 0.1).astype(float)}


def spread(network: Network) -> int:
    return len(np.unique(network.projections[0].operator.weights))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 999), st.sampled_from(RESETS), st.sampled_from([16, 128]),
       st.sampled_from([1.0, 0.9]))
def test_prove_saturate_auto(seed: int, reset: Reset, ticks: int, decay: float) -> None:
    network, x = long_sums(seed, ticks, reset, decay), inputs(seed, ticks)
    by_choice = {choice: integers_of(network, x, overflow=choice).network
                 for choice in ("prove", "saturate", "auto")}
    safe, saturating, auto = (by_choice[c].population("n") for c in by_choice)
    assert not safe.saturates
    assert max(state_bounds(by_choice["prove"], safe).largest.values()) <= STATE_MAX
    if auto.saturates:  # then it is worth a bit
        assert saturating.saturates
        assert spread(by_choice["auto"]) > 1.5 * spread(by_choice["prove"])
    for one in by_choice.values():
        assert not list(state_overflows(one, one.population("n"), LOIHI2))
        assert state_bounds(one, one.population("n")).largest["u"] <= STATE_MAX
    wrong = share_wrong(network, by_choice["auto"], x)
    assert wrong <= share_wrong(network, by_choice["prove"], x) + 0.02


def test_many_inputs_over_many_ticks_keep_their_bits() -> None:
    network, x = long_sums(0, 128), inputs(0, 128)
    auto, safe = (integers_of(network, x, overflow=c).network for c in ("auto", "prove"))
    assert auto.population("n").saturates
    assert spread(auto) > 100
    assert spread(safe) < 40
    assert share_wrong(network, auto, x) < 0.05
    assert share_wrong(network, safe, x) > 0.1
    assert run(auto, x).saturations == {"n": 0}  # on the sample nothing saturates: it has a margin
    loud = {"x": np.ones((2, 128, 300))}
    assert run(auto, loud).saturations["n"] > 0
    assert run(safe, loud).saturations["n"] == 0


def test_without_a_sample_nothing_saturates() -> None:
    for choice in ("auto", "saturate"):
        integers = integers_of(long_sums(0), overflow=choice).network
        assert not integers.population("n").saturates


def test_sums_that_no_proof_holds_build_on_a_sample() -> None:
    """Where even the coarsest scale could overflow for some input."""
    rng = np.random.default_rng(0)
    weight = rng.choice([-1.0, 1.0], (3, 3000)) * rng.uniform(0.5, 1, (3, 3000))
    network = one_population(neuron(1.0, 0.1), [(spikes(3000), weight)], ticks=300)
    with pytest.raises(FindingsError, match="NC303"):
        integers_of(network)
    x = {"x": (rng.random((2, 300, 3000)) < 0.001).astype(float)}
    with pytest.raises(FindingsError, match="NC303"):
        integers_of(network, x, overflow="prove")
    assert integers_of(network, x).network.population("n").saturates


# -- the specification, and what runs it -------------------------------------------------------------


@st.composite
def saturating(draw: st.DrawFn) -> tuple[Network, Array]:
    """Sums that clip v in a few ticks, upward and downward; u stays within its register or wraps."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    reset = draw(st.sampled_from(RESETS))
    vth = draw(st.sampled_from([100, 60_000, 131_071]))
    cell = LoihiNeuron(
        du=draw(st.sampled_from([4095, 1000, 0])), dv=draw(st.sampled_from([0, 1, 100])), vth=vth,
        reset=reset, v_sub=vth if reset in (Reset.SOFT, Reset.SOFT_DELAYED) else 0)
    weight = 2 * rng.integers(-97, 97, (8, 10)) + draw(st.sampled_from([-60, 0, 60]))
    exponent = draw(st.sampled_from([5, 6, 7]))
    bias = Bias(rng.integers(-4095, 4096, 8), 7) if draw(st.booleans()) else None
    network = Network(
        (spikes(10),), (Population("n", (8,), cell, bias, saturates=True),),
        (Projection("x", "n", Dense((10,), (8,), weight), exponent),), (), 40)
    x = (rng.random((3, 40, 10)) < draw(st.sampled_from([0.3, 0.9]))).astype(np.int64)
    return network, x


def by_specification(network: Network, x: Array) -> tuple[Array, Array, int]:
    """Spikes and v [samples, ticks, neurons], and how many potentials were clips."""
    cell = network.populations[0].neuron
    assert isinstance(cell, LoihiNeuron)
    projection, bias = network.projections[0], network.populations[0].bias
    sums = (x @ np.asarray(projection.operator.weights, np.int64).T) << projection.exponent
    biases = np.zeros(8, np.int64) if bias is None else bias.value
    trains, v, clips = np.zeros(sums.shape, int), np.zeros(sums.shape, int), []
    real = specification.clip24

    def clip24(value: int) -> int:
        clips.append(value != real(value))
        return real(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(specification, "clip24", clip24)
        for sample in range(len(x)):
            for n in range(8):
                state = State()
                for tick in range(sums.shape[1]):
                    trains[sample, tick, n] = step(
                        cell, state, int(sums[sample, tick, n]), int(biases[n]))
                    v[sample, tick, n] = state.v
    return trains, v, sum(clips)


@settings(max_examples=40, deadline=None)
@given(saturating())
def test_all_saturate_alike_and_count(case: tuple[Network, Array]) -> None:
    network, x = case
    expected, v, clips = by_specification(network, x)
    loop = run(network, {"x": x}, record_state=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(IntegerBatch, "advance")
        tensors = run(network, {"x": x}, record_state=True)
    for result in (loop, tensors):
        assert np.array_equal(result.spikes["n"], expected)
        assert np.array_equal(result.v["n"], v)
        assert result.saturations == {"n": clips}


def test_the_property_sees_saturation_both_ways() -> None:
    up = down = active = 0

    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    @given(saturating())
    def collect(case: tuple[Network, Array]) -> None:
        nonlocal up, down, active
        trains, v, _ = by_specification(*case)
        up, down = up + bool((v == STATE_MAX).any()), down + bool((v == -STATE_MAX).any())
        active += bool(trains.any())
    collect()
    assert min(up, down, active) >= 8
