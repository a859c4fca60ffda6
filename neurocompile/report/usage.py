"""The parts of resources.json: limits, inputs, populations, cores, totals, traffic."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.mapping import ChipMapping, CoreSlice, Partition
from neurocompile.ir.network import Adder, Network, Population
from neurocompile.passes.loihi.resources import (
    UNITS,
    CoreUsage,
    PopulationUsage,
    configuration_limits,
    n_synapses,
    on_chip,
)
from neurocompile.report.views import CompilationView
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.target import Quantity, Target

Data = dict[str, Any]
DIGITS = 6  # of shares and rates


def limits(target: Target) -> Data:
    """Every number of the target by table and key, with unit, source and confidence."""
    tables: dict[str, Data] = defaultdict(dict)
    for key, quantity in target.quantities():
        table, name = key.split(".", 1)
        tables[table][name] = _quantity(quantity)
    return dict(tables)


def _quantity(quantity: Quantity) -> Data:
    return {"value": quantity.value, "unit": quantity.unit, "source": quantity.source,
            "confidence": quantity.confidence}


def inputs(network: Network) -> list[Data]:
    """The network's inputs: what arrives, and in which form."""
    return [{"name": item.name, "kind": item.kind.value, "shape": list(item.shape),
             "sources": item.size} for item in network.inputs]


def streams(compilation: CompilationView) -> Data:
    """How sums that several populations receive are built, and the price of both forms.

    Without such sums there is no entry.
    """
    choice = compilation.streams
    if choice is None:
        return {}
    return {"streams": {"taken": choice.form, "reason": choice.reason,
                        "adders": list(choice.adders),
                        "prices": {form: asdict(price) for form, price in choice.prices.items()}}}


def readouts(network: Network) -> list[Data]:
    """The network's outputs: where they are computed, and how many neurons the host reads."""
    sizes = {p.name: p.size for p in network.populations}
    return [{"name": readout.name, "shape": list(readout.shape), "ticks": readout.ticks,
             "on_chip": readout.accumulator is not None,
             "read": sum(sizes.get(name, 0) for name, _ in readout.terms)}
            for readout in network.readouts]


def populations(compilation: CompilationView) -> list[Data]:
    """One entry per population, in the network's order; those on the host take no core."""
    usage = {one.population: one for one in compilation.usage.populations}
    holders = _holders(compilation.mapping.partition)
    return [_population(compilation, p, usage.get(p.name), holders.get(p.name, []))
            for p in compilation.network.order()]


def _population(compilation: CompilationView, population: Population, usage: PopulationUsage | None,
                held_by: list[int]) -> Data:
    name, network = population.name, compilation.network
    measured = compilation.fidelity.populations.get(name) if compilation.fidelity else None
    entry: Data = {
        "name": name, "model": model_name(compilation.floating, population),
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


def _population_usage(compilation: CompilationView, usage: PopulationUsage | None,
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
        "lower_bounds": dict(usage.bound), "usage": amounts, "utilization": _rounded(own),
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


def model_name(floating: Network, population: Population) -> str:
    """Neuron model and reset, as in `LIF hard`; `relay` for what only repeats spikes."""
    if population.repeats is not None:
        return "relay"
    neuron = population.neuron
    if isinstance(neuron, Adder):
        return "adder"
    original = next((p.neuron for p in floating.populations if p.name == population.name), None)
    model = original.model if isinstance(original, FloatNeuron) else neuron.model
    return f"{model} {neuron.reset.value}"


def cores(compilation: CompilationView) -> list[Data]:
    """One entry per core that is used, by number."""
    mapping, full = compilation.mapping, compilation.usage.limits
    sent, received = load(mapping)
    result = []
    for number, (pieces, at, taken) in enumerate(zip(
            mapping.partition.cores, mapping.placement.cores, compilation.usage.cores, strict=True)):
        share = _rounded(taken.utilization(full))
        result.append({
            "core": number, "chip": at.chip, "x": at.x, "y": at.y,
            "slices": [slice_json(mapping.partition, compilation.network, piece) for piece in pieces],
            "resources": {name: {"used": getattr(taken, name), "limit": getattr(full, name),
                                 "utilization": share[name],
                                 "headroom": taken.headroom(full)[name]} for name in UNITS},
            "configurations": dict(compilation.usage.configurations[number]),
            "binding": taken.binding(full), "utilization": share[taken.binding(full)],
            "messages_sent": round(float(sent[number]), DIGITS),
            "messages_received": round(float(received[number]), DIGITS),
        })
    return result


def slice_json(partition: Partition, network: Network, piece: CoreSlice) -> Data:
    """A slice, and the box of its population's shape that its neurons span.

    `box` holds [first, last + 1] per axis; `fills_box` tells whether all of the box is in it.
    """
    shape = network.population(piece.population).shape
    axes = np.unravel_index(partition.neurons(piece), shape) if shape else ()
    box = [[int(axis.min()), int(axis.max()) + 1] for axis in axes]
    volume = int(np.prod([high - low for low, high in box], dtype=np.int64))
    return {"population": piece.population, "start": piece.start, "stop": piece.stop,
            "order": partition.order_names[piece.population], "box": box,
            "fills_box": volume == piece.size}


def totals(compilation: CompilationView) -> Data:
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
        "mean": _rounded({name: _mean(compilation, name) for name in UNITS}),
        "worst": {name: _worst(compilation, name) for name in UNITS} if usage.cores else {},
        "configurations": _configurations(compilation),
    }


def _configurations(compilation: CompilationView) -> Data:
    """Entries of the core that takes most of each kind; a limit of 0 is none."""
    found = {}
    for kind, limit in configuration_limits(compilation.target).items():
        used = [core[kind] for core in compilation.usage.configurations]
        most = max(used, default=0)
        found[kind] = {"core": used.index(most) if used else None, "used": most, "limit": limit}
    return found


def _mean(compilation: CompilationView, resource: str) -> float:
    usage = compilation.usage
    used = sum(getattr(core, resource) for core in usage.cores)
    return float(used / (getattr(usage.limits, resource) * max(len(usage.cores), 1)))


def _worst(compilation: CompilationView, resource: str) -> Data:
    usage = compilation.usage
    number, limit = usage.worst(resource), getattr(usage.limits, resource)
    used = getattr(usage.cores[number], resource)
    return {"core": number, "used": used, "limit": limit,
            "utilization": round(used / limit, DIGITS), "headroom": limit - used}


def traffic(mapping: ChipMapping) -> Data:
    """Messages per tick by distance, and how unevenly the cores carry them (max over mean)."""
    sent, received = load(mapping)
    return {**mapping.routing.summary(mapping.placement),
            "imbalance": {"sent": _imbalance(sent), "received": _imbalance(received)}}


def load(mapping: ChipMapping) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Messages per tick that each core sends to others, and that it receives from outside it."""
    routing, n = mapping.routing, len(mapping.partition.cores)
    between = routing.between_cores
    outside = between | routing.off_chip
    sent = np.bincount(routing.source[between], routing.messages[between], n)
    received = np.bincount(routing.destination[outside], routing.messages[outside], n)
    return np.asarray(sent, np.float64), np.asarray(received, np.float64)


def _imbalance(load: NDArray[np.float64]) -> float:
    mean = float(load.mean()) if load.size else 0.0
    return round(float(load.max()) / mean, DIGITS) if mean > 0 else 0.0


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, DIGITS) for name, share in shares.items()}
