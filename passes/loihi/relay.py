"""Relay: populations that repeat spikes, where a path waits longer than a synapse can.

A relay is a neuron without memory between ticks that fires on each spike it gets. Relay k of a
source lies k times a synapse's longest way behind it, and serves all of that source's projections.
In ticks of the model a relay spikes with its source, so no spike of the network changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from neurocompile.diagnostics import Diagnostic, Location, raise_errors
from neurocompile.ir.network import Input, Network, Population, Projection
from neurocompile.ir.operators import identity
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.quantization.weight_grid import grid
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE
from neurocompile.target.loihi import LoihiTarget

NEURON = LoihiNeuron(du=DECAY_ONE - 1, dv=0, vth=1)
_ABOVE = 2  # the least weight with which every spike passes the threshold


def relay(network: Network, schedule: Schedule, target: LoihiTarget,
          weight_bits: int) -> tuple[Network, Schedule, list[Diagnostic]]:
    """The integer network with the relays it needs, its schedule with them, and notes (NC207).

    Raises FindingsError: NC205 where graded spikes wait too long, which a relay does not carry,
    NC303 where the states of the target are too narrow for relays.
    """
    raise_errors(without_relays(network, schedule, target, weight_bits))
    limit = target.synapse.max_delay.value
    reach = limit + 1  # steps from a spike to its latest arrival
    longest: dict[str, int] = {}
    hops = {}
    for projection, wait in schedule.waits(network):
        hops[projection] = wait // reach
        longest[projection.source] = max(longest.get(projection.source, 0), wait)
    sources, depth = network.sources(), dict(schedule.depth)
    chains: dict[str, list[str]] = {name: [name] for name in sources}
    relays: list[Population] = []
    links: list[Projection] = []
    notes: list[Diagnostic] = []
    for source, wait in longest.items():
        chain = list(_relays(sources[source], wait // reach, sources))
        for population in chain:
            depth[population.name] = depth[chains[source][-1]] + reach
            links.append(_link(chains[source][-1], population, target, weight_bits))
            chains[source].append(population.name)
        relays += chain
        if chain:
            size = sum(p.size for p in chain)
            notes.append(Diagnostic("NC207", chain[0].where, {
                "source": source, "value": wait, "target": target.name, "limit": limit,
                "count": len(chain), "neurons": size, "synapses": size}))
    direct = [replace(p, source=chains[p.source][hops.get(p, 0)]) for p in network.projections]
    return (replace(network, populations=(*network.populations, *relays),
                    projections=(*direct, *links)), replace(schedule, depth=depth), notes)


def _relays(source: Input | Population, count: int, names: Collection[str]
            ) -> Iterator[Population]:
    """Relays of a source, the nearest first, under names that are free."""
    where = source.where if isinstance(source, Population) else Location(source.name)
    free = (name for number in itertools.count(1)
            if (name := f"{source.name} relay {number}") not in names)
    for name in itertools.islice(free, count):
        yield Population(name, source.shape, NEURON, where=where, repeats=source.name)


def without_relays(network: Network, schedule: Schedule, target: LoihiTarget, weight_bits: int
                   ) -> Iterator[Diagnostic]:
    """What waits longer than a synapse can, and has no relay; of a float network as well.

    NC205 where graded spikes wait, NC303 where the states of the target are too narrow for relays.
    """
    sources = network.sources()
    graded_sources = {name for name, item in sources.items()
              if (item.levels > 1 if isinstance(item, Input) else item.graded)}
    late = [p for p, wait in schedule.waits(network) if wait > target.synapse.max_delay.value]
    yield from out_of_range(replace(network, projections=tuple(
        p for p in late if p.source in graded_sources)), schedule, target)
    weight, exponent = _weight(target, weight_bits)
    reach = weight << exponent << ACTIVATION_SHIFT
    if late and reach > limits.state_limit(target):
        yield limits.naming(Diagnostic("NC303", late[0].where, {
            "module": f"{late[0].source} relay 1", "needed": reach, "register": "u",
            "target": target.name, "limit": limits.state_limit(target)}), target, limits.STATE)


def _weight(target: LoihiTarget, weight_bits: int) -> tuple[int, int]:
    """The smallest weight with which a spike passes a relay, and its exponent."""
    step, _, _ = grid(np.ones(1), weight_bits)
    return max(step, _ABOVE), limits.exponent_range(target)[0]


def _link(source: str, population: Population, target: LoihiTarget,
          weight_bits: int) -> Projection:
    """The synapses onto a relay."""
    weight, exponent = _weight(target, weight_bits)
    synapses = identity(population.shape)
    return Projection(source, population.name, synapses.with_weights(np.array(weight, np.int32)),
                      exponent, where=population.where, weight_bits=weight_bits)


def out_of_range(network: Network, schedule: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC205 for each projection that waits longer than a synapse can."""
    limit = target.synapse.max_delay.value
    for projection, wait in schedule.waits(network):
        if not 0 <= wait <= limit:
            yield limits.naming(Diagnostic("NC205", projection.where, {
                "projection": projection.name, "value": wait, "target": target.name,
                "limit": limit}), target, limits.DELAY)
