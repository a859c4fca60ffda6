"""Rounding on samples: less error, no overflow, the same every time, and nothing that was exact."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.network import InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.passes.loihi.quantization.bounds import state_bounds, state_overflows
from neurocompile.passes.loihi.quantization.quantize import IntegerForm
from neurocompile.semantics.loihi_widths import STATE_MAX
from neurocompile.semantics.normal_form import AND, FloatNeuron
from neurocompile.semantics.reset import Reset
from tests.passes.loihi.quantization.float_nets import (
    LOIHI2,
    ONE,
    integers_of,
    neuron,
    one_population,
    scale_of,
    share_wrong,
    spikes,
    trains,
)

Sample = Mapping[str, Array]


def alike(rng: np.random.Generator, samples: int, ticks: int, size: int) -> Sample:
    """Spikes of sources that go together, as in trained networks: one of six patterns a sample."""
    patterns = np.random.default_rng(7).random((6, size)) < 0.3
    rates = 0.02 + 0.6 * patterns[rng.integers(6, size=samples)]
    return {"x": (rng.random((samples, ticks, size)) < rates[:, None]).astype(float)}


def net(seed: int, cell: FloatNeuron, with_bias: bool = True, ticks: int = 8) -> Network:
    rng = np.random.default_rng(seed)
    return one_population(cell, [(spikes(40), rng.normal(0.05, 0.3, (24, 40)))],
                          rng.normal(0, 0.05, 24) if with_bias else None, ticks)


def current_error(network: Network, result: IntegerForm, sample: Sample) -> Array:
    """How far what each neuron gets is off [samples * ticks, neurons], above the threshold.

    In units of the neuron's own scale, which a gain changes.
    """
    integers, scale = result.network, scale_of(network, result.network)
    own = result.rounding.decisions["n"].gains
    gains = np.ones(24) if own is None else own.astype(float)
    x, v_th = sample["x"].reshape(-1, 40), network.population("n").floating.v_th
    bias = [0.0 if one is None else one.value.astype(float)
            for one in (network.population("n").bias, integers.population("n").bias)]
    before = network.projections[0].operator.apply(x) + bias[0] - v_th
    after = sum(p.operator.apply(x) * 2.0**p.exponent for p in integers.into("n")) + bias[1] / 64
    return np.asarray((after / scale - v_th) / gains - before)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 8), st.sampled_from([
    Reset.HARD, Reset.SOFT, Reset.NONE]), st.booleans())
def test_currents_are_nearer_and_have_no_mean_error(
        seed: int, bits: int, reset: Reset, with_bias: bool) -> None:
    """Of neurons without memory, to which every tick matters alike."""
    network = net(seed, neuron(0.0, reset=reset), with_bias)
    sample = alike(np.random.default_rng(seed), 48, 8, 40)
    nearest = integers_of(network, weight_bits=bits)
    result = integers_of(network, sample, weight_bits=bits)
    before, after = (current_error(network, one, sample) for one in (nearest, result))
    assert np.square(after).mean() < 0.7 * np.square(before).mean()
    bias = result.network.population("n").bias
    assert bias is not None
    step = 2.0**bias.exponent / 64 / scale_of(network, result.network)
    assert np.abs(after.mean(axis=0)).max() <= step + 1e-5  # of a constant error nothing is left


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 8), st.sampled_from([1.0, 0.9, 0.0]),
       st.sampled_from(list(Reset)), st.sampled_from([None, 0.5]))
def test_no_register_overflows(seed: int, bits: int, decay: float, reset: Reset,
                               alpha: float | None) -> None:
    network = net(seed, neuron(decay, reset=reset, alpha=alpha), alpha is None)
    sample = alike(np.random.default_rng(seed), 16, 8, 40)
    integers = integers_of(network, sample, weight_bits=bits, overflow="prove").network
    assert not list(state_overflows(integers, integers.population("n"), LOIHI2))
    assert max(state_bounds(integers, integers.population("n")).largest.values()) <= STATE_MAX


@pytest.mark.parametrize("decay", [1.0, 0.9, 0.0])
@pytest.mark.parametrize("bits", [3, 4])
def test_few_bits_lose_less_on_samples_that_were_not_seen(bits: int, decay: float) -> None:
    nearest, feedback = 0.0, 0.0
    for seed in range(4):
        network, rng = net(seed, neuron(decay)), np.random.default_rng(seed)
        sample, other = alike(rng, 64, 8, 40), alike(rng, 64, 8, 40)
        nearest += share_wrong(network, integers_of(network, weight_bits=bits).network, other)
        feedback += share_wrong(network, integers_of(network, sample, weight_bits=bits).network, other)
    assert feedback < 0.75 * nearest


def test_equal_samples_give_equal_integers() -> None:
    network, sample = net(1, neuron()), alike(np.random.default_rng(1), 20, 8, 40)
    one, two = (integers_of(network, sample).rounding.arrays() for _ in range(2))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[key], two[key]) for key in one)


def rounded_otherwise(network: Network, sample: Sample) -> bool:
    """Whether a sample changes a weight."""
    pair: list[IntegerForm] = [integers_of(network), integers_of(network, sample)]
    before, after = (np.concatenate([p.operator.weights.reshape(-1) << p.exponent
                                     for p in one.network.projections]) for one in pair)
    return not np.array_equal(before, after)


def test_what_is_exact_or_counts_spikes_stays() -> None:
    rng = np.random.default_rng(0)
    sample = alike(rng, 20, 8, 40)
    ternary = one_population(neuron(), [(spikes(40), rng.integers(-1, 2, (12, 40)) / 2)])
    gate = one_population(FloatNeuron(AND, 0.0, 2.0, False, Reset.HARD), [
        (spikes(40), (rng.random((12, 40)) < 0.05) * 1.0)])
    for network in (ternary, gate):
        assert trains(network, sample).any()
        assert not rounded_otherwise(network, sample)
    assert rounded_otherwise(net(0, neuron()), sample)


def test_rows_of_many_sizes_share_no_scale_without_memory() -> None:
    """A gain for each neuron, which its bias takes back from the threshold."""
    rng = np.random.default_rng(5)
    sizes = np.logspace(0, -0.9, 24)[:, None]
    network = one_population(neuron(0.0, 0.12, strict=True), [
        (spikes(40), rng.normal(0.05, 0.25, (24, 40)) * sizes)], None, 8)
    sample, other = alike(rng, 48, 8, 40), alike(rng, 48, 8, 40)
    decision = (result := integers_of(network, sample, weight_bits=4)).rounding.decisions["n"]
    assert decision.gains is not None
    assert 1 == decision.gains.min() < 5 < decision.gains.max() <= 8
    weights = np.abs(result.network.projections[0].operator.weights)
    assert weights.max(axis=1).min() > 0.8 * weights.max()
    assert share_wrong(network, result.network, other) < 0.5 * share_wrong(
        network, integers_of(network, weight_bits=4).network, other)
    leaky = one_population(neuron(0.5), [(spikes(40), rng.normal(0, 1, (24, 40)) * sizes)])
    assert integers_of(leaky, sample).rounding.decisions["n"].gains is None


def test_a_bias_by_synapses_makes_up_for_the_mean_error() -> None:
    """A synaptic current has no bias register: the weights of `one` are rounded with the rest."""
    rng = np.random.default_rng(2)
    network = one_population(neuron(0.9, alpha=0.5), [
        (spikes(40), rng.normal(0.02, 0.2, (24, 40))), (ONE, rng.normal(0, 0.05, (24, 1)))], None, 8)
    assert network.inputs[1].kind is InputKind.ONE
    sample, other = alike(rng, 48, 8, 40), alike(rng, 48, 8, 40)
    assert integers_of(network, sample).rounding.decisions["n"].correction is None
    assert share_wrong(network, integers_of(network, sample, weight_bits=4).network, other) < (
        0.8 * share_wrong(network, integers_of(network, weight_bits=4).network, other))
