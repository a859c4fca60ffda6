"""Quantize for Loihi: from a float Network to the chip's integers.

Each population has one scale (mantissa units per float unit) that all its projections share; it
is chosen so that the threshold is a whole mantissa and the squared error of the weights is
smallest, among the scales for which every register provably holds every reachable value. A network
that is on the chip's grid already keeps its numbers (`exact_scale`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import ANALOG, Input, Network, Population, Readout
from neurocompile.passes.loihi.quantization.calibration import calibrate
from neurocompile.passes.loihi.quantization.decision import IntegerPart
from neurocompile.passes.loihi.quantization.population import PopulationQuantizer
from neurocompile.passes.loihi.quantization.receiver import (
    Receiver,
    graded_inputs,
    most_levels,
    receiver,
)
from neurocompile.passes.loihi.quantization.representable import unrepresentable
from neurocompile.passes.loihi.quantization.rounding_record import Rounding, unreadable
from neurocompile.passes.loihi.streams.adder_scale import adder_scales, integer_adder
from neurocompile.passes.loihi.weight_bits import with_weight_bits
from neurocompile.passes.quantization.finite import not_finite
from neurocompile.passes.quantization.observations import Observations
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT
from neurocompile.target.loihi import LoihiTarget

_LEVELS = 7  # of graded inputs: all, a half, a quarter ...
_HALVINGS = 4  # of the adders' scales, until no consumer overflows


@dataclass(frozen=True, eq=False)
class IntegerForm:
    """A network in integers."""

    network: Network
    warnings: tuple[Diagnostic, ...]
    rounding: Rounding  # all that was decided for it


@dataclass(frozen=True, slots=True)
class LoihiQuantizer:
    """Options: stored bits of a weight (1 to 8) and how an analog input reaches the chip.

    `bits_of`: those of what reaches these populations. `overflow`: whether potentials may saturate;
    without `observations` none does.
    """

    weight_bits: int
    encoder: str = "auto"
    overflow: str = "auto"
    observations: Observations | None = None
    rounding: Rounding | None = None  # as an earlier run on samples decided
    bits_of: Mapping[str, int] = field(default_factory=dict)
    plain: bool = False  # whole biases, weights without exponents: as lava-dl's files have them

    def run(self, network: Network, target: LoihiTarget) -> tuple[Network, list[Diagnostic]]:
        """The integer network, and warnings. Raises as `quantize` does."""
        integers = self.quantize(network, target)
        return integers.network, list(integers.warnings)

    def quantize(self, network: Network, target: LoihiTarget) -> IntegerForm:
        """A float network in integers.

        Raises FindingsError: NC201 to NC206 for what the target cannot hold, NC303 to NC310 for
        numbers out of range. Raises UsageError (NC003) for a `rounding` that is not the network's.
        """
        if self.rounding is not None:
            self.rounding.check(network, most_levels(target))
        network = with_weight_bits(network, self.weight_bits, self._bits_of)
        problems = [*unrepresentable(network, target), *not_finite(network)]
        if problems:
            raise FindingsError(*problems)
        if self.rounding is not None:
            return self._again(network, target, self.rounding)
        inputs = self._inputs(network, target)
        scales = self._adder_scales(network, inputs, target)
        most = _HALVINGS if scales else 0
        for halvings in range(most):
            smaller = {name: scale / 2**halvings for name, scale in scales.items()}
            try:
                return self._at(network, inputs, target, smaller)
            except FindingsError as error:  # sums of rounded terms may reach a little further
                if any(d.code != "NC303" for d in error.diagnostics):
                    raise
        return self._at(network, inputs, target, {
            name: scale / 2**most for name, scale in scales.items()})

    @property
    def _bits_of(self) -> Mapping[str, int]:
        return self.bits_of if self.rounding is None else self.rounding.bits

    def _again(self, network: Network, target: LoihiTarget, rounding: Rounding) -> IntegerForm:
        """The network as it was decided for."""
        try:
            inputs = graded_inputs(network, target, self.encoder, rounding.levels)
            return self._at(network, inputs, target, rounding.scales)
        except FindingsError as error:
            raise unreadable(error.diagnostics[0].message) from None

    def _inputs(self, network: Network, target: LoihiTarget) -> dict[str, Input]:
        """Inputs by name, graded ones with the levels of the least error.

        Fewer levels are rounded more coarsely and leave larger weights in the same registers.
        """
        most = graded_inputs(network, target, self.encoder)
        names = [i.name for i in network.inputs if most[i.name] is not i]
        if not names:
            return most
        options = [graded_inputs(network, target, self.encoder, dict.fromkeys(
            names, most_levels(target) >> fewer)) for fewer in range(_LEVELS)]
        return min(options, key=lambda inputs: self._graded_error(network, inputs, names, target))

    def _graded_error(self, network: Network, inputs: Mapping[str, Input], names: Collection[str],
                      target: LoihiTarget) -> float:
        """The error of all populations that get graded inputs; infinite where one has no scale."""
        total = 0.0
        quantizer = self._populations(network, inputs, target)
        for population in network.populations:
            if any(p.source in names for p in network.into(population.name)):
                try:
                    part, _ = quantizer.best(self._receiver(population, inputs, network, target, {}))
                except FindingsError:
                    return math.inf
                total += part.error
        return total

    def _adder_scales(self, network: Network, inputs: Mapping[str, Input],
                      target: LoihiTarget) -> dict[str, float]:
        def quantizer(population: Population, around: Network
                      ) -> tuple[PopulationQuantizer, Receiver]:
            return self._populations(around, inputs, target), self._receiver(
                population, inputs, around, target, {})

        def best(population: Population, around: Network) -> float:
            one, arrivals = quantizer(population, around)
            return one.best(arrivals)[0].scale

        def fits(population: Population, around: Network, scale: float) -> bool:
            one, arrivals = quantizer(population, around)
            return one.fits(arrivals, scale)

        return adder_scales(network, best, fits)

    def _populations(self, network: Network, inputs: Mapping[str, Input], target: LoihiTarget
                     ) -> PopulationQuantizer:
        return PopulationQuantizer(
            network=network, inputs=inputs, target=target,
            overflow=self.overflow, observations=self.observations, plain=self.plain)

    def _receiver(self, population: Population, inputs: Mapping[str, Input], network: Network,
                  target: LoihiTarget, scales: Mapping[str, float]) -> Receiver:
        arrivals = receiver(population, network, target, self.encoder, scales, inputs,
                            self.observations)
        return replace(arrivals, memory=0.0, has_ties=True) if self.plain else arrivals

    def _at(self, network: Network, inputs: Mapping[str, Input], target: LoihiTarget,
            scales: Mapping[str, float]) -> IntegerForm:
        """The network in integers, its adders at these scales."""
        warnings: list[Diagnostic] = []
        parts: dict[str, IntegerPart] = {}
        for adder in (p for p in network.order() if p.graded):
            parts[adder.name], clips = self._adder(network, adder, scales, target)
            network = replace(network, populations=tuple(
                parts[p.name].population if p is adder else p for p in network.populations))
            warnings += clips
        quantizer = self._populations(network, inputs, target)
        units: dict[str, float] = {}  # of v, per float unit
        for population in network.populations:
            if population.name not in parts:
                part, more = self._population(quantizer, self._receiver(
                    population, inputs, network, target, scales))
                units[population.name] = part.scale * (1 << ACTIVATION_SHIFT)
                parts[population.name] = part
                warnings += more
        in_order = [parts[p.name] for p in network.populations]
        integers = replace(
            network, inputs=tuple(inputs[i.name] for i in network.inputs),
            populations=tuple(part.population for part in in_order),
            projections=tuple(p for part in in_order for p in part.synapses),
            encoders=tuple(part.encoder for part in in_order if part.encoder is not None),
            readouts=tuple(_in_units(r, units) for r in network.readouts))
        return IntegerForm(integers, tuple(warnings), Rounding(
            {name: part.decision for name, part in parts.items() if part.decision is not None},
            {i.name: i.levels for i in integers.inputs if i.kind in ANALOG}, scales, self._bits_of))

    def _population(self, quantizer: PopulationQuantizer, arrivals: Receiver
                    ) -> tuple[IntegerPart, list[Diagnostic]]:
        if self.rounding is not None:
            arrivals = arrivals.cut_for(self.rounding.decisions[arrivals.population.name].weights)
            return quantizer.from_decision(arrivals, self.rounding.decision(
                arrivals.population, arrivals.synapses, quantizer.target)), []
        part, warnings = quantizer.best(arrivals)
        if self.observations is not None and not part.exact:
            weights = () if part.decision is None else part.decision.weights
            part = calibrate(quantizer, arrivals.cut_for(weights), part, self.observations)
        return part, warnings

    def _adder(self, network: Network, adder: Population, scales: Mapping[str, float],
               target: LoihiTarget) -> tuple[IntegerPart, list[Diagnostic]]:
        decision = None if self.rounding is None else self.rounding.decision(
            adder, list(network.into(adder.name)), target)
        part, warnings = integer_adder(network, adder, scales, target,
                                       self.observations, decision)
        return part, warnings


def _in_units(readout: Readout, units: Mapping[str, float]) -> Readout:
    """A readout whose accumulator holds integers."""
    if readout.accumulator is None:
        return readout
    (name, operator), *rest = readout.terms
    share = np.full(operator.out_size, 1 / units[name])
    return replace(readout, terms=((name, operator.times(share)), *rest))
