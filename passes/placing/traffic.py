"""Traffic: how many messages each core sends to each, before anything is placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Network
from neurocompile.passes.placing.nets import Incoming, into_chip, pins_per_core

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rates = Mapping[str, float | Floats]


@dataclass(frozen=True, eq=False)
class Traffic:
    """Pairs of cores that talk, by source, then destination; fields as those of `Routing`."""

    n_cores: int
    source: Ints
    destination: Ints
    axons: Ints
    messages: Floats
    measured: bool


def core_traffic(network: Network, partition: Partition, rates: Rates | None = None,
                 nets: Mapping[str, Incoming] | None = None) -> Traffic:
    """The traffic of a partition. `rates`: spikes per neuron and tick, where measured.

    Rates are those of populations and inputs, by name. A source without one is taken to spike in
    every tick. `nets`: those into each population on chip, where they are known.
    """
    axons, messages = _per_pair(nets or into_chip(network), partition, rates or {})
    sources = {p.source for p in network.projections if p.target in partition.orders}
    return Traffic(len(partition.cores), axons.row.astype(np.int64) - 1,
                   axons.col.astype(np.int64), axons.data.astype(np.int64), messages,
                   measured=rates is not None and sources <= set(rates))


def _per_pair(into: Mapping[str, Incoming], partition: Partition,
              rates: Rates) -> tuple[sp.coo_array, Floats]:
    """Output axons and messages per tick, [1 + source core (0: off chip), destination core]."""
    core_of, n_cores = partition.assignment(), len(partition.cores)
    axons = sp.csr_array((n_cores + 1, n_cores), dtype=np.float64)
    messages = axons
    for name, nets in into.items():
        reach = pins_per_core(nets, core_of[name], n_cores)
        reach.data = np.ones(len(reach.data))
        for projection, of_source in nets.sources:
            size = len(of_source)
            home = core_of.get(projection.source, np.full(size, -1, np.int64)) + 1
            shape = (n_cores + 1, reach.shape[1])
            rate = np.broadcast_to(np.asarray(rates.get(projection.source, 1.0)).reshape(-1), size)
            axons = axons + sp.csr_array((np.ones(size), (home, of_source)), shape) @ reach.T
            messages = messages + sp.csr_array((rate, (home, of_source)), shape) @ reach.T
    axons.sort_indices()
    pairs = axons.tocoo()
    if not pairs.nnz:  # scipy's fancy indexing of nothing gives a sparse array
        return pairs, np.zeros(0)
    return pairs, np.asarray(messages.tocsr()[pairs.row, pairs.col]).reshape(-1)
