"""Route: which cores send to which, and over which links of the mesh.

A message runs first along its row of the board, over chip borders where it must, then along its
column (dimension order: no deadlock). Messages from off-chip sources are listed; where they enter
the mesh is not modeled, so they take no hops and load no link.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.mapping import Partition, Placement, Routing
from neurocompile.ir.network import Network
from neurocompile.passes.placing.mesh import Mesh
from neurocompile.passes.placing.traffic import Rates, Traffic, core_traffic
from neurocompile.target import Target

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def route(network: Network, partition: Partition, placement: Placement, target: Target,
          rates: Rates | None = None) -> Routing:
    """All routes. `rates` as those of `core_traffic`."""
    return route_traffic(core_traffic(network, partition, rates), placement, target)


def route_traffic(traffic: Traffic, placement: Placement, target: Target) -> Routing:
    """The routes of known traffic."""
    mesh, messages = Mesh.of(target), traffic.messages
    column, row = mesh.position(placement.cores)
    on_mesh = traffic.source >= 0
    a, b = traffic.source[on_mesh], traffic.destination[on_mesh]
    hops = np.zeros(len(messages), np.int64)
    hops[on_mesh] = np.abs(column[a] - column[b]) + np.abs(row[a] - row[b])
    load = _link_loads(column[a], row[a], column[b], row[b], messages[on_mesh], mesh)
    return Routing(traffic.source, traffic.destination, traffic.axons, messages, hops, load,
                   measured=traffic.measured)


def _link_loads(ax: Ints, ay: Ints, bx: Ints, by: Ints, messages: Floats,
                mesh: Mesh) -> dict[str, float]:
    """Messages per tick on each directed link that is used: along row `ay`, then column `bx`."""
    columns = int(max(ax.max(initial=0), bx.max(initial=0))) + 1
    rows = int(max(ay.max(initial=0), by.max(initial=0))) + 1
    load: dict[str, float] = {}
    for step in (1, -1):
        for y, x, amount in _runs(ay, ax, bx, messages, step, (rows, columns)):
            load[_link(x, y, x + step, y, mesh)] = amount
        for x, y, amount in _runs(bx, ay, by, messages, step, (columns, rows)):
            load[_link(x, y, x, y + step, mesh)] = amount
    return load


def _runs(line: Ints, start: Ints, stop: Ints, messages: Floats, step: int,
          shape: tuple[int, int]) -> Iterator[tuple[int, int, float]]:
    """(line, position, messages) of each link in direction `step` that is used."""
    going = (stop - start) * step > 0
    change = np.zeros((2, *shape))  # routes, which are exact, and messages
    for layer, amount in zip(change, (np.ones(len(line)), messages), strict=True):
        np.add.at(layer, (line[going], start[going]), amount[going])
        np.add.at(layer, (line[going], stop[going]), -amount[going])
    routes, load = np.cumsum(change[:, :, ::step], axis=2)[:, :, ::step]
    links = np.argwhere(routes > 0)
    for (at, position), amount in zip(links.tolist(), load[routes > 0].tolist(), strict=True):
        yield at, position, max(amount, 0.0)


def _link(ax: int, ay: int, bx: int, by: int, mesh: Mesh) -> str:
    a, b = mesh.core(ax, ay), mesh.core(bx, by)
    return f"{a.chip}:{a.x},{a.y}>{b.chip}:{b.x},{b.y}"
