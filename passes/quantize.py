"""Quantize: from a float Network to a chip's integers.

Each population has one scale (mantissa units per float unit) that all its projections share; it
is chosen so that the threshold is a whole mantissa and the squared error of the weights is
smallest, among the scales for which every register provably holds every reachable value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import (
    Bias,
    Encoder,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
)
from neurocompile.ir.operators import Array
from neurocompile.passes.bounds import overflows
from neurocompile.semantics.floating import FloatNeuron
from neurocompile.semantics.loihi import DECAY_ONE, LoihiNeuron, Reset
from neurocompile.target import Target

ENCODERS = ("auto", "bias", "graded", "host")
_BIAS_EXPONENT = 6  # biases in units of the threshold mantissa; 7 where they need the range
_SCORED = 100_000  # weights per projection that a candidate scale is scored on
_FINE = tuple(step / 8 for step in range(49))  # octaves below the largest useful scale: tried
_COARSE = tuple(6 + step / 2 for step in range(1, 25))  # and, if none of those fits, these
_INPUT_BITS, _WEIGHT_BITS = 20, 20  # fraction bits of the host's encoder
_TOP_WEIGHT = 256  # the 8-bit grid's end
_DRIFT_WARNED = 0.01
_CLIPPED_WARNED = 0.01


@dataclass(frozen=True, slots=True)
class Quantize:
    """Options: stored bits of a weight (1 to 8) and how an analog input reaches the chip."""

    weight_bits: int = 8
    encoder: str = "auto"

    def run(self, network: Network, target: Target) -> tuple[Network, list[Diagnostic]]:
        """The integer network, and warnings.

        Raises FindingsError: NC201 to NC206 for what the target cannot hold, NC303 to NC307 for
        numbers out of range.
        """
        found: list[Diagnostic] = []
        problems = list(_unrepresentable(network, target))
        if problems:
            raise FindingsError(*problems)
        inputs = {item.name: item for item in network.inputs}
        populations: list[Population] = []
        projections: list[Projection] = []
        encoders: list[Encoder] = []
        for population in network.populations:
            how = self._encoding(population, network, target)
            part = _Part(population, [], [], how == "host")
            for projection in network.into(population.name):
                item = inputs.get(projection.source)
                if item is None or item.kind in (InputKind.ONE, InputKind.SPIKES):
                    part.synapses.append(projection)
                elif how == "graded":
                    inputs[item.name] = item = _graded(item, population, target)
                    operator = projection.operator
                    part.synapses.append(replace(projection, operator=operator.with_weights(
                        operator.weights / item.scale)))
                else:
                    part.analog.append(projection)
            made, encoder, warnings = self._population(part, network, inputs, target)
            populations.append(made.population)
            projections.extend(made.synapses)
            encoders.extend(encoder)
            found.extend(warnings)
        result = replace(network, inputs=tuple(inputs[i.name] for i in network.inputs),
                         populations=tuple(populations), projections=tuple(projections),
                         encoders=tuple(encoders))
        return result, found

    def _encoding(self, population: Population, network: Network, target: Target) -> str:
        """"bias", "graded" or "host" for a population that gets analog input; else ""."""
        kinds = {i.name: i.kind for i in network.inputs}
        analog = [p for p in network.into(population.name)
                  if kinds.get(p.source) in (InputKind.STATIC, InputKind.ANALOG)]
        if not analog:
            return ""
        neuron = population.neuron
        steady = all(kinds[p.source] is InputKind.STATIC for p in analog)
        direct = isinstance(neuron, FloatNeuron) and neuron.alpha is None
        others = any(p not in analog and kinds.get(p.source) is not InputKind.ONE
                     for p in network.into(population.name))
        how = self.encoder
        if how == "auto":
            how = "bias" if steady and direct else "host"
        reason = None
        if how == "bias" and not steady:
            reason = "the input changes every tick; a bias holds for a sample"
        elif how == "bias" and not direct:
            reason = "a bias does not pass the synaptic current of a CubaLIF"
        elif how == "graded" and not target.synapse.message_bits.value:
            reason = f"{target.name} has no graded spikes"
        elif how == "host" and (others or not direct):
            reason = "a population that also gets spikes cannot be left to the host"
        if reason is not None:
            raise FindingsError(Diagnostic("NC206", population.where, {
                "module": population.name, "encoder": how, "reason": reason}))
        return how

    def _population(self, part: _Part, network: Network, inputs: dict[str, Input],
                    target: Target) -> tuple[_Part, list[Encoder], list[Diagnostic]]:
        smallest: list[Diagnostic] = []
        best: tuple[float, _Part, list[Encoder]] | None = None
        candidates = list(_scales(part, inputs, target))
        for k, scale, fine in candidates:
            if best is not None and not fine:
                break
            made, encoders, error = _at_scale(part, k, scale, inputs, target, self.weight_bits)
            if best is not None and error >= best[0]:
                continue
            trial = replace(network, inputs=tuple(inputs.values()),
                            populations=(made.population,), projections=tuple(made.synapses),
                            encoders=tuple(encoders))
            smallest = list(overflows(trial, made.population, target.name))
            if not smallest:
                best = (error, made, encoders)
        if best is None:
            raise FindingsError(*(smallest or [_no_scale(part, inputs, target)]))
        _, made, encoders = best
        return made, encoders, list(_warnings(part, made, network.n_ticks, self.weight_bits))


@dataclass(frozen=True, eq=False)
class _Part:
    """A population with what reaches it: through synapses, and analog through the host."""

    population: Population
    synapses: list[Projection]
    analog: list[Projection]
    on_host: bool


def _unrepresentable(network: Network, target: Target) -> Iterator[Diagnostic]:
    """What the target's neurons cannot compute, and numbers that are none."""
    for projection in network.projections:
        yield from _not_finite(projection.name, projection.operator.weights, projection)
    for population in network.populations:
        neuron, where, name = population.neuron, population.where, population.name
        if population.bias is not None:
            yield from _not_finite(f"bias of {name}", population.bias.mantissa, population)
        if not isinstance(neuron, FloatNeuron):
            raise TypeError("only float networks are quantized")
        if neuron.reset is not Reset.HARD and not target.neuron.programs.value:
            yield Diagnostic("NC202", where, {
                "module": name, "mode": neuron.reset.value, "target": target.name,
                "modes": "hard"})
        one = 1 / DECAY_ONE
        if not one <= neuron.decay <= 1:
            yield Diagnostic("NC204", where, {
                "module": name, "value": neuron.decay, "state": "membrane potential",
                "target": target.name, "low": one, "high": 1.0})
        if neuron.alpha is not None and not 0 <= neuron.alpha <= 1 - one:
            yield Diagnostic("NC204", where, {
                "module": name, "value": neuron.alpha, "state": "synaptic current",
                "target": target.name, "low": 0.0, "high": 1 - one})
        if not neuron.v_th > 0:
            yield Diagnostic("NC305", where, {
                "module": name, "needed": neuron.v_th, "target": target.name,
                "limit": _threshold_limit(target)})


def _not_finite(name: str, values: Array, item: Projection | Population) -> Iterator[Diagnostic]:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        yield Diagnostic("NC307", item.where, {
            "name": name, "count": len(bad), "index": int(bad[0])})


def _graded(item: Input, population: Population, target: Target) -> Input:
    """The input as integers of 8 bits (at most the target's message bits)."""
    if item.low < 0:
        raise FindingsError(Diagnostic("NC206", population.where, {
            "module": population.name, "encoder": "graded",
            "reason": f"the input goes down to {item.low:.3g}; graded spikes are not negative"}))
    levels = (1 << min(8, target.synapse.message_bits.value - 1)) - 1
    return replace(item, levels=levels, scale=levels / item.high if item.high > 0 else 1.0)


def _no_scale(part: _Part, inputs: dict[str, Input], target: Target) -> Diagnostic:
    """Why not even a threshold of mantissa 1 fits: the bias is too large beside it."""
    neuron = part.population.neuron
    v_th = neuron.v_th if isinstance(neuron, FloatNeuron) else 1.0
    limit = _bias_limit(target) << (target.neuron.bias_exponent_max.value - _BIAS_EXPONENT)
    return Diagnostic("NC306", part.population.where, {
        "module": part.population.name, "limit": f"{limit:,} times the threshold",
        "needed": f"{_largest_bias(part, inputs) / v_th:,.0f}", "target": target.name})


def _threshold_limit(target: Target) -> int:
    return (1 << target.neuron.threshold_bits.value) - 1


def _bias_limit(target: Target) -> int:
    return (1 << (target.neuron.bias_bits.value - 1)) - 1


def _scales(part: _Part, inputs: dict[str, Input],
            target: Target) -> Iterator[tuple[int, float, bool]]:
    """Candidate (threshold mantissa k, scale k / v_th, whether fine), the largest first."""
    neuron = part.population.neuron
    v_th = neuron.v_th if isinstance(neuron, FloatNeuron) else 1.0
    top = _threshold_limit(target) / v_th
    largest = [float(np.abs(p.operator.weights).max(initial=0.0)) for p in part.synapses]
    largest = [w for w in largest if w > 0]
    wanted = top
    if largest:  # fine weights, and a threshold of at least 256 where exponents can serve it
        reach = _TOP_WEIGHT * 2.0 ** target.synapse.weight_exponent_max.value / max(largest)
        wanted = max(2 * _TOP_WEIGHT / min(largest), min(256 / v_th, reach))
    bias = _largest_bias(part, inputs)
    if bias > 0:
        room = 1 if part.analog and not largest else 1 << (
            target.neuron.bias_exponent_max.value - _BIAS_EXPONENT)
        top = min(top, _bias_limit(target) * room / bias)
    seen = set()
    for octave in (*_FINE, *_COARSE) if largest else (0,):
        k = math.floor(min(top, wanted * 2**-octave) * v_th)
        if k >= 1 and k not in seen:
            seen.add(k)
            yield k, k / v_th, octave in _FINE


def _largest_bias(part: _Part, inputs: dict[str, Input]) -> float:
    """The largest constant current that any input can cause."""
    size = part.population.size
    low, high = np.zeros(size), np.zeros(size)
    if part.population.bias is not None:
        low = high = np.asarray(part.population.bias.mantissa, np.float64)
    for projection in part.analog:
        item = inputs[projection.source]
        negative, positive = projection.operator.bounds()
        low = low + negative * item.high + positive * item.low
        high = high + positive * item.high + negative * item.low
    return float(max(np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0)))


def _grid(weights: Array, bits: int) -> tuple[int, int, int]:
    """(step, lowest, highest) of the sign mode that fits the weights, in 8-bit units."""
    if weights.min(initial=0) >= 0:
        step = 1 << (8 - bits)
        return step, 0, 256 - step
    if weights.max(initial=0) <= 0:
        step = 1 << (8 - bits)
        return step, step - 256, 0
    step = 1 << (9 - bits) if bits < 9 else 1
    return step, -256 if bits > 1 else 0, 256 - step


def _rounded(weights: Array, scale: float, exponent: int, bits: int) -> NDArray[np.int64]:
    step, low, high = _grid(weights, bits)
    grid: NDArray[np.float64] = np.rint(weights * (scale / 2.0**exponent / step)) * step
    return np.clip(grid, low, high).astype(np.int64)


def _exponent(weights: Array, scale: float, target: Target) -> int:
    """The smallest exponent with which the largest weight fits the grid, clipping half a step."""
    largest = float(np.abs(weights).max(initial=0.0)) * scale
    if largest == 0:
        return 0
    needed = math.ceil(math.log2(largest / 360.0))  # clipping the tail may pay: the error decides
    return min(max(needed, 0), target.synapse.weight_exponent_max.value)


def _at_scale(part: _Part, k: int, scale: float, inputs: dict[str, Input], target: Target,
              bits: int) -> tuple[_Part, list[Encoder], float]:
    """The population in integers at one scale, and the squared error of its weights."""
    synapses, error = [], 0.0
    for projection in part.synapses:
        weights = projection.operator.weights
        exponent = _exponent(weights, scale, target)
        integers = _rounded(weights, scale, exponent, bits)
        every = max(1, weights.size // _SCORED)
        exact = weights.reshape(-1)[::every]
        stored = integers.reshape(-1)[::every] * (2.0**exponent / scale)
        error += float(((exact - stored) ** 2).mean()) * weights.size
        synapses.append(replace(projection, exponent=exponent,
                                operator=projection.operator.with_weights(integers)))
    population, neuron = part.population, part.population.neuron
    if not isinstance(neuron, FloatNeuron):
        raise TypeError("only float networks are quantized")
    bias, encoders = _biases(part, scale, inputs, target)
    grid_only = neuron.decay == 1.0 and neuron.alpha is None and (
        bias is None or bias.exponent >= _BIAS_EXPONENT)
    vth = k if neuron.strict or not grid_only else k - 1
    integer = LoihiNeuron(
        du=DECAY_ONE - 1 if neuron.alpha is None else round((1 - neuron.alpha) * DECAY_ONE) - 1,
        dv=min(round((1 - neuron.decay) * DECAY_ONE), DECAY_ONE - 1), vth=vth, reset=neuron.reset,
        v_sub=k if neuron.reset in (Reset.SOFT, Reset.SOFT_DELAYED) else 0)
    made = replace(population, neuron=integer, bias=bias, on_host=part.on_host)
    return replace(part, population=made, synapses=synapses), encoders, error


def _biases(part: _Part, scale: float, inputs: dict[str, Input],
            target: Target) -> tuple[Bias | None, list[Encoder]]:
    """The static bias, or the encoder that contains it."""
    population = part.population
    static = None if population.bias is None else np.broadcast_to(
        population.bias.mantissa, (population.size,))
    limit = _bias_limit(target)
    needed = _largest_bias(part, inputs) * scale
    exponent = _BIAS_EXPONENT if needed <= limit else _BIAS_EXPONENT + 1
    unit = scale * 2.0 ** (_BIAS_EXPONENT - exponent)
    if not part.analog:
        if static is None:
            return None, []
        return Bias(np.rint(static * unit).astype(np.int64), exponent), []
    encoders = []
    for number, projection in enumerate(part.analog):
        item = inputs[projection.source]
        reach = max(abs(item.low), abs(item.high), 1e-30)
        input_shift = _INPUT_BITS - math.ceil(math.log2(reach))
        weights = np.rint(projection.operator.weights * unit * 2.0**_WEIGHT_BITS).astype(np.int64)
        shift = input_shift + _WEIGHT_BITS
        offset = np.zeros(population.size, np.int64)
        if static is not None and number == 0:
            offset = np.rint(static * unit * 2.0**shift).astype(np.int64)
        encoders.append(Encoder(
            projection.source, population.name, projection.operator.with_weights(weights), offset,
            input_shift, shift, exponent, limit // len(part.analog)))
    return None, encoders


def _warnings(part: _Part, made: _Part, n_ticks: int, bits: int) -> Iterator[Diagnostic]:
    for before, after in zip(part.synapses, made.synapses, strict=True):
        _, low, high = _grid(before.operator.weights, bits)
        stored = after.operator.weights
        clipped = np.count_nonzero((stored == low) | (stored == high)) if low else (
            np.count_nonzero(stored == high))
        share = clipped / max(stored.size, 1)
        if share > _CLIPPED_WARNED:
            yield Diagnostic("NC302", before.where, {
                "projection": before.name, "share": share, "bits": bits})
    population = part.population
    old, new = population.neuron, made.population.neuron
    if not isinstance(old, FloatNeuron) or not isinstance(new, LoihiNeuron):
        raise TypeError("a float population and its integer form")
    pairs = [("dv", old.decay, 1 - new.dv / DECAY_ONE)]
    if old.alpha is not None:
        pairs.append(("du", old.alpha, 1 - (new.du + 1) / DECAY_ONE))
    for state, exact, fixed in pairs:
        drift = abs(1 - (fixed / exact) ** n_ticks) if exact else 0.0
        if drift > _DRIFT_WARNED:
            yield Diagnostic("NC304", population.where, {
                "value": exact, "module": population.name, "fixed": f"{fixed:.6g}",
                "state": state, "ticks": n_ticks, "drift": f"{drift:.1%}"})
