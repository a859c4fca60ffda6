"""Partition: limits at capacity and one over, findings, the benchmark networks, any network."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.diagnostics import FindingsError, Location
from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Conv
from neurocompile.passes.loihi.mapping.indivisible import indivisible
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.resources import count, lower_bound
from neurocompile.passes.loihi.weight_bits import with_equal_bits
from neurocompile.passes.placing.neuron_orders import neuron_order
from neurocompile.passes.placing.place import place
from neurocompile.passes.placing.route import route
from neurocompile.target.loihi import LoihiTarget
from tests.passes.loihi.bits import with_any_bits


def cores(network: Network, target: LoihiTarget) -> int:
    return len(partition(network, target).cores)


@pytest.mark.parametrize(("limit", "at_capacity", "one_less"), [
    ("neurons", 8, [7, 1]),
    ("synapse_memory", 10 * 128, [6, 2]),  # lists of 7 and 8 synapses take two words, of 6 one
    ("output_axons", 8, [7, 1]),
])
def test_core_filled_to_capacity(nets: ModuleType, loihi1: LoihiTarget, limit: str,
                                 at_capacity: int, one_less: list[int]) -> None:
    network = nets.Builder(10).dense("a", 8).dense("b", 1).build()
    for capacity, expected in ((at_capacity, [8]), (at_capacity - 1, one_less)):
        target = nets.with_limits(loihi1, **{limit: capacity})
        part = partition(network, target)
        sizes = [p.size for core in part.cores for p in core if p.population == "a"]
        assert sizes == expected
        assert not list(recount_partition(network, part, target))


def test_input_axons_to_capacity(nets: ModuleType, loihi1: LoihiTarget) -> None:
    # two groups of five sources, each with its own two neurons
    network = nets.Builder(2, 5).add("a", nets.per_channel((2, 5), 2), (4,)).build()
    assert cores(network, nets.with_limits(loihi1, input_axons=10)) == 1
    assert cores(network, nets.with_limits(loihi1, input_axons=9)) == 2


@pytest.mark.parametrize(("limit", "amount", "unit"), [
    ("input_axons", 10, "axons"), ("synapse_memory", 640, "bit"),
])
def test_neuron_that_exceeds_a_core(nets: ModuleType, loihi1: LoihiTarget, limit: str, amount: int,
                                    unit: str) -> None:
    network = nets.Builder(10).dense("a", 8).dense("b", 2).build()
    network = replace(network, populations=tuple(
        replace(p, where=Location(f"net.{p.name}", "net.py", 3)) for p in network.populations))
    assert not list(indivisible(network, nets.with_limits(loihi1, **{limit: amount})))
    target = nets.with_limits(loihi1, **{limit: amount - 1})
    with pytest.raises(FindingsError) as error:
        partition(network, target)
    (finding,) = error.value.diagnostics
    assert finding.code == "NC405"
    assert finding.where == Location("net.a", "net.py", 3)
    assert finding.values == {
        "module": "net.a", "needed": amount, "limit": amount - 1, "unit": unit,
        "resource": limit.replace("_", " "), "target": "loihi1", "legal": "at most 9 inputs"}
    assert finding.notes == ("legal on loihi1: at most 9 inputs",)
    assert [d.values for d in indivisible(network, target)] == [finding.values]


@pytest.mark.parametrize(("channels", "groups", "kernel", "legal"), [
    (456, 1, 3, "at most 455 input channels of a 3x3 convolution"),
    (1000, 2, 3, "at most 455 input channels in each group of a 3x3 convolution"),
    (4100, 1, 1, "at most 4,096 inputs"),
])
def test_largest_legal_size(nets: ModuleType, strict: LoihiTarget, channels: int, groups: int,
                            kernel: int, legal: str) -> None:
    weight = np.ones((2, channels // groups, kernel, kernel), np.int8)
    conv = Conv((channels, 3, 3), (2, 3, 3), weight, padding=(kernel // 2,) * 2, groups=groups)
    network = nets.Builder(channels, 3, 3).add("a", conv).build()
    (finding,) = indivisible(network, strict)
    assert (finding.values["legal"], finding.notes) == (legal, (f"legal on loihi1: {legal}",))
    most = 455 * groups if kernel == 3 else 4096
    fits = replace(conv, in_shape=(most, 3, 3), weight=weight[:, :most // groups])
    assert not list(indivisible(nets.Builder(most, 3, 3).add("a", fits).build(), strict))


def test_legal_size_of_several_projections(nets: ModuleType, strict: LoihiTarget) -> None:
    network = (nets.Builder(3000).dense("a", 2000).dense("b", 4)
               .join("in", "b", nets.dense((3000,), (4,)), delay=1).build())
    (finding,) = indivisible(network, strict)
    assert (finding.values["needed"], finding.values["legal"]) == (
        5000, "at most 4,096 inputs in all projections together")


def test_all_indivisible_populations_are_named(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(10).dense("a", 9).dense("b", 2).build()
    with pytest.raises(FindingsError) as error:
        partition(network, nets.with_limits(loihi1, input_axons=8, synapse_memory=600))
    assert [(d.values["module"], d.values["resource"]) for d in error.value.diagnostics] == [
        ("a", "input axons"), ("a", "synapse memory"), ("b", "input axons")]


def test_neuron_that_sends_to_too_many_cores(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(4).dense("a", 2).dense("b", 3).build()
    target = nets.with_limits(loihi1, neurons=1, output_axons=2)
    with pytest.raises(FindingsError) as error:
        partition(network, target)
    (finding,) = error.value.diagnostics
    assert (finding.code, finding.values["resource"]) == ("NC405", "output axons")
    assert (finding.values["needed"], finding.values["limit"]) == (3, 2)
    assert cores(network, nets.with_limits(loihi1, neurons=1, output_axons=3)) == 5


def test_too_many_cores(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(4).dense("a", 5).build()
    assert cores(network, nets.with_limits(loihi1, neurons=1, cores=5, chips=1)) == 5
    with pytest.raises(FindingsError) as error:
        partition(network, nets.with_limits(loihi1, neurons=1, cores=2, chips=2))
    (finding,) = error.value.diagnostics
    assert finding.code == "NC410"
    assert finding.values == {"needed": 5, "bound": 5, "limit": 4, "target": "loihi1"}
    assert finding.notes == ("no mapping can fit",)


def test_too_many_cores_without_a_proof(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(4).dense("a", 6).dense("b", 6).dense("c", 6).build()
    with pytest.raises(FindingsError) as error:
        partition(network, nets.with_limits(loihi1, neurons=10, cores=2, chips=1))
    (finding,) = error.value.diagnostics
    assert (finding.values["needed"], finding.values["bound"]) == (3, 2)
    assert "not proved" in finding.notes[0]


def test_small_populations_share_a_core(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(4).dense("a", 5).dense("b", 5).dense("c", 5).build()
    assert cores(network, loihi1) == 1
    assert cores(network, nets.with_limits(loihi1, neurons=14)) == 2
    part = partition(network, nets.with_limits(loihi1, neurons=14))
    assert [[p.population for p in core] for core in part.cores] == [["a", "b"], ["c"]]


def test_host_populations_and_inputs_have_no_core(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(4).dense("h", 5).dense("a", 3).build()
    network = replace(network, populations=(replace(network.populations[0], on_host=True),
                                            network.populations[1]))
    part = partition(network, nets.with_limits(loihi1, input_axons=5))
    assert list(part.orders) == ["a"]
    assert count(network, part, loihi1).cores[0].input_axons == 5


def test_population_without_projections(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(4).dense("a", 3).build()
    assert cores(replace(network, projections=()), loihi1) == 1
    assert cores(replace(network, projections=(), populations=()), loihi1) == 0


def test_weight_bits(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(1024).dense("a", 1024).build()
    sizes = [len(partition(with_equal_bits(network, bits), loihi1).cores) for bits in (8, 4, 1)]
    assert sizes == [9, 5, 2]


def test_recurrent_reach_is_never_underestimated(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = (nets.Builder(6).dense("a", 40).dense("b", 30)
               .join("a", "a", nets.dense((40,), (40,)), delay=1)
               .join("b", "a", nets.dense((30,), (40,)), delay=1).build())
    target = nets.with_limits(loihi1, neurons=8, output_axons=100)
    part = partition(network, target)
    assert not list(recount_partition(network, part, target))
    usage = count(network, part, target)
    # more than one core per projection, from which the first round starts
    assert max(core.output_axons / core.neurons for core in usage.cores) > 2


def test_cycle_without_delay_still_has_an_order(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = (nets.Builder(6).dense("a", 4).dense("b", 3)
               .join("b", "a", nets.dense((3,), (4,))).build())
    part = partition(network, loihi1)
    assert not list(recount_partition(network, part, loihi1))


def test_delayed_skip_is_filled_after_its_consumer(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = (nets.Builder(6).dense("a", 4).dense("b", 6)
               .join("in", "b", nets.dense((6,), (6,))).build())
    late = replace(network, projections=tuple(
        replace(p, delay=1) if p.source == "a" else p for p in network.projections))
    target = nets.with_limits(loihi1, neurons=2, output_axons=6)
    assert [core[0].size for core in partition(late, target).cores] == [2, 2, 2, 2, 2]


# (cores, messages) are the bars of facts/mapping.md, section 11.
@pytest.mark.parametrize(("name", "most_cores", "most_messages", "bound"), [
    ("mlp", 8, 2_048, 6), ("vggs", 301, 342_144, 251), ("mixer", 419, 389_632, 352),
    ("vgg16", 2015, 3_387_648, 1761),
])
def test_benchmark(nets: ModuleType, loihi1: LoihiTarget, name: str, most_cores: int,
                   most_messages: int, bound: int) -> None:
    network = nets.NETWORKS[name]()
    part = partition(network, loihi1)
    routing = route(network, part, place(part, loihi1), loihi1)
    assert lower_bound(network, loihi1)["synapse_memory"] == bound
    assert len(part.cores) <= most_cores
    assert routing.axons[routing.between_cores].sum() <= most_messages
    assert not list(recount_partition(network, part, loihi1))


def test_deterministic(nets: ModuleType, loihi1: LoihiTarget) -> None:
    first, second = (partition(nets.mixer(), loihi1) for _ in range(2))
    assert first.cores == second.cores
    assert first.order_names == second.order_names
    assert all(np.array_equal(first.orders[n], second.orders[n]) for n in first.orders)


@st.composite
def networks(draw: st.DrawFn, nets: ModuleType) -> Network:
    """Feed-forward nets of dense, convolutional and sparse projections with skips and feedback."""
    builder = nets.Builder(draw(st.integers(1, 3)), *(draw(st.integers(1, 6)),) * 2)
    shapes = [("in", builder.shape)]
    for number in range(draw(st.integers(1, 4))):
        name, source = f"p{number}", builder.shape
        kind = draw(st.sampled_from(["dense", "conv", "sparse"]))
        if kind == "conv" and len(source) == 3:
            builder.conv(name, draw(st.integers(1, 5)), draw(st.integers(1, 2)))
        elif kind == "sparse":
            shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
            builder.add(name, nets.sparse(source, shape, draw(st.floats(0, 1)), number))
        else:
            builder.dense(name, draw(st.integers(1, 30)))
        shapes.append((name, builder.shape))
        if draw(st.booleans()):
            other, shape = draw(st.sampled_from(shapes))
            builder.join(other, name, nets.sparse(shape, builder.shape, 0.5, number),
                         delay=int(other == name))
        if number > 1 and draw(st.booleans()):
            other, shape = draw(st.sampled_from(shapes[1:]))
            builder.join(name, other, nets.dense(builder.shape, shape), delay=1)
    return builder.build()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_network_is_placed_once_and_within_limits(nets: ModuleType, loihi1: LoihiTarget,
                                                      data: st.DataObject) -> None:
    network = with_any_bits(data, data.draw(networks(nets)))
    target = nets.with_limits(loihi1, neurons=data.draw(st.integers(1, 40)),
                          input_axons=data.draw(st.integers(10, 150)),
                          output_axons=data.draw(st.integers(20, 200)),
                          synapse_memory=data.draw(st.integers(3_000, 30_000)))
    try:
        part = partition(network, target)
    except FindingsError as error:
        assert {d.code for d in error.diagnostics} == {"NC405"}  # noqa: PT017
        return
    assert not list(recount_partition(network, part, target,
                            placement=place(part, target)))
    _each_neuron_once(network, part)
    usage = count(network, part, target)
    assert all(core.fits(usage.limits) for core in usage.cores)
    assert len(usage.cores) >= max(lower_bound(network, target).values())
    assert sum(c.neurons for c in usage.cores) == sum(p.size for p in network.populations)


def _each_neuron_once(network: Network, part: Partition) -> None:
    for population in network.populations:
        name = population.name
        order = neuron_order(population.shape, part.order_names[name])
        assert np.array_equal(order, part.orders[name])
        neurons = [order[p.start:p.stop] for core in part.cores for p in core
                  if p.population == name]
        assert np.array_equal(np.sort(np.concatenate(neurons)), np.arange(population.size))
