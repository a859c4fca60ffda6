"""Few weights that are much larger than the rest of their matrix, as a projection of their own.

All weights of a projection share one exponent, so one large weight takes bits from all others. Two
projections have two exponents, at the cost of some synapses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from neurocompile.ir.network import Projection
from neurocompile.ir.operators import Dense, Sparse

_MOST = 0.02  # of the weights that may go
_WORTH = 4.0  # times the largest of the rest: the largest of all; two bits


def without_outliers(projection: Projection) -> Iterator[Projection]:
    """A projection, or what is left of it, and then its outliers."""
    operator = projection.operator
    if not isinstance(operator, Dense) or not operator.weight.size:
        yield projection
        return
    weight = np.asarray(operator.weight)
    sizes = np.abs(weight)
    most = int(_MOST * weight.size)
    rest = float(np.partition(sizes.reshape(-1), weight.size - 1 - most)[weight.size - 1 - most])
    if rest == 0 or sizes.max() < _WORTH * rest:
        yield projection
        return
    outliers = sizes > rest * _WORTH / 2  # and so two bits, or nearly, are won with fewer of them
    yield replace(projection, operator=replace(operator, weight=np.where(outliers, 0, weight)))
    yield replace(projection, operator=Sparse(
        operator.in_shape, operator.out_shape, sp.csr_array(np.where(outliers, weight, 0))))
