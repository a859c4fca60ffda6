"""How constant currents and analog input reach a population: registers, graded spikes, the host."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

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
from neurocompile.target.loihi import LoihiTarget

BIAS_EXPONENT = 6  # biases in units of the threshold mantissa; 7 where they need the range
INPUT_BITS, _WEIGHT_BITS = 20, 20  # fraction bits of the host's encoder


@dataclass(frozen=True, eq=False)
class Part:
    """A population with what reaches it: through synapses, and analog through the host."""

    population: Population
    synapses: list[Projection]
    analog: list[Projection]
    on_host: bool
    wire: float = 0.0  # float weight of its synapses from an adder; 0: it has none
    scale: float = 0.0  # mantissa units per float unit, once quantized


def arriving(population: Population, network: Network, inputs: dict[str, Input], target: LoihiTarget,
             encoder: str, scales: Mapping[str, float]) -> Part:
    """A population with what reaches it; an input that becomes graded changes in `inputs`.

    `scales`: whole numbers that adders send per unit of their sum. Raises as `choose` does.
    """
    how = choose(encoder, population, network, target)
    part = Part(population, [], [], how == "host")
    for projection in network.into(population.name):
        item, operator = inputs.get(projection.source), projection.operator
        if projection.source in scales:
            weights = operator.weights / scales[projection.source]
            part = replace(part, wire=float(weights.flat[0]))
            part.synapses.append(replace(projection, operator=operator.with_weights(weights)))
        elif item is None or item.kind in (InputKind.ONE, InputKind.SPIKES):
            part.synapses.append(projection)
        elif how == "graded":
            inputs[item.name] = item = graded(item, population, target)
            part.synapses.append(replace(projection, operator=operator.with_weights(
                operator.weights / item.scale)))
        else:
            part.analog.append(projection)
    return part


def choose(asked: str, population: Population, network: Network, target: LoihiTarget) -> str:
    """"bias", "graded" or "host" for a population that gets analog input; else "".

    Raises FindingsError (NC206) when what was asked for, or all that is left, cannot be had.
    """
    kinds = {i.name: i.kind for i in network.inputs}
    into = list(network.into(population.name))
    analog = [p for p in into if kinds.get(p.source) in (InputKind.STATIC, InputKind.ANALOG)]
    if not analog:
        return ""
    steady = all(kinds[p.source] is InputKind.STATIC for p in analog)
    direct = population.floating.alpha is None
    alone = all(p in analog or kinds.get(p.source) is InputKind.ONE for p in into)
    how = asked
    if asked == "auto":
        how = "bias" if steady and direct else "host" if direct and alone else "graded"
    reason = None
    if how == "bias" and not steady:
        reason = "the input changes every tick; a bias holds for a sample"
    elif how == "bias" and not direct:
        reason = "a bias does not pass the synaptic current of a CubaLIF"
    elif how == "graded" and not target.synapse.message_bits.value:
        reason = f"{target.name} has no graded spikes"
    elif how == "host" and not alone:
        reason = "a population that also gets spikes cannot be left to the host"
    elif how == "host" and not direct:
        reason = "the host does not compute the synaptic current of a CubaLIF"
    if reason is not None:
        raise FindingsError(Diagnostic("NC206", population.where, {
            "module": population.name, "encoder": how, "reason": reason}))
    return how


def graded(item: Input, population: Population, target: LoihiTarget) -> Input:
    """The input as integers of 8 bits (at most the target's message bits)."""
    if item.low < 0:
        raise FindingsError(Diagnostic("NC206", population.where, {
            "module": population.name, "encoder": "graded",
            "reason": f"the input goes down to {item.low:.3g}; graded spikes are not negative"}))
    levels = (1 << min(8, target.synapse.message_bits.value - 1)) - 1
    return replace(item, levels=levels, scale=levels / item.high if item.high > 0 else 1.0)


def bias_limit(target: LoihiTarget) -> int:
    """The largest bias mantissa."""
    return (1 << (target.neuron.bias_bits.value - 1)) - 1


def largest_current(part: Part, inputs: dict[str, Input]) -> float:
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


def host_currents(part: Part, scale: float, inputs: dict[str, Input],
            target: LoihiTarget) -> tuple[Bias | None, list[Encoder]]:
    """The static bias, or the encoder that contains it."""
    population = part.population
    static = None if population.bias is None else np.broadcast_to(
        population.bias.mantissa, (population.size,))
    limit = bias_limit(target)
    needed = largest_current(part, inputs) * scale
    exponent = BIAS_EXPONENT if needed <= limit else BIAS_EXPONENT + 1
    unit = scale * 2.0 ** (BIAS_EXPONENT - exponent)
    if not part.analog:
        if static is None:
            return None, []
        return Bias(np.rint(static * unit).astype(np.int64), exponent), []
    return None, encoders(part, unit, exponent, limit, _WEIGHT_BITS, inputs)


def encoders(part: Part, unit: float, exponent: int, limit: int, weight_bits: int,
             inputs: Mapping[str, Input]) -> list[Encoder]:
    """The maps from a part's analog inputs to mantissas of `unit` each; its bias is in the first.

    `weight_bits`: fraction bits of their weights.
    """
    population, made = part.population, []
    for number, projection in enumerate(part.analog):
        item = inputs[projection.source]
        reach = max(abs(item.low), abs(item.high), 1e-30)
        input_shift = INPUT_BITS - math.ceil(math.log2(reach))
        weights = np.rint(projection.operator.weights * unit * 2.0**weight_bits).astype(np.int64)
        shift = input_shift + weight_bits
        offset = np.zeros(population.size, np.int64)
        if population.bias is not None and number == 0:
            static = np.broadcast_to(population.bias.mantissa, (population.size,))
            offset = np.rint(static * unit * 2.0**shift).astype(np.int64)
        made.append(Encoder(
            projection.source, population.name, projection.operator.with_weights(weights), offset,
            input_shift, shift, exponent, limit // len(part.analog)))
    return made
