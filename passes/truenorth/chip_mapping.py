"""The mapping of a core network, as reports of any chip read it: slices, places, messages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.mapping import ChipMapping, CoreSlice, Partition, Placement
from neurocompile.passes.placing.route import route_traffic
from neurocompile.passes.placing.traffic import Traffic
from neurocompile.passes.truenorth.core_network import NOWHERE, CoreNetwork
from neurocompile.passes.truenorth.core_places import crossbar_traffic
from neurocompile.semantics.truenorth import NEURONS
from neurocompile.target.truenorth import TrueNorthTarget

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def chip_mapping(network: CoreNetwork, target: TrueNorthTarget, rate: Floats | None = None,
                 inputs: Mapping[str, Floats] | None = None) -> ChipMapping:
    """Partition, places and traffic. Neurons that repeat others are in no slice.

    `rate`: spikes per tick of the model [cores, slots], and those of each `inputs` by element;
    without them everything is taken to spike in every tick.
    """
    partition, placement = _partition(network), Placement(network.places)
    spikes = np.ones((len(network.cores), NEURONS)) if rate is None else rate
    between = crossbar_traffic(network.cores, spikes, rate is not None)
    cores, axons, messages = _entering(network, inputs or {})
    traffic = Traffic(
        len(network.cores), np.concatenate([np.full(len(cores), -1), between.source]),
        np.concatenate([cores, between.destination]), np.concatenate([axons, between.axons]),
        np.concatenate([messages, between.messages]), between.measured)
    return ChipMapping(partition, placement, route_traffic(traffic, placement, target))


def _partition(network: CoreNetwork) -> Partition:
    """Each population's neurons by core and slot, and the runs of them that a core holds."""
    orders, names = {}, {}
    pieces: list[list[CoreSlice]] = [[] for _ in range(len(network.cores))]
    for table in network.populations:
        order = np.lexsort((table.slot, table.core))
        orders[table.name], names[table.name] = order, "cores"
        cores, first, count = np.unique(table.core[order], return_index=True, return_counts=True)
        for core, start, size in zip(cores.tolist(), first.tolist(), count.tolist(), strict=True):
            pieces[core].append(CoreSlice(table.name, start, start + size))
    return Partition(orders, names, tuple(map(tuple, pieces)))


def _entering(network: CoreNetwork, rates: Mapping[str, Floats]) -> tuple[Ints, Ints, Floats]:
    """Cores that the host sends to, with the axons that it sets and its messages per tick."""
    n = len(network.cores)
    axons, messages = np.zeros(n, np.int64), np.zeros(n)
    for table in network.inputs:
        rate = rates[table.name][table.element] if table.name in rates else np.ones(len(table.core))
        axons += np.bincount(table.core, minlength=n)
        messages += np.bincount(table.core, rate, n)
    cores = np.flatnonzero(axons)
    return cores, axons[cores], messages[cores]


def usage(network: CoreNetwork) -> tuple[Ints, Ints]:
    """Neurons and axons of each core that do something."""
    cores, n = network.cores, len(network.cores)
    slots = cores.target_core != NOWHERE
    for table in network.populations:
        slots[table.core, table.slot] = True
    source = cores.target_core >= 0
    pairs = [(cores.target_core[source], cores.target_axon[source]),
             *((table.core, table.axon) for table in network.inputs)]
    rows, columns = (np.concatenate([pair[k] for pair in pairs]).astype(np.int64) for k in (0, 1))
    reach = sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, NEURONS))
    reach.sum_duplicates()
    return slots.sum(axis=1).astype(np.int64), np.diff(reach.indptr).astype(np.int64)


def splitters(network: CoreNetwork) -> Ints:
    """Numbers of the cores that only repeat spikes."""
    has_population = np.zeros(len(network.cores), np.bool_)
    for table in network.populations:
        has_population[table.core] = True
    return np.flatnonzero(~has_population).astype(np.int64)
