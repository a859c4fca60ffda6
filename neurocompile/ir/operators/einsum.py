"""A small array shared along axes: matrices over one axis, permutations, repeats, sums.

Token mixing (`I ⊗ W ⊗ I`, one W per head), a linear layer on every token, a transpose and a mean
are all `y[outs] = sum over the rest of weight[axes] * x[ins]`, as numpy's einsum writes it. Such
operators compose among themselves, so a chain of them costs one small array.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array, Nets, Operator, Shape
from neurocompile.ir.operators.matrices import Dense

Axes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Einsum(Operator):
    """Axes are numbered; `sizes[a]` is the length of axis a.

    An axis of `ins` that is not in `outs` is summed over, one of `outs` that is not in `ins` is
    produced (repeated, where the weight has it not). Made by `einsum`, which normalizes.
    """

    ins: Axes
    outs: Axes
    axes: Axes  # of the weight
    sizes: tuple[int, ...]
    weight: Array

    @property
    def weights(self) -> Array:
        return self.weight

    def with_weights(self, weights: Array) -> Self:
        return replace(self, weight=weights)

    @property
    def sum_axes(self) -> Axes:
        """The axes that each output sums over."""
        return tuple(a for a in self.ins if a not in self.outs)

    @property
    def shared(self) -> Axes:
        """The axes of inputs that are axes of outputs: what is computed side by side."""
        return tuple(a for a in self.ins if a in self.outs)

    def lengths(self, axes: Axes) -> tuple[int, ...]:
        """The sizes of these axes."""
        return tuple(self.sizes[a] for a in axes)

    def times(self, gain: Array) -> Operator:
        fine = split_as(self, self.out_shape, of_outs=True) or self
        grid = np.broadcast_to(gain, (self.out_size,)).reshape(fine.lengths(fine.outs))
        varying = []
        for position, axis in enumerate(fine.outs):
            first = grid.take([0], axis=position)
            if np.all(grid == first):
                grid = first
            else:
                varying.append(axis)
        axes = (*fine.axes, *(a for a in varying if a not in fine.axes))
        gains = grid.reshape(fine.lengths(tuple(varying)))
        weight = (_spread(fine.weight, fine.axes, axes, fine.sizes)
                  * _spread(gains, tuple(varying), axes, fine.sizes))
        return einsum(self.in_shape, self.out_shape, fine.ins, fine.outs, axes, fine.sizes, weight)

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        targets = np.asarray(targets, np.int64)
        at = dict(zip(self.outs, _unravel(targets, self.lengths(self.outs)), strict=True))
        at |= dict(zip(self.sum_axes, np.ix_(*map(np.arange, self.lengths(self.sum_axes))),
                       strict=True))
        count = math.prod(self.lengths(self.sum_axes))
        columns = self._flat(self.ins, at, len(targets))
        values = self.weight.reshape(-1)[self._flat(self.axes, at, len(targets))]
        return sp.csr_array((values, columns, np.arange(len(targets) + 1) * count),
                            shape=(len(targets), self.in_size))

    def _flat(self, axes: Axes, at: dict[int, NDArray[np.int64]], n: int) -> NDArray[np.int64]:
        """[n * summed elements] index into an array with these axes."""
        rank = len(self.sum_axes)
        index = np.zeros((1,) * (rank + 1), np.int64)
        for axis in axes:
            own = at[axis] if axis in self.sum_axes else at[axis].reshape(-1, *[1] * rank)
            index = index * self.sizes[axis] + own
        return np.broadcast_to(index, (n, *self.lengths(self.sum_axes))).reshape(-1)

    def apply(self, x: Array) -> Array:
        return self._through(x, self.ins, self.outs)

    def pull(self, rows: Array) -> Array:
        return self._through(rows, self.outs, self.ins)

    def _through(self, x: Array, ins: Axes, outs: Axes) -> Array:
        """Values [n, ins] through the weight: [n, outs]."""
        batch = len(self.sizes)
        grid = x.reshape(len(x), *self.lengths(ins))
        present = tuple(a for a in outs if a in ins or a in self.axes)
        result = np.einsum(grid, (batch, *ins), self.weight, self.axes, (batch, *present),
                          optimize=True)
        sizes = (*self.sizes, len(x))
        return _spread(result, (batch, *present), (batch, *outs), sizes).reshape(len(x), -1)

    def row_sums(self) -> Array:
        rest = tuple(a for a in self.axes if a in self.outs)
        sums_over = tuple(i for i, a in enumerate(self.axes) if a not in self.outs)
        times = math.prod(self.lengths(tuple(a for a in self.sum_axes if a not in self.axes)))
        sums = self.weight.sum(axis=sums_over) * times
        return _spread(sums, rest, self.outs, self.sizes).reshape(-1)

    @property
    def n_synapses(self) -> int:
        return self.out_size * math.prod(self.lengths(self.sum_axes))

    def nets(self) -> Nets:
        numbers = np.arange(math.prod(self.lengths(self.shared))).reshape(
            self.lengths(self.shared))
        of_source = _spread(numbers, self.shared, self.ins, self.sizes).reshape(-1)
        ids = _spread(numbers, self.shared, self.outs, self.sizes).reshape(-1)
        return Nets(of_source.copy(), np.arange(self.out_size + 1), ids.copy())


def einsum(in_shape: Shape, out_shape: Shape, ins: Axes, outs: Axes, axes: Axes,
           sizes: Sequence[int], weight: Array) -> Einsum | Dense:
    """The operator in its only form: axes that always go together are one, none has length 1.

    Every axis of the weight is one of `ins` or `outs`. `Dense` where nothing is shared.
    """
    wide = [a for a in dict.fromkeys((*outs, *ins)) if sizes[a] > 1]
    ins, outs = (tuple(a for a in one if a in wide) for one in (ins, outs))
    order = tuple(a for a in wide if a in axes)
    weight = np.asarray(weight).reshape([sizes[a] for a in axes if a in wide]).transpose(
        [[a for a in axes if a in wide].index(a) for a in order])
    groups: list[list[int]] = []
    for axis in wide:
        if groups and all(_follows(axis, groups[-1][-1], one) for one in (ins, outs, order)):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    number = {group[0]: i for i, group in enumerate(groups)}

    def renumber(one: Axes) -> Axes:
        return tuple(number[a] for a in one if a in number)
    lengths = tuple(math.prod(sizes[a] for a in group) for group in groups)
    ins, outs, order = renumber(ins), renumber(outs), renumber(order)
    if not set(ins) & set(outs) and set(order) == {*ins, *outs}:
        matrix = weight.reshape(math.prod(out_shape), math.prod(in_shape))
        return Dense(in_shape, out_shape, np.ascontiguousarray(matrix))
    return Einsum(in_shape, out_shape, ins, outs, order, lengths,
                  weight.reshape([lengths[a] for a in order]))


def _follows(axis: int, before: int, axes: Axes) -> bool:
    """Whether `axis` stands right behind `before`, or neither is there."""
    if before not in axes or axis not in axes:
        return before not in axes and axis not in axes
    return axes.index(axis) == axes.index(before) + 1


def einsum_product(outer: Einsum, inner: Einsum) -> Einsum | Dense | None:
    """`inner`, then `outer`; None where their axes between do not fit together."""
    outer, inner = _without_unit_axes(outer), _without_unit_axes(inner)
    split_outer = split_as(outer, inner.lengths(inner.outs), of_outs=False)
    split_inner = None if split_outer is None else split_as(
        inner, split_outer.lengths(split_outer.ins), of_outs=True)
    if split_outer is None or split_inner is None:
        return None
    outer, inner = split_outer, split_inner
    name = dict(zip(outer.ins, inner.outs, strict=True))
    fresh = len(inner.sizes)
    for axis in range(len(outer.sizes)):
        if axis not in name:
            name[axis], fresh = fresh, fresh + 1
    sizes = dict(enumerate(inner.sizes)) | {name[a]: s for a, s in enumerate(outer.sizes)}
    outs = tuple(name[a] for a in outer.outs)
    axes = tuple(name[a] for a in outer.axes)
    free = {*outs, *inner.ins}
    result = tuple(a for a in dict.fromkeys((*axes, *inner.axes)) if a in free)
    weight = np.einsum(outer.weight, axes, inner.weight, inner.axes, result, optimize=True)
    repeats = [a for a in inner.outs if a not in free and a not in axes and a not in inner.axes]
    weight = weight * math.prod(sizes[a] for a in repeats)
    return einsum(inner.in_shape, outer.out_shape, inner.ins, outs, result,
                  [sizes[a] for a in range(len(sizes))], weight)


def _without_unit_axes(operator: Einsum) -> Einsum:
    """Without axes of length 1."""
    ins, outs, axes = (tuple(a for a in one if operator.sizes[a] > 1)
                       for one in (operator.ins, operator.outs, operator.axes))
    weight = operator.weight.reshape(operator.lengths(axes))
    return replace(operator, ins=ins, outs=outs, axes=axes, weight=weight)


def split_as(operator: Einsum, shape: Shape, *, of_outs: bool) -> Einsum | None:
    """The operator with its axes (of its outputs, or inputs) split at the borders of `shape`.

    None where a border of one is inside an axis that it does not divide.
    """
    axes = operator.outs if of_outs else operator.ins
    parts = _common(operator.lengths(axes), tuple(n for n in shape if n > 1))
    if parts is None:
        return None
    fresh, sizes, names = len(operator.sizes), list(operator.sizes), {}
    for axis, lengths in zip(axes, parts, strict=True):
        names[axis] = (axis, *range(fresh, fresh + len(lengths) - 1))
        fresh += len(lengths) - 1
        sizes[axis] = lengths[0]
        sizes += lengths[1:]

    def split(one: Axes) -> Axes:
        return tuple(b for a in one for b in names.get(a, (a,)))
    axes = split(operator.axes)
    return replace(operator, ins=split(operator.ins), outs=split(operator.outs), axes=axes,
                   sizes=tuple(sizes), weight=operator.weight.reshape([sizes[a] for a in axes]))


def _common(axes: tuple[int, ...], shape: Shape) -> list[list[int]] | None:
    """How each axis splits, first part first, so that every border of `shape` is a border."""
    parts: list[list[int]] = []
    rest = list(shape)
    for length in reversed(axes):
        own: list[int] = []
        while length > 1:
            if not rest:
                return None
            small, large = sorted((length, rest[-1]))
            if large % small:
                return None
            own.insert(0, small)
            length //= small
            rest[-1] //= small
            if rest[-1] == 1:
                rest.pop()
        parts.insert(0, own or [1])
    return parts if not rest else None


def _spread(array: Array, axes: Axes, target: Axes, sizes: Sequence[int]) -> Array:
    """An array with these axes, seen with the wanted ones (all of its own among them)."""
    in_order = array.transpose([axes.index(a) for a in target if a in axes])
    thin = in_order.reshape([sizes[a] if a in axes else 1 for a in target])
    return np.broadcast_to(thin, [sizes[a] for a in target])


def _unravel(index: NDArray[np.int64], shape: Shape) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.unravel_index(index, shape)) if shape else ()
