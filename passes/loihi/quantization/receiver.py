"""What reaches a population: spikes through synapses, analog input by one of three forms.

Analog input becomes a constant current ("bias"), graded spikes ("graded"), or the spikes of a
population that the host computes ("host").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import ANALOG, Bias, Input, InputKind, Network, Population, Projection
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.quantization.outliers import without_outliers
from neurocompile.passes.loihi.quantization.source_classes import by_source
from neurocompile.passes.loihi.quantization.weight_grid import Weights
from neurocompile.passes.quantization.observations import Observations
from neurocompile.semantics.loihi_widths import WEIGHT_BITS
from neurocompile.semantics.normal_form import SUM, FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

GRADED_BITS = 8  # of an input that becomes graded spikes, where a message holds them and a sign


_CURRENT_MARGIN = 1.25  # beyond the largest current on samples; what is larger is clipped


@dataclass(frozen=True, eq=False)
class Receiver:
    """A float population with what reaches it: through synapses, and analog through the host."""

    population: Population
    synapses: tuple[Projection, ...]
    analog: tuple[Projection, ...]
    on_host: bool
    wire: float = 0.0  # float weight of its synapses from an adder; 0: it has none
    observed_current: float = math.inf  # largest constant one on samples, with a margin
    alone: bool = False  # it gets one constant current for a sample, and nothing else
    memory: float = 1.0  # ticks that a potential lasts, at most those of a sample
    has_ties: bool = True  # whether potentials are whole, or may lie on the threshold

    def without_outliers(self) -> Receiver:
        """The same with outliers as projections of their own."""
        if self.wire:
            return self
        return replace(self, synapses=tuple(
            piece for p in self.synapses for piece in (
                without_outliers(p) if p.weight_bits <= WEIGHT_BITS else (p,))))

    def by_source(self) -> Receiver:
        """The same with sources of small weights as projections of their own."""
        if self.wire:
            return self
        return replace(self, synapses=tuple(
            piece for p in self.synapses for piece in (
                by_source(p) if p.weight_bits <= WEIGHT_BITS else (p,))))

    def cut_for(self, weights: Sequence[Weights]) -> Receiver:
        """The same, cut into the projections that weights are of; whole where they are of none."""
        shapes = [integers.shape for _, integers in weights]
        for one in (self.without_outliers(), self.without_outliers().by_source()):
            if [np.shape(p.operator.weights) for p in one.synapses] == shapes:
                return one
        return self

    def with_bias(self, bias: Bias | None) -> Receiver:
        """The same with another float bias."""
        return replace(self, population=replace(self.population, bias=bias))

    def with_gains(self, gains: NDArray[np.float64]) -> Receiver:
        """The same with what comes through synapses times a number for each neuron."""
        return replace(self, synapses=tuple(
            replace(p, operator=p.operator.times(gains)) for p in self.synapses))


def receiver(population: Population, network: Network, target: LoihiTarget, encoder: str,
             scales: Mapping[str, float], inputs_in_integers: Mapping[str, Input],
             observations: Observations | None = None) -> Receiver:
    """A population with what reaches it in a network.

    `scales`: whole numbers that adders send per unit of their sum. `graded`: inputs by name, those
    that come as graded spikes in integers. Raises as `analog_form` does.
    """
    form = analog_form(encoder, population, network, target)
    inputs = {item.name: item for item in network.inputs}
    synapses, analog, wire = [], [], 0.0
    for projection in network.into(population.name):
        item, operator = inputs.get(projection.source), projection.operator
        if projection.source in scales:
            weights = operator.weights / scales[projection.source]
            wire = float(weights.flat[0])
            synapses.append(replace(projection, operator=operator.with_weights(weights)))
        elif item is None or item.kind not in ANALOG:
            synapses.append(projection)
        elif form == "graded":
            synapses.append(replace(projection, operator=operator.with_weights(
                operator.weights / inputs_in_integers[item.name].scale)))
        else:
            analog.append(projection)
    observation = math.inf
    if observations is not None and analog:
        bias = 0.0 if population.bias is None else population.bias.mantissa
        observation = _CURRENT_MARGIN * observations.largest_current(analog, bias)
    alone = form == "bias" and not synapses and population.floating.model != SUM
    return Receiver(population, tuple(synapses), tuple(analog), form == "host", wire,
                    observation, alone, _memory(population.floating.decay, network.n_ticks),
                    observations is None or population.name not in observations.without_ties
                    or not _leaks(population.floating, network.n_ticks))


def forgets(neuron: FloatNeuron, n_ticks: int) -> bool:
    """Whether what a neuron does in a tick depends on that tick alone."""
    if neuron.model == SUM:
        return False
    return n_ticks == 1 or (neuron.decay == 0 and neuron.alpha is None and neuron.reset in (
        Reset.HARD, Reset.SOFT, Reset.NONE))


def _leaks(neuron: FloatNeuron, n_ticks: int) -> bool:
    """Whether potentials are fractions of what was added up."""
    return n_ticks > 1 and (0 < neuron.decay < 1 or neuron.alpha is not None)


def _memory(decay: float, n_ticks: int) -> float:
    return float(n_ticks) if decay >= 1 else min(1 / (1 - decay), n_ticks)


def graded_inputs(network: Network, target: LoihiTarget, encoder: str,
                  levels: Mapping[str, int] | None = None) -> dict[str, Input]:
    """All inputs by name, those that a population receives as graded spikes in integers.

    `levels`: the largest integer that an input sends, where it is not all that a message holds.
    """
    inputs = {item.name: item for item in network.inputs}
    for population in network.populations:
        if population.graded or analog_form(encoder, population, network, target) != "graded":
            continue
        for projection in network.into(population.name):
            item = inputs.get(projection.source)
            if item is not None and item.kind in ANALOG:
                inputs[item.name] = _as_graded(item, population, (levels or {}).get(
                    item.name, most_levels(target)))
    return inputs


def with_analog_forms(network: Network, target: LoihiTarget, encoder: str) -> Network:
    """The float network as analog input reaches it: what its quantized form has of it.

    Graded inputs have their levels, populations on the host are marked, and what is no spike has no
    projection. Raises as `analog_form` does.
    """
    inputs = graded_inputs(network, target, encoder)
    forms = {p.name: "" if p.graded else analog_form(encoder, p, network, target)
             for p in network.populations}
    analog = {item.name for item in network.inputs if item.kind in ANALOG}
    return replace(
        network, inputs=tuple(inputs[item.name] for item in network.inputs),
        populations=tuple(replace(p, on_host=forms[p.name] == "host") for p in network.populations),
        projections=tuple(p for p in network.projections
                          if p.source not in analog or forms[p.target] == "graded"))


def analog_form(encoder: str, population: Population, network: Network,
                target: LoihiTarget) -> str:
    """"bias", "graded" or "host" for a population that gets analog input; else "".

    Raises FindingsError (NC206) when the encoder, or all that "auto" leaves, cannot be had.
    """
    kinds = {i.name: i.kind for i in network.inputs}
    into = list(network.into(population.name))
    analog = [p for p in into if kinds.get(p.source) in ANALOG]
    if not analog:
        return ""
    steady = all(kinds[p.source] is InputKind.STATIC for p in analog)
    direct = population.floating.alpha is None
    alone = all(p in analog or kinds.get(p.source) is InputKind.ONE for p in into)
    form = encoder
    if encoder == "auto":
        form = "bias" if steady and direct else "host" if direct and alone else "graded"
    reason = None
    if form == "bias" and not steady:
        reason = "the input changes every tick; a bias holds for a sample"
    elif form == "bias" and not direct:
        reason = "a bias does not pass the synaptic current of a CubaLIF"
    elif form == "graded" and not most_levels(target):
        reason = f"{target.name} has no graded spikes"
    elif form == "host" and not alone:
        reason = "a population that also gets spikes cannot be left to the host"
    elif form == "host" and not direct:
        reason = "the host does not compute the synaptic current of a CubaLIF"
    if reason is not None:
        raise FindingsError(_no_form(population, form, reason))
    return form


def most_levels(target: LoihiTarget) -> int:
    """The largest number that a graded input can send."""
    return min((1 << GRADED_BITS) - 1, limits.message_limit(target, signed=True))


def _as_graded(item: Input, population: Population, levels: int) -> Input:
    """The input as whole numbers from 0."""
    if item.low < 0:
        raise FindingsError(_no_form(
            population, "graded",
            f"the input goes down to {item.low:.3g}; graded spikes are not negative"))
    return replace(item, levels=levels, scale=levels / item.high if item.high > 0 else 1.0)


def _no_form(population: Population, form: str, reason: str) -> Diagnostic:
    return Diagnostic("NC206", population.where, {
        "module": population.name, "encoder": form, "reason": reason})
