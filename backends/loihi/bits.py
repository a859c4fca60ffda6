"""Predicates on the bit widths of Loihi, which Lava's simulator does not enforce.

Each yields every violation. A network must pass them all before it is emitted.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Adder, Input, Network, Population, Projection
from neurocompile.ir.operators import Array
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.relay import out_of_range
from neurocompile.passes.quantization.sums import magnitude, synaptic_range
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE, WEIGHT_BITS
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

TOP = 1 << WEIGHT_BITS  # the end of a weight's range, of any number of bits


class SignMode(enum.Enum):
    """The three forms in which a projection's weights are stored, by Lava's names."""

    BOTH = "MIXED"  # even values in [-256, 254]
    EXCITATORY = "EXCITATORY"  # 0 to 255
    INHIBITORY = "INHIBITORY"  # -255 to 0


def sign_mode(weights: Array) -> SignMode:
    """The form that weights of these signs take; -256 is none of the inhibitory ones."""
    low, high = weights.min(initial=0), weights.max(initial=0)
    if low >= 0:
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if high <= 0 and low > -TOP else SignMode.BOTH


def is_graded(source: Input | Population) -> bool:
    """Whether its spikes carry a payload rather than being there or not."""
    return source.levels > 1 if isinstance(source, Input) else source.graded


def spiking(network: Network) -> list[Population]:
    """The populations on the chip that have a threshold."""
    return [p for p in network.populations if not p.on_host and not p.graded]


def chip_part(network: Network) -> tuple[list[Population], list[Projection]]:
    """The populations that run on the chip, and the projections into them."""
    populations = [p for p in network.populations if not p.on_host]
    names = {p.name for p in populations}
    return populations, [p for p in network.projections if p.target in names]


def weights_on_grid(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Weights are integers on the grid of their projection's sign mode.

    A list with both signs spends a bit on them. Narrow synapses lack the lowest bits.
    """
    step = 1 << (WEIGHT_BITS - target.synapse.weight_bits.value)
    for projection in chip_part(network)[1]:
        weights, mode = projection.operator.weights, sign_mode(projection.operator.weights)
        each = 2 * step if mode is SignMode.BOTH else step
        low, high = {SignMode.BOTH: (-TOP, TOP - each), SignMode.EXCITATORY: (0, TOP - each),
                     SignMode.INHIBITORY: (each - TOP, 0)}[mode]
        wrong = (weights < low) | (weights > high) | (weights % each != 0)
        if wrong.any():
            yield limits.naming(Diagnostic("NC301", projection.where, {
                "projection": projection.name, "count": int(wrong.sum()),
                "first": weights[wrong].flat[0].item(), "target": target.name,
                "allowed": f"multiples of {each} from {low} to {high} where signs are "
                           f"{mode.value.lower()}"}), target, limits.WEIGHT)


def exponents_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Weight exponents are not negative and fit the synapse format."""
    least, most = limits.exponent_range(target)
    for projection in chip_part(network)[1]:
        if not least <= projection.exponent <= most:
            yield limits.naming(Diagnostic("NC308", projection.where, {
                "projection": projection.name, "value": projection.exponent, "least": least,
                "target": target.name, "limit": most}), target, limits.WEIGHT_EXPONENT)


def messages_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Graded spikes fit the payload of a spike; those of adders have a sign."""
    sources = network.sources()
    for name in sorted({p.source for p in chip_part(network)[1]}):
        source = sources[name]
        if isinstance(source, Input):
            reach = source.levels if is_graded(source) else 0
        else:
            reach = source.neuron.reach if isinstance(source.neuron, Adder) else 0
        limit = limits.message_limit(target, signed=not isinstance(source, Input))
        if reach > limit:
            yield limits.naming(Diagnostic("NC309", values={
                "module": name, "needed": reach, "target": target.name, "limit": limit}),
                target, limits.MESSAGE)


def resets_available(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Resets other than hard need a target with neuron programs."""
    for population in spiking(network):
        reset = loihi_neuron(population).reset
        if reset is not Reset.HARD and not target.neuron.programs.value:
            yield limits.naming(Diagnostic("NC202", population.where, {
                "module": population.name, "mode": reset.value, "target": target.name,
                "modes": Reset.HARD.value}), target, limits.PROGRAMS)


def decays_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """du and dv are unsigned and fit the decay registers.

    Of fewer bits than the equations have, the highest remain: decays are multiples of a step.
    """
    step = limits.decay_step(target)
    for population in spiking(network):
        neuron = loihi_neuron(population)
        for state, decay, offset in (("u", neuron.du, 1), ("v", neuron.dv, 0)):
            if not 0 <= decay < DECAY_ONE or (decay + offset) % step:
                low, high = (1 - offset) * step, DECAY_ONE - offset * step
                yield limits.naming(Diagnostic("NC204", population.where, {
                    "module": population.name, "state": state,
                    "value": f"{DECAY_ONE - decay - offset}/{DECAY_ONE}", "target": target.name,
                    "low": f"{low}/{DECAY_ONE}", "high": f"{high}/{DECAY_ONE}"}),
                    target, limits.DECAY)


def thresholds_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Thresholds, and what soft resets subtract, are positive and fit the threshold register."""
    limit = limits.threshold_limit(target)
    for population in spiking(network):
        neuron = loihi_neuron(population)
        soft = neuron.reset in (Reset.SOFT, Reset.SOFT_DELAYED)
        for mantissa in (neuron.vth, neuron.v_sub) if soft else (neuron.vth,):
            if not 1 <= mantissa <= limit:
                yield limits.naming(Diagnostic("NC305", population.where, {
                    "module": population.name, "needed": mantissa, "target": target.name,
                    "limit": limit}), target, limits.threshold_key(target))


def biases_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Bias mantissas and exponents, an encoder's too, fit the bias registers."""
    half = 1 << (target.neuron.bias_bits.value - 1)
    top = target.neuron.bias_exponent_max.value
    encoders = {e.target: e for e in network.encoders}
    for population in chip_part(network)[0]:
        bias, encoder = population.bias, encoders.get(population.name)
        largest = [(int(encoder.limit), encoder.exponent)] if encoder else []
        if bias is not None:
            lowest, highest = int(bias.mantissa.min(initial=0)), int(bias.mantissa.max(initial=0))
            largest.append((highest if highest >= -lowest - 1 else lowest, bias.exponent))
        for mantissa, exponent in largest:
            key = limits.BIAS if not -half <= mantissa < half else limits.BIAS_EXPONENT
            if key is limits.BIAS or not 0 <= exponent <= top:
                yield limits.naming(Diagnostic("NC306", population.where, {
                    "module": population.name, "needed": f"{mantissa} x 2^{exponent}",
                    "target": target.name, "limit": f"{half - 1} x 2^{top}"}), target, key)


def inputs_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """What arrives at a neuron in one step fits u, whatever spikes."""
    limit = limits.state_limit(target)
    for population in spiking(network):
        reach = magnitude(synaptic_range(network, population)) << ACTIVATION_SHIFT
        if reach > limit:
            yield limits.naming(Diagnostic("NC303", population.where, {
                "module": population.name, "needed": reach, "register": "u in one tick",
                "target": target.name, "limit": limit}), target, limits.STATE)


PREDICATES: tuple[Callable[[Network, Schedule, LoihiTarget], Iterator[Diagnostic]], ...] = (
    resets_available, decays_in_range, out_of_range, messages_in_range, weights_on_grid,
    inputs_in_range, thresholds_in_range, biases_in_range, exponents_in_range,
)


def check_bits(network: Network, schedule: Schedule, target: LoihiTarget) -> tuple[Diagnostic, ...]:
    """Every violation of every predicate, in a stable order."""
    findings = (d for predicate in PREDICATES for d in predicate(network, schedule, target))
    return tuple(sorted(findings, key=Diagnostic.sort_key))
