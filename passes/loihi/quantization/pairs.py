"""Weights of 16 bits, each in two synapses whose exponents are 7 apart.

A weight n is 256 h + l: the upper synapse holds 2 h, an even number of either sign, the lower one l,
from 0 to 255. So all whole numbers of 16 bits are there, and each once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Projection
from neurocompile.semantics.loihi_widths import PAIR_SHIFT, WEIGHT_BITS


def halves(projection: Projection, exponent: int, integers: NDArray[np.int64]
           ) -> Iterator[Projection]:
    """A projection with these weights of its grid, as synapses hold them: one, or upper and lower."""
    operator = projection.operator
    if projection.weight_bits <= WEIGHT_BITS:
        yield replace(projection, exponent=exponent, operator=operator.with_weights(integers))
        return
    lower = integers % (1 << WEIGHT_BITS)
    upper = (integers - lower) >> PAIR_SHIFT
    narrow = replace(projection, weight_bits=WEIGHT_BITS)
    yield replace(narrow, exponent=exponent + PAIR_SHIFT, operator=operator.with_weights(upper))
    yield replace(narrow, exponent=exponent, operator=operator.with_weights(lower), low=True)
