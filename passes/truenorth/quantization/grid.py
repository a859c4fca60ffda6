"""Weights as whole steps of a unit: the grid that a crossbar holds exactly, by copies of axons.

Each neuron has a unit of its own, since the values behind an axon's type are its own; neurons that
share a convolution's weights share it. With b bits the steps are -1..1 for 2, 0..1 times the
neuron's sign for 1, and those of two's complement for 3 to 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from neurocompile.ir.operators import Array, Conv, Operator, Part, Restriction

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NEAR = 1e-9  # squared: what 32-bit training leaves of a weight on a grid, relative
_TAILS = tuple(2.0 ** (-step / 8) for step in range(17))  # units tried, of the largest that clips none
_CHUNK = 1 << 13  # neurons whose synapses are listed at once


@dataclass(frozen=True, eq=False)
class Steps:
    """One projection's weights as `steps * unit`."""

    operator: Operator  # int64 steps
    unit: Floats  # [neurons], not 0; signed with one bit
    exact: bool  # whether nothing was rounded


def span(bits: int) -> tuple[int, int]:
    """The lowest and the highest step of a grid of 1 to 8 bits."""
    if bits <= 2:
        return (0 if bits == 1 else -1), 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def sharing(operators: Sequence[Operator], size: int) -> Ints:
    """Per neuron the number of its group: those that share weights, and so one unit."""
    labels = [channels for operator in operators if (channels := _channels(operator)) is not None]
    if not labels:
        return np.arange(size)
    first, rows, columns = size, [], []
    for label in labels:
        bound = np.flatnonzero(label >= 0)
        rows.append(bound)
        columns.append(first + label[bound])
        first += int(label.max(initial=-1)) + 1
    edges = np.concatenate(rows), np.concatenate(columns)
    graph = sp.coo_array((np.ones(len(edges[0])), edges), shape=(first, first))
    _, component = connected_components(graph, directed=False)
    _, groups = np.unique(component[:size], return_inverse=True)
    return np.asarray(groups, np.int64)


def _channels(operator: Operator) -> Ints | None:
    """The channel of each output of a convolution, -1 for others; None where there is none."""
    if isinstance(operator, Conv):
        return np.repeat(np.arange(operator.out_shape[0]),
                         operator.out_size // operator.out_shape[0])
    if isinstance(operator, Part):
        inner = _channels(operator.inner)
        if inner is None:
            return None
        labels = np.full(operator.out_size, -1)
        labels[operator.outs] = inner
        return labels
    if isinstance(operator, Restriction):
        inner = _channels(operator.inner)
        return None if inner is None else inner[operator.outs]
    return None


def on_grid(operators: Sequence[Operator], groups: Ints, bits: int) -> list[Steps]:
    """The operators of one population on one grid, with the unit of the least squared error.

    The largest unit that holds all weights of a group exactly is taken where there is one.
    """
    largest, smallest, sign = _extremes(operators, groups, bits)
    low, high = span(bits)
    count = len(largest)
    unit, best = np.where(largest > 0, largest, 1.0) * sign, np.full(count, np.inf)
    exact = largest == 0
    best[exact] = 0.0
    for size, fine in _units(largest, smallest, low, high):
        if exact.all():
            break
        error, power = np.zeros(count), np.zeros(count)
        for operator in operators:
            exact_steps = operator.times(1 / (size * sign)[groups])
            steps = np.clip(np.rint(exact_steps.weights), low, high)
            error += _sum_by_group(exact_steps, (exact_steps.weights - steps) ** 2, groups)
            power += _sum_by_group(exact_steps, steps**2, groups)
        fits = error <= _NEAR * np.maximum(power, 1)
        better = (fits if fine else error * size**2 < best) & ~exact
        unit[better], best[better] = (size * sign)[better], (error * size**2)[better]
        exact |= fits & better
    return [_steps_of(operator, unit[groups], low, high, bool(exact.all())) for operator in operators]


def _steps_of(operator: Operator, unit: Floats, low: int, high: int, exact: bool) -> Steps:
    exact_steps = operator.times(1 / unit)
    steps = np.clip(np.rint(exact_steps.weights), low, high).astype(np.int64)
    return Steps(exact_steps.with_weights(steps), unit, exact)


def _units(largest: Floats, smallest: Floats, low: int, high: int) -> Iterator[tuple[Floats, bool]]:
    """Units per group, positive: first those with which the smallest weight is a whole step."""
    for step in range(1, max(high, -low) + 1):
        yield smallest / step, True
    whole = np.where(largest > 0, largest, 1.0) / high
    for tail in _TAILS:
        yield whole * tail, False


def _sum_by_group(operator: Operator, weights: Array, groups: Ints) -> Floats:
    """The sum over each group's synapses of values in the place of the weights."""
    sums = operator.with_weights(weights).row_sums()
    return np.asarray(np.bincount(groups, sums), np.float64)


def _extremes(operators: Sequence[Operator], groups: Ints,
              bits: int) -> tuple[Floats, Floats, Floats]:
    """Per group the largest and the smallest magnitude above 0 (1 without any), and the sign."""
    size = len(groups)
    largest, smallest, leaning = np.zeros(size), np.full(size, np.inf), np.zeros(size)
    for operator in operators:
        for start in range(0, size, _CHUNK):
            targets = np.arange(start, min(start + _CHUNK, size))
            rows = operator.rows(targets).astype(np.float64)
            rows.eliminate_zeros()
            rows_in_use = np.flatnonzero(np.diff(rows.indptr))
            if not len(rows_in_use):
                continue
            starts, at = rows.indptr[rows_in_use], start + rows_in_use
            sizes = np.abs(rows.data)
            largest[at] = np.maximum(largest[at], np.maximum.reduceat(sizes, starts))
            smallest[at] = np.minimum(smallest[at], np.minimum.reduceat(sizes, starts))
            leaning[at] += np.add.reduceat(rows.data * sizes, starts)
    count = int(groups.max(initial=-1)) + 1
    most, least = np.zeros(count), np.full(count, np.inf)
    np.maximum.at(most, groups, largest)
    np.minimum.at(least, groups, smallest)
    lean = np.bincount(groups, leaning, count)
    sign = np.where((lean < 0) & (bits == 1), -1.0, 1.0)
    return most, np.where(np.isfinite(least), least, 1.0), sign
