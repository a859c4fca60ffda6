"""Streams as adders: the same spikes as duplicate synapses, and the cheaper form is taken."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Adder, Network, Population, Projection
from neurocompile.ir.operators import Dense, is_identity
from neurocompile.passes.loihi.quantization.bounds import state_overflows
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.streams.adders import Choice, build_streams, note, with_adders
from neurocompile.passes.loihi.streams.price import Prices
from neurocompile.passes.lowering.streams import find
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target
from tests.passes.loihi.residual_nets import neuron, residual, spikes_in

LOIHI2, LOIHI1 = loihi_target("loihi2"), loihi_target("loihi1")


def memory(network: Network, target: LoihiTarget = LOIHI2) -> int:
    return Prices(target, 8).of(network).synapse_memory


def choice_of(network: Network) -> Choice:
    choice = build_streams(network, LOIHI2, "auto", 8)[1]
    assert choice is not None
    return choice


def expensive_wires(target: LoihiTarget, word: int) -> LoihiTarget:
    """The target with synapse lists in whole words of so many bits."""
    how = target.accounting["modeled"]
    return replace(target, accounting={
        "modeled": replace(how, block_word=replace(how.block_word, value=word))})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 4), st.integers(1, 31))
def test_adders_at_any_points_give_the_same_spikes(seed: int, depth: int, mask: int) -> None:
    network = residual(seed, depth)
    streams = find(network)
    points = [p for k, p in enumerate(streams.points) if mask >> k & 1] or streams.points
    rebuilt = with_adders(network, streams, points)
    assert sum(p.graded for p in rebuilt.populations) == len(points)
    x = {"x": spikes_in(seed)}
    before, after = run(network, x), run(rebuilt, x)
    assert all(spikes.any() for name, spikes in before.spikes.items() if name.startswith("in"))
    for name, spikes in before.spikes.items():
        assert np.array_equal(spikes, after.spikes[name]), name


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 4), st.sampled_from([8, 64, 256, 1024]))
def test_auto_is_the_cheapest_choice_of_points(seed: int, depth: int, word: int) -> None:
    target, network = expensive_wires(LOIHI2, word), residual(seed, depth)
    streams = find(network)
    every = [subset for n in range(len(streams.points) + 1)
             for subset in itertools.combinations(streams.points, n)]
    least = min(memory(with_adders(network, streams, points), target) for points in every)
    cheapest, choice = build_streams(network, target, "auto", 8)
    assert memory(cheapest, target) == least
    assert choice is not None
    assert choice.form == ("adder" if least < memory(network, target) else "duplicate")
    assert choice.prices[choice.form].synapse_memory == least


def test_every_branch_is_stored_once() -> None:
    network = residual(3, 4, gains=False, twins=False)
    rebuilt, choice = build_streams(network, LOIHI2, "adder", 8)
    assert choice is not None
    assert choice.adders == tuple(f"in{k}.0.stream" for k in range(3))
    into = {p.name: [q.source for q in rebuilt.into(p.name)] for p in rebuilt.populations}
    assert into["in2.0"] == ["in2.0.stream"]
    assert into["in2.0.stream"] == ["in1.0.stream", "hidden1"]
    assert into["in3.0"] == ["hidden2", "in2.0.stream"]  # no other population receives hidden2
    assert into["in0.0.stream"] == ["stem"]
    assert choice.prices["adder"].latency == choice.prices["duplicate"].latency + 3


def test_both_forms_are_priced_and_said() -> None:
    network = residual(3, 4, gains=False, twins=False)
    _, choice = build_streams(network, LOIHI2, "auto", 8)
    assert choice is not None
    finding = note(choice)
    assert finding.code == "NC140"
    assert finding.values["duplicate_synapse_memory"] == memory(network)
    assert finding.values["adder_synapses"] == choice.prices["adder"].synapses
    assert f"{memory(network):,} bit" in finding.message
    price = choice.prices["duplicate"]
    assert price.neurons == sum(p.size for p in network.populations)
    assert price.synapses == sum(p.operator.n_synapses for p in network.projections)


@pytest.mark.parametrize("form", ["auto", "adder"])
def test_a_network_without_streams_is_left_alone(form: str) -> None:
    network = residual(0, 1, twins=False)
    same, choice = build_streams(network, LOIHI2, form, 8)
    assert same is network
    assert choice is None


@pytest.mark.parametrize(("target", "bits", "why"), [
    (LOIHI1, 8, "graded spikes"), (LOIHI2, 7, "8 bits"),
    (replace(LOIHI2, neuron=replace(LOIHI2.neuron, programs=LOIHI1.neuron.programs)), 8,
     "neuron programs")])
def test_where_there_are_no_adders(target: LoihiTarget, bits: int, why: str) -> None:
    network = residual(1, 3)
    same, choice = build_streams(network, target, "auto", bits)
    assert same is network
    assert choice is not None
    assert why in choice.reason
    with pytest.raises(FindingsError) as error:
        build_streams(network, target, "adder", bits)
    assert [d.code for d in error.value.diagnostics] == ["NC210"]
    assert why in error.value.diagnostics[0].message


def test_feedback_that_adders_would_delay_keeps_its_synapses() -> None:
    """`in1.0` and `other` compute a tick in the same step, unless an adder stands before one."""
    network = residual(2, 4, gains=False, twins=False)
    other = Population("other", (7,), neuron())
    with_loop = replace(network, populations=(*network.populations, other), projections=(
        *network.projections, Projection("hidden0", "other", Dense((7,), (7,), np.eye(7))),
        Projection("in1.0", "other", Dense((2, 3, 3), (7,), np.ones((7, 18))), delay=1)))
    assert choice_of(network).form == "adder"
    same, choice = build_streams(with_loop, LOIHI2, "auto", 8)
    assert same is with_loop
    assert choice is not None
    assert choice.reason == "the ticks that adders take leave no schedule"


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 3), st.sampled_from([Reset.HARD, Reset.SOFT]))
def test_integers_are_proved_and_wires_are_exact(seed: int, depth: int, reset: Reset) -> None:
    """No sum leaves its range and no register overflows; one scale, so every wire is a 1."""
    network = residual(seed, depth, reset=reset)
    rebuilt, _ = build_streams(network, LOIHI2, "adder", 8)
    integers, _ = LoihiQuantizer(8).run(rebuilt, LOIHI2)
    assert [d for p in integers.populations for d in state_overflows(integers, p, LOIHI2)] == []
    result = run(integers, {"x": spikes_in(seed)})
    active = 0
    for population in integers.populations:
        if isinstance(population.neuron, Adder):
            sums = result.spikes[population.name]
            active += int(np.count_nonzero(sums))
            assert sums.dtype == np.int32
            assert np.all(sums >= population.neuron.low)
            assert np.all(sums <= population.neuron.high)
            assert population.neuron.reach < 1 << 17
            for p in integers.into(population.name):
                if p.source.endswith("stream"):
                    assert is_identity(p.operator)
                    assert p.exponent == 0
    assert active > 50


def test_integers_on_the_grid_give_the_float_spikes() -> None:
    """Weights in 32nds and no leak need no rounding: both forms compute the float spikes."""
    network, x = residual(5, 3, decay=1.0), {"x": spikes_in(5, 8)}
    expected = run(network, x).spikes
    for form in ("duplicate", "adder"):
        integers, _ = LoihiQuantizer(8).run(build_streams(network, LOIHI2, form, 8)[0], LOIHI2)
        integer_spikes = run(integers, x).spikes
        for name, spikes in expected.items():
            assert spikes.any(), name
            assert np.array_equal(spikes, integer_spikes[name]), (form, name)


def test_range_that_an_adder_can_leave_is_found() -> None:
    network = residual(1, 3)
    integers, _ = LoihiQuantizer(8).run(build_streams(network, LOIHI2, "adder", 8)[0], LOIHI2)
    last = next(p for p in reversed(integers.populations) if isinstance(p.neuron, Adder))
    assert isinstance(last.neuron, Adder)
    tight = replace(last, neuron=Adder(last.neuron.low + 1, last.neuron.high))
    too_narrow = replace(integers, populations=tuple(
        tight if p is last else p for p in integers.populations))
    assert [d.code for d in state_overflows(too_narrow, tight, LOIHI2)] == ["NC303"]
