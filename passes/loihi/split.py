"""Split: neurons with more inputs than a core has axons get a part of them through adders.

An adder sums a part of the inputs in a tick of its own and sends the sum as a graded spike, so
that no spike of the network changes. Adders follow each other; the last one and the part that
is left reach the neurons. What a loop of the network needs in the same tick is never put off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Adder, Network, Population, Projection, free_name
from neurocompile.ir.operators import cut, fan_in, identity, most_sources
from neurocompile.passes.loihi.resources import capacity, list_bits
from neurocompile.passes.loihi.streams.adders import obstacle
from neurocompile.passes.loihi.streams.price import with_spikes_only
from neurocompile.target.loihi import LoihiTarget


@dataclass(frozen=True, eq=False)
class _Split:
    """What replaces the projections into a population."""

    adders: tuple[Population, ...]
    projections: tuple[Projection, ...]


def split(network: Network, target: LoihiTarget,
          weight_bits: int) -> tuple[Network, list[Diagnostic]]:
    """The float network in which every neuron's inputs fit a core, and notes (NC141).

    Where the target has no adders the network is returned as it is: `partition` refuses it.
    """
    one = int(list_bits(np.ones(1), target, weight_bits)[0])
    limits = capacity(target)
    limit = min(limits.input_axons, limits.synapse_memory // one)
    if limit < 2 or obstacle(target, weight_bits):
        return network, []
    notes: list[Diagnostic] = []
    names = set(network.sources())
    spiking = with_spikes_only(network)
    for population in network.populations:
        into = list(spiking.into(population.name))
        axons = sum(most_sources(p.operator) for p in into)
        if axons > limit:  # by different neurons, perhaps
            axons = int(sum((fan_in(p.operator) for p in into), np.zeros(1, np.int64)).max())
        parts = _split(population, into, limit, names) if axons > limit else None
        if parts is None:
            continue
        names |= {p.name for p in parts.adders}
        notes.append(Diagnostic("NC141", population.where, {
            "module": population.where.module or population.name, "needed": axons,
            "target": target.name, "limit": limit, "adders": sum(p.size for p in parts.adders)}))
        network = replace(
            network, populations=tuple(q for p in network.populations for q in (
                *(parts.adders if p is population else ()), p)),
            projections=(*(p for p in network.projections if p not in into), *parts.projections))
    return network, notes


def _split(population: Population, into: Sequence[Projection], limit: int,
           names: set[str]) -> _Split | None:
    """Adders for all but the last group of inputs; None where a loop alone is too much."""
    groups = list(_groups(into, limit))
    if any(p.delay for group in groups[:-1] for p in group):
        return None
    adders: list[Population] = []
    projections: list[Projection] = []
    for number, group in enumerate(groups):
        name = population.name
        if number + 1 < len(groups):
            name = free_name(f"{name}.part{number + 1}", names | {p.name for p in adders})
        projections += [replace(p, target=name) for p in group]
        if adders:
            projections.append(Projection(adders[-1].name, name, identity(population.shape),
                                          where=population.where))
        if name != population.name:
            adders.append(Population(name, population.shape, Adder(), where=population.where))
    return _Split(tuple(adders), tuple(projections))


def _groups(into: Sequence[Projection], limit: int) -> Iterator[list[Projection]]:
    """Projections, cut where they must be, in groups that leave an axon for the adder before."""
    group: list[Projection] = []
    axons = 0
    for projection in sorted(into, key=lambda p: p.delay):
        for piece in cut(projection.operator, limit - 1):
            more = most_sources(piece)
            if group and axons + more > limit - 1:
                yield group
                group, axons = [], 0
            group.append(replace(projection, operator=piece))
            axons += more
    yield group
