"""Operators against explicit matrices and torch."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.operators import (
    Axis,
    Conv,
    Dense,
    Einsum,
    Operator,
    Part,
    Restriction,
    Sparse,
    add,
    axis_beside,
    compose,
    crop,
    einsum,
    even,
    identity,
    is_identity,
    mixed_axes,
    mixers,
    same,
    wiring,
)


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
def einsums(draw: st.DrawFn, in_sizes: tuple[int, ...] | None = None) -> Operator:
    """Any axes: contracted, shared, summed, repeated, in any order."""
    sizes = list(in_sizes or draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    ins = tuple(range(len(sizes)))
    out_sizes = draw(st.lists(st.integers(1, 3), max_size=2))
    shared = draw(st.lists(st.sampled_from(ins), unique=True, max_size=3))
    outs = draw(st.permutations([*shared, *range(len(sizes), len(sizes) + len(out_sizes))]))
    sizes += out_sizes
    axes = draw(st.lists(st.sampled_from(range(len(sizes))), unique=True))
    axes = [a for a in axes if a in ins or a in outs]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    weight = rng.integers(-9, 10, [sizes[a] for a in axes]).astype(np.float64)
    return einsum(tuple(sizes[a] for a in ins), tuple(sizes[a] for a in outs) or (1,), ins, tuple(outs),
                  tuple(axes), sizes, weight)


def _some(draw: Callable[..., Any], size: int) -> np.ndarray:
    """Some of so many elements, in any order, at least one."""
    order = draw(st.permutations(range(size)))
    return np.array(order[:draw(st.integers(1, size))], np.int64)


@st.composite
def any_operator(draw: st.DrawFn, in_shape: tuple[int, ...] | None = None) -> Operator:
    """One of every kind; with `in_shape`, one that takes it."""
    kind = draw(st.sampled_from(["conv", "dense", "sparse", "einsum", "part", "selected"]))
    if kind == "einsum":
        return draw(einsums(in_shape))
    if kind == "conv" and (in_shape is None or len(in_shape) == 3):
        return draw(convs(in_shape))
    if kind == "part":
        size = int(np.prod(in_shape)) if in_shape else draw(st.integers(2, 9))
        count = draw(st.integers(1, size))
        inner = draw(any_operator((count,)))
        before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        return Part(in_shape or (size,), (before + inner.out_size + after,), inner,
                    draw(st.integers(0, size - count)), before)
    if kind == "selected":
        inner = draw(any_operator(in_shape))
        ins = np.arange(inner.in_size) if in_shape else _some(draw, inner.in_size)
        outs = _some(draw, inner.out_size)
        return Restriction(in_shape or (len(ins),), (len(outs),), inner, ins, outs)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    columns = int(np.prod(in_shape)) if in_shape else draw(st.integers(1, 9))
    rows = draw(st.integers(1, 9))
    matrix = rng.integers(-9, 10, (rows, columns)).astype(np.float64)
    if kind == "dense":
        return Dense(in_shape or (columns,), (rows,), matrix)
    matrix[rng.random(matrix.shape) < 0.6] = 0
    return Sparse(in_shape or (columns,), (rows,), sp.csr_array(matrix))


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
        targets = set(nets.ids[nets.ptr[target]:nets.ptr[target + 1]])
        assert {s for s in range(operator.in_size) if nets.of_source[s] in targets} == set(
            np.flatnonzero(connected[target]))
    assert nets.multiplicity.sum() == operator.in_size


@pytest.mark.parametrize(("padding", "kernel", "n_nets"), [
    ((0, 0), (3, 2), 2),  # one output pixel that sees all: a net per group
    ((1, 0), (5, 2), 2), ((0, 0), (2, 2), 12), ((0, 0), (3, 1), 12)])
def test_nets_of_one_output_pixel(padding: tuple[int, int], kernel: tuple[int, int],
                                  n_nets: int) -> None:
    conv = Conv((4, 3, 2), (6, 1, 1), np.ones((6, 2, *kernel)), (3, 2), padding, groups=2)
    nets = conv.nets()
    targets = [set(np.flatnonzero(np.isin(nets.of_source, nets.ids[a:b])))
               for a, b in itertools.pairwise(nets.ptr)]
    assert targets == [set(np.flatnonzero(row)) for row in conv.matrix().toarray()]
    assert len(nets.multiplicity) == n_nets


@given(any_operator(), st.integers(0, 100))
def test_scaled_multiplies_each_output(operator: Operator, seed: int) -> None:
    gain = np.random.default_rng(seed).integers(-3, 4, operator.out_size).astype(np.float64)
    assert np.array_equal(operator.times(gain).matrix().toarray(),
                          operator.matrix().toarray() * gain[:, None])


@given(any_operator(), st.integers(0, 100))
def test_applied_and_pulled_are_products(operator: Operator, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-3, 4, (2, operator.in_size)).astype(np.float64)
    assert np.array_equal(operator.apply(x), x @ operator.matrix().toarray().T)
    rows = np.random.default_rng(seed).integers(-3, 4, (2, operator.out_size)).astype(np.float64)
    assert np.array_equal(operator.pull(rows), rows @ operator.matrix().toarray())


@settings(deadline=None, max_examples=300)
@given(st.data(), any_operator())
def test_compose_and_add_are_product_and_sum(data: st.DataObject, inner: Operator) -> None:
    outer = data.draw(st.one_of(
        any_operator(inner.out_shape),
        st.just(wiring(inner.out_shape, inner.out_shape,
                       np.arange(inner.out_size)[::-1].copy()))))
    both = compose(outer, inner)
    assert np.array_equal(both.matrix().toarray(),
                          outer.matrix().toarray() @ inner.matrix().toarray())
    assert np.array_equal(add(both, both).matrix().toarray(), 2 * both.matrix().toarray())
    assert same(both, compose(outer, inner))


def test_chains_keep_their_structure() -> None:
    """What a network's layers compose into holds as few weights as they have."""
    rng = np.random.default_rng(0)
    conv = Conv((4, 8, 8), (6, 8, 8), rng.normal(size=(6, 4, 3, 3)), padding=(1, 1))
    pool = Conv((6, 8, 8), (6, 4, 4), np.full((6, 1, 2, 2), 0.25), (2, 2), groups=6)
    assert compose(pool, conv).weights.shape == (6, 4, 4, 4)
    depthwise = Conv((4, 8, 8), (4, 8, 8), rng.normal(size=(4, 1, 3, 3)), padding=(1, 1), groups=4)
    pointwise = Conv((4, 8, 8), (6, 8, 8), rng.normal(size=(6, 4, 1, 1)))
    assert compose(pointwise, depthwise).weights.shape == (6, 4, 3, 3)
    spread = Conv((6, 8, 8), (6, 8, 8), rng.normal(size=(6, 1, 3, 3)), padding=(2, 2),
                  dilation=(2, 2), groups=6)
    assert isinstance(both := compose(spread, pointwise), Conv)
    assert (both.dilation, both.padding, both.weight.shape) == ((2, 2), (2, 2), (6, 4, 3, 3))
    assert not isinstance(compose(spread, conv), Conv)  # its borders are no zeros
    mixer = einsum((4, 64), (4, 64), (0, 1, 2), (0, 1, 3), (0, 3, 2), (2, 2, 64, 64),
                   rng.normal(size=(2, 64, 64)))
    swap = wiring((4, 64), (64, 4), np.arange(256).reshape(4, 64).T.reshape(-1))
    back = wiring((64, 4), (4, 64), np.arange(256).reshape(64, 4).T.reshape(-1))
    for chain in (mixer, compose(swap, mixer), compose(mixer, back)):
        assert isinstance(chain, Einsum)
        assert chain.weight.size == 2 * 64 * 64
    assert is_identity(compose(back, swap))
    through = compose(wiring((6 * 64,), (8 * 64,), np.r_[np.full(64, -1), np.arange(384),
                                                       np.full(64, -1)]), conv)
    assert isinstance(through, Part)
    assert through.weights is conv.weight
    pointwise = Conv((8, 8, 8), (2, 8, 8), rng.normal(size=(2, 8, 1, 1)))
    assert isinstance(compose(pointwise, through), Conv)
    assert through.times(np.repeat(np.arange(8.0), 64)).weights.shape == conv.weight.shape


def test_gains_of_a_channel_stay_one_number_a_channel() -> None:
    assert identity((4, 8, 8)).times(np.repeat(np.arange(4.0), 64)).weights.shape == (4,)


def test_a_head_behind_a_large_convolution_is_small() -> None:
    conv = Conv((64, 32, 32), (128, 32, 32), np.ones((128, 64, 3, 3)), padding=(1, 1))
    mean = einsum((128, 1024), (128,), (0, 1), (0,), (), (128, 1024), np.ones(()))
    head = compose(Dense((128,), (5,), np.ones((5, 128))), mean)
    assert compose(head, conv).weights.shape == (5, 64 * 32 * 32)


def test_identities_disappear_when_composed() -> None:
    dense = Dense((4,), (3,), np.ones((3, 4)))
    assert compose(dense, identity((2, 2))) is dense
    assert compose(identity((3,)), dense) is dense


def test_average_pool_into_dense_stays_dense() -> None:
    pool = Conv((2, 4, 4), (2, 2, 2), np.full((2, 1, 2, 2), 0.25), stride=(2, 2), groups=2)
    dense = Dense((8,), (3,), np.arange(24.0).reshape(3, 8))
    assert isinstance(compose(dense, pool), Dense)


def test_same_compares_weights_and_geometry() -> None:
    conv = Conv((1, 4, 4), (1, 4, 4), np.ones((1, 1, 3, 3)), padding=(1, 1))
    assert same(conv, Conv((1, 4, 4), (1, 4, 4), np.ones((1, 1, 3, 3)), padding=(1, 1)))
    assert not same(conv, conv.with_weights(np.zeros((1, 1, 3, 3))))
    assert not same(conv, Conv((1, 4, 4), (1, 2, 2), np.ones((1, 1, 3, 3))))


@pytest.mark.parametrize("index", [[1, 0, -1], [2, 2, 2, 0], [-1, 1, 2], [0, 1, 2], [1, 2]])
def test_wiring_moves_and_pads(index: list[int]) -> None:
    x = np.array([5.0, 6.0, 7.0])
    output = wiring((3,), (len(index),), np.array(index)).matrix() @ x
    assert list(output) == [0.0 if i < 0 else x[i] for i in index]


def _axes(size: int) -> list[Axis]:
    """Every axis that a population of this size can have."""
    return [Axis(outer, n, size // outer // n) for outer in range(1, size + 1)
            for n in range(2, size + 1) if size % (outer * n) == 0]


@settings(deadline=None)
@given(st.data(), any_operator())
def test_cropped_has_the_rows_and_columns_of_the_kept(data: st.DataObject,
                                                      operator: Operator) -> None:
    ins = data.draw(st.sampled_from([None, *_axes(operator.in_size)]))
    outs = data.draw(st.sampled_from([None, *(
        axis for axis in _axes(operator.out_size) if ins is None or axis.length == ins.length)]))
    length = (ins or outs or Axis(1, 1, 1)).length
    numbers = np.sort(_some(data.draw, length))
    part = crop(operator, numbers, ins, outs)
    rows = np.arange(operator.out_size) if outs is None else outs.elements(numbers)
    columns = np.arange(operator.in_size) if ins is None else ins.elements(numbers)
    assert np.array_equal(part.matrix().toarray(),
                          operator.matrix().toarray()[np.ix_(rows, columns)])
    assert (part.in_size, part.out_size) == (len(columns), len(rows))


@settings(deadline=None)
@given(st.data(), any_operator())
def test_beside_is_a_block_diagonal(data: st.DataObject, operator: Operator) -> None:
    """Targets with number n get nothing from sources with another one, in both directions."""
    axis = data.draw(st.sampled_from([*_axes(operator.in_size), None]))
    beside = None if axis is None else axis_beside(operator, axis)
    if axis is None or beside is None:
        return
    assert beside.size == operator.out_size
    assert axis_beside(operator, beside, of_outs=True) == axis
    assert beside not in mixed_axes(operator, axis)
    ones = np.ones_like(operator.weights)
    targets = operator.with_weights(ones).matrix().toarray() != 0
    for n in range(axis.length):
        others = np.delete(np.arange(axis.length), n)
        assert not targets[np.ix_(beside.elements(np.array([n])), axis.elements(others))].any()


def test_axes_through_the_layers_of_a_mixer() -> None:
    rng = np.random.default_rng(0)
    tokens = Axis(8, 6, 1)
    mixer = einsum((8, 6), (8, 6), (0, 1, 2), (0, 1, 3), (0, 3, 2), (2, 4, 6, 6),
                   rng.normal(size=(2, 6, 6)))
    assert mixers(mixer) == [(tokens, tokens)]
    assert mixed_axes(mixer, tokens) == [tokens]
    assert mixed_axes(mixer, tokens, of_outs=True) == [tokens]
    assert axis_beside(mixer, tokens) is None
    linear = Conv((8, 2, 3), (16, 2, 3), rng.normal(size=(16, 8, 1, 1)))
    assert axis_beside(linear, tokens) == Axis(16, 6, 1)
    assert axis_beside(Part((8, 6), (20, 6), linear, 0, 12), tokens) == Axis(20, 6, 1)
    assert axis_beside(Part((8, 6), (97,), linear, 0, 1), tokens) is None
    transpose = wiring((8, 6), (6, 8), np.arange(48).reshape(8, 6).T.reshape(-1))
    assert axis_beside(transpose, tokens) == Axis(1, 6, 8)
    assert even(einsum((8, 6), (8,), (0, 1), (0,), (), (8, 6), np.full((), 1 / 6)), tokens)
    assert not even(mixer, tokens)
    numbers = np.array([0, 2, 5])
    assert isinstance(part := crop(mixer, numbers, tokens, tokens), Einsum)
    assert part.weight.shape == (2, 3, 3)
    assert isinstance(part := crop(linear, numbers, tokens, Axis(16, 6, 1)), Conv)
    assert (part.in_shape, part.out_shape) == ((8, 1, 3), (16, 1, 3))
    stem = Part((2, 4, 6), (8, 6), Conv((2, 4, 6), (7, 2, 3), rng.normal(size=(7, 2, 3, 3)), (2, 2),
                                        (1, 1)), 0, 6)
    assert isinstance(part := crop(stem, numbers, None, tokens), Part)
    assert isinstance(part.inner, Restriction)
    assert part.weights is stem.weights
