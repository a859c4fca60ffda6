"""Products and sums of operators; structure is kept where it can be, else the matrix is taken."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array, Operator, Shape
from neurocompile.ir.operators.conv import Conv
from neurocompile.ir.operators.conv_chains import conv_chain, sliced_inputs, sliced_outputs
from neurocompile.ir.operators.einsum import Einsum, einsum, einsum_product
from neurocompile.ir.operators.matrices import Dense, Sparse, from_matrix
from neurocompile.ir.operators.part import Part
from neurocompile.ir.operators.restriction import Restriction


def identity(shape: Shape) -> Einsum:
    """One synapse of weight 1 from each neuron to its twin."""
    size = math.prod(shape)
    return Einsum(shape, shape, (0,), (0,), (), (size,), np.ones(()))


def is_identity(operator: Operator) -> bool:
    """Whether the operator is exactly `identity` (shapes may differ, order and values do not)."""
    return (isinstance(operator, Einsum) and operator.ins == operator.outs and not operator.axes
            and bool(operator.weight == 1))


def wiring(in_shape: Shape, out_shape: Shape, index: NDArray[np.int64]) -> Operator:
    """Output i is input `index[i]`, or zero where that is -1 (permutation, slice, repeat, pad)."""
    in_size, out_size = math.prod(in_shape), math.prod(out_shape)
    regular = _permutation(in_shape, out_shape, index) or _range(in_shape, out_shape, index)
    if regular is not None:
        return regular
    targets = np.flatnonzero(index >= 0)
    ptr = np.concatenate([[0], np.cumsum(index >= 0)])
    return Sparse(in_shape, out_shape, sp.csr_array(
        (np.ones(len(targets)), index[targets], ptr), shape=(out_size, in_size)))


def _range(in_shape: Shape, out_shape: Shape, index: NDArray[np.int64]) -> Operator | None:
    """A run of inputs as a run of outputs; identity where it is all of them."""
    targets = np.flatnonzero(index >= 0)
    count = len(targets)
    if not count or targets[-1] - targets[0] + 1 != count or not np.array_equal(
            index[targets], np.arange(count) + index[targets[0]]):
        return None
    one = identity((count,))
    return _part(one, in_shape, out_shape, int(index[targets[0]]), int(targets[0]))


def _permutation(in_shape: Shape, out_shape: Shape, index: NDArray[np.int64]
                 ) -> Operator | None:
    """A reordering (or repetition) of whole axes."""
    lengths = [n for n in out_shape if n > 1]
    if not len(index) or index[0] != 0 or np.any(index < 0):
        return None
    grid = index.reshape(lengths)
    strides = [int(grid[tuple(int(i == a) for i in range(grid.ndim))]) for a in range(grid.ndim)]
    steps = [np.arange(n) * s for n, s in zip(lengths, strides, strict=True)]
    if not np.array_equal(grid, sum(np.ix_(*steps), start=np.zeros((), np.int64))):
        return None
    order = sorted((a for a in range(len(lengths)) if strides[a]), key=lambda a: -strides[a])
    expected = 1
    for axis in reversed(order):
        if strides[axis] != expected:
            return None
        expected *= lengths[axis]
    if expected != math.prod(in_shape):
        return None
    return einsum(in_shape, out_shape, tuple(order), tuple(range(len(lengths))), (), lengths,
                  np.ones(()))


def _part(inner: Operator, in_shape: Shape, out_shape: Shape, in_first: int,
          out_first: int) -> Operator:
    """A Part, or its inner operator where that covers everything."""
    if inner.in_size == math.prod(in_shape) and inner.out_size == math.prod(out_shape):
        return replace(inner, in_shape=in_shape, out_shape=out_shape) if not isinstance(
            inner, Conv) else inner
    if isinstance(inner, Part):
        in_first, out_first, inner = (in_first + inner.in_first, out_first + inner.out_first,
                                      inner.inner)
    return Part(in_shape, out_shape, inner, in_first, out_first)


def compose(outer: Operator, inner: Operator) -> Operator:
    """The operator that applies `inner`, then `outer`."""
    if is_identity(inner):
        return outer
    if is_identity(outer):
        return inner
    if isinstance(outer, Part):
        part = _outputs(inner, outer.in_first, outer.inner.in_size)
        return _part(compose(outer.inner, part), inner.in_shape, outer.out_shape, 0,
                     outer.out_first)
    if isinstance(inner, Part):
        part = _inputs(outer, inner.out_first, inner.inner.out_size)
        return _part(compose(part, inner.inner), inner.in_shape, outer.out_shape,
                     inner.in_first, 0)
    if isinstance(outer, Conv) and isinstance(inner, Conv):
        conv = conv_chain(outer, inner)
        if conv is not None:
            return conv
    a, b = _as_einsum(outer), _as_einsum(inner)
    product = None if a is None or b is None else einsum_product(a, b)
    return product if product is not None else _explicit(outer, inner)


def _explicit(outer: Operator, inner: Operator) -> Operator:
    shapes = inner.in_shape, outer.out_shape
    if isinstance(outer, Dense):
        return Dense(*shapes, inner.pull(outer.weight))
    if isinstance(inner, Dense):
        return Dense(*shapes, np.asarray(outer.matrix() @ inner.weight))
    if outer.out_size * inner.in_size <= inner.n_synapses:
        return from_matrix(*shapes, sp.csr_array(inner.pull(outer.matrix().toarray())))
    return from_matrix(*shapes, sp.csr_array(outer.matrix() @ inner.matrix()))


def _as_einsum(operator: Operator) -> Einsum | None:
    if isinstance(operator, Einsum):
        return operator
    shapes = operator.in_shape, operator.out_shape
    if isinstance(operator, Dense):
        return Einsum(*shapes, (1,), (0,), (0, 1), (operator.out_size, operator.in_size),
                      operator.weight)
    if isinstance(operator, Conv) and operator.is_pointwise:
        groups, (outs, per_group) = operator.groups, operator.weight.shape[:2]
        sizes = (groups, outs // groups, math.prod(operator.out_shape[1:]), per_group)
        return Einsum(*shapes, (0, 3, 2), (0, 1, 2), (0, 1, 3), sizes,
                      operator.weight.reshape(groups, outs // groups, per_group))
    return None


def _outputs(operator: Operator, first: int, count: int) -> Operator:
    """The operator's outputs `first...`, as a flat population of their own."""
    if first == 0 and count == operator.out_size:
        return operator
    if isinstance(operator, Part):
        start = operator.out_first - first
        if start >= 0 and start + operator.inner.out_size <= count:
            return _part(operator.inner, operator.in_shape, (count,), operator.in_first, start)
    if is_identity(operator):
        return _part(identity((count,)), operator.in_shape, (count,), first, 0)
    if isinstance(operator, Conv):
        part = sliced_outputs(operator, first, count)
        if part is not None:
            return part
    return from_matrix(operator.in_shape, (count,),
                       operator.rows(np.arange(first, first + count)))


def _inputs(operator: Operator, first: int, count: int) -> Operator:
    """What the operator does with its inputs `first...` alone."""
    if first == 0 and count == operator.in_size:
        return operator
    if isinstance(operator, Dense):
        return Dense((count,), operator.out_shape, operator.weight[:, first:first + count])
    if isinstance(operator, Conv):
        part = sliced_inputs(operator, first, count)
        if part is not None:
            return part
    matrix: sp.csr_array = operator.matrix()[:, first:first + count]
    return from_matrix((count,), operator.out_shape, matrix)


def add(a: Operator, b: Operator) -> Operator:
    """The sum of two operators between the same neurons."""
    if _geometry(a) == _geometry(b) and not isinstance(a, Sparse):
        return a.with_weights(a.weights + b.weights)
    return from_matrix(a.in_shape, a.out_shape, sp.csr_array(a.matrix() + b.matrix()))


def same(a: Operator, b: Operator) -> bool:
    """Whether two operators are equal, weights included, bit for bit."""
    return a is b or (_geometry(a) == _geometry(b) and all(
        np.array_equal(x, y) for x, y in zip(_arrays(a), _arrays(b), strict=True)))


def _geometry(operator: Operator) -> tuple[object, ...]:
    """All of an operator but its arrays; shapes count where the operator uses them."""
    own: tuple[object, ...] = (type(operator), operator.in_size, operator.out_size)
    if isinstance(operator, Conv):
        return (*own, operator.in_shape, operator.out_shape, operator.weight.shape,
                operator.stride, operator.padding, operator.dilation, operator.groups)
    if isinstance(operator, Einsum):
        return (*own, operator.ins, operator.outs, operator.axes, operator.sizes)
    if isinstance(operator, Part):
        return (*own, operator.in_first, operator.out_first, _geometry(operator.inner))
    if isinstance(operator, Restriction):
        return (*own, operator.ins.tobytes(), operator.outs.tobytes(), _geometry(operator.inner))
    return own


def _arrays(operator: Operator) -> list[Array]:
    if isinstance(operator, Part | Restriction):
        return _arrays(operator.inner)
    if isinstance(operator, Sparse):
        return [operator.csr.indptr, operator.csr.indices, operator.weights]
    return [operator.weights]
