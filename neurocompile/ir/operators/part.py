"""An operator from a part of the sources to a part of the targets: slices and joined branches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array, Nets, Operator


@dataclass(frozen=True, eq=False)
class Part(Operator):
    """`inner` from the sources `in_first...` to the targets `out_first...` (flat, C order)."""

    inner: Operator
    in_first: int
    out_first: int

    @property
    def weights(self) -> Array:
        return self.inner.weights

    @property
    def ins(self) -> slice:
        """The sources that are read."""
        return slice(self.in_first, self.in_first + self.inner.in_size)

    @property
    def outs(self) -> slice:
        """The targets that are reached."""
        return slice(self.out_first, self.out_first + self.inner.out_size)

    def with_weights(self, weights: Array) -> Self:
        return replace(self, inner=self.inner.with_weights(weights))

    def times(self, gain: Array) -> Part:
        every = np.broadcast_to(gain, (self.out_size,))
        return replace(self, inner=self.inner.times(every[self.outs]))

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        local = np.asarray(targets, np.int64) - self.out_first
        inside = (local >= 0) & (local < self.inner.out_size)
        inner = self.inner.rows(local[inside])
        lengths = np.zeros(len(local), np.int64)
        lengths[inside] = np.diff(inner.indptr)
        return sp.csr_array(
            (inner.data, inner.indices + self.in_first, np.concatenate([[0], np.cumsum(lengths)])),
            shape=(len(local), self.in_size))

    def apply(self, x: Array) -> Array:
        result = np.zeros((len(x), self.out_size), np.result_type(x, self.weights))
        result[:, self.outs] = self.inner.apply(x[:, self.ins])
        return result

    def pull(self, rows: Array) -> Array:
        result = np.zeros((len(rows), self.in_size), np.result_type(rows, self.weights))
        result[:, self.ins] = self.inner.pull(rows[:, self.outs])
        return result

    def row_sums(self) -> Array:
        inner = self.inner.row_sums()
        sums = np.zeros(self.out_size, inner.dtype)
        sums[self.outs] = inner
        return sums

    @property
    def n_synapses(self) -> int:
        return self.inner.n_synapses

    def nets(self) -> Nets:
        nets = self.inner.nets()
        outside = int(nets.of_source.max(initial=-1)) + 1  # a net of its own, without targets
        of_source = np.full(self.in_size, outside)
        of_source[self.ins] = nets.of_source
        ptr = np.pad(nets.ptr, (self.out_first, 0), constant_values=0)
        ptr = np.pad(ptr, (0, self.out_size + 1 - len(ptr)), mode="edge")
        return Nets(of_source, ptr, nets.ids)
