"""The grid of a chip's stored weights: even 8-bit values by sign mode, coarser with fewer bits.

Weights in two synapses are all whole numbers of 16 bits (`pairs.py`).

Source: Lava 0.10.0, `proc/dense/models.py` (sign modes mixed, excitatory and inhibitory).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Array
from neurocompile.passes.loihi.limits import exponent_range
from neurocompile.semantics.loihi_widths import PAIR_BITS, WEIGHT_BITS
from neurocompile.target.loihi import LoihiTarget

Weights = tuple[int, NDArray[np.int64]]  # exponent and stored integers of a projection

TOP_WEIGHT = 1 << WEIGHT_BITS  # the grid's end, of any number of bits that a synapse holds
_FEWER = 2  # exponents below the one that holds the largest weight: clipping the tail may pay


def top_weight(bits: int) -> int:
    """The grid's end."""
    return TOP_WEIGHT if bits <= WEIGHT_BITS else 1 << (PAIR_BITS - 1)


def grid(weights: Array, bits: int) -> tuple[int, int, int]:
    """(step, lowest, highest) of the sign mode that fits the weights, in 8-bit units."""
    if bits > WEIGHT_BITS:
        return 1, -top_weight(bits), top_weight(bits) - 1
    step = 1 << (WEIGHT_BITS - bits)
    if weights.min(initial=0) >= 0:
        return step, 0, TOP_WEIGHT - step
    if weights.max(initial=0) <= 0:
        return step, step - TOP_WEIGHT, 0
    return 2 * step, -TOP_WEIGHT if bits > 1 else 0, TOP_WEIGHT - 2 * step


def round_to_grid(weights: Array, scale: float, exponent: int, bits: int) -> NDArray[np.int64]:
    """Weights times scale / 2**exponent on the nearest point of their grid."""
    step, low, high = grid(weights, bits)
    steps: NDArray[np.float64] = np.rint(weights * (scale / 2.0**exponent / step)) * step
    return np.clip(steps, low, high).astype(np.int64)


def weight_exponent(weights: Array, scale: float, bits: int, target: LoihiTarget) -> int:
    """The smallest exponent with which the largest weight fits the grid, but for a step."""
    least, most = exponent_range(target, bits)
    largest = float(np.abs(weights).max(initial=0.0)) * scale
    if largest == 0:
        return least
    return min(max(math.ceil(math.log2(largest / top_weight(bits))), least), most)


def best_exponent(weights: Array, scale: float, bits: int, target: LoihiTarget
                  ) -> tuple[int, float]:
    """The exponent of the least error of rounding to nearest, and its mean square in float units.

    It may clip the largest weights. `weights` are all of them, or evenly spread ones.
    """
    most = weight_exponent(weights, scale, bits, target)
    least = max(most - _FEWER, exponent_range(target)[0])
    errors = []
    for exponent in range(most, least - 1, -1):
        nearest = round_to_grid(weights, scale, exponent, bits) * (2.0**exponent / scale)
        errors.append((float(((weights - nearest) ** 2).mean()) if weights.size else 0.0, -exponent))
    error, exponent = min(errors)
    return -exponent, error
