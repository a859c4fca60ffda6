"""Refine: pieces on one core, never more cores or messages, no limit broken, deterministic."""

import math
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.target.loihi import LoihiTarget
from tests.passes.loihi.bits import with_any_bits


def pieces(part: Partition) -> list[list[tuple[str, int, int]]]:
    return [[(p.population, p.start, p.stop) for p in core] for core in part.cores]


def two_mixers(nets: ModuleType) -> Network:
    """Per channel 6 -> 4 -> 4 tokens, four channels; then all to three."""
    return (nets.Builder(4, 6).add("a", nets.per_channel((4, 6), 4), (4, 4))
            .add("b", nets.per_channel((4, 4), 4), (4, 4)).dense("c", 3).build())


def test_pieces_share_a_core(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network, target = two_mixers(nets), nets.with_limits(loihi1, neurons=8)
    before = partition(network, target)
    after = refine(network, before, target)
    assert pieces(after) == [[("a", 4 * k, 4 * k + 4), ("b", 4 * k, 4 * k + 4)]
                             for k in range(4)] + [[("c", 0, 3)]]
    assert len(before.cores) == len(after.cores) == 5
    # a sends to b, and b to c; then only b to c
    assert (nets.messages(network, before, target), nets.messages(network, after, target)) == (32, 16)
    assert after.order_names == before.order_names


def test_last_core_is_shared(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network, target = two_mixers(nets), nets.with_limits(loihi1, neurons=24)
    after = refine(network, partition(network, target), target)
    assert pieces(after) == [[("a", 0, 12), ("b", 0, 12)],
                             [("a", 12, 16), ("b", 12, 16), ("c", 0, 3)]]


def test_cores_open_anywhere_where_whole_pieces_take_more(nets: ModuleType,
                                                          loihi1: LoihiTarget) -> None:
    network, target = two_mixers(nets), nets.with_limits(loihi1, neurons=7)
    before = partition(network, target)
    after = refine(network, before, target)
    assert len(after.cores) <= len(before.cores)
    assert nets.messages(network, after, target) < nets.messages(network, before, target)
    sizes = [sum(p.size for p in core) for core in after.cores]
    assert max(sizes) == 7  # a piece has eight neurons
    assert not list(recount_partition(network, after, target))


def test_one_piece_stays_as_it_is(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network, target = (nets.Builder(9).dense("a", 9).dense("b", 9).build(),
                       nets.with_limits(loihi1, neurons=4))
    before = partition(network, target)
    assert refine(network, before, target) is before


def test_producers_keep_their_output_axons(nets: ModuleType, loihi1: LoihiTarget) -> None:
    """Pieces are put together only where whoever sends to them may reach as many cores."""
    network = (nets.Builder(4).dense("s", 4).add("a", nets.dense((4,), (4, 4)), (4, 4))
               .add("b", nets.per_channel((4, 4), 4), (4, 4)).build())
    for output_axons, together in ((16, True), (8, False)):
        target = nets.with_limits(loihi1, neurons=8, output_axons=output_axons)
        before = partition(network, target)
        after = refine(network, before, target)
        assert (after is not before) == together
        assert not list(recount_partition(network, after, target))


@pytest.mark.parametrize(("limit", "together"), [(2, True), (1, False)])
def test_configuration_entries_of_a_core_are_kept(nets: ModuleType, loihi1: LoihiTarget, limit: int,
                                                  together: bool) -> None:
    """A producer and its consumer have thresholds of their own."""
    network, target = two_mixers(nets), nets.with_limits(loihi1, neurons=8, threshold_configs=limit)
    network = replace(network, populations=tuple(
        replace(p, neuron=replace(loihi_neuron(p), vth=100 + k))
        for k, p in enumerate(network.populations)))
    before = partition(network, target)
    after = refine(network, before, target)
    assert (after is not before) == together
    assert not list(recount_partition(network, after, target))


def test_a_core_is_not_shared_beyond_its_entries(nets: ModuleType, loihi1: LoihiTarget) -> None:
    """The last core of the pair has room for `c` but no threshold."""
    network = two_mixers(nets)
    network = replace(network, populations=tuple(
        replace(p, neuron=replace(loihi_neuron(p), vth=100 + (p.name == "c")))
        for p in network.populations))
    for limit, cores in ((2, 2), (1, 3)):
        target = nets.with_limits(loihi1, neurons=24, threshold_configs=limit)
        after = refine(network, partition(network, target), target)
        assert len(after.cores) == cores
        assert not list(recount_partition(network, after, target))


def test_mixer(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.mixer()
    part = refine(network, partition(network, loihi1), loihi1)
    assert len(part.cores) <= 419
    assert nets.messages(network, part, loihi1) <= 376_500  # geometry alone: 389,632
    assert not list(recount_partition(network, part, loihi1))


@st.composite
def mixers(draw: st.DrawFn, nets: ModuleType) -> Network:
    """Layers per channel and dense ones, with skips within and between them and feedback."""
    channels, tokens = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    builder = nets.Builder(channels, tokens)
    shapes = [("in", builder.shape)]
    for number in range(draw(st.integers(2, 5))):
        name, source = f"p{number}", builder.shape
        tokens = draw(st.integers(1, 6))
        if draw(st.integers(0, 3)):
            builder.add(name, nets.per_channel(source, tokens), (channels, tokens))
        else:
            builder.add(name, nets.dense(source, (channels, tokens)), (channels, tokens))
        other, shape = draw(st.sampled_from(shapes))
        if draw(st.booleans()):
            builder.join(other, name, nets.sparse(shape, builder.shape, 0.3, number))
        if number and draw(st.booleans()):
            builder.join(name, "p0", nets.sparse(builder.shape, shapes[1][1], 0.5, number), delay=1)
        shapes.append((name, builder.shape))
    return builder.build()


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_never_worse(nets: ModuleType, loihi1: LoihiTarget, data: st.DataObject) -> None:
    network = with_any_bits(data, data.draw(mixers(nets)))
    target = nets.with_limits(loihi1, neurons=data.draw(st.integers(1, 40)),
                          input_axons=data.draw(st.integers(10, 60)),
                          output_axons=data.draw(st.integers(20, 100)),
                          synapse_memory=data.draw(st.integers(3_000, 12_000)))
    try:
        before = partition(network, target)
    except FindingsError:
        return
    after, again = (refine(network, before, target) for _ in range(2))
    assert not list(recount_partition(network, after, target))
    assert len(after.cores) <= len(before.cores)
    assert nets.messages(network, after, target) <= nets.messages(network, before, target)
    assert after.cores == again.cores
    if after is not before:
        assert nets.messages(network, after, target) < nets.messages(network, before, target)
        assert all(np.array_equal(after.orders[n], before.orders[n]) for n in before.orders)
        assert sum(p.size for core in after.cores for p in core) == sum(
            math.prod(p.shape) for p in network.populations)


@pytest.mark.parametrize("name", ["mlp", "vggs"])
def test_networks_of_one_piece_are_left_alone(nets: ModuleType, loihi1: LoihiTarget,
                                              name: str) -> None:
    network = nets.NETWORKS[name]()
    part = partition(network, loihi1)
    assert refine(network, part, loihi1) is part
