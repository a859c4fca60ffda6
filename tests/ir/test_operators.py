"""Operators against explicit matrices and torch."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir import operators
from neurocompile.ir.operators import Conv, Dense, Operator, Sparse, add, compose, same, wiring


@st.composite
def convs(draw: st.DrawFn, in_shape: tuple[int, int, int] | None = None) -> Conv:
    groups = draw(st.sampled_from([1, 2]))
    channels = in_shape[0] if in_shape else groups * draw(st.integers(1, 3))
    if channels % groups:
        groups = 1
    height, width = in_shape[1:] if in_shape else (draw(st.integers(3, 8)), draw(st.integers(3, 8)))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    stride, dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2))), (1, draw(st.integers(1, 2)))
    padding = (draw(st.integers(0, 1)), draw(st.integers(0, 2)))
    out = [(size + 2 * p - d * (k - 1) - 1) // s + 1 for size, p, d, k, s in zip(
        (height, width), padding, dilation, kernel, stride, strict=True)]
    if min(out) < 1:
        kernel, dilation, padding = (1, 1), (1, 1), (0, 0)
        out = [(height - 1) // stride[0] + 1, (width - 1) // stride[1] + 1]
    outs = groups * draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    weight = rng.integers(-9, 10, (outs, channels // groups, *kernel)).astype(np.float64)
    return Conv((channels, height, width), (outs, out[0], out[1]), weight, stride, padding,
                dilation, groups)


@st.composite
def any_operator(draw: st.DrawFn) -> Operator:
    kind = draw(st.sampled_from(["conv", "dense", "sparse"]))
    if kind == "conv":
        return draw(convs())
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    matrix = rng.integers(-9, 10, (rows, columns)).astype(np.float64)
    if kind == "dense":
        return Dense((columns,), (rows,), matrix)
    matrix[rng.random(matrix.shape) < 0.6] = 0
    return Sparse((columns,), (rows,), sp.csr_array(matrix))


@given(convs(), st.integers(0, 100))
def test_conv_equals_torch(conv: Conv, seed: int) -> None:
    x = np.random.default_rng(seed).integers(0, 4, conv.in_shape).astype(np.float64)
    expected = F.conv2d(torch.tensor(x)[None], torch.tensor(conv.weight), None, conv.stride,
                        conv.padding, conv.dilation, conv.groups)[0].numpy()
    assert expected.shape == conv.out_shape
    assert np.array_equal(conv.matrix() @ x.reshape(-1), expected.reshape(-1))


@given(any_operator())
def test_sums_and_counts_are_those_of_the_matrix(operator: Operator) -> None:
    matrix = operator.matrix()
    dense = matrix.toarray()
    assert np.array_equal(operator.row_sums(), dense.sum(axis=1))
    low, high = operator.bounds()
    assert np.array_equal(low, np.minimum(dense, 0).sum(axis=1))
    assert np.array_equal(high, np.maximum(dense, 0).sum(axis=1))
    ones = operator.with_weights(np.ones_like(operator.weights))
    assert operator.n_synapses == ones.matrix().sum()


@given(any_operator(), st.integers(0, 100))
def test_rows_are_a_slice_of_the_matrix(operator: Operator, seed: int) -> None:
    targets = np.random.default_rng(seed).permutation(operator.out_size)[:5]
    assert np.array_equal(operator.rows(targets).toarray(), operator.matrix().toarray()[targets])


@given(any_operator())
def test_nets_reach_exactly_the_connected_targets(operator: Operator) -> None:
    nets = operator.nets()
    connected = operator.with_weights(np.ones_like(operator.weights)).matrix().toarray() != 0
    for target in range(operator.out_size):
        reached = set(nets.ids[nets.ptr[target]:nets.ptr[target + 1]])
        assert {s for s in range(operator.in_size) if nets.of_source[s] in reached} == set(
            np.flatnonzero(connected[target]))
    assert nets.multiplicity.sum() == operator.in_size


@given(any_operator(), st.integers(0, 100))
def test_scaled_multiplies_each_output(operator: Operator, seed: int) -> None:
    gain = np.random.default_rng(seed).integers(-3, 4, operator.out_size).astype(np.float64)
    assert np.array_equal(operator.scaled(gain).matrix().toarray(),
                          operator.matrix().toarray() * gain[:, None])


@settings(deadline=None)
@given(st.data(), convs())
def test_compose_and_add_are_product_and_sum(data: st.DataObject, inner: Conv) -> None:
    outer = data.draw(st.one_of(
        convs(inner.out_shape),
        st.just(Dense(inner.out_shape, (2,), np.arange(2.0 * inner.out_size).reshape(2, -1))),
        st.just(wiring(inner.out_shape, inner.out_shape,
                       np.arange(inner.out_size)[::-1].copy()))))
    both = compose(outer, inner)
    assert np.array_equal(both.matrix().toarray(),
                          outer.matrix().toarray() @ inner.matrix().toarray())
    assert np.array_equal(add(both, both).matrix().toarray(), 2 * both.matrix().toarray())


def test_identities_disappear_when_composed() -> None:
    dense = Dense((4,), (3,), np.ones((3, 4)))
    assert compose(dense, operators.identity((2, 2))) is dense
    assert compose(operators.identity((3,)), dense) is dense


def test_average_pool_into_dense_stays_dense() -> None:
    pool = Conv((2, 4, 4), (2, 2, 2), np.full((2, 1, 2, 2), 0.25), stride=(2, 2), groups=2)
    dense = Dense((8,), (3,), np.arange(24.0).reshape(3, 8))
    assert isinstance(compose(dense, pool), Dense)


def test_same_compares_weights_and_geometry() -> None:
    conv = Conv((1, 4, 4), (1, 4, 4), np.ones((1, 1, 3, 3)), padding=(1, 1))
    assert same(conv, Conv((1, 4, 4), (1, 4, 4), np.ones((1, 1, 3, 3)), padding=(1, 1)))
    assert not same(conv, conv.with_weights(np.zeros((1, 1, 3, 3))))
    assert not same(conv, Conv((1, 4, 4), (1, 2, 2), np.ones((1, 1, 3, 3))))


@pytest.mark.parametrize("index", [[1, 0, -1], [2, 2, 2, 0]])
def test_wiring_moves_and_pads(index: list[int]) -> None:
    x = np.array([5.0, 6.0, 7.0])
    moved = wiring((3,), (len(index),), np.array(index)).matrix() @ x
    assert list(moved) == [0.0 if i < 0 else x[i] for i in index]
