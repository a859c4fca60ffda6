"""The grid of a chip's stored weights: even 8-bit values by sign mode, coarser with fewer bits.

Source: Lava 0.10.0, `proc/dense/models.py` (sign modes mixed, excitatory and inhibitory).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Array
from neurocompile.target.loihi import LoihiTarget

TOP_WEIGHT = 256  # the 8-bit grid's end


def grid(weights: Array, bits: int) -> tuple[int, int, int]:
    """(step, lowest, highest) of the sign mode that fits the weights, in 8-bit units."""
    if weights.min(initial=0) >= 0:
        step = 1 << (8 - bits)
        return step, 0, 256 - step
    if weights.max(initial=0) <= 0:
        step = 1 << (8 - bits)
        return step, step - 256, 0
    step = 1 << (9 - bits) if bits < 9 else 1
    return step, -256 if bits > 1 else 0, 256 - step


def rounded(weights: Array, scale: float, exponent: int, bits: int) -> NDArray[np.int64]:
    """Weights times scale / 2**exponent on the nearest point of their grid."""
    step, low, high = grid(weights, bits)
    steps: NDArray[np.float64] = np.rint(weights * (scale / 2.0**exponent / step)) * step
    return np.clip(steps, low, high).astype(np.int64)


def exponent_for(weights: Array, scale: float, target: LoihiTarget) -> int:
    """The smallest exponent with which the largest weight fits the grid, clipping half a step."""
    largest = float(np.abs(weights).max(initial=0.0)) * scale
    if largest == 0:
        return 0
    needed = math.ceil(math.log2(largest / 360.0))  # clipping the tail may pay: the error decides
    return min(max(needed, 0), target.synapse.weight_exponent_max.value)
