"""Counting: list costs, usage against a count by hand, bounds."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense, Sparse
from neurocompile.passes.loihi.resources import (
    CoreUsage,
    capacity,
    count,
    incoming,
    list_bits,
    lower_bound,
    n_synapses,
)
from neurocompile.passes.loihi.weight_bits import with_equal_bits
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target

NEURON = LoihiNeuron(du=4095, dv=0, vth=100)


@pytest.fixture(scope="module")
def target() -> LoihiTarget:
    """Lists as nengo-loihi counts them."""
    loihi1 = loihi_target("loihi1")
    return replace(loihi1, accounting={"nengo-loihi": loihi1.accounting["nengo-loihi"]})


def network(*projections: Projection, **sizes: int) -> Network:
    """Inputs are the sources that are no population; a name that starts with h is on host."""
    populations = tuple(Population(name, (size,), NEURON, on_host=name.startswith("h"))
                        for name, size in sizes.items())
    inputs = {p.source: p.operator.in_shape for p in projections if p.source not in sizes}
    return Network(tuple(Input(name, shape, InputKind.SPIKES) for name, shape in inputs.items()),
                   populations, projections, (), 1)


def dense(sources: int, targets: int) -> Dense:
    return Dense((sources,), (targets,), np.ones((targets, sources), np.int32))


@pytest.mark.parametrize(("synapses", "weight_bits", "bits"), [
    (0, 8, 0), (1, 8, 64), (6, 8, 64), (7, 8, 128), (63, 8, 576), (64, 8, 576), (65, 8, 640),
    (128, 8, 1152), (130, 8, 1216), (54, 1, 64), (55, 1, 128), (64, 1, 128), (64, 4, 320),
])
def test_list_bits(target: LoihiTarget, synapses: int, weight_bits: int, bits: int) -> None:
    assert list_bits(np.array([synapses]), target, weight_bits).tolist() == [bits]


def test_list_bits_is_the_published_formula(target: LoihiTarget) -> None:
    n = np.arange(3000)
    r = n % 64
    expected = 576 * (n // 64) + np.where(r > 0, 64 * np.ceil((8 * r + 10) / 64), 0)
    assert np.array_equal(list_bits(n, target, 8), expected)


def test_list_bits_follow_the_target(target: LoihiTarget) -> None:
    how = target.accounting["nengo-loihi"]
    other = replace(target, accounting={"mine": replace(
        how, block_synapses=replace(how.block_synapses, value=4),
        block_header=replace(how.block_header, value=2),
        block_word=replace(how.block_word, value=10))})
    assert list_bits(np.arange(7), other, 4).tolist() == [0, 10, 10, 20, 20, 30, 30]


def test_usage_arithmetic() -> None:
    limits = CoreUsage(10, 20, 30, 40)
    usage = CoreUsage(5, 5, 5, 5) + CoreUsage(0, 14, 0, 30)
    assert usage == CoreUsage(5, 19, 5, 35)
    assert usage.fits(limits)
    assert not (usage + CoreUsage(0, 2)).fits(limits)
    assert usage.binding(limits) == "input_axons"
    assert usage.headroom(limits) == {
        "neurons": 5, "input_axons": 1, "output_axons": 25, "synapse_memory": 5}
    assert usage.utilization(limits)["synapse_memory"] == 0.875


def test_capacity(target: LoihiTarget) -> None:
    assert capacity(target) == CoreUsage(1024, 4096, 4096, 1048576)
    assert target.total_cores == 128 * 32


def test_lower_bound_counts_weights_and_neurons_on_chip(target: LoihiTarget) -> None:
    net = network(Projection("in", "h", dense(900, 900)), Projection("h", "a", dense(900, 1025)),
                  h=900, a=1025)
    assert n_synapses(net) == 900 * 1025
    # the best list holds 62 synapses in 512 bits; the 900 sources reach each of those cores
    assert lower_bound(net, target) == {
        "neurons": 2, "input_axons": 2, "output_axons": 0, "synapse_memory": 8}
    assert lower_bound(with_equal_bits(net, 1), target) == {
        "neurons": 2, "input_axons": 1, "output_axons": 0, "synapse_memory": 2}


def test_equal_nets_merge() -> None:
    csr = sp.csr_array(np.array([[1, 1, 0, 1, 0], [1, 1, 1, 0, 0]], np.int32))
    net = network(Projection("in", "a", Sparse((5,), (2,), csr)), a=2)
    nets = incoming(net, net.population("a"))
    assert sorted(nets.multiplicity.tolist()) == [1, 1, 1, 2]
    ((_, of_source),) = nets.sources
    assert of_source[0] == of_source[1]
    assert np.array_equal(nets.pins.toarray()[:, of_source], csr.toarray())


def test_equal_nets_of_two_projections_stay_apart() -> None:
    net = network(Projection("in", "a", dense(3, 2)), Projection("in", "a", dense(3, 2), delay=1),
                  a=2)
    assert incoming(net, net.population("a")).multiplicity.tolist() == [3, 3]


def test_count_on_two_cores(target: LoihiTarget) -> None:
    net = network(Projection("in", "a", dense(5, 4)), Projection("h", "a", dense(2, 4)),
                  Projection("a", "b", dense(4, 3)), Projection("in", "h", dense(5, 2)),
                  h=2, a=4, b=3)
    cores = ((CoreSlice("a", 0, 4), CoreSlice("b", 0, 1)), (CoreSlice("b", 1, 3),))
    partition = Partition({"a": np.arange(4), "b": np.array([2, 0, 1])},
                          {"a": "chw", "b": "other"}, cores)
    usage = count(net, partition, target)
    # core 0: five inputs, two host neurons and the four of `a` for `b`; each `a` reaches two cores
    assert usage.cores == (CoreUsage(5, 11, 8, 11 * 64), CoreUsage(2, 4, 0, 4 * 64))
    a, b = usage.populations
    assert (a.population, a.synapses, a.cores) == ("a", 28, 1)
    assert a.total == CoreUsage(4, 7, 8, 7 * 64)
    assert (b.synapses, b.cores, b.total) == (12, 2, CoreUsage(3, 8, 0, 8 * 64))
    assert usage.worst("input_axons") == 0
    assert usage.worst("neurons") == 0


def test_zero_weights_are_stored_and_biases_are_not(target: LoihiTarget) -> None:
    net = network(Projection("in", "a", Dense((3,), (2,), np.zeros((2, 3), np.int32))), a=2, b=2)
    with_bias = replace(net, populations=tuple(
        replace(p, bias=Bias(np.ones(2, np.int64))) for p in net.populations))
    partition = Partition({"a": np.arange(2), "b": np.arange(2)}, {"a": "chw", "b": "chw"},
                          ((CoreSlice("a", 0, 2),), (CoreSlice("b", 0, 2),)))
    assert count(with_bias, partition, target).cores == (
        CoreUsage(2, 3, 0, 192), CoreUsage(2, 0, 0, 0))


def test_convolution_counts_its_border(target: LoihiTarget) -> None:
    conv = Conv((2, 3, 3), (1, 3, 3), np.ones((1, 2, 3, 3), np.int32), padding=(1, 1))
    net = network(Projection("in", "a", conv), a=9)
    partition = Partition({"a": np.arange(9)}, {"a": "chw"},
                          ((CoreSlice("a", 0, 1),), (CoreSlice("a", 1, 9),)))
    assert n_synapses(net) == 2 * 49
    # the corner sees four pixels; the other eight neurons see all nine pixels of both channels
    lengths = [3, 5, 3, 5, 8, 6, 3, 6, 4]
    assert count(net, partition, target).cores == (
        CoreUsage(1, 8, 0, 8 * 64),
        CoreUsage(8, 18, 0, 2 * int(list_bits(np.array(lengths), target, 8).sum())))
