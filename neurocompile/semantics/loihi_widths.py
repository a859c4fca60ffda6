"""Widths of the registers in Loihi's neuron equations (`semantics.loihi`).

A chip of narrower registers computes the same as long as no number leaves them. n bits of decay are
a decay in steps of 2^(12 - n); n bits of a weight are steps of 2^(8 - n), twice that where a list
has both signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STATE_MAX = (1 << 23) - 1
ACTIVATION_SHIFT = 6
DECAY_BITS = 12
DECAY_ONE = 1 << DECAY_BITS
WEIGHT_BITS = 8
PAIR_BITS = 2 * WEIGHT_BITS  # of a weight that two synapses hold
PAIR_SHIFT = WEIGHT_BITS - 1  # exponents that they are apart: the upper one's weights are even

MAXIMA: Mapping[str, int] = MappingProxyType({  # by key of a target, which may only have less
    "neuron.state_bits": 24, "neuron.decay_bits": DECAY_BITS, "neuron.threshold_bits": 17,
    "neuron.bias_bits": 13, "neuron.bias_exponent_max": 7, "neuron.programs": 1,
    "synapse.weight_bits": WEIGHT_BITS, "synapse.weight_exponent_max": 7,
    "synapse.message_bits": 24, "synapse.max_delay": 62})
CONSTANTS: Mapping[str, int] = MappingProxyType({  # no other value is defined
    "neuron.threshold_shift": ACTIVATION_SHIFT})
