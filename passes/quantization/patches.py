"""What multiplies each distinct weight of an operator: rows of weights, and the patches they see.

A row of weights is what one output channel shares over its positions (a convolution's pixels, the
tokens beside a matrix over channels). Each position has a patch, a vector of values of the sources;
the row times the patch is what the outputs there receive. Rows of one group see the same patches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Array, Conv, Dense, Einsum, Operator, Part, Restriction
from neurocompile.ir.operators.einsum import Axes

Ints = NDArray[np.int64]

_SETS = 256  # source sets of an explicit list that are patches of their own


@dataclass(frozen=True, eq=False)
class Layout:
    """Rows of an operator's weights, and where their patches and outputs are.

    `prepare` maps values [n, sources] to those that patches are taken from, each a sum of up to
    `terms` of them; element c of the patch of group g at position p is number
    `group[g] + position[p] + column[c]` of these.
    """

    weights: Ints  # [groups, rows, columns] numbers in the operator's weights, C order
    outputs: Ints  # [groups, rows, positions, repeats] target neurons, -1 where there is none
    group: Ints
    position: Ints
    column: Ints
    prepare: Callable[[Array], Array]
    terms: int = 1

    @property
    def columns(self) -> int:
        """Weights of a row."""
        return len(self.column)


def layouts(operator: Operator) -> list[Layout]:
    """The rows of an operator. Weights of an explicit list without equal rows may be in none."""
    if isinstance(operator, Part):
        return [_part(operator, inner) for inner in layouts(operator.inner)]
    if isinstance(operator, Restriction):
        return [_restriction(operator, inner) for inner in layouts(operator.inner)]
    if isinstance(operator, Dense):
        return [_matrix(np.arange(operator.weight.size).reshape(operator.weight.shape),
                        np.arange(operator.out_size), np.arange(operator.in_size))]
    if isinstance(operator, Conv):
        return [_conv(operator)]
    if isinstance(operator, Einsum):
        return [_einsum(operator)]
    return _by_sources(operator)


def _matrix(weights: Ints, targets: Ints, sources: Ints) -> Layout:
    """Every one of these sources to every one of these targets."""
    origin = np.zeros(1, np.int64)
    return Layout(weights[None], targets[None, :, None, None], origin, origin, sources,
                  lambda x: x)


def _part(part: Part, inner: Layout) -> Layout:
    outputs = np.where(inner.outputs >= 0, inner.outputs + part.out_first, -1)
    return replace(inner, outputs=outputs, prepare=lambda x: inner.prepare(x[:, part.ins]))


def _restriction(operator: Restriction, inner: Layout) -> Layout:
    number = np.full(operator.inner.out_size + 1, -1)  # the last is that of -1
    number[operator.outs] = np.arange(len(operator.outs))

    def prepare(x: Array) -> Array:
        full = np.zeros((len(x), operator.inner.in_size), x.dtype)
        full[:, operator.ins] = x
        return inner.prepare(full)
    return replace(inner, outputs=number[inner.outputs], prepare=prepare)


def _conv(conv: Conv) -> Layout:
    """Patches of the values with their padding around them."""
    channels, per_group, *kernel = conv.weight.shape
    pads, sizes = [], []
    for axis in (0, 1):
        reach = ((conv.out_shape[1 + axis] - 1) * conv.stride[axis]
                 + (kernel[axis] - 1) * conv.dilation[axis] + 1)
        before, length = conv.padding[axis], conv.in_shape[1 + axis]
        pads.append((before, max(reach - before - length, 0)))
        sizes.append(sum(pads[axis]) + length)
    height, width = sizes
    tap_y, tap_x = (np.arange(n) * d for n, d in zip(kernel, conv.dilation, strict=True))
    y, x = (np.arange(n) * s for n, s in zip(conv.out_shape[1:], conv.stride, strict=True))

    def prepare(values: Array) -> Array:
        grid = values.reshape(len(values), *conv.in_shape)
        return np.pad(grid, ((0, 0), (0, 0), *pads)).reshape(len(values), -1)
    rows = channels // conv.groups
    return Layout(
        np.arange(conv.weight.size).reshape(conv.groups, rows, -1),
        np.arange(conv.out_size).reshape(conv.groups, rows, -1, 1),
        np.arange(conv.groups) * (per_group * height * width),
        (y[:, None] * width + x).reshape(-1),
        ((np.arange(per_group)[:, None, None] * height + tap_y[:, None]) * width + tap_x).reshape(-1),
        prepare)


def _einsum(operator: Einsum) -> Layout:
    """Axes of the weight are groups, rows or columns; others positions, repeats, or added up."""
    ins, outs, axes = operator.ins, operator.outs, operator.axes
    groups = tuple(a for a in axes if a in ins and a in outs)
    rows = tuple(a for a in outs if a in axes and a not in ins)
    columns = tuple(a for a in ins if a in axes and a not in outs)
    positions = tuple(a for a in outs if a in ins and a not in axes)
    repeats = tuple(a for a in outs if a not in ins and a not in axes)
    totals = tuple(a for a in ins if a not in outs and a not in axes)
    rest = tuple(a for a in ins if a not in totals)

    def prepare(x: Array) -> Array:
        grid = x.reshape(len(x), *operator.lengths(ins))
        if totals:
            grid = grid.astype(np.float64).sum(axis=tuple(1 + ins.index(a) for a in totals))
        return grid.reshape(len(x), -1)

    def offsets(own: Axes) -> Ints:
        numbers: Ints = _numbers(operator, rest, tuple(a for a in rest if a not in own), own)[0]
        return numbers
    return Layout(
        _numbers(operator, axes, groups, rows, columns),
        _numbers(operator, outs, groups, rows, positions, repeats),
        offsets(groups), offsets(positions), offsets(columns), prepare,
        math.prod(operator.lengths(totals)))


def _numbers(operator: Einsum, axes: Axes, *dimensions: Axes) -> Ints:
    """Numbers of the elements of an array with these axes, as an array with these dimensions."""
    numbers = np.arange(math.prod(operator.lengths(axes))).reshape(operator.lengths(axes))
    in_order = numbers.transpose([axes.index(a) for own in dimensions for a in own])
    return in_order.reshape([math.prod(operator.lengths(own)) for own in dimensions])


def _by_sources(operator: Operator) -> list[Layout]:
    """An explicit list's targets with the same sources; those with most targets a source."""
    csr = operator.matrix()
    targets: dict[bytes, list[int]] = {}
    for target in range(operator.out_size):
        first, last = csr.indptr[target:target + 2]
        if last > first:
            targets.setdefault(csr.indices[first:last].tobytes(), []).append(target)
    sets = []
    for same in targets.values():
        first = np.asarray(csr.indptr)[same].astype(np.int64)
        sources = csr.indices[first[0]:csr.indptr[same[0] + 1]].astype(np.int64)
        sets.append(_matrix(first[:, None] + np.arange(len(sources)), np.asarray(same), sources))
    sets.sort(key=lambda one: one.columns / one.weights.shape[1])
    return sets[:_SETS]
