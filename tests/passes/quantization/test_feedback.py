"""Laws of rounding with error feedback."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.operators import Conv, Dense, Operator
from neurocompile.passes.quantization.feedback import (
    Feedback,
    Grid,
    best_row_units,
    bias_correction,
    round_with_feedback,
    row_error,
    unit_errors,
)
from neurocompile.passes.quantization.gram import Arrival, moments
from tests.paths import ROOT


def second_moment(rng: np.random.Generator, columns: int, patches: int = 60) -> np.ndarray:
    """Of spikes that come together: groups of columns have a common cause."""
    causes = rng.random((patches, 1 + columns // 4))
    spikes = (np.repeat(causes, 5, axis=1)[:, :columns] + 0.3 * rng.random((patches, columns)) > 0.8)
    return (spikes.T.astype(np.float64) @ spikes) / patches


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, Feedback, Grid]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows, columns = draw(st.integers(1, 8)), draw(st.integers(1, 20))
    weights = rng.normal(size=(rows, columns))
    bits = draw(st.integers(1, 5))
    units: list[np.ndarray] = [np.array(0.3), np.array(-0.7), rng.uniform(0.1, 1, (rows, 1)),
                               rng.uniform(0.1, 1, columns)]
    unit = draw(st.sampled_from(units))
    step = draw(st.sampled_from([1, 2]))
    grid = Grid(unit, -(step << (bits - 1)), (step << (bits - 1)) - step, step)
    return weights, Feedback.of(second_moment(rng, columns)), grid


@settings(deadline=None)
@given(problems(), st.integers(0, 2))
def test_no_row_is_worse_than_nearest_and_all_is_on_the_grid(
        problem: tuple[np.ndarray, Feedback, Grid], sweeps: int) -> None:
    weights, feedback, grid = problem
    integers = round_with_feedback(weights, feedback, grid, sweeps)
    assert integers.dtype == np.int64
    assert not np.any(integers % grid.step)
    assert grid.low <= integers.min()
    assert integers.max() <= grid.high
    nearest = grid.nearest(weights).astype(np.int64)
    error, least = (row_error(weights, i, feedback, grid) for i in (integers, nearest))
    assert np.all(error <= least)


@settings(deadline=None)
@given(problems(), st.integers(0, 1000))
def test_weights_on_the_grid_stay(problem: tuple[np.ndarray, Feedback, Grid], seed: int) -> None:
    _, feedback, grid = problem
    unit = np.asarray(grid.unit)
    shape = (4 if unit.ndim < 2 else len(unit), len(feedback.order))
    step = int(grid.step)
    steps = np.random.default_rng(seed).integers(
        int(grid.low) // step, int(grid.high) // step + 1, shape)
    integers = steps * step
    assert np.array_equal(round_with_feedback(integers * unit, feedback, grid), integers)


@settings(deadline=None)
@given(problems(), st.integers(0, 1000))
def test_rows_do_not_know_each_other(problem: tuple[np.ndarray, Feedback, Grid], seed: int) -> None:
    weights, feedback, grid = problem
    order = np.random.default_rng(seed).permutation(len(weights))
    unit = np.asarray(grid.unit)
    other = Grid(unit[order] if unit.ndim == 2 else unit, grid.low, grid.high, grid.step)
    assert np.array_equal(round_with_feedback(weights[order], feedback, other),
                          round_with_feedback(weights, feedback, grid)[order])


def test_two_equal_sources_share_what_they_deliver() -> None:
    """0.4 + 0.4 of the same spikes is 1 + 0, not 0 + 0; the tie goes to the first."""
    feedback = Feedback.of(np.ones((2, 2)))
    grid = Grid(1.0, -8, 7)
    assert round_with_feedback(np.array([[0.4, 0.4], [-0.4, -0.4], [0.2, 0.2]]), feedback,
                               grid).tolist() == [[0, 1], [0, -1], [0, 0]]


@pytest.mark.parametrize("sweeps", [0, 2])
def test_it_does_not_matter_how_many_columns_are_updated_at_once(
        sweeps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    feedback, weights = Feedback.of(second_moment(rng, 200, 300)), rng.normal(size=(20, 200))
    grid = Grid(0.5, -4, 3)
    integers = round_with_feedback(weights, feedback, grid, sweeps)
    for width in (1, 7, 200):
        monkeypatch.setattr("neurocompile.passes.quantization.feedback._WIDTH", width)
        assert np.array_equal(round_with_feedback(weights, feedback, grid, sweeps), integers)


@pytest.mark.parametrize("columns", [300, 40])
def test_errors_are_a_fraction_of_nearest(columns: int) -> None:
    rng = np.random.default_rng(1)
    feedback = Feedback.of(second_moment(rng, columns, 200))
    weights, grid = rng.normal(size=(50, columns)), Grid(0.5, -4, 3)
    nearest = row_error(weights, grid.nearest(weights).astype(np.int64), feedback, grid).sum()
    plain, descent = (row_error(weights, round_with_feedback(weights, feedback, grid, sweeps),
                              feedback, grid).sum() for sweeps in (0, 2))
    assert descent < plain < 0.7 * nearest


def test_the_factor_is_that_of_the_inverse() -> None:
    """Column by column it is the least squares answer: what is left of H after those before."""
    rng = np.random.default_rng(2)
    second = second_moment(rng, 12) + 0.01 * np.eye(12)
    feedback = Feedback.of(second, damping=0.0)
    in_order = second[np.ix_(feedback.order, feedback.order)]
    assert np.all(np.diff(np.diag(in_order)) <= 0)
    for column in range(11):
        rest = np.linalg.solve(in_order[column + 1:, column + 1:], in_order[column + 1:, column])
        assert np.allclose(-feedback.spread[column, column + 1:], rest, atol=1e-8)


def test_sources_that_never_spike_are_rounded_to_nearest() -> None:
    second = np.zeros((3, 3))
    weights, grid = np.array([[0.6, 1.4, -0.5]]), Grid(1.0, -4, 3)
    assert round_with_feedback(weights, Feedback.of(second), grid).tolist() == [[1, 1, 0]]
    second[1, 1] = 1.0
    assert round_with_feedback(weights, Feedback.of(second), grid).tolist() == [[1, 1, 0]]


def test_ties_are_told_within_what_floats_lose() -> None:
    grid = Grid(0.1, -8, 7)
    for half in (0.5, 1.5, -2.5):
        for noise in (-1e-12, 0, 1e-12):
            assert grid.nearest(np.array([half * 0.1 + noise]))[0] == np.rint(half)


def test_errors_of_candidates_are_those_of_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    feedback, weights = Feedback.of(second_moment(rng, 30)), rng.normal(size=(6, 30))
    grid = Grid(rng.uniform(0.3, 1, (6, 1)), -4, 3)
    factors = [1.0, 0.8, 0.6, 1.2]
    errors = unit_errors(weights, feedback, grid, factors)
    for factor, own in zip(factors, errors, strict=True):
        one = Grid(grid.unit * factor, -4, 3)
        assert np.allclose(own, row_error(weights, round_with_feedback(weights, feedback, one, 0),
                                          feedback, one))
    monkeypatch.setattr("neurocompile.passes.quantization.feedback._STACK", 200)
    assert np.array_equal(errors, unit_errors(weights, feedback, grid, factors))
    best = best_row_units(weights, feedback, grid, factors)
    least = row_error(weights, round_with_feedback(weights, feedback, best, 0), feedback, best)
    assert np.allclose(least, errors.min(axis=0))
    assert len(np.unique(errors.argmin(axis=0))) > 1


def test_the_first_of_equal_units_is_taken() -> None:
    feedback = Feedback.of(np.eye(2))
    best = best_row_units(np.array([[2.0, 4.0]]), feedback, Grid(1.0, -8, 7), [0.3, 2.0, 1.0, 0.5])
    assert best.unit.tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize("operator", [
    Dense((6,), (4,), np.random.default_rng(0).normal(size=(4, 6))),
    Conv((2, 4, 4), (3, 4, 4), np.random.default_rng(0).normal(size=(3, 2, 3, 3)), padding=(1, 1)),
])
def test_the_mean_current_of_every_neuron_is_restored(operator: Operator) -> None:
    rng = np.random.default_rng(4)
    values = (rng.random((5, 3, operator.in_size)) < 0.4).astype(np.uint8)
    arrivals = [Arrival(operator, values), Arrival(operator, values, delay=1)]
    after = [np.rint(operator.weights * 2) / 2, np.zeros_like(operator.weights)]
    late = np.zeros(values.shape)
    late[:, 1:] = values[:, :-1]
    flat = values.reshape(-1, operator.in_size).astype(np.float64)
    exact = operator.apply(flat) + operator.apply(late.reshape(flat.shape))
    current = operator.with_weights(after[0]).apply(flat)
    bias = bias_correction(arrivals, after, 3)
    assert np.abs(bias).max() > 0.1
    assert np.allclose((current + bias).mean(axis=0), exact.mean(axis=0))


def test_blocks_of_a_projection_are_rounded() -> None:
    """All weights of a grouped convolution through their blocks, with a smaller error of currents."""
    rng = np.random.default_rng(5)
    conv = Conv((4, 6, 6), (6, 6, 6), rng.normal(size=(6, 2, 3, 3)), padding=(1, 1), groups=2)
    smooth = rng.random((20, 2, 4, 2, 2)).repeat(3, axis=3).repeat(3, axis=4)
    values = (smooth.reshape(20, 2, -1) > 0.5).astype(np.uint8)
    grid, flat = Grid(1.0, -4, 3), conv.weights.reshape(-1)
    after = np.full(flat.shape, np.nan)
    for block in moments(Arrival(conv, values), 2):
        feedback = Feedback.of(block.power)
        after[block.weights] = round_with_feedback(flat[block.weights], feedback, grid)
    x = values.reshape(-1, conv.in_size).astype(np.float64)
    change, nearest = (conv.with_weights((w - flat).reshape(conv.weights.shape)).apply(x)
                       for w in (after, grid.nearest(flat)))
    assert (change**2).mean() < 0.5 * (nearest**2).mean()


_BYTES = """
import hashlib
import numpy as np
from neurocompile.passes.quantization.feedback import Feedback, Grid, round_with_feedback
from neurocompile.passes.quantization.gram import Arrival, moments
from neurocompile.ir.operators import Dense
rng = np.random.default_rng(0)
dense = Dense((300,), (64,), rng.integers(-20, 21, (64, 300)) / 8)
block, = moments(Arrival(dense, rng.random((40, 2, 300)) < 0.3), 2)
integers = round_with_feedback(dense.weights, Feedback.of(block.power), Grid(1.0, -4, 3))
print(hashlib.sha256(block.second.tobytes() + integers.tobytes()).hexdigest())
"""


def test_the_bytes_are_the_same_with_any_number_of_threads() -> None:
    hashes = {subprocess.run(
        [sys.executable, "-c", _BYTES], check=True, capture_output=True, text=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
    ).stdout for threads in ("1", "2")}
    assert len(hashes) == 1
