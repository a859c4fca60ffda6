"""Few weights that are much larger than the rest of their operator, as a projection of their own.

All weights of a projection share one exponent, so one large weight takes bits from all others. Two
projections have two exponents, at the cost of some synapses: those of the outliers are a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from neurocompile.ir.network import Projection
from neurocompile.ir.operators import Sparse

_MOST = 0.02  # of the weights that may go
_WORTH = 4.0  # times the largest of the rest: the largest of all; two bits
_LIST = 1 << 20  # synapses of outliers, written out one by one


def without_outliers(projection: Projection) -> Iterator[Projection]:
    """A projection, or what is left of it, and then its outliers."""
    operator = projection.operator
    weights = np.asarray(operator.weights)
    sizes = np.abs(weights).reshape(-1)
    most = int(_MOST * sizes.size)
    rest = float(np.partition(sizes, sizes.size - 1 - most)[sizes.size - 1 - most]) if most else 0.0
    if rest == 0 or sizes.max() < _WORTH * rest:
        yield projection
        return
    outliers = np.abs(weights) > rest * _WORTH / 2  # and so two bits, or nearly, are won with fewer
    if np.count_nonzero(outliers) * operator.n_synapses > _LIST * sizes.size:
        yield projection
        return
    few = sp.csr_array(operator.with_weights(np.where(outliers, weights, 0)).matrix(), copy=True)
    few.eliminate_zeros()
    yield replace(projection, operator=operator.with_weights(np.where(outliers, 0, weights)))
    yield replace(projection, operator=Sparse(operator.in_shape, operator.out_shape, few))
