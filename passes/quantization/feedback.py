"""Rounding with error feedback: what one weight's rounding changes, the weights after it take up.

Columns are rounded one after the other; the error of each is spread over those not yet rounded so
that the currents change least, which the Cholesky factor of the inverse of H gives for all rows at
once (Frantar et al., GPTQ, arXiv 2210.17323; H from `gram.py`). Sweeps of coordinate descent then
move single weights to the grid's best point, all others kept. A row where nearest rounding leaves the
smaller error is rounded to nearest.

The same bytes on every run: ties round half to even, and values within 2**-30 steps of one are
ties, so what the order of a sum of floats leaves does not decide. H is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from neurocompile.ir.operators import Array
from neurocompile.passes.quantization.gram import Arrival

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAMPING = 0.2  # of the mean of H's diagonal, added to it
SWEEPS = 2
_WIDTH = 128  # columns whose errors are spread within, before they are spread beyond
_STACK = 1 << 22  # weights of all candidates rounded at once
_TIE = 2.0**30  # parts of a step in which ties are told
_CLEAR = 1e-9  # relative: an error is smaller by at least so much


@dataclass(frozen=True, eq=False)
class Grid:
    """Weights are `integers * unit`; integers are multiples of `step` from `low` to `high`.

    Each is one number or an array that broadcasts to [rows, columns]. A unit may be negative, never 0.
    """

    unit: Array | float
    low: Array | float
    high: Array | float
    step: Array | float = 1

    def to(self, shape: tuple[int, ...]) -> Grid:
        """The same, all of it arrays of this shape."""
        return Grid(*(np.broadcast_to(a, shape) for a in self._parts()))

    def column(self, number: int) -> Grid:
        """One column of a grid of arrays: [rows]."""
        return Grid(*(a[:, number] for a in self._parts()))

    def copies(self, factors: Floats) -> Grid:
        """For so many copies of all rows, one after the other, the unit times a factor each."""
        unit, *others = (np.tile(a, (len(factors), 1)) for a in self._parts())
        rows = len(unit) // len(factors)
        return Grid(unit * np.repeat(factors, rows)[:, None], *others)

    def _parts(self) -> list[Floats]:
        return [np.asarray(a, np.float64) for a in (self.unit, self.low, self.high, self.step)]

    def nearest(self, weights: Floats) -> Floats:
        """The nearest integers of the grid, ties to even multiples of the step."""
        steps = np.rint(weights / (self.unit * self.step) * _TIE) / _TIE
        return np.asarray(np.clip(np.rint(steps) * self.step, self.low, self.high))


@dataclass(frozen=True, eq=False)
class Feedback:
    """A matrix H, and its factor, made once for all rows and candidates."""

    second: Floats  # [columns, columns] as it was
    matrix: Floats  # [columns, columns] damped, in order
    order: Ints  # in which columns are rounded
    spread: Floats  # [columns, columns] upper: what a later column takes of an error

    @classmethod
    def of(cls, second: Floats, damping: float = DAMPING) -> Self:
        """Of a block's `covariance`, or of its `power` where no bias takes up the mean's error.

        Columns are taken by descending diagonal (on the examples other orders differ by less than 0.1
        points of spikes, 0.5 on the smallest); one that never had a value feeds nothing.
        """
        diagonal = np.diag(second).copy()
        order = np.argsort(-diagonal, kind="stable")
        matrix = second[np.ix_(order, order)].copy()
        level = float(diagonal.mean()) if len(diagonal) else 0.0
        np.fill_diagonal(matrix, diagonal[order] + (damping * level if level > 0 else 1.0))
        lower = np.asarray(scipy.linalg.cholesky(matrix[::-1, ::-1], lower=True))
        inverse = np.asarray(scipy.linalg.solve_triangular(
            lower[::-1, ::-1], np.eye(len(order)), lower=False))
        return cls(second, matrix, order, inverse / np.diag(inverse)[:, None])

    def errors(self, changes: Floats) -> Floats:
        """The squared error `d H d` of each row of changes [rows, columns]."""
        return np.asarray(np.einsum("rc,rc->r", changes @ self.second, changes))


def row_error(weights: Floats, integers: Ints, feedback: Feedback, grid: Grid) -> Floats:
    """The squared error [rows] that integers [rows, columns] leave in a row's currents."""
    return feedback.errors(integers * np.asarray(grid.unit) - weights)


def round_with_feedback(weights: Floats, feedback: Feedback, grid: Grid, sweeps: int = SWEEPS
                        ) -> Ints:
    """Integers of the grid for weights [rows, columns].

    No row has a larger error than rounded to nearest; a row that is on the grid stays.
    """
    grid = grid.to(weights.shape)
    nearest = grid.nearest(weights)
    least = feedback.errors(nearest * grid.unit - weights)
    integers = _feed(weights, feedback, grid)
    _descend(weights, integers, feedback, grid, sweeps)
    better = feedback.errors(integers * grid.unit - weights) < least * (1 - _CLEAR)
    return np.where(better[:, None], integers, nearest).astype(np.int64)


def _feed(weights: Floats, feedback: Feedback, grid: Grid) -> Floats:
    """Integers [rows, columns] by error feedback alone; the grid is one of arrays."""
    spread, order = feedback.spread, feedback.order
    rest = weights.T[order]  # [columns in order, rows]
    integers = np.empty_like(weights)
    for first in range(0, len(rest), _WIDTH):
        last = min(first + _WIDTH, len(rest))
        errors = np.empty((last - first, len(weights)))
        for column in range(first, last):
            own = grid.column(order[column])
            nearest = own.nearest(rest[column])
            error = rest[column] - nearest * own.unit
            rest[column + 1:last] -= np.outer(spread[column, column + 1:last], error)
            integers[:, order[column]], errors[column - first] = nearest, error
        rest[last:] -= spread[first:last, last:].T @ errors
    return integers


def _descend(weights: Floats, integers: Floats, feedback: Feedback, grid: Grid, sweeps: int) -> None:
    """Moves integers, in place, each to the grid's best point beside all others."""
    matrix, order = feedback.matrix, feedback.order
    changes = (integers * grid.unit - weights).T[order]
    for first in list(range(0, len(changes), _WIDTH)) * sweeps:
        last = min(first + _WIDTH, len(changes))
        slopes = matrix[first:last] @ changes
        for column in range(first, last):
            own, weight = grid.column(order[column]), weights[:, order[column]]
            best = changes[column] - slopes[column - first] / matrix[column, column]
            nearest = own.nearest(weight + best)
            change = nearest * own.unit - weight
            slopes[column + 1 - first:] += np.outer(matrix[column + 1:last, column],
                                                    change - changes[column])
            integers[:, order[column]], changes[column] = nearest, change


def unit_errors(weights: Floats, feedback: Feedback, grid: Grid, factors: Sequence[float],
                sweeps: int = 0) -> Floats:
    """The errors [factors, rows] of rows that are rounded with the grid's unit times each factor."""
    grid = grid.to(weights.shape)
    at_once = max(1, _STACK // weights.size)
    errors = []
    for first in range(0, len(factors), at_once):
        some = np.asarray(factors[first:first + at_once], np.float64)
        stack, every = np.tile(weights, (len(some), 1)), grid.copies(some)
        integers = round_with_feedback(stack, feedback, every, sweeps)
        errors.append(row_error(stack, integers, feedback, every).reshape(len(some), -1))
    return np.concatenate(errors)


def best_row_units(weights: Floats, feedback: Feedback, grid: Grid, factors: Sequence[float],
                   sweeps: int = 0) -> Grid:
    """The grid with each row's unit times the factor of the least error, the first of equal ones."""
    errors = unit_errors(weights, feedback, grid, factors, sweeps)
    best = (errors <= errors.min(axis=0) * (1 + _CLEAR)).argmax(axis=0)
    unit = np.broadcast_to(grid.unit, weights.shape)
    return replace(grid, unit=unit * np.asarray(factors, np.float64)[best][:, None])


def bias_correction(arrivals: Sequence[Arrival], rounded_weights: Sequence[Array], n_ticks: int
                    ) -> Floats:
    """What to add to each neuron's bias [neurons] so that its mean current is what it was.

    `rounded_weights` are those of each arrival's operator after rounding, in float units.
    """
    bias = np.zeros(arrivals[0].operator.out_size)
    for arrival, after in zip(arrivals, rounded_weights, strict=True):
        change = arrival.operator.with_weights(arrival.operator.weights - after)
        bias += change.apply(arrival.mean(n_ticks)[None])[0]
    return bias
