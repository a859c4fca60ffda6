"""resources.json and mapping.json against the mapping, for both families."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from neurocompile.builds.builder import BuildResult
from neurocompile.families.demand import Demand
from neurocompile.families.resources import layout, resources
from neurocompile.families.table import family_of
from neurocompile.ir.network import Adder


def demand_of(build: BuildResult) -> Demand:
    compilation: Any = build.compilation
    demand: Demand = family_of(compilation.target).demand(compilation)
    return demand


def test_cores_add_up(either_build: BuildResult) -> None:
    r, network = either_build.report.resources, either_build.compilation.network
    assert [p.name for p in r.populations] == ["if1", "if2"]
    for p in r.populations:
        pieces = [s for core in r.cores for s in core.slices if s.population == p.name]
        assert sum(s.stop - s.start for s in pieces) == p.neurons == network.population(p.name).size
        holders = [c for c in r.cores if any(s.population == p.name for s in c.slices)]
        assert len(holders) == p.cores >= p.lower_bound
        assert p.worst is not None
        assert p.worst.utilization == max(c.utilization for c in holders)
        assert sum(p.binds_on.values()) == p.cores
        assert p.binding == max(p.utilization, key=lambda name: p.utilization[name])
    for core in r.cores:
        assert list(core.resources) == list(r.resources)
        for name, one in core.resources.items():
            assert one.headroom == one.limit - one.amount >= 0
            assert one.limit == r.resources[name].limit
            assert one.utilization == round(one.amount / one.limit, 6)
        assert core.utilization == core.resources[core.binding].utilization == max(
            one.utilization for one in core.resources.values())


def test_totals(either_build: BuildResult) -> None:
    r, compilation = either_build.report.resources, either_build.compilation
    t = r.totals
    assert t.cores == len(r.cores) == compilation.n_cores >= t.lower_bound
    assert t.cores > 1
    assert sum(t.binds_on.values()) == t.cores
    assert (t.populations, t.neurons, t.host_neurons, t.ticks) == (2, 312, 0, 4)
    assert t.synapses == sum(p.synapses for p in r.populations) == 4096 + 24 * 36
    for name, worst in t.worst.items():
        amounts = [core.resources[name].amount for core in r.cores]
        assert worst.amount == max(amounts) == amounts[worst.core]
        assert t.mean[name] == round(sum(amounts) / (worst.limit * t.cores), 6)


def test_lower_bounds_are_proved(either_build: BuildResult) -> None:
    r = either_build.report.resources
    for name, cores in r.totals.lower_bounds.items():
        assert cores == -(-r.totals.least[name] // r.resources[name].limit)
        assert r.totals.least[name] <= sum(core.resources[name].amount for core in r.cores)


def test_usage_adds_up_to_the_cores(loihi_build: BuildResult) -> None:
    """Where no core repeats a spike, populations take all that cores take."""
    r = loihi_build.report.resources
    for name in r.resources:
        assert sum(p.usage[name] for p in r.populations) == sum(
            core.resources[name].amount for core in r.cores)


def test_copies_of_neurons_are_the_populations_that_they_repeat(
        truenorth_build: BuildResult) -> None:
    r, crossbars = truenorth_build.report.resources, truenorth_build.report.records["crossbars"]
    assert crossbars.copies > 0
    assert sum(p.usage["neurons"] for p in r.populations) == 312 + crossbars.copies
    assert sum(core.resources["neurons"].amount for core in r.cores) == (
        312 + crossbars.copies + crossbars.relays)
    assert sum(p.usage["axons"] for p in r.populations) == sum(
        core.resources["axons"].amount for core in r.cores) == crossbars.axons


def test_populations_of_a_sample(loihi_build: BuildResult, unmeasured_build: BuildResult) -> None:
    first, second = loihi_build.report.resources.populations
    assert (first.model, second.model) == ("IF hard", "IF hard")
    assert (first.shape, second.shape, second.depth, second.weight_bits) == (
        (8, 6, 6), (6, 2, 2), 2, 8)
    assert (first.distinct_weights, second.distinct_weights) == (8 * 2 * 9, 6 * 4 * 9)
    fidelity = loihi_build.compilation.fidelity
    assert fidelity is not None
    assert first.rate == round(fidelity.populations["if1"].rate, 6)
    assert [p.rate for p in unmeasured_build.report.resources.populations] == [None, None]


def test_relays_adders_and_the_host_are_named(loihi_build: BuildResult) -> None:
    compilation, demand = loihi_build.compilation, demand_of(loihi_build)
    first, second = compilation.network.populations
    for change, model in (({"repeats": "x"}, "relay"), ({"neuron": Adder()}, "adder"),
                          ({"on_host": True}, "IF hard")):
        network = replace(compilation.network, populations=(replace(first, **change), second))
        facts = resources(replace(compilation, network=network), demand, {})
        assert [p.model for p in facts.populations] == [model, "IF hard"]
        assert facts.totals.host_neurons == (288 if model == "IF hard" else 0)


def test_boxes_span_their_slices(either_build: BuildResult) -> None:
    sizes = set()
    for core in either_build.report.resources.cores:
        for piece in core.slices:
            volume = math.prod(high - low for low, high in piece.box)
            size = piece.stop - piece.start
            assert volume >= size
            assert piece.fills_box == (volume == size)
            sizes.add(size)
    assert len(sizes) > 1


def test_load_adds_up_to_the_traffic(either_build: BuildResult) -> None:
    r = either_build.report.resources
    messages = r.traffic.messages
    outward = sum(core.messages_sent for core in r.cores)
    inward = sum(core.messages_received for core in r.cores)
    assert outward > 0
    assert math.isclose(outward, messages.between_cores, abs_tol=1e-3)
    assert math.isclose(inward, messages.between_cores + messages.off_chip, abs_tol=1e-3)
    assert r.traffic.imbalance.receiver >= 1


def test_every_neuron_is_on_one_core(either_build: BuildResult) -> None:
    """By mapping.json alone, with the orders that it names."""
    compilation, demand = either_build.compilation, demand_of(either_build)
    one = layout(compilation.target, demand)
    assert one == layout(compilation.target, demand)
    copies = {p.name: np.zeros(p.size, int) for p in compilation.network.populations}
    for number, core in enumerate(one.cores):
        assert core.core == number
        assert core.usage == {name: amount.amount for name, amount in
                              either_build.report.resources.cores[number].resources.items()}
        for piece in core.slices:
            assert one.populations[piece.population].order == piece.order
            order = demand.mapping.partition.orders[piece.population]
            copies[piece.population][order[piece.start:piece.stop]] += 1
    assert all(np.all(counts == 1) for counts in copies.values())
    assert one.routing.links.count > 0
