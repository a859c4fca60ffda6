"""Predicates on the bit widths of Loihi, which Lava's simulator does not enforce.

Each yields every violation. A network must pass them all before it is emitted.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Adder, Input, Network, Population, Projection
from neurocompile.ir.operators import Array
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.bounds import delivered
from neurocompile.passes.loihi.relay import out_of_range
from neurocompile.semantics.loihi import ACTIVATION_SHIFT
from neurocompile.semantics.reset import Reset
from neurocompile.target import LoihiTarget


class SignMode(enum.Enum):
    """The three forms in which a projection's weights are stored."""

    MIXED = "mixed"  # even values in [-256, 254]
    EXCITATORY = "excitatory"  # 0 to 255
    INHIBITORY = "inhibitory"  # -255 to 0


def sign_mode(weights: Array, bits: int = 8) -> SignMode:
    """The form that weights of these signs take; only -2**bits makes negative weights mixed."""
    low, high = weights.min(initial=0), weights.max(initial=0)
    if low >= 0:
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if high <= 0 and low > -(1 << bits) else SignMode.MIXED


def is_graded(source: Input | Population) -> bool:
    """Whether its spikes carry a payload rather than being there or not."""
    return source.levels > 1 if isinstance(source, Input) else source.graded


def spiking(network: Network) -> list[Population]:
    """The populations on the chip that have a threshold."""
    return [p for p in network.populations if not p.on_host and not p.graded]


def on_chip(network: Network) -> tuple[list[Population], list[Projection]]:
    """The populations that run on the chip, and the projections into them."""
    populations = [p for p in network.populations if not p.on_host]
    names = {p.name for p in populations}
    return populations, [p for p in network.projections if p.target in names]


def weights_on_grid(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Weights are integers on the grid of their projection's sign mode."""
    limit = 1 << target.synapse.weight_bits.value
    allowed = {
        SignMode.MIXED: f"even weights from {-limit} to {limit - 2} where signs are mixed",
        SignMode.EXCITATORY: f"excitatory weights from 0 to {limit - 1}",
        SignMode.INHIBITORY: f"inhibitory weights from {1 - limit} to 0",
    }
    for projection in on_chip(network)[1]:
        weights = projection.operator.weights
        mode = sign_mode(weights, target.synapse.weight_bits.value)
        wrong = (weights < -limit) | (weights >= limit) | (weights != np.floor(weights))
        if mode is SignMode.MIXED:
            wrong |= weights % 2 != 0
        if wrong.any():
            yield Diagnostic("NC301", projection.where, {
                "projection": projection.name, "count": int(wrong.sum()),
                "first": weights[wrong].flat[0].item(), "target": target.name,
                "allowed": allowed[mode]})


def exponents_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Weight exponents are not negative and fit the synapse format."""
    limit = target.synapse.weight_exponent_max.value
    for projection in on_chip(network)[1]:
        if not 0 <= projection.exponent <= limit:
            yield Diagnostic("NC308", projection.where, {
                "projection": projection.name, "value": projection.exponent,
                "target": target.name, "limit": limit})


def messages_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Graded spikes fit the payload of a spike; those of adders have a sign."""
    sources = network.sources()
    limit = (1 << target.synapse.message_bits.value) - 1
    for name in sorted({p.source for p in on_chip(network)[1]}):
        source = sources[name]
        if isinstance(source, Input):
            needed, top = (source.levels if is_graded(source) else 0), limit
        else:
            needed = source.neuron.reach if isinstance(source.neuron, Adder) else 0
            top = limit >> 1
        if needed > top:
            yield Diagnostic("NC309", values={
                "module": name, "needed": needed, "target": target.name, "limit": top})


def resets_available(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Resets other than hard need a target with neuron programs."""
    for population in spiking(network):
        reset = loihi_neuron(population).reset
        if reset is not Reset.HARD and not target.neuron.programs.value:
            yield Diagnostic("NC202", population.where, {
                "module": population.name, "mode": reset.value, "target": target.name,
                "modes": Reset.HARD.value})


def decays_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """du and dv are unsigned and fit the decay registers."""
    one = 1 << target.neuron.decay_bits.value
    for population in spiking(network):
        neuron = loihi_neuron(population)
        for state, decay, offset in (("u", neuron.du, 1), ("v", neuron.dv, 0)):
            if not 0 <= decay < one:
                yield Diagnostic("NC204", population.where, {
                    "module": population.name, "state": state,
                    "value": f"{one - decay - offset}/{one}", "target": target.name,
                    "low": f"{1 - offset}/{one}", "high": f"{one - offset}/{one}"})


def thresholds_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Thresholds, and what soft resets subtract, are positive and fit the threshold register."""
    limit = (1 << target.neuron.threshold_bits.value) - 1
    for population in spiking(network):
        neuron = loihi_neuron(population)
        soft = neuron.reset in (Reset.SOFT, Reset.SOFT_DELAYED)
        for mantissa in (neuron.vth, neuron.v_sub) if soft else (neuron.vth,):
            if not 1 <= mantissa <= limit:
                yield Diagnostic("NC305", population.where, {
                    "module": population.name, "needed": mantissa, "target": target.name,
                    "limit": limit})


def biases_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """Bias mantissas and exponents, an encoder's too, fit the bias registers."""
    half = 1 << (target.neuron.bias_bits.value - 1)
    top = target.neuron.bias_exponent_max.value
    encoders = {e.target: e for e in network.encoders}
    for population in on_chip(network)[0]:
        bias, encoder = population.bias, encoders.get(population.name)
        used = [(int(encoder.limit), encoder.exponent)] if encoder else []
        if bias is not None:
            lowest, highest = int(bias.mantissa.min(initial=0)), int(bias.mantissa.max(initial=0))
            used.append((highest if highest >= -lowest - 1 else lowest, bias.exponent))
        for mantissa, exponent in used:
            if not (-half <= mantissa < half and 0 <= exponent <= top):
                yield Diagnostic("NC306", population.where, {
                    "module": population.name, "needed": f"{mantissa} x 2^{exponent}",
                    "target": target.name, "limit": f"{half - 1} x 2^{top}"})


def inputs_in_range(network: Network, _: Schedule, target: LoihiTarget) -> Iterator[Diagnostic]:
    """What arrives at a neuron in one step fits u, whatever spikes."""
    limit = (1 << (target.neuron.state_bits.value - 1)) - 1
    for population in spiking(network):
        low, high = delivered(network, population)
        reach = int(max(-low.min(initial=0), high.max(initial=0))) << ACTIVATION_SHIFT
        if reach > limit:
            yield Diagnostic("NC303", population.where, {
                "module": population.name, "needed": reach, "register": "u in one tick",
                "target": target.name, "limit": limit})


PREDICATES: tuple[Callable[[Network, Schedule, LoihiTarget], Iterator[Diagnostic]], ...] = (
    resets_available, decays_in_range, out_of_range, messages_in_range, weights_on_grid,
    inputs_in_range, thresholds_in_range, biases_in_range, exponents_in_range,
)


def check_bits(network: Network, schedule: Schedule, target: LoihiTarget) -> tuple[Diagnostic, ...]:
    """Every violation of every predicate, in a stable order."""
    found = (d for predicate in PREDICATES for d in predicate(network, schedule, target))
    return tuple(sorted(found, key=Diagnostic.sort_key))
