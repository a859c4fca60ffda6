"""Moments against those of explicit matrices, weight by weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.operators import (
    Conv,
    Dense,
    Einsum,
    Operator,
    Part,
    Restriction,
    Sparse,
    einsum,
)
from neurocompile.passes.quantization import gram, patches
from neurocompile.passes.quantization.gram import Arrival, Block, joint_moments, moments
from tests.ir.test_operators import any_operator

RNG = np.random.default_rng(0)
TICKS = 3


def spikes(operator: Operator, samples: int = 2, ticks: int = TICKS, levels: int = 3) -> np.ndarray:
    return RNG.integers(0, levels, (samples, ticks, operator.in_size)).astype(np.uint8)


def features(arrivals: Sequence[Arrival], ticks: int) -> np.ndarray:
    """[weights, targets, instants] what each weight delivers per unit of itself."""
    parts = []
    for arrival in arrivals:
        x = np.broadcast_to(arrival.values, (len(arrival.values), ticks, arrival.values.shape[2]))
        late = np.zeros(x.shape)
        late[:, arrival.delay:] = x[:, :ticks - arrival.delay]
        flat = late.reshape(-1, x.shape[2])
        for weight in np.eye(arrival.operator.weights.size):
            one = arrival.operator.with_weights(weight.reshape(arrival.operator.weights.shape))
            parts.append(one.matrix() @ flat.T)
    return np.array(parts).reshape(len(parts), arrivals[0].operator.out_size, len(flat))


def check(arrivals: Sequence[Arrival], blocks: Sequence[Block], ticks: int = TICKS) -> None:
    """Every weight that delivers something is in one block, with the moments of its row."""
    values = features(arrivals, ticks)
    by_weight = values.reshape(len(values), values.shape[1] * values.shape[2])
    second, total = by_weight @ by_weight.T, by_weight.sum(axis=1)
    per_target = np.abs(values).sum(axis=2)
    numbers = np.concatenate([b.weights.reshape(-1) for b in blocks] or [np.zeros(0, np.int64)])
    assert len(np.unique(numbers)) == len(numbers)
    assert set(np.flatnonzero(total)) <= set(numbers)
    instants = values.shape[2]
    for block in blocks:
        for row, outputs in zip(block.weights, block.outputs, strict=True):
            assert np.array_equal(block.second, second[np.ix_(row, row)])
            assert np.array_equal(block.total, total[row])
            alive = outputs[outputs >= 0]
            assert block.count == len(alive) * instants
            around = by_weight[row] - block.mean[:, None]  # outputs that are not the row's: mean 0
            assert np.allclose(block.covariance * block.count, around @ around.T
                               - (around.shape[1] - block.count) * np.outer(block.mean, block.mean))
            assert set(np.flatnonzero(per_target[row].any(axis=0))) <= set(alive)


@settings(deadline=None)
@given(any_operator())
def test_moments_are_those_of_the_matrix(operator: Operator) -> None:
    arrival = Arrival(operator, spikes(operator))
    check([arrival], moments(arrival, TICKS))


CONV = Conv((4, 5, 6), (6, 3, 2), RNG.normal(size=(6, 2, 3, 2)), (2, 3), (1, 0), (1, 2), groups=2)
POINTWISE = Conv((4, 2, 3), (5, 2, 3), RNG.normal(size=(5, 4, 1, 1)))
MIXER = einsum((2, 4, 3), (2, 5, 3), (0, 1, 2), (0, 3, 2), (3, 1), (2, 4, 3, 5),
               RNG.normal(size=(5, 4)))
PER_HEAD = einsum((2, 4, 3), (2, 5, 3), (0, 1, 2), (0, 3, 2), (0, 3, 1), (2, 4, 3, 5),
                  RNG.normal(size=(2, 5, 4)))
MEAN = einsum((4, 3), (2, 3), (0, 1), (2, 1), (1,), (4, 3, 2), RNG.normal(size=3))


@pytest.mark.parametrize(("operator", "rows", "columns", "count"), [
    (Dense((4,), (7,), RNG.normal(size=(7, 4))), [7], 4, 1),
    (CONV, [3, 3], 12, 6), (POINTWISE, [5], 4, 6), (MIXER, [5], 4, 6), (PER_HEAD, [5, 5], 4, 3),
    (MEAN, [1, 1, 1], 1, 2),
    (Restriction((4, 3), (6, 2), CONV.__class__((4, 1, 3), (6, 1, 2), RNG.normal(size=(6, 4, 1, 2))),
                 np.arange(12), np.arange(12)), [6], 8, 2),
])
def test_rows_share_their_patches(operator: Operator, rows: list[int], columns: int, count: int
                                  ) -> None:
    arrival = Arrival(operator, spikes(operator))
    blocks = moments(arrival, TICKS)
    assert [b.weights.shape for b in blocks] == [(n, columns) for n in rows]
    assert all(b.count == 2 * TICKS * count for b in blocks)
    check([arrival], blocks)


def test_channels_with_other_pixels_have_their_own_moments() -> None:
    """Pruning took a pixel of one channel only."""
    outs = np.delete(np.arange(CONV.out_size), 3)
    operator = Restriction(CONV.in_shape, (len(outs),), CONV, np.arange(CONV.in_size), outs)
    arrival = Arrival(operator, spikes(operator))
    blocks = moments(arrival, TICKS)
    assert [b.weights.shape[0] for b in blocks] == [1, 2, 3]
    check([arrival], blocks)


def test_explicit_lists_group_targets_of_equal_sources() -> None:
    pattern = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0]])
    operator = Sparse((4,), (5,), sp.csr_array(pattern * RNG.normal(size=(5, 4))))
    arrival = Arrival(operator, spikes(operator))
    blocks = moments(arrival, TICKS)
    assert [b.weights.shape for b in blocks] == [(3, 2), (1, 3)]
    check([arrival], blocks)


def test_of_many_source_sets_those_with_most_rows_are_taken(monkeypatch: pytest.MonkeyPatch
                                                            ) -> None:
    monkeypatch.setattr(patches, "_SETS", 1)
    pattern = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0]])
    operator = Sparse((4,), (3,), sp.csr_array(pattern * RNG.normal(size=(3, 4))))
    block, = moments(Arrival(operator, spikes(operator)), TICKS)
    assert block.outputs.tolist() == [[1], [2]]


def test_projections_that_feed_the_same_outputs_are_joint() -> None:
    """Feedforward and recurrent, of one tick's delay; a constant source is a column of its own."""
    forward, back, one = (Dense((n,), (5,), RNG.normal(size=(5, n))) for n in (4, 5, 1))
    arrivals = [Arrival(forward, spikes(forward)), Arrival(back, spikes(back), delay=1),
                Arrival(one, np.ones((2, 1, 1), np.uint8))]
    blocks = joint_moments(arrivals, TICKS)
    assert [b.weights.shape for b in blocks] == [(5, 10)]
    check(arrivals, blocks)


def test_convolutions_of_the_same_pixels_are_joint_and_a_part_is_not() -> None:
    shortcut = Conv((3, 2, 3), (5, 2, 3), RNG.normal(size=(5, 3, 1, 1)))
    wide = Conv((2, 2, 3), (5, 2, 3), RNG.normal(size=(5, 2, 3, 3)), padding=(1, 1))
    part = Part((4,), (30,), Dense((4,), (6,), RNG.normal(size=(6, 4))), 0, 6)
    arrivals = [Arrival(o, spikes(o)) for o in (POINTWISE, shortcut, wide, part)]
    blocks = joint_moments(arrivals, TICKS)
    assert [b.weights.shape for b in blocks] == [(5, 25), (6, 4)]
    check(arrivals, blocks)


def test_what_is_sent_late_arrives_late() -> None:
    operator = Dense((3,), (3,), np.eye(3))
    values = RNG.random((2, TICKS, 3))
    for delay in (0, 1, 2):
        arrival = Arrival(operator, values, delay)
        expected = np.zeros(values.shape)
        expected[:, delay:] = values[:, :TICKS - delay]
        assert np.array_equal(arrival.at(np.arange(2 * TICKS), TICKS), expected.reshape(-1, 3))
        assert np.allclose(arrival.mean(TICKS), expected.mean(axis=(0, 1)), rtol=1e-12)
    assert Arrival(operator, values[:, :1], 1).mean(TICKS) == pytest.approx(
        values[:, 0].mean(axis=0) * 2 / 3)


@given(st.integers(1, 500), st.integers(1, 500))
def test_some_of_many_patches_are_different_and_spread(total: int, count: int) -> None:
    picks = gram._spread(total, count)
    assert len(set(picks)) == len(picks) == min(total, count)
    assert 0 <= picks.min() <= picks.max() < total
    if total > count > 1:
        assert np.diff(picks).max() <= 2 * total / count + 1


def test_no_period_of_the_patches_is_met() -> None:
    """Ten positions an instant, a tenth of all patches: each position about as often."""
    assert np.bincount(gram._spread(10_000, 1_000) % 10, minlength=10).min() > 80


def test_few_patches_are_a_share_of_all() -> None:
    arrival = Arrival(CONV, spikes(CONV, samples=64))
    for whole, some in zip(moments(arrival, TICKS), moments(arrival, TICKS, 400), strict=True):
        assert some.count == 400 < whole.count == 64 * TICKS * 6
        assert np.abs(some.mean - whole.mean).max() < 0.2
        assert np.abs(some.power - whole.power).max() < 0.5


def test_chunks_and_order_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Floats too: their sums are exact."""
    arrival = Arrival(CONV, RNG.normal(size=(7, TICKS, CONV.in_size)))
    whole = moments(arrival, TICKS)
    monkeypatch.setattr(gram, "_CHUNK", 50)
    for a, b in zip(whole, moments(arrival, TICKS), strict=True):
        assert a.second.tobytes() == b.second.tobytes()
        assert a.total.tobytes() == b.total.tobytes()
    values = features([arrival], TICKS).reshape(CONV.weight.size, -1)
    row = whole[1].weights[0]
    assert np.allclose(whole[1].second, values[row] @ values[row].T, rtol=1e-3, atol=0.05)


def test_wide_rows_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "WIDEST", 6)
    monkeypatch.setattr(gram, "SPAN", 4)
    operator = Dense((10,), (3,), RNG.normal(size=(3, 10)))
    arrival = Arrival(operator, spikes(operator))
    blocks = moments(arrival, TICKS)
    assert [b.weights.shape for b in blocks] == [(3, 4), (3, 4), (3, 2)]
    check([arrival], blocks)


def test_too_many_matrices_leave_their_weights_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "_ENTRIES", 2 * 12**2 - 1)
    assert moments(Arrival(CONV, spikes(CONV)), TICKS) == []
    assert moments(Arrival(MIXER, spikes(MIXER)), TICKS)


def test_an_einsum_is_one_of_these() -> None:
    assert all(isinstance(o, Einsum) for o in (MIXER, PER_HEAD, MEAN))
