"""Scales at which a population's weights need no rounding: the network is on a chip's grid already.

A scale is given by the threshold mantissa k (mantissa units per float unit: k / v_th).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Population, Projection
from neurocompile.ir.operators import Array
from neurocompile.passes.loihi.limits import exponent_range
from neurocompile.passes.loihi.quantization.receiver import Receiver
from neurocompile.passes.loihi.quantization.weight_grid import (
    grid,
    round_to_grid,
    weight_exponent,
)
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT
from neurocompile.target.loihi import LoihiTarget

_BITS = 62  # of the whole numbers that weights are counted in
_NEAR = 1e-9  # relative: what float64 leaves of a division by a threshold


def exact_thresholds(receiver: Receiver, limit: int) -> Iterator[int]:
    """Mantissas with which weights, bias and rounded states can all be exact.

    A neuron that rounds its states has one scale, at which the chip's state unit is its quantum;
    it comes first, then scales at which weights off the grid are on it and rounding is finer.
    For others any multiple of the smallest mantissa serves, up to `limit`: where nothing decays
    the smallest one, else the largest first, since the chip rounds decays to its state unit.
    """
    neuron = receiver.population.floating
    if neuron.quantum is not None:
        k = own_threshold(neuron.v_th, neuron.quantum)
        if k == int(k) >= 1:
            yield from (int(k) << octave for octave in range(4))
        return
    if receiver.analog or not receiver.synapses:
        return  # currents from the host have no grid to be on
    smallest = _smallest(receiver, limit)
    if smallest is None:
        return
    if neuron.decay == 1.0 and neuron.alpha is None:
        yield max(smallest, 2)  # 2: what fires at the threshold fires above k - 1, at least 1
        return
    for octave in range((limit // smallest).bit_length() - 1, -1, -1):
        yield smallest << octave


def own_threshold(v_th: float, quantum: float) -> float:
    """The threshold mantissa of a neuron with its own integers."""
    return v_th / (quantum * (1 << ACTIVATION_SHIFT))


def exact_weights(projection: Projection, scale: float, target: LoihiTarget
                  ) -> tuple[int, NDArray[np.int64]] | None:
    """Exponent and stored weights that are exactly the weights at this scale; None if none are."""
    weights, bits = projection.operator.weights, projection.weight_bits
    least = weight_exponent(weights, scale, bits, target)
    for exponent in range(least, min(least + 1, exponent_range(target, bits)[1]) + 1):
        integers = round_to_grid(weights, scale, exponent, bits)
        exact = weights * (scale / 2.0**exponent)
        if np.all(np.abs(exact - integers) <= _NEAR * np.maximum(np.abs(integers), 1)):
            return exponent, integers
    return None


def _smallest(receiver: Receiver, limit: int) -> int | None:
    """The smallest threshold mantissa that puts all weights on their grid, and biases on theirs."""
    bias = receiver.population.bias
    sets = [(p.operator.weights, grid(p.operator.weights, p.weight_bits)[0]) for p in receiver.synapses]
    if bias is not None:
        sets.append((np.asarray(bias.mantissa, np.float64), 1))
    v_th = np.array([receiver.population.floating.v_th])
    lowest = [e for values, _ in [*sets, (v_th, 1)] if (e := _lowest_bit(values)) is not None]
    unit = min(lowest)
    threshold = _counts(v_th, unit)
    if threshold is None:
        return None
    n, k = int(threshold[0]), 1
    for values, step in sets:
        counts = _counts(values, unit)
        if counts is None:
            return None
        divisor = int(np.gcd.reduce(np.abs(counts).reshape(-1), initial=0))
        if divisor:
            k = math.lcm(k, n * step // math.gcd(divisor, n * step))
        if k > limit:
            return None
    return k


def _lowest_bit(values: Array) -> int | None:
    """The exponent of the smallest power of two among the values' binary digits; None for zeros."""
    mantissas, exponents = np.frexp(values[values != 0].astype(np.float64))
    if not len(mantissas):
        return None
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    _, low = np.frexp((whole & -whole).astype(np.float64))
    return int((exponents - 54 + low).min())


def _counts(values: Array, unit: int) -> NDArray[np.int64] | None:
    """The values in units of 2**unit; None where those numbers are too long."""
    multiples = np.ldexp(values.astype(np.float64), -unit)
    if not np.all(np.abs(multiples) < 2.0**_BITS):
        return None
    return multiples.astype(np.int64)


def exact_bias(floating: Population, integers: Population, scale: float) -> bool:
    """Whether a population's static bias is not rounded."""
    before, after = floating.bias, integers.bias
    if before is None or after is None:
        return True
    exact = before.mantissa * scale * (1 << ACTIVATION_SHIFT)
    return bool(np.all(np.abs(after.value - exact) <= _NEAR * np.maximum(np.abs(exact), 1)))


def off_grid(projection: Projection, scale: float, target: LoihiTarget) -> Diagnostic:
    """NC301 for weights that are not stored as they are."""
    weights = projection.operator.weights * scale
    step, low, high = grid(weights, projection.weight_bits)
    wrong = weights[(weights % step != 0) | (weights < low) | (weights > high)]
    return Diagnostic("NC301", projection.where, {
        "projection": projection.name, "count": wrong.size,
        "first": float(wrong.flat[0]) if wrong.size else 0.0, "target": target.name,
        "allowed": f"multiples of {step} from {low} to {high}, all shifted by one exponent"})
