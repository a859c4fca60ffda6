"""Convolutions behind convolutions, and convolutions of some channels: still convolutions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array
from neurocompile.ir.operators.conv import Conv


def conv_chain(outer: Conv, inner: Conv) -> Conv | None:
    """`inner`, then `outer`, as one convolution; None where that is something else.

    A kernel of k behind one of l grows to (k - 1) * stride + l. `outer` may pad with zeros only
    what `inner` would make zero as well: behind a pointwise one. Kernels with holes in uneven
    places have no form.
    """
    groups, more = sorted((outer.groups, inner.groups))
    pointwise = inner.weight.shape[2:] == (1, 1) and inner.padding == (0, 0)
    if outer.in_shape != inner.out_shape or more % groups or (
            any(outer.padding) and not pointwise):
        return None
    places = [_places(outer, inner, axis) for axis in (0, 1)]
    steps = [int(at[1] - at[0]) if len(at) > 1 else 1 for at in map(np.unique, places)]
    size = [int(at.max()) // step + 1 for at, step in zip(places, steps, strict=True)]
    if any(len(np.unique(at)) != n for at, n in zip(places, size, strict=True)):
        return None
    late, early = _in_groups(outer, groups), _in_groups(inner, groups)
    kernel = np.zeros((*late.shape[:2], early.shape[2], *size))
    for a, b, c, d in np.ndindex(*late.shape[3:], *early.shape[3:]):
        y, x = places[0][a, c] // steps[0], places[1][b, d] // steps[1]
        kernel[..., y, x] += late[..., a, b] @ early[..., c, d]
    strides = [o * i for o, i in zip(outer.stride, inner.stride, strict=True)]
    padding = [p + q * s for p, q, s in zip(inner.padding, outer.padding, inner.stride,
                                            strict=True)]
    return Conv(inner.in_shape, outer.out_shape, kernel.reshape(-1, *kernel.shape[2:]),
                (strides[0], strides[1]), (padding[0], padding[1]), (steps[0], steps[1]), groups)


def _places(outer: Conv, inner: Conv, axis: int) -> NDArray[np.int64]:
    """[outer kernel, inner kernel] offset of an input along height (0) or width (1)."""
    late = np.arange(outer.weight.shape[2 + axis]) * outer.dilation[axis] * inner.stride[axis]
    early = np.arange(inner.weight.shape[2 + axis]) * inner.dilation[axis]
    return late[:, None] + early[None, :]


def _in_groups(conv: Conv, groups: int) -> Array:
    """The weights as [groups, outputs, inputs, kernel...], zero between finer groups."""
    outs, per_group, *kernel = conv.weight.shape
    finer = conv.groups // groups
    blocks = conv.weight.reshape(groups, finer, outs // conv.groups, per_group, *kernel)
    full = np.zeros((groups, finer, outs // conv.groups, finer, per_group, *kernel))
    for i in range(finer):
        full[:, i, :, i] = blocks[:, i]
    return full.reshape(groups, outs // groups, finer * per_group, *kernel)


def sliced_outputs(conv: Conv, first: int, count: int) -> Conv | None:
    """Some of its output channels, by the outputs `first...`; None where that is no whole one."""
    space = math.prod(conv.out_shape[1:])
    if conv.groups > 1 or first % space or count % space:
        return None
    low, high = first // space, (first + count) // space
    return Conv(conv.in_shape, (high - low, *conv.out_shape[1:]), conv.weight[low:high],
                conv.stride, conv.padding, conv.dilation)


def sliced_inputs(conv: Conv, first: int, count: int) -> Conv | None:
    """What it does with some input channels, by the inputs `first...`."""
    space = math.prod(conv.in_shape[1:])
    if conv.groups > 1 or first % space or count % space:
        return None
    low, high = first // space, (first + count) // space
    return Conv((high - low, *conv.in_shape[1:]), conv.out_shape, conv.weight[:, low:high],
                conv.stride, conv.padding, conv.dilation)
