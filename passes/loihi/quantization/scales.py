"""Scales to try for a population, from the largest that its registers hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from neurocompile.ir.network import Input
from neurocompile.passes.loihi.limits import bias_limit, exponent_range, threshold_limit
from neurocompile.passes.loihi.quantization.currents import largest_current
from neurocompile.passes.loihi.quantization.receiver import Receiver
from neurocompile.passes.loihi.quantization.weight_grid import top_weight
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT
from neurocompile.target.loihi import LoihiTarget

_FINE = tuple(step / 8 for step in range(49))  # octaves below the largest useful scale: tried
_WIRES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128)  # weights of a synapse from an adder: tried
_COARSE = tuple(6 + step / 2 for step in range(1, 25))  # and, if none of those fits, these


def largest_scale(receiver: Receiver, inputs: Mapping[str, Input], target: LoihiTarget) -> float:
    """The scale beyond which the threshold or a bias leaves its register."""
    top = threshold_limit(target) / receiver.population.floating.v_th
    current = largest_current(receiver, inputs)
    if current == 0:
        return top
    exponent = target.neuron.bias_exponent_max.value
    return min(top, bias_limit(target) * 2.0 ** (exponent - ACTIVATION_SHIFT) / current)


def candidate_scales(receiver: Receiver, inputs: Mapping[str, Input],
                     target: LoihiTarget) -> Iterator[tuple[int, bool]]:
    """Candidate threshold mantissas k, and whether each is a fine one, the largest first.

    The scale is k / v_th.
    """
    v_th = receiver.population.floating.v_th
    least = 1 if receiver.population.floating.strict else 2  # above k - 1, which is not 0
    top = largest_scale(receiver, inputs, target)
    if receiver.wire:  # its scale is the adder's, times a weight of the grid
        for weight in _WIRES:
            k = round(weight * v_th / receiver.wire)
            if least <= k <= top * v_th:
                yield k, True
        return
    largest = [(float(np.abs(p.operator.weights).max(initial=0.0)), p.weight_bits)
               for p in receiver.synapses]
    ends = [(top_weight(bits) / w, exponent_range(target, bits)[1]) for w, bits in largest if w > 0]
    useful = top
    if ends:  # fine weights, and a threshold of at least 256 where exponents can serve it
        reach = min(end * 2.0**exponent for end, exponent in ends)
        useful = max(2 * max(end for end, _ in ends), min(256 / v_th, reach))
    before = 0
    for octave in (*_FINE, *_COARSE):
        k = math.floor(min(top, useful * 2**-octave) * v_th)
        if k >= least and k != before:
            yield k, octave in _FINE
            before = k
