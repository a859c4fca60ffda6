"""Anneal: swaps of cores, and moves into free slots, that shorten the way of messages.

Every call draws the same random numbers, and work is bounded by moves, not by time, so equal
input gives equal output. A graph is symmetric messages in compressed rows (`ptr, ids, weight`);
`x, y` are the coordinates of slots that count for the way; `column, row` say where a slot is in
`grid`, which holds -1 where there is none.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SEED = 88172645463325252  # of xorshift64 (Marsaglia 2003): any number but 0


@numba.njit(cache=True)
def way(ptr: Ints, ids: Ints, weight: Floats, at: Ints, x: Ints, y: Ints) -> float:
    """Sum over pairs of cores of messages times distance."""
    total = 0.0
    for u in range(len(at)):
        for k in range(ptr[u], ptr[u + 1]):
            a, b = at[u], at[ids[k]]
            total += weight[k] * (abs(x[a] - x[b]) + abs(y[a] - y[b]))
    return total / 2


@numba.njit(cache=True)
def anneal(ptr: Ints, ids: Ints, weight: Floats, at: Ints, x: Ints, y: Ints, column: Ints,
           row: Ints, grid: Ints, moves: int, hot: float, cold: float) -> Ints:
    """The slot of each core after `moves` tries, from slots `at`.

    Simulated annealing: temperatures fall geometrically from `hot` to `cold`; a core's new slot
    is drawn from a window around its old one that shrinks with time.
    """
    at, holder = at.copy(), holders(at, len(x))
    rows, columns = grid.shape
    heat, cooling = hot, (cold / hot) ** (1.0 / max(moves, 1))
    state = np.uint64(SEED)
    for move in range(moves):
        heat *= cooling
        reach = max(1, max(rows, columns) * (moves - move) // moves)
        state = draw(state)
        u = below(state, len(at))
        s = at[u]
        west, low = max(0, column[s] - reach), max(0, row[s] - reach)
        state = draw(state)
        across = below(state, min(columns - 1, column[s] + reach) - west + 1)
        state = draw(state)
        t = grid[low + below(state, min(rows - 1, row[s] + reach) - low + 1), west + across]
        if t < 0 or t == s:
            continue
        change = swap_change(ptr, ids, weight, at, x, y, u, holder[t], t)
        if change > 0:
            state = draw(state)
            if below(state, 1 << 30) >= np.exp(-change / heat) * (1 << 30):
                continue
        swap(at, holder, u, t)
    return at


@numba.njit(cache=True)
def pull(ptr: Ints, ids: Ints, weight: Floats, at: Ints, x: Ints, y: Ints, column: Ints,
         row: Ints, grid: Ints, sweeps: int) -> Ints:
    """The slot of each core after `sweeps` over all cores, from slots `at`.

    Force-directed: each core goes to the one of nine slots around its partners' center of gravity
    that shortens the way most, if one does.
    """
    at, holder = at.copy(), holders(at, len(x))
    rows, columns = grid.shape
    for _ in range(sweeps):
        progress = False
        for u in range(len(at)):
            total = across = down = 0.0
            for k in range(ptr[u], ptr[u + 1]):
                total += weight[k]
                across += weight[k] * column[at[ids[k]]]
                down += weight[k] * row[at[ids[k]]]
            if total == 0:
                continue
            middle, center, best, least = int(down / total), int(across / total), -1, -1e-9 * total
            for j in range(max(0, middle - 1), min(rows, middle + 2)):
                for i in range(max(0, center - 1), min(columns, center + 2)):
                    t = grid[j, i]
                    if t >= 0 and t != at[u]:
                        change = swap_change(ptr, ids, weight, at, x, y, u, holder[t], t)
                        if change < least:
                            best, least = t, change
            if best >= 0:
                swap(at, holder, u, best)
                progress = True
        if not progress:
            break
    return at


@numba.njit(cache=True)
def holders(at: Ints, n_slots: int) -> Ints:
    """The core in each slot, -1 in free ones."""
    holder = np.full(n_slots, -1, np.int64)
    holder[at] = np.arange(len(at))
    return holder


@numba.njit(cache=True)
def swap(at: Ints, holder: Ints, u: int, t: int) -> None:
    """Core u goes to slot t; the core that is there takes its slot."""
    s, v = at[u], holder[t]
    at[u], holder[t], holder[s] = t, u, v
    if v >= 0:
        at[v] = s


@numba.njit(cache=True)
def draw(state: np.uint64) -> np.uint64:
    """The next state of xorshift64."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@numba.njit(cache=True)
def below(state: np.uint64, limit: int) -> int:
    """A number from 0 to below `limit`, at most 2^31, from the state's upper half."""
    return int(np.int64(((state >> np.uint64(33)) * np.uint64(limit)) >> np.uint64(31)))


@numba.njit(cache=True)
def swap_change(ptr: Ints, ids: Ints, weight: Floats, at: Ints, x: Ints, y: Ints, u: int, v: int,
                t: int) -> float:
    """What the way grows by when core u goes to slot t and core v (-1: none) from there to its."""
    s = at[u]
    change = 0.0
    for k in range(ptr[u], ptr[u + 1]):
        if ids[k] != v:
            o = at[ids[k]]
            change += weight[k] * (abs(x[t] - x[o]) + abs(y[t] - y[o])
                                   - abs(x[s] - x[o]) - abs(y[s] - y[o]))
    if v >= 0:
        for k in range(ptr[v], ptr[v + 1]):
            if ids[k] != u:
                o = at[ids[k]]
                change += weight[k] * (abs(x[s] - x[o]) + abs(y[s] - y[o])
                                       - abs(x[t] - x[o]) - abs(y[t] - y[o]))
    return change
