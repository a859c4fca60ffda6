"""Sources whose weights are all small, as a projection of their own.

All weights of a projection share one exponent. A source's list can have another one at no cost but
an entry of a core's synapse formats: its synapses are listed once, in one of the projections.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from neurocompile.ir.network import Projection
from neurocompile.ir.operators import Dense, Sparse

_FINEST = 2  # bits by which the smallest lists are finer than the largest
_WORTH = 0.1  # of the sources that must gain a bit
_LIST = 1 << 20  # synapses that are written out one by one


def by_source(projection: Projection) -> Iterator[Projection]:
    """A matrix, cut by the largest weight of each source; other operators as they are."""
    operator = projection.operator
    if not isinstance(operator, Dense) or operator.n_synapses > _LIST:
        yield projection
        return
    largest = np.abs(operator.weight).max(axis=0)
    top = largest.max(initial=0.0)
    finer = np.floor(np.log2(top / np.maximum(largest, top / 2**_FINEST))) if top else largest
    if not _WORTH <= np.count_nonzero(finer) / max(len(finer), 1) < 1:
        yield projection
        return
    for bits in np.unique(finer):
        columns = np.flatnonzero(finer == bits)
        ends = np.arange(operator.out_size + 1) * len(columns)
        some = sp.csr_array((operator.weight[:, columns].reshape(-1),
                             np.tile(columns, operator.out_size), ends),
                            shape=(operator.out_size, operator.in_size))
        yield replace(projection, operator=Sparse(operator.in_shape, operator.out_shape, some))
