"""Interval analysis: no register of an integer network can overflow, whatever the input.

Per neuron, the most negative and most positive sum that its synapses can deliver in a tick gives,
ticks of a sample by ticks, the range of u and v. State is cleared at each sample's start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Adder, Bias, Network, Population, Projection
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.quantization.sums import Interval, magnitude, synaptic_range
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_BITS, DECAY_ONE
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget


@dataclass(frozen=True, eq=False)
class StateBounds:
    """Ranges of the states of each neuron of a population, over all ticks of a sample."""

    states: Mapping[str, Interval]  # before a reset, by name
    rest: Interval  # of v, as a reset leaves it

    @property
    def largest(self) -> dict[str, int]:
        """The largest magnitude of each state."""
        return {name: magnitude(interval) for name, interval in self.states.items()}


def state_bounds(network: Network, population: Population) -> StateBounds:
    """The ranges of u and v before any clipping. The population's neuron is a LoihiNeuron."""
    neuron = loihi_neuron(population)
    low, high = (a << ACTIVATION_SHIFT for a in synaptic_range(network, population))
    bias_low, bias_high = _bias_range(network, population)
    keep_u, keep_v = DECAY_ONE - (neuron.du + 1), DECAY_ONE - neuron.dv
    subtrahend = neuron.v_sub << ACTIVATION_SHIFT
    level = neuron.vth << ACTIVATION_SHIFT
    u_low = u_high = v_low = v_high = np.zeros(population.size, np.int64)
    lowest, highest = v_low, v_high
    before = v_low, v_high  # the ranges of a tick before, without resets
    for _ in range(network.n_ticks):
        u_low, u_high = _decay((u_low, u_high), keep_u)
        u_low, u_high = u_low + low, u_high + high
        next_low, next_high = _decay((v_low, v_high), keep_v)
        next_low, next_high = next_low + u_low + bias_low, next_high + u_high + bias_high
        if neuron.reset is Reset.SOFT_DELAYED:
            next_low = next_low - (v_high > level) * subtrahend
        lowest, highest = np.minimum(lowest, next_low), np.maximum(highest, next_high)
        if np.array_equal(next_low, before[0]) and np.array_equal(next_high, before[1]):
            break
        before = next_low, next_high
        v_low, v_high = _reset(neuron, before)
    return StateBounds({"u": (u_low, u_high), "v": (lowest, highest)}, (v_low, v_high))


def _bias_range(network: Network, population: Population) -> Interval:
    """What is added to v in every tick, at least and at most."""
    low = high = np.zeros(population.size, np.int64)
    if population.bias is not None:
        low = high = population.bias.value.astype(np.int64)
    for encoder in network.encoders:
        if encoder.target == population.name:
            low = low + (encoder.low << encoder.exponent)
            high = high + (encoder.high << encoder.exponent)
    return low, high


def _decay(interval: Interval, keep: int) -> Interval:
    """The range of what is kept, `keep` 4096ths, rounded outward."""
    low, high = interval
    return low * keep >> DECAY_BITS, -(-high * keep >> DECAY_BITS)


def _reset(neuron: LoihiNeuron, interval: Interval) -> Interval:
    """The range of v after a tick; v may always be 0."""
    low, high = np.minimum(interval[0], 0), np.maximum(interval[1], 0)
    level = neuron.vth << ACTIVATION_SHIFT
    if neuron.reset is Reset.HARD:
        high = np.minimum(high, level)
    if neuron.reset is Reset.SOFT:  # a spike takes at least the threshold away
        high = np.maximum(np.minimum(high, level), high - (neuron.v_sub << ACTIVATION_SHIFT))
    return low, high


def state_overflows(network: Network, population: Population,
                    target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC303 for each register of a population that some input could overflow.

    A potential that saturates is part of the equations; one that need not has to be proved.
    The sum of an adder must be within the range that its consumers' registers are proved for; the
    potential of an accumulator must not even fire.
    """
    if isinstance(population.neuron, Adder):
        low, high = synaptic_range(network, population)
        beyond = (low < population.neuron.low) | (high > population.neuron.high)
        if beyond.any():
            yield Diagnostic("NC303", population.where, {
                "module": population.name, "needed": magnitude((low, high)),
                "register": "its sum", "target": target.name, "limit": population.neuron.reach})
        return
    for register, reach in state_bounds(network, population).largest.items():
        if register == "v" and population.saturates:
            continue
        limit, key = limits.state_limit(target), limits.STATE
        if register == "v" and population.name in network.accumulators:
            limit = loihi_neuron(population).vth << ACTIVATION_SHIFT
            key = limits.threshold_key(target)
        if reach > limit:
            yield limits.naming(Diagnostic("NC303", population.where, {
                "module": population.name, "needed": reach, "register": register,
                "target": target.name, "limit": limit}), target, key)


def lasting_potentials(network: Network, population: Population, target: LoihiTarget,
                       harmless: int = 0) -> Iterator[Diagnostic]:
    """NC208 for a population that has to forget v in every tick, if some input lets a part stay.

    The largest of n bits of decay keeps v / 2^n, rounded toward zero: nothing of a smaller v.
    `harmless`: what may stay.
    """
    reach = magnitude(state_bounds(network, population).rest)
    limit = (harmless + 1) * limits.decay_steps(target) - 1
    if reach > limit:
        yield limits.naming(Diagnostic("NC208", population.where, {
            "module": population.name, "needed": reach, "target": target.name,
            "limit": limit}), target, limits.DECAY)


def by_twos(neuron: LoihiNeuron, bias: Bias | None, synapses: Sequence[Projection]) -> bool:
    """Whether v of a neuron without memory is a multiple of two mantissas, but for what stays.

    Above an odd threshold then spikes the same, and what stays decides none if it is less than a
    mantissa.
    """
    return neuron.du == DECAY_ONE - 1 and neuron.v_sub % 2 == 0 and (
        bias is None or not np.any(bias.value % (2 << ACTIVATION_SHIFT))) and all(
            p.exponent > 0 or not np.any(p.operator.weights % 2) for p in synapses)
