"""An axis of flat populations: where operators keep it, mix it, and what a part of it leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Operator, Shape
from neurocompile.ir.operators.conv import Conv
from neurocompile.ir.operators.einsum import Axes, Einsum, einsum, split_as
from neurocompile.ir.operators.matrices import Dense, Sparse
from neurocompile.ir.operators.part import Part
from neurocompile.ir.operators.restriction import Restriction


@dataclass(frozen=True, slots=True)
class Axis:
    """Element `(o * length + n) * inner + i` of a population has the number n on the axis."""

    outer: int
    length: int
    inner: int

    @property
    def size(self) -> int:
        """Elements of the population."""
        return self.outer * self.length * self.inner

    def elements(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The elements with these numbers, in the population's order."""
        elements = np.arange(self.size).reshape(self.outer, self.length, self.inner)
        return elements[:, numbers].reshape(-1)

    def cut(self, shape: Shape, count: int) -> Shape:
        """A population's shape with `count` numbers left; several dimensions of it become one."""
        starts = [i for i in range(len(shape) + 1) if math.prod(shape[:i]) == self.outer]
        ends = [i for i in range(len(shape) + 1) if math.prod(shape[i:]) == self.inner]
        spans = [(i, j) for i in starts for j in ends if i < j]
        if not spans:
            return (self.outer, count, self.inner)
        first, last = min(spans, key=lambda span: span[1] - span[0])
        return (*shape[:first], *(1,) * (last - first - 1), count, *shape[last:])


def axis_beside(operator: Operator, axis: Axis, of_outs: bool = False) -> Axis | None:
    """Where an axis of the sources is among the targets, if it is computed side by side there.

    `of_outs`: where an axis of the targets is among the sources.
    """
    if isinstance(operator, Part):
        ends = ((operator.in_first, operator.inner.in_size, operator.in_size),
                (operator.out_first, operator.inner.out_size, operator.out_size))
        own, other = reversed(ends) if of_outs else ends
        inside = _within(axis, *own[:2])
        other_axis = None if inside is None else axis_beside(operator.inner, inside, of_outs)
        block = 0 if other_axis is None else other_axis.length * other_axis.inner
        if other_axis is None or other[0] % block or other[2] % block:
            return None
        return replace(other_axis, outer=other[2] // block)
    if isinstance(operator, Conv) and operator.is_pointwise:
        sides = operator.in_shape, operator.out_shape
        here, there = reversed(sides) if of_outs else sides
        pixels = math.prod(here[1:])
        return Axis(there[0], pixels, 1) if axis == Axis(here[0], pixels, 1) else None
    if not isinstance(operator, Einsum):
        return None
    split = _with_axis(operator, axis, of_outs)
    if split is None:
        return None
    fine, label = split
    return _axis_of(fine, fine.ins if of_outs else fine.outs, label)


def mixed_axes(operator: Operator, axis: Axis, of_outs: bool = False) -> list[Axis]:
    """Axes of the targets that a matrix over an axis of the sources gives, of the same length.

    Other axes are computed side by side: a matrix over all of a population mixes no axis of it.
    """
    split = _with_axis(operator, axis, of_outs) if isinstance(operator, Einsum) else None
    if split is None:
        return []
    fine, label = split
    own, other = (fine.outs, fine.ins) if of_outs else (fine.ins, fine.outs)
    if label in other or label not in fine.axes or not fine.shared:
        return []
    axes = [_axis_of(fine, other, a) for a in other
            if a not in own and a in fine.axes and fine.sizes[a] == axis.length]
    return [a for a in axes if a is not None]


def mixers(operator: Operator) -> list[tuple[Axis, Axis]]:
    """Pairs of axes, of the sources and of the targets, that it may mix beside other axes."""
    if not isinstance(operator, Einsum):
        return []
    axes = (_axis_of(operator, operator.ins, a) for a in operator.sum_axes)
    return [(axis, target) for axis in axes if axis is not None
            for target in mixed_axes(operator, axis)]


def even(operator: Operator, axis: Axis) -> bool:
    """Whether all numbers on an axis of the sources weigh the same in every target."""
    x = np.random.default_rng(0).random((1, axis.outer, axis.length, axis.inner))
    after_roll = operator.apply(np.roll(x, 1, axis=2).reshape(1, -1))
    return bool(np.allclose(operator.apply(x.reshape(1, -1)), after_roll, rtol=1e-9, atol=1e-9))


def crop(operator: Operator, numbers: NDArray[np.int64], ins: Axis | None,
            outs: Axis | None) -> Operator:
    """The operator between the kept numbers of an axis of its sources and of its targets.

    None stands for all sources, or all targets. Structure stays where there is some.
    """
    count = len(numbers)
    in_shape = operator.in_shape if ins is None else ins.cut(operator.in_shape, count)
    out_shape = operator.out_shape if outs is None else outs.cut(operator.out_shape, count)
    sources = np.arange(operator.in_size) if ins is None else ins.elements(numbers)
    targets = np.arange(operator.out_size) if outs is None else outs.elements(numbers)
    if isinstance(operator, Dense):
        return Dense(in_shape, out_shape, operator.weight[np.ix_(targets, sources)])
    if isinstance(operator, Sparse):
        return Sparse(in_shape, out_shape, operator.csr[targets][:, sources])
    if isinstance(operator, Conv) and ins is not None and outs is not None and (
            outs == axis_beside(operator, ins)):
        return replace(operator, in_shape=(ins.outer, 1, count),
                       out_shape=(operator.out_shape[0], 1, count))
    result: Operator | None = None
    if isinstance(operator, Part):
        result = _crop_part(operator, numbers, ins, outs, (in_shape, out_shape))
    elif isinstance(operator, Einsum):
        result = _crop_einsum(operator, numbers, ins, outs, (in_shape, out_shape))
    return result or Restriction(in_shape, out_shape, operator, sources, targets)


def _within(axis: Axis, first: int, size: int) -> Axis | None:
    """The axis of a run of elements; None where that has a part of its numbers only."""
    block = axis.length * axis.inner
    return None if first % block or size % block else replace(axis, outer=size // block)


def _crop_part(part: Part, numbers: NDArray[np.int64], ins: Axis | None, outs: Axis | None,
                  shapes: tuple[Shape, Shape]) -> Part | None:
    firsts, axes = [], []
    for axis, first, size in ((ins, part.in_first, part.inner.in_size),
                              (outs, part.out_first, part.inner.out_size)):
        inside = None if axis is None else _within(axis, first, size)
        if axis is not None and inside is None:
            return None
        axes.append(inside)
        firsts.append(first if axis is None else first // axis.length * len(numbers))
    return Part(*shapes, crop(part.inner, numbers, axes[0], axes[1]), firsts[0], firsts[1])


def _crop_einsum(operator: Einsum, numbers: NDArray[np.int64], ins: Axis | None,
                    outs: Axis | None, shapes: tuple[Shape, Shape]) -> Operator | None:
    fine, labels = operator, set()
    ends = [(axis, side) for axis, side in ((ins, False), (outs, True)) if axis is not None]
    for axis, of_outs in ends:
        split = _with_axis(fine, axis, of_outs)
        if split is None:
            return None
        fine, label = split
        labels.add(label)
    sides = sum((label in fine.ins) + (label in fine.outs) for label in labels)
    if sides != len(ends) or any(fine.sizes[label] != ends[0][0].length for label in labels):
        return None  # one of the two sides of a label stays whole, or it was split after all
    weight = fine.weight
    for label in labels & {*fine.axes}:
        weight = weight.take(numbers, axis=fine.axes.index(label))
    sizes = [len(numbers) if a in labels else n for a, n in enumerate(fine.sizes)]
    return einsum(*shapes, fine.ins, fine.outs, fine.axes, sizes, weight)


def _with_axis(operator: Einsum, axis: Axis, of_outs: bool) -> tuple[Einsum, int] | None:
    """The operator split so that the axis is one of its own, and that one."""
    fine = split_as(operator, (axis.outer, axis.length, axis.inner), of_outs=of_outs)
    if fine is None:
        return None
    axes = fine.outs if of_outs else fine.ins
    labels = [a for a in axes if _axis_of(fine, axes, a) == axis]
    return (fine, labels[0]) if labels else None


def _axis_of(operator: Einsum, axes: Axes, label: int) -> Axis | None:
    """One of an operator's axes as an axis of its sources or targets; None where there is none."""
    if label not in axes:
        return None
    at = axes.index(label)
    return Axis(math.prod(operator.lengths(axes[:at])), operator.sizes[label],
                math.prod(operator.lengths(axes[at + 1:])))
