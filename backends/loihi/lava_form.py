"""Which of Lava's connection processes computes an operator: Conv, Dense or Sparse.

A matrix over one axis (token mixing, a linear layer on every token) is a pointwise convolution
over the other axes, seen in another order: it stores its weights once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from neurocompile.ir.operators import (
    Conv,
    Dense,
    Einsum,
    Operator,
    Part,
    Shape,
    Sparse,
)
from neurocompile.ir.operators.matrices import DENSE_FROM

CONV_LIMIT = 127  # Lava keeps kernel size, stride, padding, dilation and groups in 8 bits
WHC = (2, 1, 0)  # Lava's order of a convolution's axes


@dataclass(frozen=True, slots=True)
class View:
    """A flat population, seen as `shape`, transposed by `order`, seen as `whc`."""

    shape: Shape
    order: Shape
    whc: Shape

    @property
    def shape_behind(self) -> Shape:
        """The shape behind the transpose."""
        return tuple(self.shape[a] for a in self.order)

    @property
    def back(self) -> Shape:
        """The transpose that leads back."""
        return tuple(int(a) for a in np.argsort(self.order))


@dataclass(frozen=True, slots=True)
class LavaForm:
    """An operator that Lava has; a convolution reads and writes populations through views."""

    operator: Conv | Dense | Sparse
    source: View | None = None
    target: View | None = None


def lava_form(operator: Operator) -> LavaForm:
    """The form with the fewest stored weights."""
    if isinstance(operator, Part):
        wide = _with_zero_filters(operator)
        if wide is not None:
            return lava_form(wide)
    if isinstance(operator, Conv) and lava_conv(operator):
        return LavaForm(operator, _whc(operator.in_shape), _whc(operator.out_shape))
    if isinstance(operator, Einsum):
        pointwise = _pointwise(operator)
        if pointwise is not None:
            return pointwise
    if isinstance(operator, (Dense, Sparse)):
        return LavaForm(operator)
    shapes = operator.in_shape, operator.out_shape
    if operator.n_synapses >= DENSE_FROM * operator.in_size * operator.out_size:
        return LavaForm(Dense(*shapes, operator.matrix().toarray()))
    return LavaForm(Sparse(*shapes, operator.matrix()))


def lava_conv(conv: Conv) -> bool:
    """Whether Lava's Conv computes it: its output size is the formula's, its numbers 8 bit."""
    numbers = (*conv.weight.shape[2:], *conv.stride, *conv.padding, *conv.dilation, conv.groups)
    sizes = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(conv.in_shape[1:], conv.padding, conv.dilation,
                                 conv.weight.shape[2:], conv.stride, strict=True))
    return max(numbers) <= CONV_LIMIT and sizes == conv.out_shape[1:]


def _whc(shape: Shape) -> View:
    return View(shape, WHC, tuple(reversed(shape)))


def _with_zero_filters(part: Part) -> Conv | None:
    """Filters of weight 0 for the channels that a convolution does not reach."""
    conv = part.inner
    if not isinstance(conv, Conv) or conv.groups > 1 or conv.in_size != part.in_size:
        return None
    space = math.prod(conv.out_shape[1:])
    if part.out_first % space or part.out_size % space:
        return None
    before, channels = part.out_first // space, part.out_size // space
    weight = np.zeros((channels, *conv.weight.shape[1:]), conv.weight.dtype)
    weight[before:before + len(conv.weight)] = conv.weight
    return replace(conv, weight=weight, out_shape=(channels, *conv.out_shape[1:]))


def _pointwise(operator: Einsum) -> LavaForm | None:
    """A grouped convolution of size 1: axes that only the weight does not know are its pixels."""
    shared, inner = operator.shared, operator.sum_axes
    outer = tuple(a for a in operator.outs if a not in operator.ins)
    if not {*inner, *outer} <= {*operator.axes}:
        return None
    pixels = tuple(a for a in shared if a not in operator.axes)
    groups = tuple(a for a in shared if a in operator.axes)
    weight = operator.weight.transpose(
        [operator.axes.index(a) for a in (*groups, *outer, *inner)])
    size, parts = (math.prod(operator.lengths(one)) for one in (pixels, groups))
    outs, ins = (math.prod(operator.lengths(one)) for one in (outer, inner))
    conv = Conv((parts * ins, 1, size), (parts * outs, 1, size),
                weight.reshape(parts * outs, ins, 1, 1), groups=parts)
    if size == 1 or not lava_conv(conv):
        return None
    return LavaForm(conv, _view(operator, operator.ins, (*pixels, *groups, *inner), conv.in_shape),
                    _view(operator, operator.outs, (*pixels, *groups, *outer), conv.out_shape))


def _view(operator: Einsum, axes: tuple[int, ...], order: tuple[int, ...], shape: Shape) -> View:
    return View(operator.lengths(axes), tuple(axes.index(a) for a in order),
                tuple(reversed(shape)))
