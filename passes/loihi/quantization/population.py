"""One population in integers: the scale of the least rounding at which nothing overflows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurocompile.diagnostics import Diagnostic, FindingsError, Severity
from neurocompile.ir.network import (
    ANALOG,
    Input,
    InputKind,
    Network,
)
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.bounds import (
    by_twos,
    lasting_potentials,
    state_overflows,
)
from neurocompile.passes.loihi.quantization.currents import (
    constant_currents,
    current_exponent,
    largest_current,
)
from neurocompile.passes.loihi.quantization.decision import Decision, IntegerPart
from neurocompile.passes.loihi.quantization.exact_scale import (
    exact_bias,
    exact_thresholds,
    exact_weights,
    off_grid,
    own_threshold,
)
from neurocompile.passes.loihi.quantization.pairs import halves
from neurocompile.passes.loihi.quantization.receiver import Receiver, forgets
from neurocompile.passes.loihi.quantization.representable import threshold_finding
from neurocompile.passes.loihi.quantization.rounding import clip_warnings, drift_warnings
from neurocompile.passes.loihi.quantization.scales import candidate_scales, largest_scale
from neurocompile.passes.loihi.quantization.weight_grid import (
    best_exponent,
    round_to_grid,
)
from neurocompile.passes.quantization.observations import Observations
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE
from neurocompile.semantics.normal_form import SUM, FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

_SAMPLE = 100_000  # weights per projection that a candidate scale is scored on
_RATE = 0.1  # spikes per source and tick that are assumed
_WORTH_SATURATION = 0.25  # of the error, a bit: what a potential that may saturate must bring
_WORTH_FORMAT = 0.75  # of the error: what more exponents must at most leave
_PEAK_MARGIN = 2  # beyond the largest |v| on samples, before it saturates
_WORTH = 0.95  # of the error: what a smaller scale must at most have, since it also rounds states


@dataclass(frozen=True, eq=False)
class PopulationQuantizer:
    """Makes integers of a network's populations; its adders and graded inputs are in integers."""

    network: Network
    inputs: Mapping[str, Input]
    target: LoihiTarget
    overflow: str = "prove"  # "prove", "saturate" or "auto"
    observations: Observations | None = None
    plain: bool = False  # no exponents of weights

    def best(self, receiver: Receiver) -> tuple[IntegerPart, list[Diagnostic]]:
        """The population without rounding, else at the scale of the least error; warnings.

        In the latter, outliers of its weights are projections of their own, and on samples sources of
        small weights. Raises FindingsError: NC208, NC303, NC305 or NC306 where no scale serves.
        """
        part, warnings = self._exact(receiver)
        if part is None:
            receiver = receiver.without_outliers()
            part = self._least_error(receiver)
            if self.observations is not None:
                receiver, part = self._by_source(receiver, part)
            warnings += clip_warnings(receiver.synapses, part.exponents, part.scale)
        return part, [*warnings, *drift_warnings(receiver.population, part.population,
                                                 self.network.n_ticks)]

    def from_decision(self, receiver: Receiver, decision: Decision) -> IntegerPart:
        """The population as it was decided for on samples.

        Raises FindingsError: NC303 or NC305 for one with which registers overflow.
        """
        if decision.gains is not None:
            receiver = receiver.with_gains(decision.gains.astype(np.float64))
        part = self.part(receiver, decision)
        findings = self.findings(part)
        if findings:
            raise FindingsError(*findings)
        return part

    def fits(self, receiver: Receiver, scale: float) -> bool:
        """Whether every register holds what it must at about this scale."""
        v_th = receiver.population.floating.v_th
        k = max(1, round(scale * v_th))
        return k / v_th <= largest_scale(receiver, self.inputs, self.target) and not (
            self.findings(self.rounded_at(receiver, k)))

    def _by_source(self, receiver: Receiver, part: IntegerPart) -> tuple[Receiver, IntegerPart]:
        """The population with sources of small weights on exponents of their own, where that pays.

        Neurons without memory get scales of their own instead.
        """
        neuron = receiver.population.floating
        if self.plain or forgets(neuron, self.network.n_ticks):
            return receiver, part
        cut = receiver.by_source()
        if len(cut.synapses) == len(receiver.synapses):
            return receiver, part
        finer, _ = self._best_scale(cut, part.population.saturates)
        if finer is None or finer.error >= part.error * _WORTH_FORMAT:
            return receiver, part
        return cut, finer

    def _least_error(self, receiver: Receiver) -> IntegerPart:
        """The best part whose potential provably never saturates, or one that may.

        Raises FindingsError where no scale serves.
        """
        best, findings = self._best_scale(receiver, saturates=False)
        if self.overflow != "prove" and self._peak(receiver) < math.inf:
            loose, _ = self._best_scale(receiver, saturates=True)
            if loose is not None and (best is None or loose.error < best.error * (
                    1 if self.overflow == "saturate" else _WORTH_SATURATION)):
                best = loose
        if best is None:
            raise FindingsError(*(findings or [self._no_scale(receiver, 1)]))
        return best

    def _peak(self, receiver: Receiver) -> float:
        """The largest magnitude of v on samples, in float units; infinite without samples."""
        peaks = {} if self.observations is None else self.observations.peaks
        return peaks.get(receiver.population.name, math.inf)

    def _best_scale(self, receiver: Receiver, saturates: bool
                    ) -> tuple[IntegerPart | None, list[Diagnostic]]:
        """The population at the scale of the least error that fits, else what does not."""
        findings: list[Diagnostic] = []
        reach = limits.state_limit(self.target) >> ACTIVATION_SHIFT
        most = math.inf if not saturates else reach / (_PEAK_MARGIN * self._peak(receiver))
        best: IntegerPart | None = None
        for k, fine in list(candidate_scales(receiver, self.inputs, self.target)):
            if best is not None and not fine:
                break
            scale = k / receiver.population.floating.v_th
            exponents, error = self._exponents(receiver, scale)
            if scale > most or (self.plain and any(exponents)) or (
                    best is not None and error >= best.error * _WORTH):
                continue
            part = replace(self.rounded_at(receiver, k, exponents, saturates), error=error)
            findings = self.findings(part)
            if not findings:
                best = part
        return best, findings

    def _exact(self, receiver: Receiver) -> tuple[IntegerPart | None, list[Diagnostic]]:
        """The population without any rounding, if there is such a scale that overflows nothing.

        For a neuron with its own integers, which at another scale is another one: why not its own.
        Raises FindingsError (NC208, NC303) for a gate without such a scale.
        """
        population = receiver.population
        neuron = population.floating
        limit = math.floor(largest_scale(receiver, self.inputs, self.target) * neuron.v_th)
        own: list[Diagnostic] | None = None  # what speaks against the first scale
        part = None
        for k in exact_thresholds(receiver, limit):
            part, obstacles = self._without_rounding(receiver, k, limit)
            own = obstacles if own is None or neuron.gate else own
            if part is not None:
                break
        if neuron.gate and own and part is None:
            raise FindingsError(*own)
        if neuron.quantum is None:
            return part, []
        if own is None:
            own = [threshold_finding(population, own_threshold(neuron.v_th, neuron.quantum),
                                     self.target)]
        return part, [replace(d, severity=Severity.WARNING, notes=(
            *d.notes, "another scale was taken, at which decays round differently")) for d in own]

    def _without_rounding(self, receiver: Receiver, k: int, limit: int
                          ) -> tuple[IntegerPart | None, list[Diagnostic]]:
        """The population at a scale where nothing is rounded, or why there is none."""
        scale = k / receiver.population.floating.v_th
        weights = [(p, exact_weights(p, scale, self.target))
                   for p in receiver.synapses]
        obstacles = [off_grid(p, scale, self.target)
                     for p, integers in weights if integers is None]
        if obstacles or k > limit:
            return None, obstacles or [self._no_scale(receiver, k)]
        part = self.part(receiver, Decision(
            k, tuple(integers for _, integers in weights if integers),
            observed_current=receiver.observed_current))
        obstacles = [*self.findings(part), *self._residues(part)]
        if not obstacles and not exact_bias(receiver.population, part.population, scale):
            obstacles = [self._no_scale(receiver, k)]
        return (None if obstacles else replace(part, exact=True)), obstacles

    def _exponents(self, receiver: Receiver, scale: float) -> tuple[list[int], float]:
        """The best exponents of all synapses at a scale, and the squared error of what arrives."""
        exponents: list[int] = []
        error = self._current_error(receiver, scale) + self._threshold_error(receiver, scale)
        for projection in receiver.synapses:
            item = self.inputs.get(projection.source)
            if item is not None and item.kind in ANALOG:  # the input is rounded to its levels
                lasting = receiver.memory if item.kind is InputKind.STATIC else 1  # see Input.trains
                error += float(np.square(projection.operator.weights).sum()) / (12 * lasting**2)
            weights = projection.operator.weights
            some = weights.reshape(-1)[::max(1, weights.size // _SAMPLE)]
            exponent, mean_square = best_exponent(
                some, scale, projection.weight_bits, self.target)
            exponents.append(exponent)
            error += mean_square * weights.size * self._power(projection.source)
        return exponents, error

    def rounded_at(self, receiver: Receiver, k: int, exponents: Sequence[int] | None = None,
                    saturates: bool = False) -> IntegerPart:
        """The population at one scale, its weights rounded to nearest."""
        scale = k / receiver.population.floating.v_th
        if exponents is None:
            exponents, _ = self._exponents(receiver, scale)
        return self.part(receiver, Decision(k, tuple(
            (exponent, round_to_grid(p.operator.weights, scale, exponent, p.weight_bits))
            for p, exponent in zip(receiver.synapses, exponents, strict=True)),
            observed_current=receiver.observed_current, saturates=saturates, has_ties=receiver.has_ties))

    def part(self, receiver: Receiver, decision: Decision) -> IntegerPart:
        """The population with what was decided for it."""
        receiver = replace(receiver.with_bias(decision.bias(receiver.population)),
                           observed_current=decision.observed_current, has_ties=decision.has_ties)
        population, k = receiver.population, decision.k
        scale = k / population.floating.v_th
        synapses = tuple(
            one for p, weights in zip(receiver.synapses, decision.weights, strict=True)
            for one in halves(p, *weights))
        bias, encoder = constant_currents(receiver, scale, self.inputs, self.target)
        neuron = self._neuron(population.floating, k, decision.has_ties)
        if not population.floating.decay and encoder is None and by_twos(neuron, bias, synapses):
            neuron = replace(neuron, vth=neuron.vth | 1)
        return IntegerPart(
            replace(population, neuron=neuron, bias=bias, on_host=receiver.on_host,
                    saturates=decision.saturates), synapses, encoder, scale, decision=decision)

    def _neuron(self, neuron: FloatNeuron, k: int, has_ties: bool) -> LoihiNeuron:
        """The neuron whose threshold is k.

        One that also fires at its threshold does so above k - 1: where v is whole that is the same,
        else it fires up to one part in k below, and decays that round toward zero lose no tie. Where
        there are none it fires above k.
        """
        steps, step = limits.decay_steps(self.target), limits.decay_step(self.target)
        vth = k - 1 if has_ties and not neuron.strict else k
        if neuron.model == SUM:  # never fires; its k is the reach of the sum
            vth = limits.threshold_limit(self.target)
        return LoihiNeuron(
            du=DECAY_ONE - 1 if neuron.alpha is None else (
                round((1 - neuron.alpha) * steps) * step - 1),
            dv=min(round((1 - neuron.decay) * steps), steps - 1) * step, vth=vth,
            reset=neuron.reset,
            v_sub=k if neuron.reset in (Reset.SOFT, Reset.SOFT_DELAYED) else 0)

    def _power(self, source: str) -> float:
        """The mean square of what a source sends in a tick, as far as it is known without a run."""
        item = self.inputs.get(source)
        if self.observations is not None and item is None:
            return max(self.observations.power(source), _RATE / 100)
        if item is None or item.kind is InputKind.SPIKES:
            return _RATE
        return 1.0 if item.kind is InputKind.ONE else item.levels**2 / 3

    def _current_error(self, receiver: Receiver, scale: float) -> float:
        """The squared rounding error of constant currents, over all neurons."""
        if not receiver.analog and receiver.population.bias is None:
            return 0.0
        exponent = current_exponent(receiver, scale, self.inputs, self.target)
        return receiver.population.size * (2.0 ** (exponent - ACTIVATION_SHIFT) / scale)**2 / 12

    def _threshold_error(self, receiver: Receiver, scale: float) -> float:
        """The squared error of a threshold that is half a mantissa low on average, over all neurons.

        So it is for one that also fires at its threshold, unless its potential is whole or has no ties.
        """
        neuron = receiver.population.floating
        constant = receiver.analog or receiver.population.bias is not None
        whole = neuron.decay == 1 and neuron.alpha is None and not (
            constant and current_exponent(receiver, scale, self.inputs, self.target)
            < ACTIVATION_SHIFT)
        exact = neuron.strict or whole or not receiver.has_ties
        return 0.0 if exact else receiver.population.size / (2 * scale) ** 2

    def _alone(self, part: IntegerPart) -> Network:
        """The network around a population: adders, inputs, and what reaches it."""
        return replace(
            self.network, inputs=tuple(self.inputs.values()), projections=part.synapses,
            populations=(*(p for p in self.network.populations if p.graded), part.population),
            encoders=() if part.encoder is None else (part.encoder,))

    def _residues(self, part: IntegerPart) -> list[Diagnostic]:
        """NC208 where a neuron without memory keeps some potential that could decide a spike."""
        population = part.population
        floating = self.network.population(population.name).floating
        if floating.decay:
            return []
        between = not floating.gate and by_twos(
            loihi_neuron(population), population.bias, part.synapses)
        return list(lasting_potentials(self._alone(part), population, self.target,
                                       (1 << ACTIVATION_SHIFT) - 1 if between else 0))

    def findings(self, part: IntegerPart) -> list[Diagnostic]:
        """NC303 for each register that some input could overflow, NC305 for a threshold of 0."""
        population = part.population
        findings = list(state_overflows(self._alone(part), population, self.target))
        if isinstance(population.neuron, LoihiNeuron) and not population.neuron.vth and not (
                population.on_host):
            findings.append(threshold_finding(population, 0, self.target))
        return findings

    def _no_scale(self, receiver: Receiver, k: int) -> Diagnostic:
        """Why a threshold of mantissa k does not fit: a bias is too large beside it, or itself."""
        target, population = self.target, receiver.population
        current = largest_current(receiver, self.inputs)
        if not current:
            return threshold_finding(population, k, target)
        reach = limits.bias_limit(target) << target.neuron.bias_exponent_max.value
        ratio = current / population.floating.v_th
        return limits.naming(Diagnostic("NC306", population.where, {
            "module": population.name, "needed": f"{ratio:,.0f}", "target": target.name,
            "limit": f"{reach >> ACTIVATION_SHIFT:,} times the threshold"}), target, limits.BIAS)
