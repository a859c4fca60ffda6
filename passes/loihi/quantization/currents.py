"""Constant currents in bias registers: a population's own bias, or one that the host computes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurocompile.ir.network import Bias, Encoder, Input
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.quantization.receiver import Receiver
from neurocompile.passes.quantization.host import CurrentFormat, encoders
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT
from neurocompile.target.loihi import LoihiTarget

_FRACTION_BITS = 20  # of the encoder's weights


def usual_exponent(target: LoihiTarget) -> int:
    """The exponent of biases: in units of the threshold mantissa, or as near as it can be."""
    return min(ACTIVATION_SHIFT, target.neuron.bias_exponent_max.value)


def largest_current(receiver: Receiver, inputs: Mapping[str, Input]) -> float:
    """The largest constant current that any input can cause."""
    population = receiver.population
    low, high = np.zeros(population.size), np.zeros(population.size)
    if population.bias is not None:
        low = high = np.asarray(population.bias.mantissa, np.float64)
    for projection in receiver.analog:
        item = inputs[projection.source]
        negative, positive = projection.operator.bounds()
        low = low + negative * item.high + positive * item.low
        high = high + positive * item.high + negative * item.low
    return float(max(np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0)))


def constant_currents(receiver: Receiver, scale: float, inputs: Mapping[str, Input],
                      target: LoihiTarget) -> tuple[Bias | None, list[Encoder]]:
    """The static bias, or the encoders that contain it; `scale` in mantissas per float unit.

    A larger exponent than the usual one is taken where the largest current needs it.
    """
    population, limit = receiver.population, limits.bias_limit(target)
    exponent, top = usual_exponent(target), target.neuron.bias_exponent_max.value
    reach = largest_current(receiver, inputs) * scale * 2.0**ACTIVATION_SHIFT  # of v
    while reach > limit << exponent and exponent < top:
        exponent += 1
    unit = scale * 2.0 ** (ACTIVATION_SHIFT - exponent)
    if receiver.analog:
        return None, encoders(population, receiver.analog, inputs, CurrentFormat(
            unit=unit, exponent=exponent, limit=limit, fraction_bits=_FRACTION_BITS))
    if population.bias is None:
        return None, []
    static = np.broadcast_to(population.bias.mantissa, (population.size,))
    return Bias(np.rint(static * unit).astype(np.int64), exponent), []
