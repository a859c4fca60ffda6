"""Machines of TrueNorth chips: a binary crossbar in each core.

Upper ends are those of the executable specification (`semantics/truenorth.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neurocompile.semantics.truenorth import MAXIMA
from neurocompile.target.base import Quantity, Range, Target


@dataclass(frozen=True, slots=True)
class CrossbarLimits:
    """What one TrueNorth core holds: a crossbar of axons and neurons."""

    neurons: Annotated[Quantity, Range(1, MAXIMA["core.neurons"], "a crossbar of 256 x 256")]
    axons: Annotated[Quantity, Range(1, MAXIMA["core.axons"], "a crossbar of 256 x 256")]
    # an axon's type chooses among a neuron's weights
    axon_types: Annotated[Quantity, Range(1, MAXIMA["core.axon_types"], "weights of a neuron")]
    # ticks from a spike to its axon
    max_delay: Annotated[Quantity, Range(
        1, MAXIMA["core.max_delay"], "4 bits; at least the next tick")]


@dataclass(frozen=True, slots=True)
class CrossbarNeuron:
    """Widths of a TrueNorth neuron's parameters and potential."""

    # largest magnitudes
    weight_max: Annotated[Quantity, Range(1, MAXIMA["neuron.weight_max"], "9 bits with sign")]
    leak_max: Annotated[Quantity, Range(0, MAXIMA["neuron.leak_max"], "9 bits with sign")]
    # unsigned, of both thresholds
    threshold_bits: Annotated[Quantity, Range(1, MAXIMA["neuron.threshold_bits"])]
    potential_bits: Annotated[Quantity, Range(2, MAXIMA["neuron.potential_bits"])]  # signed


@dataclass(frozen=True, slots=True)
class CrossbarCosts:
    """What a TrueNorth chip takes; for estimates only."""

    # fJ for each synaptic event, beside the static power
    synapse_energy: Annotated[Quantity, Range(0, 10**12)]
    static_power: Annotated[Quantity, Range(0, 10**6)]  # mW for each chip
    tick_time: Annotated[Quantity, Range(1, 10**9)]  # us


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueNorthTarget(Target):
    """A machine of TrueNorth chips."""

    core: CrossbarLimits
    neuron: CrossbarNeuron
    costs: CrossbarCosts | None = None
