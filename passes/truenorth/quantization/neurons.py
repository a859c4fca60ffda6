"""What TrueNorth's neurons can compute of a float network, and what speaks against the rest.

Its leak is added, not multiplied. So a neuron is either integrate and fire, or it forgets its
potential in every tick. In a network of one tick any neuron is the latter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import ANALOG, InputKind, Network, Population
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.truenorth import TrueNorthTarget

_LATE_RESETS = (Reset.SOFT_DELAYED, Reset.HARD_DELAYED)


def stateless(neuron: FloatNeuron, n_ticks: int) -> bool:
    """Whether nothing of a neuron's potential is left after a tick."""
    return n_ticks == 1 or (not neuron.decay and not neuron.alpha)


def obstacles(network: Network, target: TrueNorthTarget, encoder: str) -> Iterator[Diagnostic]:
    """What the target's neurons, axons and inputs cannot do, whatever the weights are."""
    for item in network.inputs:
        if item.kind is InputKind.SPIKES and item.levels > 1:
            yield Diagnostic("NC309", _reader(network, item.name).where, {
                "module": item.name, "needed": item.levels, "target": target.name, "limit": 1})
    for population in network.populations:
        yield from _neuron(population, network.n_ticks, target)
        yield from _analog(population, network, target, encoder)


def with_host(network: Network) -> Network:
    """The network with the populations marked that are the host's: those of analog input."""
    analog = {item.name for item in network.inputs if item.kind in ANALOG}
    targets = {p.target for p in network.projections if p.source in analog}
    return replace(network, populations=tuple(
        replace(p, on_host=p.name in targets) for p in network.populations))


def _reader(network: Network, name: str) -> Population:
    """A population that gets an input."""
    return next(network.population(p.target) for p in network.out_of(name))


def _neuron(population: Population, n_ticks: int, target: TrueNorthTarget) -> Iterator[Diagnostic]:
    neuron, values = population.floating, {"module": population.name, "target": target.name}
    if n_ticks == 1:
        return
    if neuron.reset in _LATE_RESETS or (neuron.reset is Reset.NONE and neuron.decay):
        yield Diagnostic("NC202", population.where, {
            **values, "mode": neuron.reset.value, "modes": "hard and soft, at once"},
            hint="train with a reset in the spike's own tick, or with one tick")
    for state, value in (("membrane potential", neuron.decay), ("synaptic current", neuron.alpha)):
        whole = (0.0, 1.0) if state == "membrane potential" else (0.0, None)
        if value not in whole:
            yield Diagnostic("NC211", population.where, {
                **values, "value": value, "state": state, "ticks": n_ticks})
    if neuron.decay and not neuron.v_th > 0:
        yield Diagnostic("NC305", population.where, {
            **values, "needed": neuron.v_th, "limit": Crossbar.of(target).threshold_max})


def _analog(population: Population, network: Network, target: TrueNorthTarget,
            encoder: str) -> Iterator[Diagnostic]:
    kinds = {item.name: item.kind for item in network.inputs}
    into = [kinds.get(p.source) for p in network.into(population.name)]
    if not any(kind in ANALOG for kind in into):
        return
    reason, how = "", "host" if encoder == "auto" else encoder
    if how != "host":
        reason = f"the axons of {target.name} carry spikes, and a leak holds for all samples"
    elif any(kind not in (*ANALOG, InputKind.ONE) for kind in into):
        reason = "a population that also gets spikes cannot be left to the host"
    if reason:
        yield Diagnostic("NC206", population.where, {
            "module": population.name, "encoder": how, "reason": reason},
            hint="--encoder host, with neurons that get nothing but the image; or give the model "
                 "frames of 0 and 1")
