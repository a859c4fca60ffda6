"""Constant currents in bias registers: a population's own bias, or one that the host computes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Bias, Input, Population
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.quantization.receiver import Receiver
from neurocompile.passes.quantization.host import CurrentFormat, encoder_of
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

_ABOVE = 1.01  # and so above it after rounding
_FINE_ENOUGH = 64  # mantissas of a threshold, for each tick that a neuron remembers
_FRACTION_BITS = 20  # of the encoder's weights


def every_tick(population: Population) -> float:
    """The constant current that makes a neuron fire as often as it can: a larger one changes nothing.

    With one of a threshold v reaches it in the first tick, and after a reset in each tick again; a
    threshold that goes off a tick late takes as much again.
    """
    neuron = population.floating
    return _ABOVE * neuron.v_th * (2 if neuron.reset is Reset.SOFT_DELAYED else 1)


def largest_current(receiver: Receiver, inputs: Mapping[str, Input]) -> float:
    """The largest constant current that any input can cause, or that is let through."""
    population = receiver.population
    low, high = np.zeros(population.size), np.zeros(population.size)
    if population.bias is not None:
        low = high = np.asarray(population.bias.mantissa, np.float64)
    for projection in receiver.analog:
        item = inputs[projection.source]
        negative, positive = projection.operator.bounds()
        low = low + negative * item.high + positive * item.low
        high = high + positive * item.high + negative * item.low
    largest = float(max(np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0)))
    if receiver.alone:
        largest = min(largest, every_tick(population))
    return min(largest, receiver.observed_current)


def current_exponent(receiver: Receiver, scale: float, inputs: Mapping[str, Input],
                     target: LoihiTarget) -> int:
    """The smallest exponent with which the largest constant current fits: the finest.

    A bias is in whole mantissas, as lava-dl's files have it, where finer ones would be no better or
    would lose potentials on the threshold.
    """
    top, neuron = target.neuron.bias_exponent_max.value, receiver.population.floating
    whole = neuron.quantum is not None or (  # its own integers have whole ones
        not receiver.analog and receiver.has_ties
        and scale * neuron.v_th >= _FINE_ENOUGH * receiver.memory)
    exponent = min(ACTIVATION_SHIFT, top) if whole else 0
    reach = largest_current(receiver, inputs) * scale * 2.0**ACTIVATION_SHIFT  # of v
    while reach > limits.bias_limit(target) << exponent and exponent < top:
        exponent += 1
    return exponent


def constant_currents(receiver: Receiver, scale: float, inputs: Mapping[str, Input],
                      target: LoihiTarget) -> tuple[Bias | None, Encoder | None]:
    """The static bias, or the encoder that contains it; `scale` in mantissas per float unit."""
    population, limit = receiver.population, limits.bias_limit(target)
    exponent = current_exponent(receiver, scale, inputs, target)
    unit = scale * 2.0 ** (ACTIVATION_SHIFT - exponent)
    if receiver.analog:
        reach = math.ceil(largest_current(receiver, inputs) * unit) + 1  # sums are rounded
        high = min(limit, reach)
        return None, encoder_of(population, receiver.analog, inputs, CurrentFormat(
            unit=unit, exponent=exponent, low=0 if receiver.alone else -high, high=high,
            fraction_bits=_FRACTION_BITS,
            lossless=receiver.alone and receiver.observed_current >= every_tick(population)))
    if population.bias is None:
        return None, None
    static = np.broadcast_to(population.bias.mantissa, (population.size,))
    return Bias(np.rint(static * unit).astype(np.int64), exponent), None
