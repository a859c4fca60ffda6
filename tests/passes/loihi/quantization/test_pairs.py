"""Weights in two synapses: their sums are the whole numbers of 16 bits, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurocompile.backends.loihi.bits import check_bits
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Network, Population, Projection, whole
from neurocompile.ir.operators import Array, Conv, Dense, Operator
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.quantization.bounds import state_bounds, state_overflows
from neurocompile.passes.loihi.quantization.pairs import halves
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.quantization.rounding_record import read_rounding
from neurocompile.passes.loihi.quantization.weight_grid import grid
from neurocompile.passes.loihi.streams.adders import build_streams
from neurocompile.passes.loihi.weight_bits import bits_into, with_equal_bits
from tests.loihi import loihi_target
from tests.passes.loihi.quantization.float_nets import (
    integers_of,
    neuron,
    one_population,
    scale_of,
    share_wrong,
    spikes,
)
from tests.passes.loihi.residual_nets import residual, spikes_in

LOIHI2 = loihi_target("loihi2")
ALL = np.arange(-(1 << 15), 1 << 15)


def parts_of(weights: Array) -> tuple[Projection, Projection]:
    projection = Projection("x", "n", Dense((weights.size,), (1,), weights[None]), delay=1,
                            weight_bits=16)
    upper, lower = halves(projection, 0, weights[None])
    return upper, lower


def test_every_number_of_16_bits_is_there_and_on_the_grid_of_synapses() -> None:
    upper, lower = parts_of(ALL)
    assert np.array_equal((upper.operator.weights << upper.exponent)
                          + (lower.operator.weights << lower.exponent), ALL[None])
    assert grid(ALL.astype(float), 16) == (1, ALL[0], ALL[-1])
    for part in (upper, lower):
        step, low, high = grid(part.operator.weights, part.weight_bits)
        assert not np.any(part.operator.weights % step)
        assert low <= part.operator.weights.min()
        assert part.operator.weights.max() <= high
        assert (part.source, part.target, part.delay, part.weight_bits) == ("x", "n", 1, 8)
    assert (upper.low, lower.low) == (False, True)
    one, = whole((upper, lower))
    assert np.array_equal(one.operator.weights, ALL[None])
    assert (one.exponent, one.weight_bits, one.low) == (0, 16, False)


def test_whole_leaves_others_as_they_are() -> None:
    upper, lower = parts_of(ALL[:5])
    other = replace(upper, source="y")
    before, pair, after = whole((other, upper, lower, other))
    assert (before, after) == (other, other)
    assert pair.weight_bits == 16
    assert list(whole(())) == []


def two_layers(seed: int, operator: Operator) -> tuple[Network, dict[str, Array]]:
    """The operator into `n`, a matrix from there into `m`, and spikes."""
    rng = np.random.default_rng(seed)
    first = one_population(neuron(0.9), [(spikes(operator.in_size), np.zeros((1, 1)))], ticks=6)
    n = Population("n", operator.out_shape, neuron(0.9))
    m = Population("m", (5,), neuron(0.8))
    network = replace(
        first, inputs=(replace(first.inputs[0], shape=operator.in_shape),), populations=(n, m),
        projections=(Projection("x", "n", operator), Projection("n", "m", Dense(
            n.shape, (5,), rng.normal(0, 0.5, (5, n.size))))))
    return network, {"x": (rng.random((6, 6, *operator.in_shape)) < 0.3).astype(float)}


def operator_of(kind: str, rng: np.random.Generator) -> Operator:
    if kind == "conv":
        return Conv((2, 4, 4), (3, 4, 4), rng.normal(0, 0.4, (3, 2, 3, 3)), padding=(1, 1))
    return Dense((12,), (10,), rng.normal(0.1, 0.4, (10, 12)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(["dense", "conv"]), st.booleans())
def test_the_network_is_that_of_the_whole_weights(seed: int, kind: str, with_sample: bool) -> None:
    """Sums, bounds and spikes; the float weights are nearer than half a step of 16 bits."""
    network, x = two_layers(seed, operator_of(kind, np.random.default_rng(seed)))
    form = integers_of(network, x if with_sample else None, bits_of={"n": 16})
    integers = form.network
    upper, lower, *plain = integers.projections
    assert type(upper.operator) is type(lower.operator) is type(network.projections[0].operator)
    one, *others = whole(integers.projections)
    assert others == plain
    assert (bits_into(integers, "n"), bits_into(integers, "m")) == (16, 8)
    sums = replace(integers, projections=(one, *plain))
    for name, trains in run(sums, x).spikes.items():
        assert np.array_equal(trains, run(integers, x).spikes[name])
    population = integers.population("n")
    bounds = [state_bounds(net, population).largest for net in (integers, sums)]
    assert bounds[0] == bounds[1]
    assert not list(state_overflows(integers, population, LOIHI2))
    if not with_sample:
        exact = network.projections[0].operator.weights * scale_of(network, integers)
        assert np.abs(exact - one.operator.weights).max() <= 0.5
    assert not list(check_bits(integers, align(integers), LOIHI2))
    again = LoihiQuantizer(8, rounding=read_rounding(form.rounding.arrays())).quantize(
        network, LOIHI2).network
    for p, q in zip(again.projections, integers.projections, strict=True):
        assert np.array_equal(p.operator.weights, q.operator.weights)
        assert (p.exponent, p.low) == (q.exponent, q.low)


@pytest.mark.parametrize("with_sample", [False, True])
def test_a_layer_loses_less(with_sample: bool) -> None:
    rng = np.random.default_rng(5)
    network = one_population(neuron(0.9), [(spikes(40), rng.normal(0.02, 0.2, (60, 40)))], ticks=12)
    x = {"x": (rng.random((24, 12, 40)) < 0.4).astype(float)}
    sample = x if with_sample else None
    eight, sixteen = (share_wrong(network, integers_of(network, sample, bits_of=bits).network, x)
                      for bits in ({}, {"n": 16}))
    assert 0 < eight
    assert sixteen < eight / 4


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 9999), st.booleans())
def test_what_adders_receive(seed: int, with_sample: bool) -> None:
    network, _ = build_streams(residual(seed, 2), LOIHI2, "adder", 8)
    network = replace(network, projections=tuple(replace(p, operator=p.operator.with_weights(
        p.operator.weights * (1 if p.operator.weights.size == 1 else 1.01)))
        for p in network.projections))  # off every grid
    x = {"x": spikes_in(seed, 8)}
    names = {p.name for p in network.populations if p.graded}
    assume(names)
    eight, form = (integers_of(network, x if with_sample else None, bits_of=dict.fromkeys(names, bits))
                   for bits in (8, 16))
    integers = form.network
    assert {p.target for p in integers.projections if p.low} == names
    assert not any(p.low for p in eight.network.projections)
    joint = replace(integers, projections=tuple(whole(integers.projections)))
    results = [run(net, x).spikes for net in (integers, joint)]
    for name, spikes_of in results[0].items():
        assert np.array_equal(spikes_of, results[1][name]), name
    assert not [d for p in integers.populations for d in state_overflows(integers, p, LOIHI2)]
    assert not list(check_bits(integers, align(integers), LOIHI2))


def test_as_if_in_one_synapse() -> None:
    network, _ = two_layers(0, operator_of("dense", np.random.default_rng(0)))
    integers = integers_of(network, bits_of={"n": 16}).network
    assert [p.weight_bits for p in with_equal_bits(integers, 4).projections] == [4, 4]


@pytest.mark.parametrize(("widths", "key"), [
    ({"weight_exponent_max": 6}, "synapse.weight_exponent_max"),
    ({"weight_bits": 7}, "synapse.weight_bits")])
def test_narrower_synapses_are_one_finding(widths: dict[str, int], key: str) -> None:
    synapse = replace(LOIHI2.synapse, **{
        name: replace(getattr(LOIHI2.synapse, name), value=value) for name, value in widths.items()})
    target = replace(LOIHI2, synapse=synapse)
    network, _ = two_layers(0, operator_of("dense", np.random.default_rng(0)))
    integers_of(network, target=target, weight_bits=7)
    with pytest.raises(FindingsError) as error:
        integers_of(network, target=target, weight_bits=7, bits_of={"n": 16})
    finding, = error.value.diagnostics
    assert (finding.code, finding.values["needed"], finding.values["key"]) == ("NC310", 16, key)


@pytest.mark.slow
@pytest.mark.lava
def test_on_lava(tmp_path: Path) -> None:
    network, x = two_layers(3, operator_of("conv", np.random.default_rng(3)))
    integers = integers_of(network, bits_of={"n": 16, "m": 16}).network
    assert [p.low for p in integers.projections] == [False, True] * 2
    schedule, reference = align(integers), run(integers, x, record_state=True)
    emit(integers, schedule, LOIHI2, tmp_path / "program")
    verification = verify(tmp_path / "program", integers, schedule, x, reference)
    assert verification.differences == 0
    assert all(p.spikes > 20 for p in verification.populations)
