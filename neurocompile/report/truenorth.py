"""resources.json and mapping.json of a core network, in the form that Loihi's have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from neurocompile.ir.mapping import ChipMapping
from neurocompile.ir.network import Population
from neurocompile.passes.truenorth.chip_mapping import splitters
from neurocompile.passes.truenorth.chip_mapping import usage as core_usage
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.legalize import Legalization
from neurocompile.passes.truenorth.rows import Row
from neurocompile.report import usage
from neurocompile.report.data import plain
from neurocompile.report.views import CommonView
from neurocompile.target.truenorth import TrueNorthTarget

Data = dict[str, Any]
DIGITS = 6
RESOURCES = ("neurons", "axons")


class ActivityView(Protocol):
    """What the cores do on the sample."""

    @property
    def samples(self) -> int:
        """Samples that were run."""

    @property
    def synaptic_events(self) -> float:
        """Per sample."""


class TrueNorthView(CommonView, Protocol):
    """What compiling for TrueNorth makes."""

    @property
    def target(self) -> TrueNorthTarget:
        """The chip."""

    @property
    def legalized(self) -> Legalization:
        """Cores, and rows of the report."""

    @property
    def mapping(self) -> ChipMapping:
        """Slices, places, messages."""

    @property
    def activity(self) -> ActivityView | None:
        """None where no sample was given."""


def resources_json(compilation: TrueNorthView) -> Data:
    """What the network takes of the chip: per core, per population, in all."""
    target, network, mapping = compilation.target, compilation.network, compilation.mapping
    amounts = [dict(zip(RESOURCES, map(int, pair), strict=True)) for pair in zip(
        *core_usage(compilation.legalized.network), strict=True)]
    cores = _cores(compilation, amounts)
    return {
        "schema": "neurocompile/resources/1",
        "target": {"name": target.name, "family": target.family,
                   "description": target.description, "path": target.path,
                   "cores_per_chip": target.chip.cores.value,
                   "grid_width": target.chip.grid_width.value},
        "limits": usage.limits(target),
        "inputs": usage.inputs(network),
        **({} if compilation.pruning is None else {"pruning": plain(compilation.pruning.to_json())}),
        "populations": _populations(compilation, cores),
        "readouts": usage.readouts(network),
        "cores": cores,
        "totals": _totals(compilation, cores),
        "traffic": usage.traffic(mapping),
        "what_if": {"skipped": False, "most": 0, "changes": []},
        "estimates": _estimates(compilation),
    }


def mapping_json(compilation: TrueNorthView) -> Data:
    """Which neurons sit on which core, where the core is, and the traffic between them."""
    neurons, axons = core_usage(compilation.legalized.network)
    taken = [{"neurons": int(n), "axons": int(a)} for n, a in zip(neurons, axons, strict=True)]
    return {"schema": "neurocompile/mapping/1", "target": compilation.target.name,
            **compilation.mapping.to_json(taken)}


def _limits(target: TrueNorthTarget) -> dict[str, int]:
    """What a core holds, by resource."""
    return {name: getattr(target.core, name).value for name in RESOURCES}


def _cores(compilation: TrueNorthView, amounts: list[dict[str, int]]) -> list[Data]:
    mapping, network = compilation.mapping, compilation.legalized.network
    full = _limits(compilation.target)
    sent, received = usage.load(mapping)
    result = []
    for number, (pieces, at, taken) in enumerate(zip(
            mapping.partition.cores, network.places, amounts, strict=True)):
        share = {name: taken[name] / limit for name, limit in full.items()}
        binding = max(full, key=lambda name: share[name])
        result.append({
            "core": number, "chip": at.chip, "x": at.x, "y": at.y,
            "role": network.roles[number] if network.roles else "",
            "slices": [usage.slice_json(mapping.partition, compilation.network, piece)
                       for piece in pieces],
            "resources": {name: {"used": taken[name], "limit": limit,
                                 "utilization": round(share[name], DIGITS),
                                 "headroom": limit - taken[name]} for name, limit in full.items()},
            "binding": binding, "utilization": round(share[binding], DIGITS),
            "messages_sent": round(float(sent[number]), DIGITS),
            "messages_received": round(float(received[number]), DIGITS)})
    return result


def _populations(compilation: TrueNorthView, cores: list[Data]) -> list[Data]:
    rows = {row.population: row for row in compilation.legalized.rows}
    return [_population(compilation, p, rows.get(p.name), [
        core for core in cores if any(s["population"] == p.name for s in core["slices"])])
        for p in compilation.network.order()]


def _population(compilation: TrueNorthView, population: Population, row: Row | None,
                held_by: list[Data]) -> Data:
    name, network = population.name, compilation.network
    measured = compilation.fidelity.populations.get(name) if compilation.fidelity else None
    fullest = max(held_by, key=lambda core: (core["utilization"], -core["core"]), default=None)
    bound = -(-population.size // compilation.target.core.neurons.value) if row else 0
    binds = Counter(core["binding"] for core in held_by)
    own: Data = {} if row is None else {
        key: value for key, value in row.to_json().items() if key not in (
            "population", "neurons", "cores", "latency")}
    return {
        "name": name, "model": usage.model_name(compilation.floating, population),
        "shape": list(population.shape), "neurons": population.size,
        "where": str(population.where), "on_host": population.on_host,
        "depth": row.latency if row else 0,
        "rate": None if measured is None else round(measured.rate, DIGITS),
        "synapses": sum(p.operator.n_synapses for p in network.into(name)),
        "distinct_weights": sum(int(p.operator.weights.size) for p in network.into(name)),
        "weight_bits": None, "order": "cores" if row else None,
        "cores": len(held_by), "lower_bound": bound, "lower_bounds": {"neurons": bound},
        "usage": {"neurons": population.size, "axons": row.axons if row else 0},
        "binding": max(binds, key=lambda key: (binds[key], key)) if binds else None,
        "binds_on": dict(sorted(binds.items())),
        "worst": None if fullest is None else {
            "core": fullest["core"], "resource": fullest["binding"],
            "utilization": fullest["utilization"]}, **own}


def _totals(compilation: TrueNorthView, cores: list[Data]) -> Data:
    network, chip = compilation.network, compilation.legalized.network
    on_chip = [p for p in network.populations if not p.on_host]
    neurons, rows = sum(p.size for p in on_chip), compilation.legalized.rows
    binds = Counter(core["binding"] for core in cores)
    bound = -(-neurons // compilation.target.core.neurons.value)
    return {
        "cores": len(cores), "cores_available": compilation.target.total_cores,
        "lower_bound": bound, "lower_bounds": {"neurons": bound}, "least": {"neurons": neurons},
        "chips": len({core["chip"] for core in cores}),
        "chips_available": compilation.target.chip.chips.value,
        "populations": len(on_chip), "neurons": neurons,
        "host_neurons": sum(p.size for p in network.populations if p.on_host),
        "synapses": sum(p.operator.n_synapses for p in network.projections),
        "ticks": network.n_ticks, "latency": chip.latency, "ticks_per_step": chip.step,
        "reload": chip.reload, "splitter_cores": len(splitters(chip)),
        "copies": sum(row.copies for row in rows), "relays": sum(row.relays for row in rows),
        "axons": sum(core["resources"]["axons"]["used"] for core in cores),
        "binds_on": dict(sorted(binds.items())),
        "mean": {name: round(float(np.mean([c["resources"][name]["utilization"] for c in cores])),
                             DIGITS) for name in RESOURCES},
        "worst": {name: _worst(cores, name) for name in RESOURCES},
    }


def _worst(cores: list[Data], name: str) -> Data:
    core = max(cores, key=lambda one: (one["resources"][name]["used"], -one["core"]))
    return {"core": core["core"], **core["resources"][name]}


def _estimates(compilation: TrueNorthView) -> Data:
    """Energy [pJ] of a sample, and the time [ns] that it takes at the target's tick."""
    costs, chip = compilation.target.costs, compilation.legalized.network
    if costs is None:
        return {"known": False, "reason": f"`{compilation.target.path}` states no costs"}
    activity = compilation.activity
    events = float(_all_events(chip)) if activity is None else activity.synaptic_events
    tick = costs.tick_time.value * 1000.0
    time = tick * chip.ticks_per_sample
    chips = len({core.chip for core in chip.places})
    parts: Mapping[str, float] = {
        "static": chips * costs.static_power.value * time,  # mW ns = pJ
        "synapses": events * costs.synapse_energy.value / 1000}
    return {
        "known": True, "measured": activity is not None,
        "samples": 0 if activity is None else activity.samples,
        "synaptic_events": round(events, 3),
        "energy_pj": {name: [round(part, 3)] * 2 for name, part in parts.items()},
        "total_pj": [round(sum(parts.values()), 3)] * 2,
        "tick_ns": [tick] * 2, "sample_ns": [time] * 2,
    }


def _all_events(network: CoreNetwork) -> int:
    """Synaptic events of a sample in which every axon is active in every tick of the model."""
    bits = np.unpackbits(network.cores.crossbar, axis=None).sum(dtype=np.int64)
    return int(bits) * network.n_ticks
