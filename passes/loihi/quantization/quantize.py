"""Quantize: from a float Network to a chip's integers.

Each population has one scale (mantissa units per float unit) that all its projections share; it
is chosen so that the threshold is a whole mantissa and the squared error of the weights is
smallest, among the scales for which every register provably holds every reachable value. A network
that is on the chip's grid already keeps its numbers (`exact_scale`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError, Severity
from neurocompile.ir.network import Encoder, Input, Network, Population, Projection, Readout
from neurocompile.ir.operators import Array
from neurocompile.passes.loihi.quantization.bounds import overflows, remembering
from neurocompile.passes.loihi.quantization.encoding import (
    BIAS_EXPONENT,
    Part,
    arriving,
    bias_limit,
    host_currents,
    largest_current,
)
from neurocompile.passes.loihi.quantization.exact_scale import (
    exact_bias,
    exact_thresholds,
    exact_weights,
    off_grid,
    own_threshold,
)
from neurocompile.passes.loihi.quantization.rounding import clipped, drifting
from neurocompile.passes.loihi.quantization.scales import (
    candidate_scales,
    largest_scale,
    threshold_limit,
)
from neurocompile.passes.loihi.quantization.weight_grid import exponent_for, rounded
from neurocompile.passes.loihi.streams import adder_scale
from neurocompile.semantics.loihi import ACTIVATION_SHIFT, DECAY_ONE, LoihiNeuron
from neurocompile.semantics.normal_form import SUM
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

_SCORED = 100_000  # weights per projection that a candidate scale is scored on
_HALVINGS = 4  # of the adders' scales, until no consumer overflows


@dataclass(frozen=True, slots=True)
class Quantize:
    """Options: stored bits of a weight (1 to 8) and how an analog input reaches the chip."""

    weight_bits: int = 8
    encoder: str = "auto"

    def run(self, network: Network, target: LoihiTarget) -> tuple[Network, list[Diagnostic]]:
        """The integer network, and warnings.

        Raises FindingsError: NC201 to NC206 for what the target cannot hold, NC303 to NC307 for
        numbers out of range.
        """
        problems = list(_unrepresentable(network, target))
        if problems:
            raise FindingsError(*problems)
        inputs = {item.name: item for item in network.inputs}
        scales = adder_scale.scales(
            network, lambda population, around: self._population(arriving(
                population, around, inputs, target, self.encoder, {}), around, inputs,
                target)[0].scale,
            lambda population, around, scale: self._fits(arriving(
                population, around, inputs, target, self.encoder, {}), around, inputs, target, scale))
        most = _HALVINGS if scales else 0
        for halved in range(most + 1):
            smaller = {name: scale / 2**halved for name, scale in scales.items()}
            try:
                made, warnings = self._at(network, target, dict(inputs), smaller)
            except FindingsError as error:  # sums of rounded terms may reach a little further
                if halved == most or any(d.code != "NC303" for d in error.diagnostics):
                    raise
            else:
                break
        return made, warnings

    def _at(self, network: Network, target: LoihiTarget, inputs: dict[str, Input],
            scales: Mapping[str, float]) -> tuple[Network, list[Diagnostic]]:
        """The integer network, its adders at these scales, and warnings."""
        found: list[Diagnostic] = []
        made: dict[str, Part] = {}
        for adder in (p for p in network.order() if p.graded):
            made[adder.name], warnings = adder_scale.quantized(
                network, adder, scales, self.weight_bits, target)
            network = replace(network, populations=tuple(
                made[p.name].population if p.name == adder.name else p
                for p in network.populations))
            found.extend(warnings)
        encoders: list[Encoder] = []
        units: dict[str, float] = {}  # of v, per float unit
        for population in network.populations:
            if population.name in made:
                continue
            part = arriving(population, network, inputs, target, self.encoder, scales)
            made[population.name], encoder, warnings = self._population(
                part, network, inputs, target)
            units[population.name] = made[population.name].scale * (1 << ACTIVATION_SHIFT)
            encoders.extend(encoder)
            found.extend(warnings)
        parts = [made[p.name] for p in network.populations]
        return replace(network, inputs=tuple(inputs[i.name] for i in network.inputs),
                       populations=tuple(part.population for part in parts),
                       projections=tuple(p for part in parts for p in part.synapses),
                       encoders=tuple(encoders),
                       readouts=tuple(_in_units(r, units) for r in network.readouts)), found

    def _population(self, part: Part, network: Network, inputs: dict[str, Input],
                    target: LoihiTarget) -> tuple[Part, list[Encoder], list[Diagnostic]]:
        smallest: list[Diagnostic] = []
        best: tuple[float, Part, list[Encoder]] | None = None
        exact, found = self._exact(part, network, inputs, target)
        if exact is not None:
            best = (0.0, *exact)
        candidates = [] if exact is not None else list(candidate_scales(part, inputs, target))
        for k, scale, fine in candidates:
            if best is not None and not fine:
                break
            made, encoders, error = _at_scale(part, k, scale, inputs, target, self.weight_bits)
            if best is not None and error >= best[0]:
                continue
            smallest = _overflows(network, inputs, made, encoders, target)
            if not smallest:
                best = (error, made, encoders)
        if best is None:
            raise FindingsError(*(smallest or [_bias_range(part, inputs, target)]))
        _, made, encoders = best
        found += [] if exact is not None else clipped(part, made, self.weight_bits)
        return made, encoders, [*found, *drifting(part, made, network.n_ticks)]

    def _fits(self, part: Part, network: Network, inputs: dict[str, Input], target: LoihiTarget,
              scale: float) -> bool:
        """Whether every register holds what it must at about this scale."""
        v_th = part.population.floating.v_th
        k = max(1, round(scale * v_th))
        made, encoders, _ = _at_scale(part, k, k / v_th, inputs, target, self.weight_bits)
        return k / v_th <= largest_scale(part, inputs, target) and not _overflows(
            network, inputs, made, encoders, target)

    def _exact(self, part: Part, network: Network, inputs: dict[str, Input], target: LoihiTarget
               ) -> tuple[tuple[Part, list[Encoder]] | None, list[Diagnostic]]:
        """The population without any rounding, if there is such a scale that overflows nothing.

        For a neuron with its own integers, which at another scale is another one: why not its own.
        Raises FindingsError (NC208, NC303) for a gate without such a scale.
        """
        neuron = part.population.floating
        limit = math.floor(largest_scale(part, inputs, target) * neuron.v_th)
        own: list[Diagnostic] | None = None  # what speaks against the first scale
        made = None
        for k in exact_thresholds(part, self.weight_bits, limit):
            made, lost = self._without_rounding(part, k, limit, network, inputs, target)
            own = lost if own is None or neuron.gate else own
            if made is not None:
                break
        if neuron.gate and own and made is None:
            raise FindingsError(*own)
        if neuron.quantum is None:
            return made, []
        if own is None:
            own = [_threshold(part, own_threshold(neuron.v_th, neuron.quantum), target)]
        return made, [replace(d, severity=Severity.WARNING, notes=(
            *d.notes, "another scale was taken, at which decays round differently")) for d in own]

    def _without_rounding(self, part: Part, k: int, limit: int, network: Network,
                          inputs: dict[str, Input], target: LoihiTarget
                          ) -> tuple[tuple[Part, list[Encoder]] | None, list[Diagnostic]]:
        """The population at a scale where nothing is rounded, or why there is none."""
        scale = k / part.population.floating.v_th
        stored = [(p, exact_weights(p.operator.weights, scale, self.weight_bits, target))
                  for p in part.synapses]
        lost = [off_grid(p, scale, target) for p, found in stored if found is None]
        if lost or k > limit:
            return None, lost or [_bias_range(part, inputs, target)]
        made, encoders = _made(part, k, [s for _, s in stored if s], inputs, target)
        lost = _overflows(network, inputs, made, encoders, target)
        if not lost and not exact_bias(part, made.population, scale):
            lost = [_bias_range(part, inputs, target)]
        return (None if lost else (made, encoders)), lost


def _in_units(readout: Readout, units: Mapping[str, float]) -> Readout:
    """A readout whose accumulator holds integers."""
    if readout.accumulator is None:
        return readout
    (name, operator), *rest = readout.terms
    share = np.full(operator.out_size, 1 / units[name])
    return replace(readout, terms=((name, operator.scaled(share)), *rest))


def _unrepresentable(network: Network, target: LoihiTarget) -> Iterator[Diagnostic]:
    """What the target's neurons cannot compute, and numbers that are none."""
    for projection in network.projections:
        yield from _not_finite(projection.name, projection.operator.weights, projection)
    for population in (p for p in network.populations if not p.graded):
        neuron, where, name = population.floating, population.where, population.name
        if population.bias is not None:
            yield from _not_finite(f"bias of {name}", population.bias.mantissa, population)
        if neuron.reset is not Reset.HARD and not target.neuron.programs.value:
            yield Diagnostic("NC202", where, {
                "module": name, "mode": neuron.reset.value, "target": target.name,
                "modes": "hard"})
        one = 1 / DECAY_ONE
        if neuron.decay and not one <= neuron.decay <= 1:  # 0: `remembering` decides
            yield Diagnostic("NC204", where, {
                "module": name, "value": neuron.decay, "state": "membrane potential",
                "target": target.name, "low": one, "high": 1.0})
        if neuron.alpha is not None and not 0 <= neuron.alpha <= 1 - one:
            yield Diagnostic("NC204", where, {
                "module": name, "value": neuron.alpha, "state": "synaptic current",
                "target": target.name, "low": 0.0, "high": 1 - one})
        if not neuron.v_th > 0:
            yield _threshold(Part(population, [], [], False), neuron.v_th, target)


def _not_finite(name: str, values: Array, item: Projection | Population) -> Iterator[Diagnostic]:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        yield Diagnostic("NC307", item.where, {
            "name": name, "count": len(bad), "index": int(bad[0])})


def _bias_range(part: Part, inputs: dict[str, Input], target: LoihiTarget) -> Diagnostic:
    """Why not even a threshold of mantissa 1 fits: the bias is too large beside it."""
    v_th = part.population.floating.v_th
    limit = bias_limit(target) << (target.neuron.bias_exponent_max.value - BIAS_EXPONENT)
    return Diagnostic("NC306", part.population.where, {
        "module": part.population.name, "limit": f"{limit:,} times the threshold",
        "needed": f"{largest_current(part, inputs) / v_th:,.0f}", "target": target.name})


def _threshold(part: Part, needed: float, target: LoihiTarget) -> Diagnostic:
    return Diagnostic("NC305", part.population.where, {
        "module": part.population.name, "needed": needed, "target": target.name,
        "limit": threshold_limit(target)})


def _overflows(network: Network, inputs: dict[str, Input], made: Part, encoders: list[Encoder],
               target: LoihiTarget) -> list[Diagnostic]:
    """NC303 for each register that some input could overflow, NC208 where v must be forgotten."""
    trial = replace(network, inputs=tuple(inputs.values()), populations=(
        *(p for p in network.populations if p.graded), made.population),
                    projections=tuple(made.synapses), encoders=tuple(encoders))
    return [*overflows(trial, made.population, target.name),
            *(remembering(trial, made.population, target.name)
              if not network.population(made.population.name).floating.decay else ())]


def _at_scale(part: Part, k: int, scale: float, inputs: dict[str, Input], target: LoihiTarget,
              bits: int) -> tuple[Part, list[Encoder], float]:
    """The population in integers at one scale, and the squared error of its weights."""
    stored, error = [], 0.0
    for projection in part.synapses:
        weights = projection.operator.weights
        exponent = exponent_for(weights, scale, target)
        integers = rounded(weights, scale, exponent, bits)
        every = max(1, weights.size // _SCORED)
        exact = weights.reshape(-1)[::every]
        kept = integers.reshape(-1)[::every] * (2.0**exponent / scale)
        error += float(((exact - kept) ** 2).mean()) * weights.size
        stored.append((exponent, integers))
    made, encoders = _made(part, k, stored, inputs, target)
    return made, encoders, error


def _made(part: Part, k: int, stored: list[tuple[int, NDArray[np.int64]]],
          inputs: dict[str, Input], target: LoihiTarget) -> tuple[Part, list[Encoder]]:
    """The population in integers, from exponents and stored weights by projection."""
    synapses = [replace(projection, exponent=exponent,
                        operator=projection.operator.with_weights(integers))
                for projection, (exponent, integers) in zip(part.synapses, stored, strict=True)]
    scale = k / part.population.floating.v_th
    population, neuron = part.population, part.population.floating
    bias, encoders = host_currents(part, scale, inputs, target)
    grid_only = neuron.decay == 1.0 and neuron.alpha is None and (
        bias is None or bias.exponent >= BIAS_EXPONENT)
    vth = k if neuron.strict or not grid_only else k - 1
    if neuron.model == SUM:  # never fires; its k is the reach of the sum
        vth = threshold_limit(target)
    integer = LoihiNeuron(
        du=DECAY_ONE - 1 if neuron.alpha is None else round((1 - neuron.alpha) * DECAY_ONE) - 1,
        dv=min(round((1 - neuron.decay) * DECAY_ONE), DECAY_ONE - 1), vth=vth, reset=neuron.reset,
        v_sub=k if neuron.reset in (Reset.SOFT, Reset.SOFT_DELAYED) else 0)
    made = replace(population, neuron=integer, bias=bias, on_host=part.on_host)
    return replace(part, population=made, synapses=synapses, scale=scale), encoders
