"""Relay: populations that repeat spikes, where a path waits longer than a synapse can.

A relay is a neuron without memory between ticks that fires on each spike it gets. Relay k of a
source lies k times a synapse's longest way behind it, and serves all of that source's projections.
In ticks of the model a relay spikes with its source, so no spike of the network changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from neurocompile.diagnostics import Diagnostic, FindingsError, Location
from neurocompile.ir.network import Input, Network, Population, Projection
from neurocompile.ir.operators import identity
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.loihi import DECAY_ONE, LoihiNeuron
from neurocompile.target.loihi import LoihiTarget

NEURON = LoihiNeuron(du=DECAY_ONE - 1, dv=0, vth=1)
WEIGHT = 2  # more than the threshold: every spike passes


def relay(network: Network, schedule: Schedule, target: LoihiTarget
          ) -> tuple[Network, Schedule, list[Diagnostic]]:
    """The integer network with the relays it needs, its schedule with them, and notes (NC207).

    Raises FindingsError (NC205) where graded spikes wait too long: a relay does not carry them.
    """
    limit = target.synapse.max_delay.value
    reach = limit + 1  # steps from a spike to its latest arrival
    longest: dict[str, int] = {}
    hops = {}
    for projection, wait in schedule.waits(network):
        hops[projection] = wait // reach
        longest[projection.source] = max(longest.get(projection.source, 0), wait)
    sources, depth = network.sources(), dict(schedule.depth)
    graded = {name for name, item in sources.items()
              if (item.levels > 1 if isinstance(item, Input) else item.graded)}
    lost = [p for p, n in hops.items() if n and p.source in graded]
    if lost:
        raise FindingsError(*out_of_range(replace(network, projections=tuple(lost)), schedule,
                                          target))
    chains: dict[str, list[str]] = {name: [name] for name in sources}
    relays: list[Population] = []
    links: list[Projection] = []
    notes: list[Diagnostic] = []
    for source, wait in longest.items():
        made = list(_relays(sources[source], wait // reach, sources))
        for population in made:
            depth[population.name] = depth[chains[source][-1]] + reach
            links.append(_repeating(chains[source][-1], population))
            chains[source].append(population.name)
        relays += made
        if made:
            size = sum(p.size for p in made)
            notes.append(Diagnostic("NC207", made[0].where, {
                "source": source, "value": wait, "target": target.name, "limit": limit,
                "count": len(made), "neurons": size, "synapses": size}))
    joined = [replace(p, source=chains[p.source][hops.get(p, 0)]) for p in network.projections]
    return (replace(network, populations=(*network.populations, *relays),
                    projections=(*joined, *links)), replace(schedule, depth=depth), notes)


def _relays(source: Input | Population, count: int, taken: Mapping[str, object]
            ) -> Iterator[Population]:
    """Relays of a source, the nearest first, under names that are free."""
    where = source.where if isinstance(source, Population) else Location(source.name)
    free = (name for number in itertools.count(1)
            if (name := f"{source.name} relay {number}") not in taken)
    for name in itertools.islice(free, count):
        yield Population(name, source.shape, NEURON, where=where, repeats=source.name)


def _repeating(source: str, population: Population) -> Projection:
    synapses = identity(population.shape)
    return Projection(source, population.name, synapses.with_weights(np.array(WEIGHT, np.int32)),
                      where=population.where)


def out_of_range(network: Network, schedule: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC205 for each projection that waits longer than a synapse can."""
    limit = target.synapse.max_delay.value
    for projection, wait in schedule.waits(network):
        if not 0 <= wait <= limit:
            yield Diagnostic("NC205", projection.where, {
                "projection": projection.name, "value": wait, "target": target.name,
                "limit": limit})
