"""Lower bounds hold for any partition, and are tight where they can be."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import mapping_nets as nets
from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.resources import CoreUsage, bounds, count, list_bits
from tests.loihi import loihi_target
from tests.passes.loihi.bits import with_any_bits

LOIHI1 = loihi_target("loihi1")


def any_partition(network: Network, data: st.DataObject) -> Partition:
    """Neurons in any sequence, cut anywhere into cores of at most 7 neurons."""
    orders, cores = {}, []
    for p in network.populations:
        orders[p.name] = np.array(data.draw(st.permutations(range(p.size))), np.int64)
        start = 0
        while start < p.size:
            stop = min(start + data.draw(st.integers(1, 7)), p.size)
            cores.append((CoreSlice(p.name, start, stop),))
            start = stop
    return Partition(orders, dict.fromkeys(orders, "explicit"), tuple(cores))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_partition_takes_less(data: st.DataObject) -> None:
    builder = nets.Builder(2, 3, 3).conv("a", data.draw(st.integers(1, 3)))
    builder.dense("b", data.draw(st.integers(1, 20)))
    builder.join("a", "b", nets.sparse(builder.populations[0].shape, builder.shape, 0.4, 1), delay=1)
    builder.join("b", "a", nets.dense(builder.shape, builder.populations[0].shape), delay=1)
    network = with_any_bits(data, builder.build())
    target = nets.with_limits(LOIHI1, neurons=7)
    usage = count(network, any_partition(network, data), target)
    for one in usage.populations:
        assert one.least.fits(one.total), one
    total = sum(usage.cores, CoreUsage())
    assert usage.least.fits(total)
    assert usage.least.neurons == total.neurons


def test_by_hand() -> None:
    network = nets.Builder(10).dense("a", 8).dense("b", 3).build()
    least = bounds(network, nets.with_limits(LOIHI1, neurons=4, synapse_memory=1024))
    # 8 synapses of a source of `a` in lists of at most 4 of 64 bits; 10 inputs on each of 3 cores
    assert least.least["a"] == CoreUsage(8, 20, 8, 10 * 128)
    # b's three synapses per neuron fit one list and one core
    assert least.least["b"] == CoreUsage(3, 8, 0, 8 * 64)
    assert least.cores == {"neurons": 3, "input_axons": 1, "output_axons": 1, "synapse_memory": 2}


def test_lists_cut_at_the_best_length() -> None:
    """62 synapses in 8 words are fewer bits a synapse than 64 in 9."""
    target = nets.counted_as(LOIHI1, "nengo-loihi")
    network = nets.Builder(1).dense("a", 124).build()
    assert bounds(network, target).least["a"].synapse_memory == 1024
    assert int(list_bits(np.array([124]), target, 8)[0]) == 1088


def test_weights_that_see_only_padding_are_not_stored() -> None:
    network = nets.Builder(2, 1, 3).conv("a", 4).build()
    shared = replace(network, projections=(replace(network.projections[0], encoding="shared"),))
    least = bounds(shared, LOIHI1).least["a"].synapse_memory
    assert least == 8 * 4 * 2 * 3  # one row of each kernel
    part = Partition({"a": np.arange(12)}, {"a": "chw"}, ((CoreSlice("a", 0, 12),),))
    assert least <= count(shared, part, LOIHI1).cores[0].synapse_memory
