"""Convolutions: weights shared over space."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array, Nets, Operator
from neurocompile.ir.operators.matrices import Sparse

Grid = tuple[Any, ...]  # arrays that index axes


@dataclass(frozen=True, eq=False)
class Conv(Operator):
    """Two-dimensional cross-correlation with zero padding, as torch's conv2d.

    `in_shape` and `out_shape` are (channels, height, width);
    `weight[out channels, in channels / groups, kernel height, kernel width]`.
    """

    weight: Array
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def weights(self) -> Array:
        return self.weight

    def with_weights(self, weights: Array) -> Self:
        return replace(self, weight=weights)

    def times(self, gain: Array) -> Operator:
        per_channel = np.broadcast_to(gain, (self.out_size,)).reshape(self.out_shape[0], -1)
        if np.all(per_channel == per_channel[:, :1]):
            return replace(self, weight=self.weight * per_channel[:, :1, None, None])
        return Sparse(self.in_shape, self.out_shape, sp.csr_array(
            self.matrix().multiply(gain.reshape(-1, 1))))

    @property
    def is_pointwise(self) -> bool:
        """Whether each output sees one pixel, its own."""
        return (self.weight.shape[2:] == (1, 1) and self.padding == (0, 0)
                and self.in_shape[1:] == self.out_shape[1:])

    @property
    def window(self) -> int:
        """Sources of the output that has most."""
        return int(self.weight.shape[1] * math.prod(
            int((self.taps(axis) >= 0).sum(axis=1).max(initial=0)) for axis in (0, 1)))

    def taps(self, axis: int) -> NDArray[np.int64]:
        """[outputs, kernel] input coordinate along height (0) or width (1); -1 in the padding."""
        out, kernel = self.out_shape[1 + axis], self.weight.shape[2 + axis]
        at = (np.arange(out)[:, None] * self.stride[axis] - self.padding[axis]
              + np.arange(kernel)[None, :] * self.dilation[axis])
        return np.where((at >= 0) & (at < self.in_shape[1 + axis]), at, -1)

    def _pins(self, targets: NDArray[np.int64]) -> tuple[Array, Array, Array]:
        """Per target: its output channel, and [targets, taps] input pixel (-1: none)."""
        _, height, width = self.out_shape
        channel, pixel = np.divmod(targets, height * width)
        y, x = np.divmod(pixel, width)
        iy, ix = self.taps(0)[y][:, :, None], self.taps(1)[x][:, None, :]
        at = np.where((iy >= 0) & (ix >= 0), iy * self.in_shape[2] + ix, -1)
        return channel, at.reshape(len(targets), -1), (at >= 0).reshape(len(targets), -1)

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        targets = np.asarray(targets, np.int64)
        channel, pixel, valid = self._pins(targets)
        per_group = self.weight.shape[1]
        group = channel // (self.out_shape[0] // self.groups)
        source = group[:, None] * per_group + np.arange(per_group)[None, :]
        columns = source[:, :, None] * (self.in_shape[1] * self.in_shape[2]) + pixel[:, None, :]
        values = self.weight.reshape(self.out_shape[0], per_group, -1)[channel]
        keep = np.broadcast_to(valid[:, None, :], columns.shape)
        ptr = np.concatenate([[0], np.cumsum(keep.sum(axis=(1, 2)))])
        return sp.csr_array((values[keep], columns[keep], ptr), shape=(len(targets), self.in_size))

    def _by_tap(self) -> Iterator[tuple[Array, Grid, Grid]]:
        """Per tap that is anywhere inside: [groups, outputs, inputs], and the pixels it joins.

        Pixels of the output and of the input, as indices into their two last axes.
        """
        weight = self.weight.reshape(self.groups, -1, *self.weight.shape[1:])
        for a, b in np.ndindex(*self.weight.shape[2:]):
            y, x = self.taps(0)[:, a], self.taps(1)[:, b]
            at_y, at_x = np.flatnonzero(y >= 0), np.flatnonzero(x >= 0)
            if len(at_y) and len(at_x):
                yield weight[..., a, b], np.ix_(at_y, at_x), np.ix_(y[at_y], x[at_x])

    def apply(self, x: Array) -> Array:
        grid = x.reshape(len(x), self.groups, -1, *self.in_shape[1:])
        result = np.zeros((len(x), self.groups, self.out_shape[0] // self.groups,
                          *self.out_shape[1:]), np.result_type(x, self.weight))
        for weight, outs, ins in self._by_tap():
            result[..., *outs] += np.einsum("ngiyx,goi->ngoyx", grid[..., *ins], weight,
                                           optimize=True)
        return result.reshape(len(x), -1)

    def pull(self, rows: Array) -> Array:
        grid = rows.reshape(len(rows), self.groups, -1, *self.out_shape[1:])
        result = np.zeros((len(rows), self.groups, self.weight.shape[1], *self.in_shape[1:]),
                         np.result_type(rows, self.weight))
        for weight, outs, ins in self._by_tap():
            result[..., *ins] += np.einsum("ngoyx,goi->ngiyx", grid[..., *outs], weight,
                                          optimize=True)
        return result.reshape(len(rows), -1)

    def row_sums(self) -> Array:
        kernel = self.weight.sum(axis=1)
        inside_y, inside_x = self.taps(0) >= 0, self.taps(1) >= 0
        sums: Array = np.einsum("okl,yk,xl->oyx", kernel, inside_y.astype(kernel.dtype),
                                inside_x.astype(kernel.dtype)).reshape(-1)
        return sums

    @property
    def n_synapses(self) -> int:
        taps = int((self.taps(0) >= 0).sum()) * int((self.taps(1) >= 0).sum())
        return taps * self.out_shape[0] * int(self.weight.shape[1])

    @property
    def _whole(self) -> bool:
        """Whether there is one output pixel, and it sees every input pixel."""
        return all(self.out_shape[1 + axis] == 1
                   and np.count_nonzero(self.taps(axis) >= 0) == self.in_shape[1 + axis]
                   for axis in (0, 1))

    def nets(self) -> Nets:
        pixels = self.in_shape[1] * self.in_shape[2]
        per_group = self.in_shape[0] // self.groups
        if self._whole:  # all of a group's inputs reach all of its outputs
            outputs = self.out_shape[0]
            return Nets(np.arange(self.in_size) // (per_group * pixels), np.arange(outputs + 1),
                        np.arange(outputs) // (outputs // self.groups))
        group_of = np.arange(self.in_shape[0]) // per_group
        of_source = (group_of[:, None] * pixels + np.arange(pixels)[None, :]).reshape(-1)
        channel, pixel, valid = self._pins(np.arange(self.out_size))
        group = channel // (self.out_shape[0] // self.groups)
        ids = (group[:, None] * pixels + pixel)[valid]
        return Nets(of_source, np.concatenate([[0], np.cumsum(valid.sum(axis=1))]), ids)


