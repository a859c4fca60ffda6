"""Configuration entries: what a population needs, what a core of several needs."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.resources import configuration_limits, count, entries, together
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target

NEURON = LoihiNeuron(du=4095, dv=0, vth=100)


@pytest.fixture(scope="module")
def target() -> LoihiTarget:
    return loihi_target("loihi1")


def chain(*neurons: LoihiNeuron, exponents: tuple[int, ...] = (0,)) -> Network:
    """Populations of three neurons one after the other, by projections of these exponents."""
    names = ["in", *(f"p{k}" for k in range(len(neurons)))]
    one = Dense((3,), (3,), np.full((3, 3), 2, np.int32))
    return Network((Input("in", (3,), InputKind.SPIKES),),
                   tuple(Population(n, (3,), neuron) for n, neuron in zip(names[1:], neurons, strict=True)),
                   tuple(Projection(a, b, one, exponent) for a, b in pairwise(names)
                         for exponent in exponents), (), 1)


def on_one_core(network: Network) -> Partition:
    names = [p.name for p in network.populations]
    return Partition({n: np.arange(3) for n in names}, dict.fromkeys(names, "chw"),
                     (tuple(CoreSlice(n, 0, 3) for n in names),))


def test_published_limits(target: LoihiTarget) -> None:
    assert configuration_limits(target) == {
        "synapse_formats": 7, "threshold_configs": 16, "neuron_configs": 32}
    loihi2 = loihi_target("loihi2")
    assert set(configuration_limits(loihi2).values()) == {0}
    assert all(q.confidence == "assumed" for name, q in loihi2.quantities()
               if name.endswith(("_configs", "_formats")))


def test_equal_entries_are_shared() -> None:
    network = chain(NEURON, replace(NEURON, vth=200), replace(NEURON, vth=200, dv=5))
    by_population = [entries(network, p) for p in network.populations]
    assert together(by_population) == {
        "synapse_formats": 1, "threshold_configs": 2, "neuron_configs": 2}
    assert together(by_population[:1]) == dict.fromkeys(together(by_population), 1)


def test_what_makes_an_entry_its_own() -> None:
    network = chain(NEURON, NEURON, NEURON, NEURON)
    weights = network.projections[0].operator
    first, second, third, fourth = network.projections
    network = replace(network, projections=(
        first, replace(second, exponent=3), replace(third, encoding="sparse"),
        replace(fourth, operator=weights.with_weights(np.full((3, 3), -2, np.int32)))))
    network = replace(network, populations=(
        network.populations[0], replace(network.populations[1], bias=Bias(np.ones(3), 2)),
        *network.populations[2:]))
    counts = together(entries(network, p) for p in network.populations)
    assert counts == {"synapse_formats": 4, "threshold_configs": 1, "neuron_configs": 2}


@pytest.mark.parametrize(("kind", "make"), [
    ("threshold_configs", lambda k: replace(NEURON, vth=100 + k)),
    ("neuron_configs", lambda k: replace(NEURON, dv=k)),
])
def test_small_populations_share_a_core_within_its_entries(
        target: LoihiTarget, kind: str, make: Callable[[int], LoihiNeuron]) -> None:
    limit = configuration_limits(target)[kind]
    network = chain(*(make(k) for k in range(limit + 1)))
    part = partition(network, target)
    assert [len(core) for core in part.cores] == [limit, 1]
    assert count(network, part, target).configurations[0][kind] == limit
    assert not list(recount_partition(network, part, target))
    (finding,) = recount_partition(network, on_one_core(network), target)
    assert (finding.code, finding.values["needed"], finding.values["limit"]) == (
        "NC406", limit + 1, limit)
    assert finding.values["kind"] == kind.replace("_", " ")
    assert len(partition(network, loihi_target("loihi2")).cores) == 1


def test_synapse_formats_of_a_core(target: LoihiTarget) -> None:
    network = chain(*(NEURON,) * 8)
    network = replace(network, projections=tuple(
        replace(p, exponent=k) for k, p in enumerate(network.projections)))
    part = partition(network, target)
    assert [len(core) for core in part.cores] == [7, 1]
    findings = recount_partition(network, on_one_core(network), target)
    assert [d.code for d in findings] == ["NC406"]


def test_a_population_with_too_many_formats(target: LoihiTarget) -> None:
    legal, illegal = (chain(NEURON, exponents=tuple(range(n))) for n in (7, 8))
    assert len(partition(legal, target).cores) == 1
    with pytest.raises(FindingsError) as error:
        partition(illegal, target)
    (finding,) = error.value.diagnostics
    assert finding.code == "NC406"
    assert finding.message == "`p0` needs 8 synapse formats; a loihi1 core holds 7"
