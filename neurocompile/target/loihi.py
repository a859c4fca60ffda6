"""Machines of Loihi chips: synapse lists in each core's memory.

Upper ends of widths are those of the executable specification (`semantics/loihi_widths.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from neurocompile.semantics.loihi_widths import CONSTANTS, MAXIMA
from neurocompile.target.base import Quantity, Range, Target

_MEMORY = 1 << 33  # bits

Count = Annotated[Quantity, Range(1, 1 << 20)]
Entries = Annotated[Quantity, Range(0, 1 << 20)]
Memory = Annotated[Quantity, Range(1, _MEMORY)]
Exponent = Annotated[Quantity, Range(-8, 7, "4 bits with sign")]
Bits = Annotated[Quantity, Range(0, 1 << 16)]
Flag = Annotated[Quantity, Range(0, 1)]
Energy = Annotated[Quantity, Range(0, 10**12)]  # fJ, up to 1 mJ
Time = Annotated[Quantity, Range(0, 10**12)]  # ps, up to 1 s
Power = Annotated[Quantity, Range(0, 10**6)]  # mW, up to 1 kW


@dataclass(frozen=True, slots=True)
class CoreLimits:
    """Hard limits of one core."""

    neurons: Count
    input_axons: Count
    output_axons: Count
    synapse_memory: Memory  # bits
    synapse_formats: Entries  # distinct ones of its projections; 0: no limit, as below
    threshold_configs: Entries  # distinct thresholds of its populations
    neuron_configs: Entries  # distinct decays, resets and bias exponents of its populations


@dataclass(frozen=True, slots=True)
class SynapseFormat:
    """How synapse lists are stored and what a synapse can be."""

    # largest; the highest of eight, of which a list with both signs spends one on them
    weight_bits: Annotated[Quantity, Range(
        1, MAXIMA["synapse.weight_bits"], "weights of the reference")]
    weight_exponent_min: Exponent
    weight_exponent_max: Annotated[Quantity, Range(
        0, MAXIMA["synapse.weight_exponent_max"], "3 bits and a sign")]
    # extra ticks beyond the ordinary next tick
    max_delay: Annotated[Quantity, Range(0, MAXIMA["synapse.max_delay"], "delays that Lava takes")]
    index_bits: Annotated[Quantity, Range(1, 20)]  # by which a synapse names a core's neuron
    # payload of a graded spike; 0: binary spikes only
    message_bits: Annotated[Quantity, Range(
        0, MAXIMA["synapse.message_bits"], "graded spikes of Lava")]


@dataclass(frozen=True, slots=True)
class ListAccounting:
    """How one source counts the memory of synapse lists, which are cut into blocks."""

    block_synapses: Count  # synapses per block of a list
    block_header: Bits
    block_index: Flag  # 1: a block that is not sparse names its first target
    block_spare: Bits  # that stay free behind a block
    block_word: Annotated[Quantity, Range(1, 1 << 16)]  # bits a block is rounded up to
    reserved_memory: Annotated[Quantity, Range(0, _MEMORY)]  # bits of a core that stay free


@dataclass(frozen=True, slots=True)
class NeuronFormat:
    """Widths of a neuron's state and parameters."""

    # u and v, signed
    state_bits: Annotated[Quantity, Range(
        8, MAXIMA["neuron.state_bits"], "registers of the reference")]
    decay_bits: Annotated[Quantity, Range(1, MAXIMA["neuron.decay_bits"], "decays of the reference")]
    # mantissa, unsigned
    threshold_bits: Annotated[Quantity, Range(
        1, MAXIMA["neuron.threshold_bits"], "thresholds of the reference")]
    threshold_shift: Annotated[Quantity, Range(
        CONSTANTS["neuron.threshold_shift"], CONSTANTS["neuron.threshold_shift"],
        "the reference's shift")]
    # mantissa, signed
    bias_bits: Annotated[Quantity, Range(2, MAXIMA["neuron.bias_bits"], "biases of the reference")]
    bias_exponent_max: Annotated[Quantity, Range(0, MAXIMA["neuron.bias_exponent_max"], "3 bits")]
    programs: Flag  # 1: custom neuron programs (microcode) can be loaded; 0: fixed model


@dataclass(frozen=True, slots=True)
class OperationCosts:
    """What operations take, from the least to the most; for estimates only."""

    synapse_energy_min: Energy  # fJ for each synaptic event
    synapse_energy_max: Energy
    neuron_energy_min: Energy  # fJ for each neuron and tick
    neuron_energy_max: Energy
    hop_energy_min: Energy  # fJ for each message and link
    hop_energy_max: Energy
    message_energy_max: Energy  # fJ for each message to another core, beside its way
    synapse_time_min: Time  # ps for each synaptic event of a core
    synapse_time_max: Time
    neuron_time_min: Time  # ps for each neuron of a core and tick
    neuron_time_max: Time
    message_time_max: Time  # ps for each message that reaches a core
    barrier_time_min: Time  # ps between two ticks on one chip
    barrier_time_max: Time
    system_barrier_time: Time  # ps between two ticks on many chips, at most
    static_power: Power  # mW for each chip


@dataclass(frozen=True, slots=True, kw_only=True)
class LoihiTarget(Target):
    """A machine of Loihi chips."""

    core: CoreLimits
    synapse: SynapseFormat
    accounting: Mapping[str, ListAccounting]  # by source; the largest count holds
    neuron: NeuronFormat
    costs: OperationCosts | None = None  # None: nothing is published

    def relations(self) -> Iterator[tuple[str, Range]]:
        """Ranges that follow from other numbers, by key."""
        yield from Target.relations(self)
        index, memory = self.synapse.index_bits.value, self.core.synapse_memory.value
        yield "core.neurons", Range(1, 1 << index, f"`synapse.index_bits` is {index}")
        for source in self.accounting:
            yield f"accounting.{source}.reserved_memory", Range(
                0, memory - 1, f"`core.synapse_memory` is {memory:,}")
        if self.costs is not None:
            barrier = self.costs.barrier_time_max.value
            yield "costs.system_barrier_time", Range(
                barrier, 10**12, f"`barrier_time_max` is {barrier:,}")
