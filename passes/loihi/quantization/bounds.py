"""Interval analysis: no register of an integer network can overflow, whatever the input.

Per neuron, the most negative and most positive sum that its synapses can deliver in a tick gives,
ticks of a sample by ticks, the range of u and v. State is cleared at each sample's start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Adder, Input, Network, Population
from neurocompile.ir.operators import Operator
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.semantics.loihi import ACTIVATION_SHIFT, DECAY_ONE, STATE_MAX
from neurocompile.semantics.reset import Reset

Interval = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class StateBounds:
    """Ranges of u and v of each neuron of a population, over all ticks of a sample."""

    u: Interval
    v: Interval
    kept: Interval  # of v, as a reset leaves it

    @property
    def largest(self) -> dict[str, int]:
        """The largest magnitude of u and of v."""
        return {name: int(max(-low.min(initial=0), high.max(initial=0)))
                for name, (low, high) in (("u", self.u), ("v", self.v))}


def delivered(network: Network, population: Population) -> Interval:
    """Per neuron, the range of the sum that its synapses can deliver in one tick."""
    sources = network.sources()
    low = np.zeros(population.size, np.int64)
    high = np.zeros(population.size, np.int64)
    for projection in network.into(population.name):
        least, most = _sums(projection.operator, sources.get(projection.source))
        low += least << projection.exponent
        high += most << projection.exponent
    return low, high


def _sums(operator: Operator, source: Input | Population | None) -> Interval:
    """The range of an operator's sums over what a source can send."""
    if isinstance(source, Population) and isinstance(source.neuron, Adder):
        negative, positive = (
            operator.with_weights(weights.astype(np.int64)).matrix() for weights in (
                np.minimum(operator.weights, 0), np.maximum(operator.weights, 0)))
        low, high = source.neuron.low, source.neuron.high
        return positive @ low + negative @ high, positive @ high + negative @ low
    levels = source.levels if isinstance(source, Input) else 1
    least, most = operator.bounds()
    return least.astype(np.int64) * levels, most.astype(np.int64) * levels


def state_bounds(network: Network, population: Population) -> StateBounds:
    """The ranges of u and v before any clipping. The population's neuron is a LoihiNeuron."""
    neuron = loihi_neuron(population)
    low, high = (a << ACTIVATION_SHIFT for a in delivered(network, population))
    bias_low = bias_high = np.zeros(population.size, np.int64)
    if population.bias is not None:
        bias_low = bias_high = population.bias.value.astype(np.int64)
    for encoder in network.encoders:
        if encoder.target == population.name:
            bias_low = bias_low - (encoder.limit << encoder.exponent)
            bias_high = bias_high + (encoder.limit << encoder.exponent)
    keep_u, keep_v = DECAY_ONE - (neuron.du + 1), DECAY_ONE - neuron.dv
    level = neuron.vth << ACTIVATION_SHIFT
    u_low = u_high = v_low = v_high = np.zeros(population.size, np.int64)
    lowest, highest = v_low, v_high
    before = v_low, v_high  # the ranges of a tick before, without resets
    for _ in range(network.n_ticks):
        u_low, u_high = (u_low * keep_u >> 12) + low, -(-u_high * keep_u >> 12) + high
        next_low = (v_low * keep_v >> 12) + u_low + bias_low
        next_high = -(-v_high * keep_v >> 12) + u_high + bias_high
        if neuron.reset is Reset.SOFT_DELAYED:
            next_low = next_low - (v_high > level) * (neuron.v_sub << ACTIVATION_SHIFT)
        lowest, highest = np.minimum(lowest, next_low), np.maximum(highest, next_high)
        if np.array_equal(next_low, before[0]) and np.array_equal(next_high, before[1]):
            break
        before = next_low, next_high
        v_low, v_high = np.minimum(next_low, 0), np.maximum(next_high, 0)
        if neuron.reset is Reset.HARD:
            v_high = np.minimum(v_high, level)
        if neuron.reset is Reset.SOFT:  # a spike takes at least the threshold away
            v_high = np.maximum(np.minimum(v_high, level), v_high - (neuron.v_sub << 6))
    return StateBounds((u_low, u_high), (lowest, highest), (v_low, v_high))


def overflows(network: Network, population: Population, target: str) -> Iterator[Diagnostic]:
    """NC303 for each register of a population that some input could overflow.

    The sum of an adder must be within the range that its consumers' registers are proved for; the
    potential of an accumulator must not even fire.
    """
    if isinstance(population.neuron, Adder):
        low, high = delivered(network, population)
        beyond = (low < population.neuron.low) | (high > population.neuron.high)
        if beyond.any():
            yield Diagnostic("NC303", population.where, {
                "module": population.name, "needed": int(max(-low.min(), high.max())),
                "register": "its sum", "target": target, "limit": population.neuron.reach})
        return
    limits = {"u": STATE_MAX, "v": STATE_MAX}
    if population.name in network.accumulators:
        limits["v"] = loihi_neuron(population).vth << ACTIVATION_SHIFT
    for register, needed in state_bounds(network, population).largest.items():
        if needed > limits[register]:
            yield Diagnostic("NC303", population.where, {
                "module": population.name, "needed": needed, "register": register,
                "target": target, "limit": limits[register]})


def remembering(network: Network, population: Population, target: str) -> Iterator[Diagnostic]:
    """NC208 for a population that has to forget v in every tick, if some input lets a part stay.

    The largest decay keeps v / 4096, rounded toward zero: nothing of what is smaller than 4096.
    """
    low, high = state_bounds(network, population).kept
    needed = int(max(-low.min(initial=0), high.max(initial=0)))
    if needed >= DECAY_ONE:
        yield Diagnostic("NC208", population.where, {
            "module": population.name, "needed": needed, "target": target,
            "limit": DECAY_ONE - 1})
