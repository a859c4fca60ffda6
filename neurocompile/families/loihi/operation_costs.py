"""Energy and time of a mapping, as a range, where a target states what operations take.

A tick takes as long as the busiest core plus the barrier; a core's work is its neurons and its
synaptic events in turn. Static power counts for that time, so for chips that wait for nothing.
Hosts, their processors and input and output are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.resources import on_chip
from neurocompile.report.estimates import Band, Cost, Estimates
from neurocompile.target.loihi import OperationCosts

Floats = NDArray[np.float64]  # [low, high]
DIGITS = 3


def estimate(compilation: LoihiCompilation) -> Estimates:
    """Energy of a sample by part, and time of a tick and a sample.

    Inputs, and populations without a measured rate, are taken to spike in every tick; `measured`
    tells whether all populations that send have a rate.
    """
    costs = compilation.target.costs
    if costs is None:
        return Estimates(cost=None, reason="no energy or time per operation is published for "
                                           f"{compilation.target.name}")
    rates = _rates(compilation)
    events = _events(compilation.network, rates)
    tick = _tick(compilation, costs, events)
    ticks = compilation.network.n_ticks
    parts = _energy(compilation, costs, float(sum(events.values())), tick)
    return Estimates(reason="", cost=Cost(
        measured=_all_measured(compilation.network, rates),
        synaptic_events=round(sum(events.values()) * ticks, DIGITS),
        energy_pj={name: _band(part * ticks) for name, part in parts.items()},
        total_pj=_band(sum(parts.values(), np.zeros(2)) * ticks),
        tick_ns=_band(tick), sample_ns=_band(tick * ticks)))


def _rates(compilation: LoihiCompilation) -> dict[str, float]:
    """Measured spikes per neuron and tick."""
    fidelity = compilation.fidelity
    return {} if fidelity is None else fidelity.rates


def _all_measured(network: Network, rates: Mapping[str, float]) -> bool:
    chip, inputs = {p.name for p in on_chip(network)}, {item.name for item in network.inputs}
    return {p.source for p in network.projections if p.target in chip} <= {*rates, *inputs}


def _events(network: Network, rates: Mapping[str, float]) -> dict[str, float]:
    """Synaptic events per tick into each population on chip, at its sources' mean rates."""
    return {p.name: float(sum(one.operator.n_synapses * rates.get(one.source, 1.0)
                              for one in network.into(p.name))) for p in on_chip(network)}


def _tick(compilation: LoihiCompilation, costs: OperationCosts, events: dict[str, float]) -> Floats:
    """Nanoseconds of a tick."""
    sizes = {p.name: p.size for p in on_chip(compilation.network)}
    cores = compilation.mapping.partition.cores
    neurons = np.array([sum(s.size for s in pieces) for pieces in cores], np.float64)
    work = np.array([sum(events[s.population] * s.size / sizes[s.population] for s in pieces)
                     for pieces in cores], np.float64)
    routing = compilation.mapping.routing
    messages = np.bincount(routing.destination, routing.messages, len(cores))
    many = len({core.chip for core in compilation.mapping.placement.cores}) > 1
    low = float((work * costs.synapse_time_min.value
                 + neurons * costs.neuron_time_min.value).max(initial=0))
    high = float((work * costs.synapse_time_max.value + neurons * costs.neuron_time_max.value
                  + messages * costs.message_time_max.value).max(initial=0))
    barrier = costs.system_barrier_time if many else costs.barrier_time_max
    return np.array([low + costs.barrier_time_min.value, high + barrier.value]) / 1000


def _energy(compilation: LoihiCompilation, costs: OperationCosts, events: float,
            tick: Floats) -> dict[str, Floats]:
    """Picojoules of a tick, by what takes them."""
    routing, chips = compilation.mapping.routing, {c.chip for c in compilation.mapping.placement.cores}
    neurons = sum(p.size for p in on_chip(compilation.network))
    outward = routing.messages[routing.between_cores]
    hops = float((outward * routing.hops[routing.between_cores]).sum())
    return {
        "synapses": events * np.array([costs.synapse_energy_min.value,
                                       costs.synapse_energy_max.value]) / 1000,
        "neurons": neurons * np.array([costs.neuron_energy_min.value,
                                       costs.neuron_energy_max.value]) / 1000,
        "mesh": np.array([hops * costs.hop_energy_min.value, hops * costs.hop_energy_max.value
                          + float(outward.sum()) * costs.message_energy_max.value]) / 1000,
        "static": len(chips) * costs.static_power.value * tick,  # mW ns = pJ
    }


def _band(values: Floats) -> Band:
    low, high = (round(float(value), DIGITS) for value in values)
    return low, high
