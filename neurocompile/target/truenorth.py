"""Machines of TrueNorth chips: a binary crossbar in each core.

Upper ends are those of the executable specification (`semantics/truenorth.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neurocompile.target.base import Quantity, Range, Target

Lines = Annotated[Quantity, Range(1, 256, "a crossbar of 256 x 256")]


@dataclass(frozen=True, slots=True)
class CrossbarLimits:
    """What one TrueNorth core holds: a crossbar of axons and neurons."""

    neurons: Lines
    axons: Lines
    # an axon's type chooses among a neuron's weights
    axon_types: Annotated[Quantity, Range(1, 4, "weights of a neuron")]
    # ticks from a spike to its axon
    max_delay: Annotated[Quantity, Range(1, 15, "4 bits; at least the next tick")]


@dataclass(frozen=True, slots=True)
class CrossbarNeuron:
    """Widths of a TrueNorth neuron's parameters and potential."""

    weight_max: Annotated[Quantity, Range(1, 255, "9 bits with sign")]  # largest magnitude
    leak_max: Annotated[Quantity, Range(0, 255, "9 bits with sign")]  # largest magnitude
    threshold_bits: Annotated[Quantity, Range(1, 18)]  # unsigned, of both thresholds
    potential_bits: Annotated[Quantity, Range(2, 20)]  # signed


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
