"""Relieve: swaps of cores that take load from busy links of the mesh.

Messages go along their row, then along their column. `load[d]` holds the messages on the links
out of each cell (row, column) in direction d: right, left, down, up. A graph is stored as in
`anneal`, with the messages of each pair apart: `outward` from the row's core, `inward` to it.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.placing.anneal import SEED, below, draw, holders, swap, swap_change

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@numba.njit(cache=True)
def link_loads(ptr: Ints, ids: Ints, outward: Floats, at: Ints, column: Ints, row: Ints,
               rows: int, columns: int) -> Floats:
    """Load of every link, [4 directions, rows, columns]."""
    load = np.zeros((4, rows, columns))
    for u in range(len(at)):
        for k in range(ptr[u], ptr[u + 1]):
            a, b = at[u], at[ids[k]]
            _send(load, column[a], row[a], column[b], row[b], outward[k])
    return load


@numba.njit(cache=True)
def relieve(ptr: Ints, ids: Ints, outward: Floats, inward: Floats, at: Ints, x: Ints, y: Ints,
            column: Ints, row: Ints, grid: Ints, tries: int, price: float) -> Ints:
    """The slot of each core after `tries` swaps of near slots, each kept if it pays.

    A swap pays if it lessens the way plus `price` times the sum of squared link loads, over that
    sum per message and link at the beginning.
    """
    at, holder, weight = at.copy(), holders(at, len(x)), outward + inward
    load = link_loads(ptr, ids, outward, at, column, row, *grid.shape)
    price = price * load.sum() / max((load * load).sum(), 1e-300)
    state = np.uint64(SEED)
    for _ in range(tries):
        state = draw(state)
        u = below(state, len(at))
        state = draw(state)
        j = row[at[u]] + below(state, 5) - 2
        state = draw(state)
        i = column[at[u]] + below(state, 5) - 2
        if j < 0 or i < 0 or j >= grid.shape[0] or i >= grid.shape[1] or grid[j, i] < 0:
            continue
        s, t = at[u], grid[j, i]
        v = holder[t]
        if s == t:
            continue
        change = swap_change(ptr, ids, weight, at, x, y, u, v, t)
        change += price * _resend(ptr, ids, outward, inward, at, column, row, load, u, v, -1.0)
        swap(at, holder, u, t)
        change += price * _resend(ptr, ids, outward, inward, at, column, row, load, u, v, 1.0)
        if change >= 0:
            _resend(ptr, ids, outward, inward, at, column, row, load, u, v, -1.0)
            swap(at, holder, u, s)
            _resend(ptr, ids, outward, inward, at, column, row, load, u, v, 1.0)
    return at


@numba.njit(cache=True)
def _resend(ptr: Ints, ids: Ints, outward: Floats, inward: Floats, at: Ints, column: Ints,
            row: Ints, load: Floats, u: int, v: int, sign: float) -> float:
    """Add (or, sign -1, take) all messages of u and v; what the sum of squares grows by."""
    total = 0.0
    for core in (u, v):
        if core < 0:
            continue
        a = at[core]
        for k in range(ptr[core], ptr[core + 1]):
            if core == v and ids[k] == u:
                continue  # once
            b = at[ids[k]]
            if outward[k] != 0:
                total += _send(load, column[a], row[a], column[b], row[b], sign * outward[k])
            if inward[k] != 0:
                total += _send(load, column[b], row[b], column[a], row[a], sign * inward[k])
    return total


@numba.njit(cache=True)
def _send(load: Floats, x: int, y: int, to_x: int, to_y: int, messages: float) -> float:
    """Load the links of one route; what the sum of squared loads grows by."""
    total = 0.0
    for direction, step, start, stop in ((0, 1, x, to_x), (1, -1, x, to_x)):
        for i in range(start, stop, step):
            total += messages * (2 * load[direction, y, i] + messages)
            load[direction, y, i] += messages
    for direction, step, start, stop in ((2, 1, y, to_y), (3, -1, y, to_y)):
        for j in range(start, stop, step):
            total += messages * (2 * load[direction, j, to_x] + messages)
            load[direction, j, to_x] += messages
    return total
