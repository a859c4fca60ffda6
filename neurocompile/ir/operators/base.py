"""What every linear operator can say.

An operator maps the flat vector of a source's neurons (C order of `in_shape`) to the flat vector
of a target's neurons (C order of `out_shape`). Its cost follows its distinct weights, not its
synapses. `Sparse` is the form that always exists. Weights are float64 before quantization and
int32 after it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


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
    def times(self, gain: Array) -> Operator:
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

    def apply(self, x: Array) -> Array:
        """Values [n, in_size] through the operator: [n, out_size]."""
        return np.asarray((self.matrix() @ x.T).T)

    def pull(self, rows: Array) -> Array:
        """Rows [n, out_size] after this operator: `rows @ matrix`, [n, in_size]."""
        return np.asarray(rows @ self.matrix())

    def bounds(self) -> tuple[Array, Array]:
        """Per target: the sum of its negative weights, and the sum of its positive ones."""
        low = self.with_weights(np.minimum(self.weights, 0))
        high = self.with_weights(np.maximum(self.weights, 0))
        return low.row_sums(), high.row_sums()

    def row_sums(self) -> Array:
        """Per target: the sum of its weights."""
        return np.asarray(self.matrix().sum(axis=1)).reshape(-1)
