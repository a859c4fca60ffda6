"""Second moments of what multiplies a projection's weights: what error feedback rests on.

With `x` the patch that a row of weights `w` sees (`patches.py`), the squared error that a change
`d` of the row makes in its currents is `d H d`, where H is the sum of `x x^T` over samples, ticks
and positions. The values are those of the float network's spikes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Array, Operator
from neurocompile.passes.quantization.patches import Layout, layouts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PATCHES = 20_000  # of a block; others are left out, evenly
WIDEST = 1024  # columns of a block; wider rows, for which patches are few, are cut into spans
SPAN = 512
_ENTRIES = 1 << 25  # of all matrices of one population
_CHUNK = 1 << 23  # values of patches at once
_GOLDEN = 2_654_435_769  # 2**32 times the golden section
_BITS = 16  # of a value beside the largest: sums of products are exact, in any order


@dataclass(frozen=True, eq=False)
class Arrival:
    """What reaches a population through one projection.

    `values` [samples, ticks, sources] is what its source sends, with one tick where that is the same
    in all; what was sent in tick t arrives in tick `t + delay`.
    """

    operator: Operator
    values: Array
    delay: int = 0

    def at(self, instants: Ints, n_ticks: int) -> Array:
        """What arrives [instants, sources]; instant `s * n_ticks + t` is tick t of sample s."""
        sample, tick = np.divmod(instants, n_ticks)
        tick = tick - self.delay
        values: Array = self.values[sample, np.maximum(tick, 0) % self.values.shape[1]]
        values[tick < 0] = 0
        return values

    def mean(self, n_ticks: int) -> Floats:
        """What each source delivers on average over samples and ticks."""
        values = self.values
        if values.shape[1] == 1:
            ticks = max(n_ticks - self.delay, 0)
            return np.asarray(values.mean(axis=(0, 1), dtype=np.float64) * (ticks / n_ticks))
        total = values[:, :max(n_ticks - self.delay, 0)].sum(axis=(0, 1), dtype=np.float64)
        return np.asarray(total / (len(values) * n_ticks))


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of weights that see the same patches, and the moments of these.

    `weights` [rows, columns] are numbers in the flat weights of all arrivals, one after the other.
    Where a row was too wide for one matrix, several blocks hold its parts.
    """

    weights: Ints
    outputs: Ints  # [rows, outputs] target neurons that the row feeds; -1 where there is none
    second: Floats  # [columns, columns] sum of x x^T
    total: Floats  # [columns] sum of x
    count: int  # patches in these sums

    @property
    def mean(self) -> Floats:
        """The average patch."""
        return self.total / max(self.count, 1)

    @property
    def power(self) -> Floats:
        """Average of x x^T: the error of currents with their mean."""
        return self.second / max(self.count, 1)

    @property
    def covariance(self) -> Floats:
        """Average of the same around the mean: the error that a bias cannot correct."""
        return self.power - np.outer(self.mean, self.mean)


@dataclass(frozen=True, eq=False)
class _Member:
    """An arrival's rows, and the number of its first weight."""

    arrival: Arrival
    layout: Layout
    first: int

    def grid(self) -> float:
        """The step that values are rounded to; 0 where they need no rounding."""
        largest = float(np.abs(self.arrival.values).max(initial=0)) * self.layout.terms
        exact = np.issubdtype(self.arrival.values.dtype, np.integer) and largest <= 1 << _BITS
        return 0.0 if exact or largest == 0 else 2.0 ** (math.ceil(math.log2(largest)) - _BITS)


def joint_moments(arrivals: Sequence[Arrival], n_ticks: int, patches: int = PATCHES) -> list[Block]:
    """The moments of all that reaches a population, with rows of several projections as one.

    Projections are joint where each feeds the same outputs from a row. At most `patches` patches
    are counted, spread evenly. Weights that are in no block have no structure worth a matrix.
    The sums are exact, hence the same on every machine; values that are not whole are rounded to 16
    bits of the largest before.
    """
    members: dict[tuple[object, ...], list[_Member]] = {}
    first = 0
    for arrival in arrivals:
        for layout in layouts(arrival.operator):
            key = (layout.outputs.shape, layout.outputs.tobytes())
            members.setdefault(key, []).append(_Member(arrival, layout, first))
        first += arrival.operator.weights.size
    blocks: list[Block] = []
    room = _ENTRIES
    for group in members.values():
        entries = _Sums.entries(group)
        if entries <= room:
            room -= entries
            blocks += _Sums(group, n_ticks).blocks(patches)
    return blocks


def moments(arrival: Arrival, n_ticks: int, patches: int = PATCHES) -> list[Block]:
    """The moments of one projection's weights, as `joint_moments` gives them."""
    return joint_moments([arrival], n_ticks, patches)


class _Sums:
    """Adds up the moments of rows that feed the same outputs."""

    def __init__(self, members: Sequence[_Member], n_ticks: int) -> None:
        self.members, self.n_ticks = members, n_ticks
        self.weights = np.concatenate([m.layout.weights + m.first for m in members], axis=2)
        self.outputs = members[0].layout.outputs
        self.spans = _spans(self.weights.shape[2])
        self.steps = [m.grid() for m in members]
        self.accounts = list(self._accounts())

    @staticmethod
    def entries(members: Sequence[_Member]) -> int:
        """Numbers in the matrices, at least."""
        columns = sum(m.layout.columns for m in members)
        return len(members[0].layout.weights) * sum(
            (last - first) ** 2 for first, last in _spans(columns))

    def _accounts(self) -> Iterator[_Account]:
        """Per group, one for its rows with the same outputs at each position."""
        for group, alive in enumerate((self.outputs >= 0).sum(axis=3)):
            shares, member = np.unique(alive, axis=0, return_inverse=True)
            for number, share in enumerate(shares):
                if share.any():
                    yield _Account(group, np.flatnonzero(member.reshape(-1) == number),
                                   share.astype(np.float64), self.spans)

    def blocks(self, patches: int) -> Iterator[Block]:
        """The blocks of all groups and spans."""
        positions = np.flatnonzero((self.outputs >= 0).any(axis=(0, 1, 3)))
        total = len(self.members[0].arrival.values) * self.n_ticks * len(positions)
        for instants, position in self._chunks(_spread(total, patches), positions):
            every, number = np.unique(instants, return_inverse=True)
            values = [m.layout.prepare(m.arrival.at(every, self.n_ticks)) for m in self.members]
            for account in self.accounts:
                account.add(self._patches(values, number, account.group, position), position)
        for account in self.accounts:
            rows = self.weights[account.group, account.rows]
            outputs = self.outputs[account.group, account.rows].reshape(len(rows), -1)
            for second, (first, last) in zip(account.second, self.spans, strict=True):
                yield Block(rows[:, first:last], outputs, second, account.total[first:last],
                            account.count)

    def _chunks(self, picks: Ints, positions: Ints) -> Iterator[tuple[Ints, Ints]]:
        """The instants and positions of so many patches at once."""
        widest = max(m.arrival.operator.in_size for m in self.members)
        size = max(1, _CHUNK // max(self.weights.shape[2], widest // 4))
        for first in range(0, len(picks), size):
            instants, at = np.divmod(picks[first:first + size], len(positions))
            yield instants, positions[at]

    def _patches(self, values: Sequence[Array], number: Ints, group: int, position: Ints) -> Floats:
        """The patches [patches, columns] of a group, from the values of the instants `number`."""
        parts = []
        for member, sources, step in zip(self.members, values, self.steps, strict=True):
            layout = member.layout
            index = (layout.group[group] + layout.position[position])[:, None] + layout.column
            patch = sources[number[:, None], index].astype(np.float64)
            parts.append(np.rint(patch / step) * step if step else patch)
        return np.concatenate(parts, axis=1)


class _Account:
    """The sums of some rows of a group; each of their positions counts `share` times."""

    def __init__(self, group: int, rows: Ints, share: Floats, spans: Sequence[tuple[int, int]]
                 ) -> None:
        self.group, self.rows, self.share, self.spans = group, rows, share, spans
        self.second = [np.zeros((last - first, last - first)) for first, last in spans]
        self.total, self.count = np.zeros(spans[-1][1]), 0

    def add(self, patches: Floats, position: Ints) -> None:
        """Patches [patches, columns] at these positions."""
        times = self.share[position]
        many = patches if np.all(times == 1) else patches * times[:, None]
        for matrix, (first, last) in zip(self.second, self.spans, strict=True):
            matrix += many[:, first:last].T @ patches[:, first:last]
        self.total += many.sum(axis=0)
        self.count += int(times.sum())


def _spans(columns: int) -> list[tuple[int, int]]:
    if columns <= WIDEST:
        return [(0, columns)]
    return [(first, min(first + SPAN, columns)) for first in range(0, columns, SPAN)]


def _spread(total: int, count: int) -> Ints:
    """So many of the numbers below a total, in order: one of each equal part of them.

    Where in its part each stands follows the golden section, so no period of the numbers is met.
    """
    if total <= count:
        return np.arange(total)
    parts = np.arange(count + 1) * total // count
    return parts[:-1] + (np.arange(count) * _GOLDEN % (1 << 32) * np.diff(parts) >> 32)
