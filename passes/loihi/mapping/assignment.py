"""Assignments: neurons on core numbers, and what cores take as neurons change places.

Populations are counted one by one, so that only those that moved are counted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from itertools import chain

import numba
import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Network, Projection
from neurocompile.passes.loihi.resources import (
    Entries,
    Incoming,
    capacity,
    configuration_limits,
    core_amounts,
    entries,
    on_chip,
    tables,
)
from neurocompile.target.loihi import LoihiTarget

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Where a population's neurons are, and what that takes."""

    core_of: Ints
    by_core: Ints  # neurons, sorted by core
    usage: Ints  # [cores, resources] in the order of UNITS, without output axons
    reach: Ints  # [nets] cores that each net reaches


@dataclass(frozen=True, eq=False)
class Assignment:
    """An assignment of all neurons to core numbers, of which some may be unused."""

    layouts: Mapping[str, Layout]
    usage: Ints  # [core numbers, resources]
    fits: bool
    messages: int  # between cores, when every neuron fires once

    @property
    def cores(self) -> int:
        """Used cores."""
        return int(np.count_nonzero(self.usage[:, 0]))


@dataclass(frozen=True, eq=False)
class Counter:
    """Counts what an assignment takes."""

    nets: Mapping[str, Incoming]
    pins: Mapping[str, tuple[Ints, NDArray[np.int32]]]  # CSR: nets of each neuron
    growth: Ints  # [forms, c]: of a list of c synapses by one more
    limits: Ints  # in the order of UNITS
    network: Network
    target: LoihiTarget
    entries: Mapping[str, Entries]

    @classmethod
    def of(cls, network: Network, target: LoihiTarget,
           nets: Mapping[str, Incoming]) -> Counter:
        """A counter of a network; `nets`: those into its populations on chip."""
        pins = {name: (n.pins.indptr.astype(np.int64), n.pins.indices.astype(np.int32))
                for name, n in nets.items()}
        limits = np.array(astuple(capacity(target)), np.int64)
        growth = np.diff(tables(target, int(limits[0]) + 1))
        return cls(nets, pins, growth, limits, network, target,
                   {p.name: entries(network, p) for p in on_chip(network)})

    def hold(self, name: str, core_of: Ints) -> Layout:
        """A population with these core numbers."""
        by_core, nets = np.argsort(core_of, kind="stable"), self.nets[name]
        if nets.shared:
            usage, reach = core_amounts(self.network.population(name), nets, core_of,
                                 int(core_of.max()) + 1, self.target)
        else:
            usage, reach = _count(by_core, core_of, *self.pins[name], nets.multiplicity,
                                  nets.form, self.growth)
        return Layout(core_of, by_core, usage, reach)

    def assignment(self, layouts: Mapping[str, Layout]) -> Assignment:
        """All populations together."""
        usage = np.zeros((max(len(h.usage) for h in layouts.values()), 4), np.int64)
        messages = 0
        for part in layouts.values():
            usage[:len(part.usage)] += part.usage
        for projection, of_source in self.projections():
            source, target = layouts[projection.source], layouts[projection.target]
            axons = target.reach[of_source]
            usage[:, 2] += np.bincount(source.core_of, axons, len(usage)).astype(np.int64)
            messages += int(axons.sum()) - _within_cores(
                target.by_core, target.core_of, *self.pins[projection.target],
                len(target.reach), source.by_core, source.core_of, of_source)
        fits = bool(np.all(usage <= self.limits)) and self._entries_fit(layouts, len(usage))
        return Assignment(layouts, usage, fits, messages)

    def _entries_fit(self, layouts: Mapping[str, Layout], n_cores: int) -> bool:
        """Whether no core needs more configuration entries than it has."""
        for kind, limit in configuration_limits(self.target).items():
            numbers = {entry: k for k, entry in enumerate(dict.fromkeys(
                entry for name in layouts for entry in self.entries[name][kind]))}
            demand = np.zeros((n_cores, len(numbers)), np.bool_)
            for name, part in layouts.items():
                own = np.array([numbers[entry] for entry in self.entries[name][kind]], np.int64)
                demand[np.ix_(np.flatnonzero(part.usage[:, 0]), own)] = True
            if limit and demand.sum(axis=1).max(initial=0) > limit:
                return False
        return True

    def out_axons(self, state: Assignment, name: str) -> Ints:
        """Output axons of each neuron of a population."""
        total = np.zeros(len(state.layouts[name].core_of), np.int64)
        for projection, of_source in self.projections():
            if projection.source == name:
                total += state.layouts[projection.target].reach[of_source]
        return total

    def projections(self) -> Iterator[tuple[Projection, Ints]]:
        """Those between populations on chip, with the net of each source neuron."""
        for projection, of_source in chain.from_iterable(n.sources for n in self.nets.values()):
            if projection.source in self.nets:
                yield projection, of_source


@numba.njit(cache=True)
def _count(by_core: Ints, core_of: Ints, ptr: Ints, ids: NDArray[np.int32], multiplicity: Ints,
           form: NDArray[np.int8], growth: Ints) -> tuple[Ints, Ints]:
    """Usage and reach of a `Held`."""
    usage = np.zeros((core_of.max() + 1, 4), np.int64)
    reach = np.zeros(len(multiplicity), np.int64)
    stamp = np.full(len(multiplicity), -1, np.int64)
    pins = np.zeros(len(multiplicity), np.int64)
    for v in by_core:
        core = core_of[v]
        usage[core, 0] += 1
        for e in ids[ptr[v]:ptr[v + 1]]:
            if stamp[e] != core:
                stamp[e], pins[e] = core, 0
                reach[e] += 1
                usage[core, 1] += multiplicity[e]
            usage[core, 3] += multiplicity[e] * growth[form[e], pins[e]]
            pins[e] += 1
    return usage, reach


@numba.njit(cache=True)
def _within_cores(targets: Ints, core_of: Ints, ptr: Ints, ids: NDArray[np.int32], n_nets: int,
                  sources: Ints, source_core: Ints, of_source: Ints) -> int:
    """Source neurons that reach a neuron on their own core; both lists are sorted by core."""
    stamp = np.full(n_nets, -1, np.int64)
    at = count = 0
    for s in sources:
        while at < len(targets) and core_of[targets[at]] <= source_core[s]:
            for e in ids[ptr[targets[at]]:ptr[targets[at] + 1]]:
                stamp[e] = core_of[targets[at]]
            at += 1
        count += stamp[of_source[s]] == source_core[s]
    return count
