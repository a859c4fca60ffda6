"""What the registers of a Loihi target hold: the widths of its file as limits on integers."""

from __future__ import annotations

from dataclasses import replace

from neurocompile.diagnostics import Diagnostic
from neurocompile.semantics.loihi_widths import (
    ACTIVATION_SHIFT,
    DECAY_BITS,
    PAIR_SHIFT,
    WEIGHT_BITS,
)
from neurocompile.target.loihi import LoihiTarget

STATE, DECAY = "neuron.state_bits", "neuron.decay_bits"
THRESHOLD = "neuron.threshold_bits"
BIAS, BIAS_EXPONENT = "neuron.bias_bits", "neuron.bias_exponent_max"
PROGRAMS, MESSAGE = "neuron.programs", "synapse.message_bits"
WEIGHT, WEIGHT_EXPONENT = "synapse.weight_bits", "synapse.weight_exponent_max"
DELAY = "synapse.max_delay"


def state_limit(target: LoihiTarget) -> int:
    """The largest magnitude of u and v."""
    return (1 << (target.neuron.state_bits.value - 1)) - 1


def threshold_limit(target: LoihiTarget) -> int:
    """The largest threshold mantissa: its own width, and v must be able to pass it."""
    return min((1 << target.neuron.threshold_bits.value) - 1,
               state_limit(target) >> ACTIVATION_SHIFT)


def threshold_key(target: LoihiTarget) -> str:
    """The key of the width that `threshold_limit` rests on."""
    own = (1 << target.neuron.threshold_bits.value) - 1
    return THRESHOLD if own <= threshold_limit(target) else STATE


def bias_limit(target: LoihiTarget) -> int:
    """The largest bias mantissa."""
    return (1 << (target.neuron.bias_bits.value - 1)) - 1


def decay_steps(target: LoihiTarget) -> int:
    """The number of a decay's steps: 1 / decay_steps of a state is the least that can go."""
    return 1 << target.neuron.decay_bits.value


def decay_step(target: LoihiTarget) -> int:
    """One step of a decay in the 4096ths of the neuron's equations."""
    return 1 << (DECAY_BITS - target.neuron.decay_bits.value)


def exponent_range(target: LoihiTarget, weight_bits: int = WEIGHT_BITS) -> tuple[int, int]:
    """The least and the largest weight exponent; integers have none below 0.

    Of a weight in two synapses it is the lower one's; the largest is below the least where the target
    has none so far apart.
    """
    apart = PAIR_SHIFT if weight_bits > WEIGHT_BITS else 0
    return max(0, target.synapse.weight_exponent_min.value), (
        target.synapse.weight_exponent_max.value - apart)


def message_limit(target: LoihiTarget, signed: bool) -> int:
    """The largest magnitude that a graded spike carries."""
    return ((1 << target.synapse.message_bits.value) - 1) >> signed


def naming(finding: Diagnostic, target: LoihiTarget, key: str) -> Diagnostic:
    """A finding that names the number of the target that it rests on, with its unit."""
    quantity = dict(target.quantities())[key]
    amount = f"{quantity.value} {quantity.unit}".rstrip()
    return replace(finding, values={**finding.values, "key": key, "unit": quantity.unit},
                   notes=(*finding.notes, f"`{key}` is {amount} in {target.path}"))
