"""Outliers: the two projections are the one, and they are split off only where bits are won."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.network import Projection
from neurocompile.ir.operators import Conv, Dense, Operator, Sparse, einsum
from neurocompile.passes.loihi.quantization.outliers import without_outliers
from tests.passes.loihi.quantization.float_nets import (
    integers_of,
    neuron,
    one_population,
    scale_of,
    share_wrong,
    spikes,
)


def weights_with(outliers: int, size: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weight = rng.uniform(-1, 1, (20, 50))
    weight.flat[rng.choice(1000, outliers, replace=False)] = size * rng.choice([-1, 1], outliers)
    return weight


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 40), st.floats(0.1, 1000))
def test_the_parts_add_up_to_the_whole(seed: int, outliers: int, size: float) -> None:
    weight = weights_with(outliers, size, seed)
    parts = list(without_outliers(Projection("x", "n", Dense((50,), (20,), weight), delay=2)))
    total = sum(p.operator.matrix().toarray() for p in parts)
    assert np.array_equal(total, weight)
    assert all((p.source, p.target, p.delay) == ("x", "n", 2) for p in parts)
    if len(parts) == 2:
        rest, few = parts
        assert isinstance(few.operator, Sparse)
        assert few.operator.n_synapses <= 0.02 * 1000
        assert np.abs(weight).max() >= 4 * np.abs(rest.operator.weights).max() / 2
    else:
        assert parts[0].operator.weights is weight


@pytest.mark.parametrize(("outliers", "size", "count"), [
    (0, 1.0, 1), (1, 3.0, 1), (1, 5.0, 2), (20, 5.0, 2), (21, 5.0, 1), (5, 1000.0, 2)])
def test_few_that_are_much_larger(outliers: int, size: float, count: int) -> None:
    dense = Dense((50,), (20,), weights_with(outliers, size))
    assert len(list(without_outliers(Projection("x", "n", dense)))) == count


@pytest.mark.parametrize("kind", ["conv", "sparse", "einsum"])
def test_of_any_operator(kind: str) -> None:
    rng = np.random.default_rng(0)
    operator: Operator = Conv((2, 4, 4), (8, 4, 4), rng.uniform(-1, 1, (8, 2, 3, 3)), padding=(1, 1))
    if kind == "sparse":
        operator = Sparse((50,), (20,), sp.csr_array(
            weights_with(0, 1.0) * (rng.random((20, 50)) < 0.3)))
    elif kind == "einsum":
        operator = einsum((3, 10), (3, 12), (0, 1), (0, 2), (2, 1), (3, 10, 12),
                          rng.uniform(-1, 1, (12, 10)))
    weights = np.array(operator.weights, np.float64)
    weights.flat[7] = 50.0
    operator = operator.with_weights(weights)
    rest, few = without_outliers(Projection("x", "n", operator))
    assert type(rest.operator) is type(operator)
    assert np.abs(rest.operator.weights).max() <= 1
    assert set(few.operator.weights) == {50.0}
    assert np.array_equal((rest.operator.matrix() + few.operator.matrix()).toarray(),
                          operator.matrix().toarray())


def test_only_where_there_is_a_rest() -> None:
    kernel = np.ones((1, 1, 3, 3))
    kernel[0, 0, 1, 1] = 100  # of nine weights none is a few
    conv = Projection("x", "n", Conv((1, 4, 4), (1, 4, 4), kernel, padding=(1, 1)))
    few = Projection("x", "n", Dense((50,), (20,), np.eye(20, 50) * (np.arange(50) < 5)))
    empty = Projection("x", "n", Dense((0,), (20,), np.zeros((20, 0))))
    for projection in (conv, few, empty):
        assert list(without_outliers(projection)) == [projection]


def test_the_others_keep_their_bits_beside_an_outlier() -> None:
    rng = np.random.default_rng(3)
    weight = rng.uniform(-0.1, 0.13, (20, 50))
    weight[3, 4] = 20.0
    network = one_population(neuron(0.9), [(spikes(50), weight)], ticks=12)
    x = {"x": (rng.random((8, 12, 50)) < 0.3).astype(float)}
    integers = integers_of(network).network
    first, second = integers.projections
    assert first.exponent < second.exponent
    scale = scale_of(network, integers)
    sums = sum(p.operator.matrix().toarray() * 2.0**p.exponent for p in (first, second)) / scale
    small = weight < 1
    assert np.abs(sums - weight)[small].max() < 0.13 / 127
    assert share_wrong(network, integers, x) < 0.05
