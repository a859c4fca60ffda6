"""Recount finds every kind of violation, and agrees with the other count."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.mapping import CoreId, CoreSlice, Partition, Placement
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.resources import CoreUsage, count
from neurocompile.passes.loihi.weight_bits import with_equal_bits
from neurocompile.passes.placing.place import place
from neurocompile.target.loihi import LoihiTarget


@pytest.fixture
def network(nets: ModuleType) -> Network:
    net: Network = nets.Builder(2, 6, 6).conv("a", 4).conv("b", 8, 2).dense("c", 10).build()
    return net


@pytest.fixture
def target(nets: ModuleType, loihi1: LoihiTarget) -> LoihiTarget:
    small: LoihiTarget = nets.with_limits(loihi1, neurons=50, synapse_memory=16_000)
    return small


@pytest.fixture
def part(network: Network, target: LoihiTarget) -> Partition:
    return partition(network, target)


def with_core(part: Partition, core: int, *pieces: CoreSlice) -> Partition:
    """The partition with other pieces on one core."""
    return replace(part, cores=(*part.cores[:core], pieces, *part.cores[core + 1:]))


def findings_of(network: Network, part: Partition, target: LoihiTarget,
                placement: Placement | None = None) -> list[Diagnostic]:
    """What speaks against a partition of 8-bit weights."""
    return list(recount_partition(network, part, target, placement=placement))


def predicates(findings: list[Diagnostic]) -> list[object]:
    return [d.values["predicate"] for d in findings if d.code == "NC901"]


def test_clean(network: Network, part: Partition, target: LoihiTarget) -> None:
    assert len(part.cores) > 3
    assert findings_of(network, part, target) == []


def test_lost_neuron(network: Network, part: Partition, target: LoihiTarget) -> None:
    first = part.cores[0][0]
    incomplete = with_core(part, 0, replace(first, stop=first.stop - 1))
    (finding,) = findings_of(network, incomplete, target)
    assert finding.values["predicate"] == "every-neuron-placed"
    assert str(finding.values["detail"]).startswith("1 neurons of `a`")


def test_duplicated_slice(network: Network, part: Partition, target: LoihiTarget) -> None:
    twice = replace(part, cores=(*part.cores, part.cores[0]))
    assert predicates(findings_of(network, twice, target)) == ["no-neuron-placed-twice"]


def test_neuron_moved_to_another_core(network: Network, part: Partition,
                                      target: LoihiTarget) -> None:
    a, b = part.cores[0][0], part.cores[1][0]
    there = with_core(with_core(part, 0, replace(a, stop=a.stop - 1)), 1, replace(b, start=b.start - 1))
    usage = count(network, there, target).cores
    tight = replace(target, core=replace(target.core, neurons=replace(
        target.core.neurons, value=usage[1].neurons - 1)))
    codes = [(d.code, d.values["core"]) for d in findings_of(network, there, tight)]
    assert ("NC404", 1) in codes


def test_order_that_repeats_a_neuron(network: Network, part: Partition,
                                     target: LoihiTarget) -> None:
    order = part.orders["b"].copy()
    order[0] = order[1]
    wrong = replace(part, orders={**part.orders, "b": order})
    assert set(predicates(findings_of(network, wrong, target))) == {
        "every-neuron-placed", "no-neuron-placed-twice"}


@pytest.mark.parametrize("piece", [CoreSlice("a", 100, 200), CoreSlice("a", 3, 3),
                                   CoreSlice("nobody", 0, 1)])
def test_slice_outside_its_population(network: Network, part: Partition, target: LoihiTarget,
                                      piece: CoreSlice) -> None:
    wrong = replace(part, cores=(*part.cores, (piece,)))
    assert "slices-within-populations" in predicates(findings_of(network, wrong, target))


def test_population_on_host_has_no_core(network: Network, part: Partition,
                                        target: LoihiTarget) -> None:
    host = replace(network, populations=(replace(network.populations[0], on_host=True),
                                         *network.populations[1:]))
    assert "slices-within-populations" in predicates(findings_of(host, part, target))


@pytest.mark.parametrize(("resource", "code"), [
    ("synapse_memory", "NC401"), ("input_axons", "NC402"), ("output_axons", "NC403"),
    ("neurons", "NC404"),
])
def test_core_over_a_limit(nets: ModuleType, network: Network, part: Partition, target: LoihiTarget,
                           resource: str, code: str) -> None:
    usage = count(network, part, target)
    worst = usage.worst(resource)
    amount = getattr(usage.cores[worst], resource)
    assert not findings_of(network, part, nets.with_limits(target, **{resource: amount}))
    findings = findings_of(network, part, nets.with_limits(target, **{resource: amount - 1}))
    assert {d.code for d in findings} == {code}
    assert findings[0].values == {
        "core": worst, "needed": amount, "limit": amount - 1, "target": "loihi1"}
    assert f"{amount:,}" in findings[0].message


@pytest.mark.parametrize("bits", [1, 5, 8])
def test_agrees_with_the_count_by_nets(nets: ModuleType, network: Network, target: LoihiTarget,
                                       bits: int) -> None:
    first, *rest = with_equal_bits(network, bits).projections
    network = replace(network, projections=(replace(first, weight_bits=8), *rest))
    part = partition(network, target)
    none = nets.with_limits(target, neurons=0, input_axons=0, output_axons=0, synapse_memory=0)
    amounts = {(d.code, d.values["core"]): d.values["needed"]
             for d in recount_partition(network, part, none)}
    for number, core in enumerate(count(network, part, target).cores):
        assert core == CoreUsage(*(int(str(amounts.get((code, number), 0))) for code in (
            "NC404", "NC402", "NC403", "NC401")))


def test_zero_weights_are_counted(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(10).dense("a", 8).build()
    operator = network.projections[0].operator
    silent = replace(network, projections=(replace(
        network.projections[0], operator=operator.with_weights(np.zeros((8, 10), np.int32))),))
    tight = nets.with_limits(loihi1, synapse_memory=1279)
    part = partition(silent, loihi1)
    assert [d.code for d in findings_of(silent, part, tight)] == ["NC401"]


def test_placement(network: Network, part: Partition, target: LoihiTarget) -> None:
    good = place(part, target)
    assert not findings_of(network, part, target, good)
    for cores in ((good.cores[1], *good.cores[1:]), (CoreId(0, 16, 0), *good.cores[1:]),
                  (CoreId(32, 0, 0), *good.cores[1:]), (CoreId(0, 0, 8), *good.cores[1:])):
        assert predicates(findings_of(network, part, target, Placement(cores))) == [
            "one-part-per-core"]
    fewer = Placement(good.cores[:-1])
    assert predicates(findings_of(network, part, target, fewer)) == [
        "every-part-has-a-core"]
