"""What a target's neurons and synapses cannot hold of a float network, whatever its scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.passes.loihi import limits
from neurocompile.semantics.loihi_widths import PAIR_BITS, PAIR_SHIFT, WEIGHT_BITS
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget


def unrepresentable(network: Network, target: LoihiTarget) -> Iterator[Diagnostic]:
    """What no integers of the target stand for, whatever the weights are."""
    yield from _too_wide(max(network.projections, key=lambda p: p.weight_bits), target)
    for item in network.inputs:
        yield from _message(item, network, target)
    for population in (p for p in network.populations if not p.graded):
        yield from _neuron(population, target)


def _too_wide(widest: Projection, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC310 for more bits than a synapse holds, or two of them whose exponents are far enough apart."""
    bits, limit = widest.weight_bits, target.synapse.weight_bits.value
    finding = Diagnostic("NC310", widest.where, {
        "needed": bits, "target": target.name, "limit": limit})
    least, most = limits.exponent_range(target, bits)
    if min(bits, WEIGHT_BITS) > limit:
        yield limits.naming(finding, target, limits.WEIGHT)
    elif least > most:
        yield replace(limits.naming(finding, target, limits.WEIGHT_EXPONENT), hint=(
            f"no {PAIR_BITS} bits for `{widest.target}`: its two synapses need weight exponents "
            f"{PAIR_SHIFT} apart, from {least} on"))


def _message(item: Input, network: Network, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC309 for an input of spike counts that no graded spike carries."""
    limit = limits.message_limit(target, signed=False)
    if item.kind is InputKind.SPIKES and item.levels > 1 and item.levels > limit:
        where = next(network.population(p.target).where for p in network.out_of(item.name))
        yield limits.naming(Diagnostic("NC309", where, {
            "module": item.name, "needed": item.levels, "target": target.name,
            "limit": max(limit, 1)}), target, limits.MESSAGE)


def _neuron(population: Population, target: LoihiTarget) -> Iterator[Diagnostic]:
    neuron, where = population.floating, population.where
    values = {"module": population.name, "target": target.name}
    if neuron.reset is not Reset.HARD and not target.neuron.programs.value:
        yield limits.naming(Diagnostic("NC202", where, {
            **values, "mode": neuron.reset.value, "modes": "hard"}), target, limits.PROGRAMS)
    one = 1 / limits.decay_steps(target)
    if neuron.decay and not one <= neuron.decay <= 1:  # 0: `lasting_potentials` decides
        yield limits.naming(Diagnostic("NC204", where, {
            **values, "value": neuron.decay, "state": "membrane potential", "low": one,
            "high": 1.0}), target, limits.DECAY)
    if neuron.alpha is not None and not 0 <= neuron.alpha <= 1 - one:
        yield limits.naming(Diagnostic("NC204", where, {
            **values, "value": neuron.alpha, "state": "synaptic current", "low": 0.0,
            "high": 1 - one}), target, limits.DECAY)
    if not neuron.v_th > 0:
        yield threshold_finding(population, neuron.v_th, target)


def threshold_finding(population: Population, mantissa: float, target: LoihiTarget) -> Diagnostic:
    """NC305 for a threshold that its register does not hold."""
    return limits.naming(Diagnostic("NC305", population.where, {
        "module": population.name, "needed": mantissa, "target": target.name,
        "limit": limits.threshold_limit(target)}), target, limits.threshold_key(target))
