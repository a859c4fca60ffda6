"""Operators without structure: every source to every target, and the explicit list."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array, Nets, Operator, Shape

DENSE_FROM = 0.5  # a composed matrix with this share of nonzeros is stored dense


@dataclass(frozen=True, eq=False)
class Dense(Operator):
    """Every source to every target: `weight[out_size, in_size]`."""

    weight: Array

    @property
    def weights(self) -> Array:
        return self.weight

    def with_weights(self, weights: Array) -> Self:
        return replace(self, weight=weights)

    def times(self, gain: Array) -> Dense:
        return replace(self, weight=self.weight * gain.reshape(-1, 1))

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        return sp.csr_array(self.weight[targets])

    def apply(self, x: Array) -> Array:
        return np.asarray(x @ self.weight.T)

    def pull(self, rows: Array) -> Array:
        return np.asarray(rows @ self.weight)

    def row_sums(self) -> Array:
        return np.asarray(self.weight.sum(axis=1))

    @property
    def n_synapses(self) -> int:
        return int(self.weight.size)

    def nets(self) -> Nets:
        return Nets(np.zeros(self.in_size, np.int64), np.arange(self.out_size + 1),
                    np.zeros(self.out_size, np.int64))


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

    def times(self, gain: Array) -> Sparse:
        return replace(self, csr=sp.csr_array(self.csr.multiply(gain.reshape(-1, 1))))

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        return sp.csr_array(self.csr[targets])

    @property
    def n_synapses(self) -> int:
        return len(self.csr.indices)

    def nets(self) -> Nets:
        return Nets(np.arange(self.in_size), self.csr.indptr.astype(np.int64),
                    self.csr.indices.astype(np.int64))


def empty(in_shape: Shape, out_shape: Shape) -> Sparse:
    """No synapses between populations of these shapes."""
    return Sparse(in_shape, out_shape, sp.csr_array((math.prod(out_shape), math.prod(in_shape))))


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
