"""Convolutions and average pools of any rank as operators on forms.

What a two-dimensional convolution with zero padding can say stays one `Conv`; the rest (transposed,
three-dimensional, uneven borders, tokens beside the batch) becomes an explicit synapse list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import onnx_ir as ir
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.axes import Role
from neurocompile.ir.operators import Conv, Operator, Shape, from_matrix
from neurocompile.passes.lowering.walk import (
    FormWalk,
    data_sizes,
    layout_of,
    static_input,
    unsupported_op,
    weight_identity,
)


@dataclass(frozen=True)
class _Window:
    """A window over [lead, channels, *space]; one entry an axis of space in each tuple."""

    lead: int  # what stands beside the batch: the window does not see it
    in_shape: Shape  # channels first
    out_shape: Shape
    kernel: Shape
    stride: Shape
    begin: Shape  # padding in front
    dilation: Shape

    def in_two_axes(self) -> _Window:
        """The same with at most two axes of space, as far as windows of one entry allow."""
        point = set(self.kernel) | set(self.stride) == {1} and not any(self.begin)
        if point and len(self.kernel) > 2:
            shapes = [(s[0], math.prod(s[1:-1]), s[-1]) for s in (self.in_shape, self.out_shape)]
            return replace(self, in_shape=shapes[0], out_shape=shapes[1], kernel=(1, 1),
                           stride=(1, 1), begin=(0, 0), dilation=(1, 1))
        axes = [a for a, k in enumerate(self.kernel) if not (
            k == 1 and self.in_shape[a + 1] == self.out_shape[a + 1] == 1 and not self.begin[a])]
        while len(axes) < 2 and len(axes) < len(self.kernel):
            axes = sorted({*axes, max(a for a in range(len(self.kernel)) if a not in axes)})
        return self._along(axes)

    def _along(self, axes: Sequence[int]) -> _Window:
        """Axes of space by number; one alone gets height 1."""
        def pick(values: Shape, fill: int, first: Shape = ()) -> Shape:
            own = tuple(values[a] for a in axes)
            return (*first, *([fill] * (2 - len(own))), *own)
        return _Window(
            self.lead, pick(self.in_shape[1:], 1, self.in_shape[:1]),
            pick(self.out_shape[1:], 1, self.out_shape[:1]), pick(self.kernel, 1),
            pick(self.stride, 1), pick(self.begin, 0), pick(self.dilation, 1))

    def even(self) -> bool:
        """Whether the same padding at both borders gives the same outputs."""
        return all((n + 2 * b - d * (k - 1) - 1) // s + 1 == m for n, m, k, s, b, d in zip(
            self.in_shape[1:], self.out_shape[1:], self.kernel, self.stride, self.begin,
            self.dilation, strict=True))


def _list(node: ir.Node, key: str, default: Sequence[int]) -> Shape:
    return tuple(int(i) for i in node.attributes.get_ints(key, None) or default)


def _window(walk: FormWalk, node: ir.Node, kernel: Shape) -> _Window:
    """A node's window. Raises FindingsError (NC110) where it looks across ticks or samples."""
    before, after = (layout_of(walk, v, node) for v in (node.inputs[0], node.outputs[0]))
    rank = len(kernel)
    for axis, size in enumerate(kernel, 2):
        moving = [a for a in before[axis] if a.role in (Role.TIME, Role.BATCH)]
        if moving and (size > 1 or before[axis] != after[axis]):
            raise unsupported_op(node, "its window mixes ticks or samples")
    if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        raise unsupported_op(node, "its padding is not given in numbers")
    sizes, outs = data_sizes(before), data_sizes(after)
    return _Window(sizes[0], sizes[1:], outs[1:], kernel, _list(node, "strides", [1] * rank),
                   _list(node, "pads", [0] * 2 * rank)[:rank], _list(node, "dilations", [1] * rank))


def _operator(window: _Window, weight: NDArray[np.float64], groups: int) -> Operator:
    """A cross-correlation: a Conv where it can be one."""
    small = window.in_two_axes()
    if window.lead == 1 and len(small.kernel) == 2 and small.even():
        return Conv(small.in_shape, small.out_shape,
                    weight.reshape(*weight.shape[:2], *small.kernel), _two(small.stride),
                    _two(small.begin), _two(small.dilation), groups)
    return from_matrix((window.lead, *window.in_shape), (window.lead, *window.out_shape),
                       _matrix(window, weight, groups))


def _two(values: Shape) -> tuple[int, int]:
    height, width = values
    return height, width


def _matrix(window: _Window, weight: NDArray[np.float64], groups: int) -> sp.csr_array:
    """Every synapse of a cross-correlation: [lead * outputs, lead * inputs]."""
    rank, (channels, *space) = len(window.kernel), window.out_shape
    per_group = weight.shape[1]
    # axes: out channel, out position (rank), in channel of the group, kernel (rank)
    column = np.zeros([1] * (2 * rank + 2), np.int64)
    valid = np.ones_like(column, dtype=bool)
    for axis, (size, out, k) in enumerate(zip(window.in_shape[1:], space, window.kernel,
                                              strict=True)):
        at = (np.arange(out)[:, None] * window.stride[axis] - window.begin[axis]
              + np.arange(k)[None, :] * window.dilation[axis])
        shape = [1] * (2 * rank + 2)
        shape[1 + axis], shape[rank + 2 + axis] = out, k
        column = column * size + at.reshape(shape)
        valid = valid & ((at >= 0) & (at < size)).reshape(shape)
    group = np.arange(channels) // (channels // groups)
    source = group[:, None] * per_group + np.arange(per_group)[None, :]
    column = column + (source * math.prod(window.in_shape[1:])).reshape(
        channels, *[1] * rank, per_group, *[1] * rank)
    full = (channels, *space, per_group, *window.kernel)
    keep = np.broadcast_to(valid, full)
    values = np.broadcast_to(weight.reshape(channels, *[1] * rank, per_group, *window.kernel), full)
    rows = keep.reshape(channels * math.prod(space), -1).sum(axis=1)
    one = sp.csr_array((values[keep], np.broadcast_to(column, full)[keep],
                        np.concatenate([[0], np.cumsum(rows)])),
                       shape=(len(rows), math.prod(window.in_shape)))
    one.eliminate_zeros()
    return one if window.lead == 1 else sp.csr_array(sp.kron(sp.eye_array(window.lead), one))


def _transpose(window: _Window, weight: NDArray[np.float64], groups: int) -> Operator:
    """What scatters each input through the kernel: the transpose of a cross-correlation."""
    forward = replace(window, in_shape=window.out_shape, out_shape=window.in_shape)
    return from_matrix((window.lead, *window.in_shape), (window.lead, *window.out_shape),
                       sp.csr_array(_matrix(forward, weight, groups).T))


def _conv(walk: FormWalk, node: ir.Node) -> None:
    """Conv and ConvTranspose, grouped and dilated as well."""
    form, weight = walk.form(node.inputs[0]), static_input(node, 1)
    if form is None or weight is None:
        raise unsupported_op(node, "its weights depend on the input")
    window = _window(walk, node, weight.shape[2:])
    groups = node.attributes.get_int("group", 1)
    channels = weight.shape[0] if node.op_type == "ConvTranspose" else weight.shape[1] * groups
    if window.in_shape[0] != channels:
        raise unsupported_op(node, "its channels are ticks or samples")
    make = _transpose if node.op_type == "ConvTranspose" else _operator
    key = (node.op_type, weight_identity(node, 1), window, groups)
    result = form.through(walk.operator(key, partial(make, window, weight, groups)), layer=True)
    bias = static_input(node, 2)
    if bias is not None:
        space = math.prod(window.out_shape[1:])
        result = result.plus_constant(np.tile(np.repeat(bias, space), window.lead))
    walk.forms[str(node.outputs[0].name)] = result


def _average_pool(walk: FormWalk, node: ir.Node) -> None:
    """AveragePool; a window over padding that does not count divides by what it holds."""
    form = walk.form(node.inputs[0])
    kernel = _list(node, "kernel_shape", ())
    if form is None:
        raise unsupported_op(node, "it averages a static value")
    window = _window(walk, node, kernel)
    with_padding = bool(node.attributes.get_int("count_include_pad", 0))
    if with_padding and not window.even():
        raise unsupported_op(node, "ceil_mode=True makes windows that count part of the padding")

    def make() -> Operator:
        ones = window_sum(walk, node)
        counts = np.full(ones.out_size, math.prod(kernel)) if with_padding else ones.row_sums()
        return ones.times(1.0 / counts)
    operator = walk.operator(("pool", window, with_padding), make)
    walk.forms[str(node.outputs[0].name)] = form.through(operator)


def window_sum(walk: FormWalk, node: ir.Node) -> Operator:
    """The sum over a pooling window, channel by channel, without its padding."""
    kernel = _list(node, "kernel_shape", ())
    window = _window(walk, node, kernel)
    channels = window.in_shape[0]
    return walk.operator(("window", window), lambda: _operator(
        window, np.ones((channels, 1, *kernel)), channels))


CONVOLUTION_OPS: dict[str, Callable[[FormWalk, ir.Node], Any]] = {
    "Conv": _conv, "ConvTranspose": _conv, "AveragePool": _average_pool,
}
