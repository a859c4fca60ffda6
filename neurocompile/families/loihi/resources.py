"""resources.json and mapping.json of slices on Loihi's cores."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.loihi.estimates import estimates
from neurocompile.families.loihi.what_if import what_if
from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Population
from neurocompile.passes.loihi.resources import (
    UNITS,
    CoreUsage,
    PopulationUsage,
    configuration_limits,
    n_synapses,
    on_chip,
)
from neurocompile.report import parts
from neurocompile.report.data import plain
from neurocompile.report.parts import DIGITS, rounded

Data = dict[str, Any]


def resources_json(compilation: LoihiCompilation) -> Data:
    """What the mapping takes: per core, per population, in all, and against which limits."""
    target = compilation.target
    return {
        "schema": "neurocompile/resources/1",
        "target": parts.target_json(target),
        "limits": parts.limits(target),
        "inputs": parts.inputs(compilation.network),
        **({} if compilation.pruning is None else {"pruning": plain(compilation.pruning.to_json())}),
        "populations": populations(compilation),
        "readouts": parts.readouts(compilation.network),
        "cores": cores(compilation),
        "totals": totals(compilation),
        "traffic": parts.traffic(compilation.mapping),
        **streams(compilation),
        "what_if": what_if(compilation),
        "estimates": estimates(compilation),
    }


def mapping_json(compilation: LoihiCompilation) -> Data:
    """Which slice sits on which core, where the core is, and the traffic between them."""
    return {"schema": "neurocompile/mapping/1", "target": compilation.target.name,
            **compilation.mapping.to_json([core.to_json() for core in compilation.usage.cores])}


def streams(compilation: LoihiCompilation) -> Data:
    """How sums that several populations receive are built, and the price of both forms.

    Without such sums there is no entry.
    """
    choice = compilation.streams
    if choice is None:
        return {}
    return {"streams": {"taken": choice.form, "reason": choice.reason,
                        "adders": list(choice.adders),
                        "prices": {form: asdict(price) for form, price in choice.prices.items()}}}


def populations(compilation: LoihiCompilation) -> list[Data]:
    """One entry per population, in the network's order; those on the host take no core."""
    usage = {one.population: one for one in compilation.usage.populations}
    holders = _holders(compilation.mapping.partition)
    return [_population(compilation, p, usage.get(p.name), holders.get(p.name, []))
            for p in compilation.network.order()]


def _population(compilation: LoihiCompilation, population: Population, usage: PopulationUsage | None,
                held_by: list[int]) -> Data:
    name, network = population.name, compilation.network
    measured = compilation.fidelity.populations.get(name) if compilation.fidelity else None
    entry: Data = {
        "name": name, "model": parts.model_name(compilation.floating, population),
        "shape": list(population.shape), "neurons": population.size,
        "where": str(population.where), "on_host": population.on_host,
        "depth": compilation.schedule.depth.get(name, 0),
        "rate": None if measured is None else round(measured.rate, DIGITS),
        "synapses": sum(p.operator.n_synapses for p in network.into(name)),
        "distinct_weights": sum(int(p.operator.weights.size) for p in network.into(name)),
        "weight_bits": compilation.options.bits if usage and usage.synapses else None,
        "encodings": sorted({p.encoding for p in network.into(name)}) if usage else [],
        "order": compilation.mapping.partition.order_names.get(name),
    }
    return entry | _population_usage(compilation, usage, held_by)


def _population_usage(compilation: LoihiCompilation, usage: PopulationUsage | None,
                      held_by: list[int]) -> Data:
    """Amounts summed over a population's cores; `utilization` is its own share of those cores."""
    if usage is None:
        return {"cores": 0, "lower_bound": 0, "lower_bounds": {}, "usage": CoreUsage().to_json(),
                "utilization": dict.fromkeys(UNITS, 0.0), "binding": None, "binds_on": {},
                "worst": None}
    full, amounts = compilation.usage.limits, usage.total.to_json()
    own = {name: amounts[name] / (getattr(full, name) * max(usage.cores, 1)) for name in UNITS}
    taken = [compilation.usage.cores[core] for core in held_by]
    binds = Counter(core.binding(full) for core in taken)
    share, worst, core = max(
        ((one.utilization(full)[one.binding(full)], one.binding(full), number)
         for number, one in zip(held_by, taken, strict=True)), key=lambda item: (item[0], -item[2]))
    return {
        "cores": usage.cores, "lower_bound": max(usage.bound.values()),
        "lower_bounds": dict(usage.bound), "usage": amounts, "utilization": rounded(own),
        "binding": max(UNITS, key=lambda name: own[name]),
        "binds_on": {name: binds[name] for name in UNITS if binds[name]},
        "worst": {"core": core, "resource": worst, "utilization": round(share, DIGITS)},
    }


def _holders(partition: Partition) -> dict[str, list[int]]:
    """The cores that hold a part of each population."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, pieces in enumerate(partition.cores):
        for name in dict.fromkeys(piece.population for piece in pieces):
            found[name].append(number)
    return found


def cores(compilation: LoihiCompilation) -> list[Data]:
    """One entry per core that is used, by number."""
    mapping, full = compilation.mapping, compilation.usage.limits
    sent, received = parts.load(mapping)
    result = []
    for number, (pieces, at, taken) in enumerate(zip(
            mapping.partition.cores, mapping.placement.cores, compilation.usage.cores, strict=True)):
        share = rounded(taken.utilization(full))
        result.append({
            "core": number, "chip": at.chip, "x": at.x, "y": at.y,
            "slices": [parts.slice_json(mapping.partition, compilation.network, piece) for piece in pieces],
            "resources": {name: {"used": getattr(taken, name), "limit": getattr(full, name),
                                 "utilization": share[name],
                                 "headroom": taken.headroom(full)[name]} for name in UNITS},
            "configurations": dict(compilation.usage.configurations[number]),
            "binding": taken.binding(full), "utilization": share[taken.binding(full)],
            "messages_sent": round(float(sent[number]), DIGITS),
            "messages_received": round(float(received[number]), DIGITS),
        })
    return result


def totals(compilation: LoihiCompilation) -> Data:
    """The whole mapping in numbers; `worst` is the fullest core by resource."""
    network, target, usage = compilation.network, compilation.target, compilation.usage
    placed = compilation.mapping.placement.cores
    bounds = usage.least.cores(usage.limits)
    binds = Counter(core.binding(usage.limits) for core in usage.cores)
    return {
        "cores": len(usage.cores), "cores_available": target.total_cores,
        "lower_bound": max(bounds.values()), "lower_bounds": bounds,
        "least": usage.least.to_json(),
        "chips": len({core.chip for core in placed}),
        "chips_available": target.chip.chips.value,
        "populations": len(on_chip(network)),
        "neurons": sum(p.size for p in on_chip(network)),
        "host_neurons": sum(p.size for p in network.populations if p.on_host),
        "synapses": n_synapses(network),
        "ticks": network.n_ticks, "latency": compilation.schedule.latency,
        "binds_on": {name: binds[name] for name in UNITS if binds[name]},
        "mean": rounded({name: _mean(compilation, name) for name in UNITS}),
        "worst": {name: _worst(compilation, name) for name in UNITS} if usage.cores else {},
        "configurations": _configurations(compilation),
    }


def _configurations(compilation: LoihiCompilation) -> Data:
    """Entries of the core that takes most of each kind; a limit of 0 is none."""
    found = {}
    for kind, limit in configuration_limits(compilation.target).items():
        used = [core[kind] for core in compilation.usage.configurations]
        most = max(used, default=0)
        found[kind] = {"core": used.index(most) if used else None, "used": most, "limit": limit}
    return found


def _mean(compilation: LoihiCompilation, resource: str) -> float:
    usage = compilation.usage
    used = sum(getattr(core, resource) for core in usage.cores)
    return float(used / (getattr(usage.limits, resource) * max(len(usage.cores), 1)))


def _worst(compilation: LoihiCompilation, resource: str) -> Data:
    usage = compilation.usage
    number, limit = usage.worst(resource), getattr(usage.limits, resource)
    used = getattr(usage.cores[number], resource)
    return {"core": number, "used": used, "limit": limit,
            "utilization": round(used / limit, DIGITS), "headroom": limit - used}
