"""Linear operators: what a projection computes, without listing its synapses.

An operator maps the flat vector of a source's neurons (C order of `in_shape`) to the flat vector
of a target's neurons (C order of `out_shape`). Its cost follows its distinct weights, not its
synapses. `Sparse` is the form that always exists. Weights are float64 before quantization and
int32 after it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
DENSE_FROM = 0.5  # a composed matrix with this share of nonzeros is stored dense


@dataclass(frozen=True, eq=False)
class Nets:
    """Sources that share one destination set, as one net: what mapping counts instead of synapses.

    Every source neuron belongs to exactly one net. Target neuron v is reached by the nets
    `ids[ptr[v]:ptr[v + 1]]`.
    """

    of_source: NDArray[np.int64]  # [sources] net of each source neuron
    ptr: NDArray[np.int64]  # [targets + 1]
    ids: NDArray[np.int64]  # [pins]

    @property
    def multiplicity(self) -> NDArray[np.int64]:
        """Source neurons per net."""
        count = int(self.of_source.max(initial=-1)) + 1
        return np.bincount(self.of_source, minlength=count).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Operator(ABC):
    """A static linear map between two populations."""

    in_shape: Shape
    out_shape: Shape

    @property
    def in_size(self) -> int:
        """Source neurons."""
        return math.prod(self.in_shape)

    @property
    def out_size(self) -> int:
        """Target neurons."""
        return math.prod(self.out_shape)

    @property
    @abstractmethod
    def weights(self) -> Array:
        """The distinct stored weights."""

    @abstractmethod
    def with_weights(self, weights: Array) -> Self:
        """The same structure with other weights of the same shape."""

    @abstractmethod
    def scaled(self, gain: Array) -> Operator:
        """Each output multiplied by its own factor; `gain` has `out_size` elements."""

    @abstractmethod
    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        """The synapses into these target neurons: [len(targets), in_size]."""

    @abstractmethod
    def nets(self) -> Nets:
        """The operator as merged nets."""

    @property
    @abstractmethod
    def n_synapses(self) -> int:
        """Source-target pairs that are connected."""

    def matrix(self) -> sp.csr_array:
        """All synapses: [out_size, in_size]."""
        return self.rows(np.arange(self.out_size))

    def bounds(self) -> tuple[Array, Array]:
        """Per target: the sum of its negative weights, and the sum of its positive ones."""
        low = self.with_weights(np.minimum(self.weights, 0))
        high = self.with_weights(np.maximum(self.weights, 0))
        return low.row_sums(), high.row_sums()

    def row_sums(self) -> Array:
        """Per target: the sum of its weights."""
        return np.asarray(self.matrix().sum(axis=1)).reshape(-1)


@dataclass(frozen=True, eq=False)
class Dense(Operator):
    """Every source to every target: `weight[out_size, in_size]`."""

    weight: Array

    @property
    def weights(self) -> Array:
        return self.weight

    def with_weights(self, weights: Array) -> Self:
        return replace(self, weight=weights)

    def scaled(self, gain: Array) -> Dense:
        return replace(self, weight=self.weight * gain.reshape(-1, 1))

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        return sp.csr_array(self.weight[targets])

    def row_sums(self) -> Array:
        return np.asarray(self.weight.sum(axis=1))

    @property
    def n_synapses(self) -> int:
        return int(self.weight.size)

    def nets(self) -> Nets:
        return Nets(np.zeros(self.in_size, np.int64), np.arange(self.out_size + 1),
                    np.zeros(self.out_size, np.int64))


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

    def scaled(self, gain: Array) -> Operator:
        per_channel = np.broadcast_to(gain, (self.out_size,)).reshape(self.out_shape[0], -1)
        if np.all(per_channel == per_channel[:, :1]):
            return replace(self, weight=self.weight * per_channel[:, :1, None, None])
        return Sparse(self.in_shape, self.out_shape, sp.csr_array(
            self.matrix().multiply(gain.reshape(-1, 1))))

    def _taps(self, axis: int) -> NDArray[np.int64]:
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
        iy, ix = self._taps(0)[y][:, :, None], self._taps(1)[x][:, None, :]
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

    def row_sums(self) -> Array:
        kernel = self.weight.sum(axis=1)
        inside_y, inside_x = self._taps(0) >= 0, self._taps(1) >= 0
        sums: Array = np.einsum("okl,yk,xl->oyx", kernel, inside_y.astype(kernel.dtype),
                                inside_x.astype(kernel.dtype)).reshape(-1)
        return sums

    @property
    def n_synapses(self) -> int:
        taps = int((self._taps(0) >= 0).sum()) * int((self._taps(1) >= 0).sum())
        return taps * self.out_shape[0] * int(self.weight.shape[1])

    def nets(self) -> Nets:
        pixels = self.in_shape[1] * self.in_shape[2]
        per_group = self.in_shape[0] // self.groups
        group_of = np.arange(self.in_shape[0]) // per_group
        of_source = (group_of[:, None] * pixels + np.arange(pixels)[None, :]).reshape(-1)
        channel, pixel, valid = self._pins(np.arange(self.out_size))
        group = channel // (self.out_shape[0] // self.groups)
        ids = (group[:, None] * pixels + pixel)[valid]
        return Nets(of_source, np.concatenate([[0], np.cumsum(valid.sum(axis=1))]), ids)


@dataclass(frozen=True, eq=False)
class Sparse(Operator):
    """An explicit synapse list: `csr[out_size, in_size]`, sorted, without duplicates."""

    csr: sp.csr_array

    @property
    def weights(self) -> Array:
        return np.asarray(self.csr.data)

    def with_weights(self, weights: Array) -> Self:
        csr = sp.csr_array((weights, self.csr.indices, self.csr.indptr), shape=self.csr.shape)
        return replace(self, csr=csr)

    def scaled(self, gain: Array) -> Sparse:
        return replace(self, csr=sp.csr_array(self.csr.multiply(gain.reshape(-1, 1))))

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        return sp.csr_array(self.csr[targets])

    @property
    def n_synapses(self) -> int:
        return len(self.csr.indices)

    def nets(self) -> Nets:
        return Nets(np.arange(self.in_size), self.csr.indptr.astype(np.int64),
                    self.csr.indices.astype(np.int64))


def identity(shape: Shape) -> Sparse:
    """One synapse of weight 1 from each neuron to its twin."""
    size = math.prod(shape)
    return wiring(shape, shape, np.arange(size))


def wiring(in_shape: Shape, out_shape: Shape, index: NDArray[np.int64]) -> Sparse:
    """Output i is input `index[i]`, or zero where that is -1 (permutation, slice, repeat, pad)."""
    kept = np.flatnonzero(index >= 0)
    ptr = np.concatenate([[0], np.cumsum(index >= 0)])
    shape = (math.prod(out_shape), math.prod(in_shape))
    return Sparse(in_shape, out_shape,
                  sp.csr_array((np.ones(len(kept)), index[kept], ptr), shape=shape))


def is_identity(operator: Operator) -> bool:
    """Whether the operator is exactly `identity` (shapes may differ, order and values do not)."""
    return (isinstance(operator, Sparse) and operator.in_size == operator.out_size
            and operator.csr.nnz == operator.in_size
            and bool(np.all(operator.csr.data == 1))
            and np.array_equal(operator.csr.indices, np.arange(operator.in_size))
            and np.array_equal(operator.csr.indptr, np.arange(operator.in_size + 1)))


def compose(outer: Operator, inner: Operator) -> Operator:
    """The operator that applies `inner`, then `outer`; structure is kept where it can be."""
    if is_identity(inner):
        return outer
    if is_identity(outer):
        return inner
    if isinstance(outer, Dense):
        product = outer.weight @ inner.matrix()
        return Dense(inner.in_shape, outer.out_shape, np.asarray(product))
    if isinstance(inner, Dense):
        return Dense(inner.in_shape, outer.out_shape, np.asarray(outer.matrix() @ inner.weight))
    return from_matrix(inner.in_shape, outer.out_shape,
                        sp.csr_array(outer.matrix() @ inner.matrix()))


def add(a: Operator, b: Operator) -> Operator:
    """The sum of two operators between the same neurons."""
    if isinstance(a, Dense) and isinstance(b, Dense):
        return replace(a, weight=a.weight + b.weight)
    if isinstance(a, Conv) and isinstance(b, Conv) and _geometry(a) == _geometry(b):
        return replace(a, weight=a.weight + b.weight)
    return from_matrix(a.in_shape, a.out_shape, sp.csr_array(a.matrix() + b.matrix()))


def same(a: Operator, b: Operator) -> bool:
    """Whether two operators are equal, weights included, bit for bit."""
    if a is b:
        return True
    if type(a) is not type(b) or (a.in_size, a.out_size) != (b.in_size, b.out_size):
        return False
    if isinstance(a, Conv) and isinstance(b, Conv) and _geometry(a) != _geometry(b):
        return False
    if isinstance(a, Sparse) and isinstance(b, Sparse) and not (
            np.array_equal(a.csr.indptr, b.csr.indptr)
            and np.array_equal(a.csr.indices, b.csr.indices)):
        return False
    return np.array_equal(a.weights, b.weights)


def _geometry(conv: Conv) -> tuple[object, ...]:
    return (conv.in_shape, conv.out_shape, conv.weight.shape, conv.stride, conv.padding,
            conv.dilation, conv.groups)


def smaller(operator: Operator) -> Operator:
    """The operator, as Sparse where it is Dense and less than half full."""
    if not isinstance(operator, Dense):
        return operator
    if np.count_nonzero(operator.weight) >= DENSE_FROM * operator.weight.size:
        return operator
    return from_matrix(operator.in_shape, operator.out_shape, operator.matrix())


def from_matrix(in_shape: Shape, out_shape: Shape, csr: sp.csr_array) -> Operator:
    """The smaller form of an explicit matrix: Dense where it is at least half full, else Sparse."""
    if csr.nnz >= DENSE_FROM * csr.shape[0] * csr.shape[1]:
        return Dense(in_shape, out_shape, csr.toarray())
    csr.sum_duplicates()
    csr.sort_indices()
    return Sparse(in_shape, out_shape, csr)
