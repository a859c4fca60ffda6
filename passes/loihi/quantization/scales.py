"""Scales to try for a population, from the largest that its registers hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from neurocompile.ir.network import Input
from neurocompile.passes.loihi.quantization.encoding import (
    BIAS_EXPONENT,
    Part,
    bias_limit,
    largest_current,
)
from neurocompile.passes.loihi.quantization.weight_grid import TOP_WEIGHT
from neurocompile.target.loihi import LoihiTarget

_FINE = tuple(step / 8 for step in range(49))  # octaves below the largest useful scale: tried
_WIRES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128)  # weights of a synapse from an adder: tried
_COARSE = tuple(6 + step / 2 for step in range(1, 25))  # and, if none of those fits, these


def threshold_limit(target: LoihiTarget) -> int:
    """The largest threshold mantissa."""
    return (1 << target.neuron.threshold_bits.value) - 1


def largest_scale(part: Part, inputs: dict[str, Input], target: LoihiTarget) -> float:
    """The scale beyond which the threshold or a bias leaves its register."""
    top = threshold_limit(target) / part.population.floating.v_th
    bias = largest_current(part, inputs)
    if bias == 0:
        return top
    room = 1 if part.analog and not any(np.any(p.operator.weights) for p in part.synapses) else (
        1 << (target.neuron.bias_exponent_max.value - BIAS_EXPONENT))
    return min(top, bias_limit(target) * room / bias)


def candidate_scales(part: Part, inputs: dict[str, Input],
                     target: LoihiTarget) -> Iterator[tuple[int, float, bool]]:
    """Candidate (threshold mantissa k, scale k / v_th, whether fine), the largest first."""
    v_th = part.population.floating.v_th
    top = largest_scale(part, inputs, target)
    if part.wire:  # its scale is the adder's, times a weight of the grid
        for weight in _WIRES:
            k = round(weight * v_th / part.wire)
            if 1 <= k <= top * v_th:
                yield k, k / v_th, True
        return
    largest = [float(np.abs(p.operator.weights).max(initial=0.0)) for p in part.synapses]
    largest = [w for w in largest if w > 0]
    wanted = top
    if largest:  # fine weights, and a threshold of at least 256 where exponents can serve it
        reach = TOP_WEIGHT * 2.0 ** target.synapse.weight_exponent_max.value / max(largest)
        wanted = max(2 * TOP_WEIGHT / min(largest), min(256 / v_th, reach))
    seen = set()
    for octave in (*_FINE, *_COARSE) if largest else (0,):
        k = math.floor(min(top, wanted * 2**-octave) * v_th)
        if k >= 1 and k not in seen:
            seen.add(k)
            yield k, k / v_th, octave in _FINE
