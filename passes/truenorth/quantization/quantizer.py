"""Quantizer for TrueNorth: from a float Network to one of whole numbers and `TrueNorthNeurons`.

The synapses of a neuron share one grid (`grid`), unless each projection is ternary on its own: as
many different weights of a neuron as axons have types need no common grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurocompile.diagnostics import FindingsError, raise_errors
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import (
    ANALOG,
    Bias,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
)
from neurocompile.ir.operators import Array
from neurocompile.passes.quantization.finite import not_finite
from neurocompile.passes.quantization.host import INPUT_BITS, CurrentFormat, encoder_of
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.quantization.grid import Ints, Steps, on_grid, sharing
from neurocompile.passes.truenorth.quantization.neurons import obstacles, stateless
from neurocompile.passes.truenorth.quantization.potential_range import overflows
from neurocompile.passes.truenorth.quantization.scale import Arrivals, integers
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons
from neurocompile.target.truenorth import TrueNorthTarget

_HOST_THRESHOLD = 1 << 14  # in units of v, of populations on the host
_HOST_LIMIT = 1 << 40  # of their currents


@dataclass(frozen=True, slots=True)
class CrossbarQuantizer:
    """Options: bits of a weight (1 to 8) and how an analog input reaches the chip.

    `whole_biases`: where weights take all types of axons, biases are whole steps of them, so that
    axons can deliver them. Else they are finer, and only a leak can.
    """

    weight_bits: int
    encoder: str = "auto"
    whole_biases: bool = False

    def run(self, network: Network, target: TrueNorthTarget) -> Network:
        """The integer network; of weights on a grid of few steps nothing is rounded.

        Raises FindingsError: NC202, NC206, NC211, NC303, NC305, NC307 and NC309 for what the target
        cannot do.
        """
        problems = [*obstacles(network, target, self.encoder), *not_finite(network)]
        if problems:
            raise FindingsError(*problems)
        populations: list[Population] = []
        projections: list[Projection] = []
        host_encoders: list[Encoder] = []
        kinds = {item.name: item.kind for item in network.inputs}
        for population in network.populations:
            into = [p for p in network.into(population.name) if p.delay < network.n_ticks]
            bias = _constant(population, [p for p in into if kinds.get(p.source) is InputKind.ONE])
            analog = [p for p in into if kinds.get(p.source) in ANALOG]
            if analog:
                integers_of, encoder = _on_host(population, analog, bias, network)
                host_encoders.append(encoder)
            else:
                synapses = [p for p in into if kinds.get(p.source) is not InputKind.ONE]
                integers_of, synapses_of = self._on_chip(population, synapses, bias, network.n_ticks,
                                             Crossbar.of(target))
                projections.extend(synapses_of)
            populations.append(integers_of)
        integer = replace(
            network, inputs=tuple(i for i in network.inputs if i.kind is not InputKind.ONE),
            populations=tuple(populations), projections=tuple(projections), encoders=tuple(host_encoders))
        raise_errors(overflow for population in integer.populations
                     for overflow in overflows(integer, population, target))
        return integer

    def _on_chip(self, population: Population, synapses: Sequence[Projection], bias: Array,
                 n_ticks: int, crossbar: Crossbar) -> tuple[Population, list[Projection]]:
        operators = [p.operator for p in synapses]
        groups = sharing(operators, population.size)
        steps = on_grid(operators, groups, self.weight_bits) if operators else []
        if len(steps) > 1 and not steps[0].exact:
            steps = _ternary(synapses, groups, crossbar.axon_types) or steps
        arrivals = Arrivals(synapses=synapses, steps=steps, groups=groups, bias=bias)
        return integers(population, arrivals, crossbar, n_ticks=n_ticks, whole=self.whole_biases,
                        memory=not stateless(population.floating, n_ticks))


def _ternary(synapses: Sequence[Projection], groups: Ints, most: int) -> list[Steps]:
    """Each projection on a ternary grid of its own.

    Empty where that rounds, or takes more than `most` types of axons.
    """
    steps = [on_grid([p.operator], groups, 2)[0] for p in synapses]
    types = sum(len(set(np.unique(s.operator.weights)) - {0}) for s in steps)
    return steps if types <= most and all(s.exact for s in steps) else []


def _constant(population: Population, ones: Sequence[Projection]) -> Array:
    """What is added in every tick, per neuron: the bias, and the sources that always spike."""
    total = np.zeros(population.size)
    if population.bias is not None:
        total = total + population.bias.mantissa
    for projection in ones:
        total = total + projection.operator.row_sums()
    return total


def _on_host(population: Population, analog: list[Projection], bias: Array,
             network: Network) -> tuple[Population, Encoder]:
    """The population with the host's arithmetic: a threshold of 14 bits, 64-bit sums."""
    neuron = population.floating
    memory = not stateless(neuron, network.n_ticks)
    unit = _HOST_THRESHOLD / (abs(neuron.v_th) or 1.0)
    threshold = np.full(population.size, round(neuron.v_th * unit) + neuron.strict, np.int64)
    reset = Reset.SOFT if neuron.reset is Reset.SOFT and memory else Reset.HARD
    items = {item.name: item for item in network.inputs}
    bits = _fraction_bits(analog, bias, unit, [items[p.source] for p in analog])
    encoder = encoder_of(replace(population, bias=Bias(bias)), analog, items, CurrentFormat(
        unit=unit, exponent=0, low=-_HOST_LIMIT, high=_HOST_LIMIT, fraction_bits=bits))
    return replace(population, neuron=TrueNorthNeurons(threshold, reset, memory), bias=None,
                   on_host=True), encoder


def _fraction_bits(analog: Sequence[Projection], bias: Array, unit: float,
                   inputs: Sequence[Input]) -> int:
    """Fraction bits of the host's weights, at most 20, with which every sum fits 61 bits."""
    widest = max(float(np.max(high - low, initial=0.0)) for low, high in (
        p.operator.bounds() for p in analog))
    largest = float(np.abs(bias).max(initial=0.0))
    reach = min(max(abs(item.low), abs(item.high), 1e-30) for item in inputs)
    demand = max(widest, largest / reach, 1e-9) * unit
    return min(20, 60 - INPUT_BITS - math.ceil(math.log2(demand)))
