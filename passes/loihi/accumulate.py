"""Accumulate: which readouts the chip adds up, in neurons that never fire, and which the host.

A readout over all ticks is a weighted sum of spikes. Either the host counts the spikes and applies
the weights in floating point, or the chip does: one neuron an output, without leak, with a
threshold that no input reaches; the host reads its potential at a sample's end and divides by the
scale. A readout's constant and its terms of inputs stay with the host, where they are exact.

`auto` compares what leaves the chip in a sample: up to one message a neuron and tick against one
value an output. A core spent on a sum must save as many messages as a core has neurons.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Network, Population, Projection, Readout, free_name
from neurocompile.ir.operators import fan_in, identity
from neurocompile.passes.loihi.limits import threshold_limit
from neurocompile.semantics.normal_form import SUM, FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

STEPS = 32  # of the potential, that the largest weight is worth at least


def accumulate(network: Network, how: str, target: LoihiTarget,
               weight_bits: int) -> tuple[Network, list[Diagnostic]]:
    """The float network with accumulators for the readouts that the chip adds up.

    `how` is "auto", "host" or "chip". NC209 warns of each readout that "chip" leaves to the host.
    """
    populations, projections = list(network.populations), list(network.projections)
    readouts: list[Readout] = []
    warnings: list[Diagnostic] = []
    names = {p.name for p in network.populations}
    for readout in network.readouts:
        part = replace(readout, terms=tuple(term for term in readout.terms if term[0] in names))
        reason = _obstacle(part, network.n_ticks, target)
        if how == "chip" and reason:
            warnings.append(Diagnostic("NC209", values={"readout": readout.name, "reason": reason}))
        if reason or how == "host" or (how == "auto" and not _pays(
                part, network, target, weight_bits)):
            readouts.append(readout)
            continue
        name = free_name(f"{readout.name}.sum",
                         [*network.sources(), *(p.name for p in populations)])
        size = len(readout.bias)
        neuron = FloatNeuron(SUM, 1.0, _above(_reach(part, network.n_ticks)), True, Reset.HARD)
        populations.append(Population(name, readout.shape, neuron))
        projections.extend(Projection(source, name, operator) for source, operator in part.terms)
        others = tuple(term for term in readout.terms if term[0] not in names)
        readouts.append(replace(readout, accumulator=name,
                                terms=((name, identity((size,))), *others)))
    return replace(network, populations=tuple(populations), projections=tuple(projections),
                   readouts=tuple(readouts)), warnings


def _obstacle(readout: Readout, n_ticks: int, target: LoihiTarget) -> str:
    """Why the chip cannot add a readout up; empty where it can."""
    if readout.ticks != "sum":
        return "it reads ticks one by one"
    largest = max((float(np.abs(operator.weights).max(initial=0.0))
                   for _, operator in readout.terms), default=0.0)
    if not largest:
        return "no spike has a weight in it"
    axons, limit = _axons(readout), target.core.input_axons.value
    if axons > limit:
        return f"one of its sums takes {axons:,} input axons, more than the {limit:,} of a core"
    steps = largest * threshold_limit(target) / _above(_reach(readout, n_ticks))
    if steps < STEPS:
        return (f"its sum may become so large that the largest weight is {steps:.3g} steps of a "
                f"potential, not {STEPS}")
    return ""


def _axons(readout: Readout) -> int:
    """The input axons of the sum that takes most: its synapses, those of weight 0 included."""
    axons = sum((fan_in(operator) for _, operator in readout.terms), np.zeros(1, np.int64))
    return int(axons.max(initial=0))


def _reach(readout: Readout, n_ticks: int) -> float:
    """The largest magnitude of a sum, whatever spikes."""
    low, high = np.zeros(len(readout.bias)), np.zeros(len(readout.bias))
    for _, operator in readout.terms:
        negative, positive = operator.bounds()
        low, high = low + negative, high + positive
    return n_ticks * float(max(-low.min(initial=0.0), high.max(initial=0.0)))


def _above(reach: float) -> float:
    """A number of few binary digits above another, by 0.2 % at most."""
    mantissa, exponent = math.frexp(reach)
    return math.ldexp(math.floor(mantissa * 1024) + 1, exponent - 10)


def _pays(readout: Readout, network: Network, target: LoihiTarget, weight_bits: int) -> bool:
    """Whether the chip's sum saves as many messages as its cores have neurons."""
    sizes = network.sources()
    neurons, outputs = sum(sizes[name].size for name, _ in readout.terms), len(readout.bias)
    bits = weight_bits * sum(operator.n_synapses for _, operator in readout.terms)
    core = target.core
    cores = max(math.ceil(amount / limit.value) for amount, limit in (
        (neurons, core.input_axons), (bits, core.synapse_memory), (outputs, core.neurons)))
    return neurons * network.n_ticks - outputs >= cores * core.neurons.value
