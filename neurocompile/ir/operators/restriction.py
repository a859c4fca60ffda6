"""Some sources and some targets of an operator, whose weights stay shared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Array, Nets, Operator


@dataclass(frozen=True, eq=False)
class Restriction(Operator):
    """`inner` between its sources `ins` and its targets `outs`; the others are gone.

    Source k is source `ins[k]` of `inner`, target k is its target `outs[k]`; none twice.
    """

    inner: Operator
    ins: NDArray[np.int64]
    outs: NDArray[np.int64]

    @property
    def weights(self) -> Array:
        return self.inner.weights

    def with_weights(self, weights: Array) -> Self:
        return replace(self, inner=self.inner.with_weights(weights))

    def times(self, gain: Array) -> Operator:
        own = np.broadcast_to(gain, (self.out_size,))
        full = np.full(self.inner.out_size, own[0] if np.all(own == own[0]) else 1.0)
        full[self.outs] = own
        return replace(self, inner=self.inner.times(full))

    def rows(self, targets: NDArray[np.int64]) -> sp.csr_array:
        return sp.csr_array(self.inner.rows(self.outs[targets])[:, self.ins])

    def apply(self, x: Array) -> Array:
        full = np.zeros((len(x), self.inner.in_size), x.dtype)
        full[:, self.ins] = x
        return self.inner.apply(full)[:, self.outs]

    def pull(self, rows: Array) -> Array:
        full = np.zeros((len(rows), self.inner.out_size), rows.dtype)
        full[:, self.outs] = rows
        return self.inner.pull(full)[:, self.ins]

    def row_sums(self) -> Array:
        return np.asarray(self.apply(np.ones((1, self.in_size), self.weights.dtype))[0])

    @property
    def n_synapses(self) -> int:
        ones = self.with_weights(np.ones(self.weights.shape, np.int64))
        return int(ones.row_sums().sum())

    def nets(self) -> Nets:
        nets = self.inner.nets()
        of_source = nets.of_source[self.ins]
        lengths = np.diff(nets.ptr)[self.outs]
        starts = np.repeat(nets.ptr[self.outs] - np.cumsum(lengths) + lengths, lengths)
        ids = nets.ids[starts + np.arange(len(starts))]
        alive = np.zeros(int(max(of_source.max(initial=-1), ids.max(initial=-1))) + 1, np.bool_)
        alive[of_source] = True
        number, present = np.cumsum(alive) - 1, alive[ids]  # nets without a source are gone
        ends = np.concatenate([[0], np.cumsum(present)])
        ptr = ends[np.concatenate([[0], np.cumsum(lengths)])]
        return Nets(number[of_source], ptr, number[ids[present]])
