"""Neurons with more inputs than a core has axons: adders take a part, and no spike changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mapping_nets import with_limits
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Network, Projection
from neurocompile.ir.operators import Dense, Part, most_sources
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.quantization.bounds import state_overflows
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.split import split
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target
from tests.passes.loihi.residual_nets import SHAPE, residual, spikes_in

LOIHI2, LOIHI1 = loihi_target("loihi2"), loihi_target("loihi1")


def tight(axons: int) -> LoihiTarget:
    return with_limits(LOIHI2, input_axons=axons)


def fan_in(network: Network, name: str) -> int:
    return sum(most_sources(p.operator) for p in network.into(name))


def exact(network: Network, name: str) -> int:
    operators = [p.operator for p in network.into(name)]
    ones = [op.with_weights(np.ones(op.weights.shape)).matrix() for op in operators]
    return int(max(sum((np.asarray(m.sum(axis=1)) for m in ones), start=np.zeros(1, np.int64))))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 3), st.integers(3, 17))
def test_every_neuron_fits_and_spikes_as_before(seed: int, depth: int, axons: int) -> None:
    network = residual(seed, depth)
    parts, notes = split(network, tight(axons), 8)
    too_many = [p.name for p in network.populations if exact(network, p.name) > axons]
    assert too_many
    assert [n.code for n in notes] == ["NC141"] * len(too_many)
    assert all(fan_in(parts, p.name) <= axons for p in parts.populations)
    before, after = run(network, {"x": spikes_in(seed)}), run(parts, {"x": spikes_in(seed)})
    assert any(before.spikes[name].any() for name in too_many)
    for name, spikes in before.spikes.items():
        assert np.array_equal(spikes, after.spikes[name]), name


def test_what_fits_and_what_has_no_adders_stays() -> None:
    network = residual(1, 2)
    assert split(network, LOIHI2, 8) == (network, [])
    small = with_limits(LOIHI1, input_axons=5)
    assert split(network, small, 8) == (network, [])
    with pytest.raises(FindingsError) as error:
        partition(LoihiQuantizer(8).run(network, LOIHI2)[0], small)
    assert {d.code for d in error.value.diagnostics} == {"NC405"}


def test_numbers_of_the_note() -> None:
    network = residual(1, 1, twins=False)
    parts, notes = split(network, tight(10), 8)
    first = notes[0]
    assert first.values["needed"] == 18
    assert first.values["limit"] == 10
    assert first.values["adders"] == 18  # one population: 9 and 9, and the adder's axon
    assert "stem.part1" in parts.sources()
    assert align(parts).latency > align(network).latency


def test_feedback_is_not_put_off() -> None:
    network = residual(1, 1, twins=False)
    loop = Projection("stem", "stem", Dense(SHAPE, SHAPE, np.eye(18) / 4), delay=1)
    with_loop = replace(network, projections=(*network.projections, loop))
    parts, _ = split(with_loop, tight(20), 8)
    assert [p.source for p in parts.into("stem") if p.delay] == ["stem"]
    assert align(parts).latency
    too_tight, notes = split(with_loop, tight(10), 8)  # the loop alone takes 18
    assert [p.source for p in too_tight.into("stem")] == ["x", "stem"]
    assert all(n.values["module"] != "stem" for n in notes)


@pytest.mark.lava
def test_on_lava(tmp_path: Path) -> None:
    """The integer network with adders runs as the reference does, within all limits."""
    network, target = residual(5, 2, decay=1.0), tight(8)
    whole, _ = LoihiQuantizer(8).run(network, LOIHI2)
    integers, _ = LoihiQuantizer(8).run(split(network, target, 8)[0], target)
    assert [d for p in integers.populations for d in state_overflows(integers, p, LOIHI2)] == []
    part = partition(integers, target)
    assert not list(recount_partition(integers, part, target))
    x = {"x": spikes_in(5, 8)}
    reference, expected = run(integers, x, record_state=True), run(whole, x).spikes
    for name, spikes in expected.items():
        assert spikes.any(), name
        assert np.array_equal(spikes, reference.spikes[name]), name
    schedule = align(integers)
    emit(integers, schedule, LOIHI2, tmp_path / "program")
    verification = verify(tmp_path / "program", integers, schedule, x, reference)
    assert verification.differences == 0
    assert sum(p.name.count("part") for p in verification.populations) > 3


def test_inputs_of_different_neurons_are_not_added_up() -> None:
    """Two projections of three inputs each, onto different halves: three axons are enough."""
    network = residual(1, 1, twins=False)
    weights = np.ones((9, 3))
    halves = tuple(Projection("x", "stem", Part(SHAPE, SHAPE, Dense((3,), (9,), weights), 0, first))
                   for first in (0, 9))
    stem = replace(network, populations=network.populations[:1], projections=halves)
    assert split(stem, tight(3), 8) == (stem, [])
    assert [n.values["needed"] for n in split(stem, tight(2), 8)[1]] == [3]
