"""What every core and every population of a partition takes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Network, Population
from neurocompile.passes.loihi.resources.amounts import (
    UNITS,
    CoreUsage,
    PopulationUsage,
    Usage,
    capacity,
)
from neurocompile.passes.loihi.resources.bounds import bounds
from neurocompile.passes.loihi.resources.configurations import entries, together
from neurocompile.passes.loihi.resources.lists import shared_bits, tables
from neurocompile.passes.placing.nets import Incoming, into_chip, pins_per_core
from neurocompile.target.loihi import LoihiTarget

Ints = NDArray[np.int64]


def on_chip(network: Network) -> list[Population]:
    """Populations that take cores."""
    return [p for p in network.populations if not p.on_host]


def n_synapses(network: Network) -> int:
    """Synapses that are stored on chip, were none shared."""
    return sum(_synapses(network, p) for p in on_chip(network))


def count(network: Network, partition: Partition, target: LoihiTarget) -> Usage:
    """What every core and every on-chip population of a partition takes."""
    core_of, n_cores = partition.assignment(), len(partition.cores)
    nets = into_chip(network)
    amounts: dict[str, Ints] = {}
    reach: dict[str, Ints] = {}
    for population in on_chip(network):
        name = population.name
        amounts[name], reach[name] = core_amounts(population, nets[name], core_of[name], n_cores,
                                             target)
    for name, into in nets.items():
        for projection, of_source in into.sources:
            if projection.source in amounts:
                amounts[projection.source][:, 2] += np.bincount(
                    core_of[projection.source], weights=reach[name][of_source],
                    minlength=n_cores).astype(np.int64)
    total = sum(amounts.values(), np.zeros((n_cores, len(UNITS)), np.int64))
    least, limits = bounds(network, target, nets).least, capacity(target)
    return Usage(
        limits, tuple(CoreUsage(*row) for row in total.tolist()),
        tuple(_population(network, p, amounts[p.name], least[p.name], limits)
              for p in on_chip(network)), _configurations(network, partition))


def core_amounts(population: Population, nets: Incoming, core_of: Ints, n_cores: int,
          target: LoihiTarget) -> tuple[Ints, Ints]:
    """[cores, resources] in the order of UNITS, without output axons; cores that each net reaches.

    Where lists are shared, each core holds a box of the population.
    """
    pins = pins_per_core(nets, core_of, n_cores)
    bits = tables(target, int(pins.data.max(initial=0)))
    amounts = np.zeros((n_cores, len(UNITS)), np.int64)
    amounts[:, 0] = np.bincount(core_of, minlength=n_cores)
    amounts[:, 1] = _row_sums(pins, nets.multiplicity[pins.indices])
    amounts[:, 3] = _row_sums(pins, nets.multiplicity[pins.indices]
                            * bits[nets.form[pins.indices], pins.data])
    if nets.shared:
        amounts[:, 3] += _shared(population, nets, core_of, n_cores, target)
    return amounts, np.bincount(pins.indices, minlength=pins.shape[1]).astype(np.int64)


def _shared(population: Population, nets: Incoming, core_of: Ints, n_cores: int,
            target: LoihiTarget) -> Ints:
    """Bits of shared lists on each core."""
    grid = np.indices(population.shape).reshape(3, -1)
    first, last = np.full((3, n_cores), np.iinfo(np.int64).max), np.full((3, n_cores), -1)
    for axis in range(3):
        np.minimum.at(first[axis], core_of, grid[axis])
        np.maximum.at(last[axis], core_of, grid[axis])
    box_bits: dict[tuple[tuple[int, int], ...], int] = {}
    shared = [p for p, _ in nets.sources if p.encoding == "shared"]
    bits = np.zeros(n_cores, np.int64)
    for core in np.flatnonzero(last[0] >= 0).tolist():
        box = tuple((int(first[a, core]), int(last[a, core]) + 1) for a in range(3))
        if box not in box_bits:
            box_bits[box] = sum(shared_bits(p, box, target) for p in shared)
        bits[core] = box_bits[box]
    return bits


def _population(network: Network, population: Population, amounts: Ints, least: CoreUsage,
                limits: CoreUsage) -> PopulationUsage:
    return PopulationUsage(
        population.name, _synapses(network, population), int(np.count_nonzero(amounts[:, 0])),
        CoreUsage(*amounts.sum(axis=0).tolist()), least, least.cores(limits))


def _configurations(network: Network, partition: Partition) -> tuple[Mapping[str, int], ...]:
    by_population = {p.name: entries(network, p) for p in on_chip(network)}
    counts: dict[frozenset[str], dict[str, int]] = {}
    rows = []
    for pieces in partition.cores:
        names = frozenset(piece.population for piece in pieces)
        if names not in counts:
            counts[names] = together(by_population[name] for name in names)
        rows.append(counts[names])
    return tuple(rows)


def _synapses(network: Network, population: Population) -> int:
    return sum(p.operator.n_synapses for p in network.into(population.name))


def _row_sums(matrix: sp.csr_array, values: Ints) -> Ints:
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.asarray(total[matrix.indptr[1:]] - total[matrix.indptr[:-1]], np.int64)
