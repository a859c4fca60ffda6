"""Partition: populations cut into core-sized parts, consumers first.

Populations are filled last to first, so that the number of cores each neuron sends to is known
and output axons are a hard limit like the others. Each population tries several neuron orders
and keeps the one with the least `cores + 1e-3 * messages`. At the end, populations' last,
partly filled cores are shared where all limits allow.

Where the sources of convolutions share lists, a population is cut into equal boxes if some fit.

In a recurrent cycle some consumer is filled after its producer: its reach is assumed, and the
cycle is filled again until no net reaches more cores than assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import pairwise

import numba
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Network, Population, Projection
from neurocompile.passes.loihi.mapping.groups import groups
from neurocompile.passes.loihi.mapping.indivisible import indivisible, neuron_exceeds
from neurocompile.passes.loihi.mapping.tiles import MESSAGE_WEIGHT, tilings
from neurocompile.passes.loihi.resources import (
    CoreUsage,
    Entries,
    Incoming,
    bounds,
    capacity,
    configuration_limits,
    core_amounts,
    entries,
    into_chip,
    on_chip,
    tables_without_sharing,
    together,
    within,
)
from neurocompile.passes.placing.neuron_orders import candidates, neuron_order, tile_sizes
from neurocompile.target.loihi import LoihiTarget

ROUNDS = 32  # fills of a cycle before a net is assumed to reach a core per pin

Ints = NDArray[np.int64]


def partition(network: Network, target: LoihiTarget, *,
              nets: Mapping[str, Incoming] | None = None) -> Partition:
    """The network's on-chip populations on as few cores as found, every limit kept.

    `nets`: those into each population on chip (`resources.into_chip`), where they are known.

    Raises FindingsError: NC405 for every neuron that exceeds an empty core, NC406 for populations
    that need more configuration entries than a core has, NC410 when the target's largest system
    has too few cores.
    """
    nets = nets or into_chip(network)
    bound = max(bounds(network, target, nets).cores.values())
    if bound > target.total_cores:
        _raise(list(indivisible(network, target, nets)))
        raise FindingsError(_too_many_cores(bound, bound, target))
    result = fill(network, nets, target)
    if len(result.cores) > target.total_cores:
        raise FindingsError(_too_many_cores(len(result.cores), bound, target))
    return result


def fill(network: Network, nets: Mapping[str, Incoming], target: LoihiTarget) -> Partition:
    """A partition on any number of cores. `nets`: those into the populations on chip.

    Raises FindingsError: NC405 for every neuron that exceeds an empty core.
    """
    _raise(list(indivisible(network, target, nets)))
    filling = _Filling(network, nets, target)
    for group in reversed(groups(network)):
        filling.fill_group(group)
    _raise(list(filling.findings.values()))
    return filling.partition()


@dataclass(frozen=True, eq=False)
class _Part:
    """One population in one order, cut into cores."""

    order_name: str
    order: Ints
    cuts: Ints  # [cores + 1] positions in the order
    usage: Ints  # [cores, resources] in the order of UNITS
    reach: Ints  # [nets] cores that each net reaches


@dataclass(eq=False)
class _Filling:
    """Parts chosen so far, and how many cores each net of each projection reaches."""

    network: Network
    nets: Mapping[str, Incoming]
    target: LoihiTarget
    parts: dict[str, _Part] = field(default_factory=dict)
    cycle_reach: dict[str, Ints] = field(default_factory=dict)  # reach in the cycle being filled
    findings: dict[str, Diagnostic] = field(default_factory=dict)  # by population

    def fill_group(self, group: Sequence[Population]) -> None:
        """Fill populations that form a cycle, or a single one, last to first."""
        names = {p.name for p in group}
        if any(p.source in names for name in names for p in self.network.into(name)):
            self.cycle_reach = {n: _pin_counts(self.nets[n]).clip(max=1) for n in names}
        for attempt in range(ROUNDS + 1):
            for population in reversed(group):
                self.parts[population.name] = self._fill(population)
            reach = {n: self.parts[n].reach for n in self.cycle_reach}
            if all(np.all(reach[n] <= self.cycle_reach[n]) for n in reach):
                break
            if attempt + 1 == ROUNDS:
                reach = {n: _pin_counts(self.nets[n]) for n in reach}
            self.cycle_reach = {n: np.maximum(self.cycle_reach[n], reach[n]) for n in reach}
        self.cycle_reach = {}

    def partition(self) -> Partition:
        """All parts, producers first, the last cores of populations shared where they fit."""
        pieces: list[list[CoreSlice]] = []
        shared = _Sharing(self.target)
        for population in (p for group in groups(self.network) for p in group):
            part, name = self.parts[population.name], population.name
            slices = [CoreSlice(name, a, b) for a, b in pairwise(part.cuts.tolist())]
            pieces.extend([s] for s in slices[:-1])
            home = shared.home(len(pieces), CoreUsage(*part.usage[-1].tolist()),
                               entries(self.network, population))
            if home == len(pieces):
                pieces.append([])
            pieces[home].append(slices[-1])
        return Partition({p.name: self.parts[p.name].order for p in on_chip(self.network)},
                         {p.name: self.parts[p.name].order_name for p in on_chip(self.network)},
                         tuple(tuple(core) for core in pieces))

    def _fill(self, population: Population) -> _Part:
        out_axons = self._out_axons(population)
        self._check(population, out_axons)
        nets, limits = self.nets[population.name], capacity(self.target)
        if nets.shared:
            boxes = self._boxes(population, out_axons)
            if boxes is not None:
                return boxes
        lists = tables_without_sharing(self.target, min(limits.neurons, population.size) + 1)
        pins = nets.pins
        arrays = (pins.indptr.astype(np.int64), pins.indices.astype(np.int32), nets.multiplicity,
                  nets.form, np.diff(lists), out_axons, np.array(astuple(limits), np.int64))
        parts: list[_Part] = []
        for name in candidates(population.shape):
            order = neuron_order(population.shape, name)
            parts.append(_Part(name, order, *_fill(order, *arrays)))
            if len(parts[-1].usage) == 1:
                break  # neither cores nor messages can be fewer
        return min(parts, key=lambda part: (
            len(part.usage) + MESSAGE_WEIGHT * float(part.reach @ nets.multiplicity)))

    def _boxes(self, population: Population, out_axons: Ints) -> _Part | None:
        """The best boxes that keep all limits; None where there are none."""
        nets, limits = self.nets[population.name], np.array(astuple(capacity(self.target)))
        for name in tilings(population, nets, self.target, out_axons):
            order, sizes = neuron_order(population.shape, name), tile_sizes(population.shape, name)
            core_of = np.empty(population.size, np.int64)
            core_of[order] = np.repeat(np.arange(len(sizes)), sizes)
            usage, reach = core_amounts(population, nets, core_of, len(sizes), self.target)
            usage[:, 2] = np.bincount(core_of, out_axons, len(sizes)).astype(np.int64)
            if np.all(usage <= limits):
                return _Part(name, order, np.concatenate([[0], np.cumsum(sizes)]), usage, reach)
        return None

    def _out_axons(self, population: Population) -> Ints:
        total = np.zeros(population.size, np.int64)
        for projection in self.network.out_of(population.name):
            if projection.target in self.nets:
                total += self._reach(projection)[_of_source(self.nets, projection)]
        return total

    def _reach(self, projection: Projection) -> Ints:
        name = projection.target
        return self.cycle_reach[name] if name in self.cycle_reach else self.parts[name].reach

    def _check(self, population: Population, out_axons: Ints) -> None:
        largest, limit = int(out_axons.max(initial=0)), self.target.core.output_axons.value
        self.findings.pop(population.name, None)
        if largest > limit:
            self.findings[population.name] = neuron_exceeds(
                population, self.target, "output_axons", largest, None,
                "it sends to that many cores as its targets are partitioned here")


@dataclass(eq=False)
class _Sharing:
    """Partly filled cores, which the last cores of populations share where all limits allow."""

    target: LoihiTarget
    usage: dict[int, CoreUsage] = field(default_factory=dict)
    entries: dict[int, list[Entries]] = field(default_factory=dict)

    def home(self, new: int, usage: CoreUsage, own: Entries) -> int:
        """The core that takes a part in: the last with room, or the new one."""
        limits, most_entries = capacity(self.target), configuration_limits(self.target)
        core = next((k for k in reversed(self.usage) if (self.usage[k] + usage).fits(limits) and
                      within(together([*self.entries[k], own]), most_entries)), new)
        self.usage[core] = self.usage.get(core, CoreUsage()) + usage
        self.entries.setdefault(core, []).append(own)
        return core


def _of_source(nets: Mapping[str, Incoming], projection: Projection) -> Ints:
    return next(of for p, of in nets[projection.target].sources if p is projection)


def _pin_counts(nets: Incoming) -> Ints:
    """Pins of each net: no net reaches more cores."""
    return np.bincount(nets.pins.indices, minlength=nets.pins.shape[1]).astype(np.int64)


def _too_many_cores(cores: int, bound: int, target: LoihiTarget) -> Diagnostic:
    limit = target.total_cores
    proof = "no mapping can fit" if bound > limit else "not proved: a better mapping may fit"
    return Diagnostic("NC410", values={"needed": cores, "bound": bound, "target": target.name,
                                       "limit": limit}, notes=(proof,))


def _raise(findings: Sequence[Diagnostic]) -> None:
    if findings:
        raise FindingsError(*findings)


@numba.njit(cache=True)
def _fill(order: Ints, ptr: Ints, ids: NDArray[np.int32], multiplicity: Ints,
          form: NDArray[np.int8], growth: Ints, out_axons: Ints,
          limits: Ints) -> tuple[Ints, Ints, Ints]:
    """Fill cores in that order; a neuron that does not fit opens the next core.

    Returns cuts, usage and reach of a `_Part`. `growth[f, c]` is what a list of form f and c
    synapses grows by with one more; limits are in the order of UNITS.
    """
    cuts = np.zeros(len(order) + 1, np.int64)
    usage = np.zeros((len(order), 4), np.int64)
    reach = np.zeros(len(multiplicity), np.int64)
    stamp = np.full(len(multiplicity), -1, np.int64)  # the last core that saw the net
    list_pins = np.zeros(len(multiplicity), np.int64)  # its pins in that core
    core = neurons = axons = out = bits = 0
    for place in range(len(order)):
        v = order[place]
        while True:  # at most twice: an empty core takes any neuron
            more_axons = more_bits = 0
            for e in ids[ptr[v]:ptr[v + 1]]:
                pins = list_pins[e] if stamp[e] == core else 0
                more_bits += multiplicity[e] * growth[form[e], pins]
                if pins == 0:
                    more_axons += multiplicity[e]
            if neurons == 0 or (
                    neurons < limits[0] and axons + more_axons <= limits[1]
                    and out + out_axons[v] <= limits[2] and bits + more_bits <= limits[3]):
                break
            core += 1
            cuts[core] = place
            neurons = axons = out = bits = 0
        for e in ids[ptr[v]:ptr[v + 1]]:
            if stamp[e] == core:
                list_pins[e] += 1
            else:
                stamp[e], list_pins[e] = core, 1
                reach[e] += 1
        neurons += 1
        axons += more_axons
        out += out_axons[v]
        bits += more_bits
        usage[core] = neurons, axons, out, bits
    cuts[core + 1] = len(order)
    return cuts[:core + 2].copy(), usage[:core + 1].copy(), reach
