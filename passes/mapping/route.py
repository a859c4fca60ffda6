"""Route: which cores send to which, and over which links of the mesh.

Chips stand side by side, so that a message runs first along its row, over chip borders where it
must, then along its column. Messages from off-chip sources are listed; where they enter the mesh
is not modeled, so they take no hops and load no link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Network
from neurocompile.mapping import Partition, Placement, Routing
from neurocompile.resources import incoming, on_chip, pins_per_core
from neurocompile.target import Target

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rates = Mapping[str, float | Floats]


def route(network: Network, partition: Partition, placement: Placement, target: Target,
          rates: Rates | None = None) -> Routing:
    """All routes. `rates`: spikes per neuron and tick of populations and inputs, where measured.

    A source without a rate is taken to spike in every tick.
    """
    axons, messages = _traffic(network, partition, rates or {})
    source, destination = axons.row.astype(np.int64) - 1, axons.col.astype(np.int64)
    width = target.chip.grid_width.value
    column, row = _coordinates(placement, width)
    on_mesh = source >= 0
    a, b = source[on_mesh], destination[on_mesh]
    hops = np.zeros(len(source), np.int64)
    hops[on_mesh] = np.abs(column[a] - column[b]) + np.abs(row[a] - row[b])
    load = _link_load(column[a], row[a], column[b], row[b], messages[on_mesh], width)
    used = {p.source for p in network.projections if p.target in partition.orders}
    return Routing(source, destination, axons.data.astype(np.int64), messages, hops, load,
                   measured=rates is not None and used <= set(rates))


def _traffic(network: Network, partition: Partition,
             rates: Rates) -> tuple[sp.coo_array, Floats]:
    """Output axons and messages per tick, [1 + source core (0: off chip), destination core]."""
    core_of, n_cores = partition.assignment(), len(partition.cores)
    axons = sp.csr_array((n_cores + 1, n_cores), dtype=np.float64)
    messages = axons
    for population in on_chip(network):
        nets = incoming(network, population)
        reached = pins_per_core(nets, core_of[population.name], n_cores)
        reached.data = np.ones(len(reached.data))
        for projection, of_source in nets.sources:
            size = len(of_source)
            home = core_of.get(projection.source, np.full(size, -1, np.int64)) + 1
            shape = (n_cores + 1, reached.shape[1])
            rate = np.broadcast_to(np.asarray(rates.get(projection.source, 1.0)).reshape(-1), size)
            axons = axons + sp.csr_array((np.ones(size), (home, of_source)), shape) @ reached.T
            messages = messages + sp.csr_array((rate, (home, of_source)), shape) @ reached.T
    axons.sort_indices()
    listed = axons.tocoo()
    if not listed.nnz:  # scipy's fancy indexing of nothing gives a sparse array
        return listed, np.zeros(0)
    return listed, np.asarray(messages.tocsr()[listed.row, listed.col]).reshape(-1)


def _coordinates(placement: Placement, width: int) -> tuple[Ints, Ints]:
    """Column and row of each core in the strip of chips."""
    at = np.array([(c.chip * width + c.x, c.y) for c in placement.cores], np.int64).reshape(-1, 2)
    return at[:, 0], at[:, 1]


def _link_load(ax: Ints, ay: Ints, bx: Ints, by: Ints, messages: Floats,
               width: int) -> dict[str, float]:
    """Messages per tick on each directed link that is used: along row `ay`, then column `bx`."""
    columns = int(max(ax.max(initial=0), bx.max(initial=0))) + 1
    rows = int(max(ay.max(initial=0), by.max(initial=0))) + 1
    load: dict[str, float] = {}
    for step in (1, -1):
        for y, x, sent in _runs(ay, ax, bx, messages, step, (rows, columns)):
            load[_link(x, y, x + step, y, width)] = sent
        for x, y, sent in _runs(bx, ay, by, messages, step, (columns, rows)):
            load[_link(x, y, x, y + step, width)] = sent
    return load


def _runs(line: Ints, start: Ints, stop: Ints, messages: Floats, step: int,
          shape: tuple[int, int]) -> Iterator[tuple[int, int, float]]:
    """(line, position, messages) of each link in direction `step` that is used."""
    going = (stop - start) * step > 0
    change = np.zeros((2, *shape))  # routes, which are exact, and messages
    for layer, amount in zip(change, (np.ones(len(line)), messages), strict=True):
        np.add.at(layer, (line[going], start[going]), amount[going])
        np.add.at(layer, (line[going], stop[going]), -amount[going])
    routes, sent = np.cumsum(change[:, :, ::step], axis=2)[:, :, ::step]
    used = np.argwhere(routes > 0)
    for (at, position), amount in zip(used.tolist(), sent[routes > 0].tolist(), strict=True):
        yield at, position, max(amount, 0.0)


def _link(ax: int, ay: int, bx: int, by: int, width: int) -> str:
    return f"{ax // width}:{ax % width},{ay}>{bx // width}:{bx % width},{by}"
