"""The tables of target files: what chips hold, each number with its unit and source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a chip with its unit, where it is stated, and how far to trust it."""

    value: int
    unit: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class ChipLimits:
    """What a chip holds, its cores and their grid, and the grid of chips on the board."""

    cores: Quantity
    grid_width: Quantity  # cores per mesh row
    chips: Quantity  # chips of the largest system we place on
    board_width: Quantity  # chips per row of the board


@dataclass(frozen=True, slots=True)
class CoreLimits:
    """Hard limits of one core."""

    neurons: Quantity
    input_axons: Quantity
    output_axons: Quantity
    synapse_memory: Quantity  # bits
    synapse_formats: Quantity  # distinct ones of its projections; 0: no limit, as below
    threshold_configs: Quantity  # distinct thresholds of its populations
    neuron_configs: Quantity  # distinct decays, resets and bias exponents of its populations


@dataclass(frozen=True, slots=True)
class SynapseFormat:
    """How synapse lists are stored and what a synapse can be."""

    weight_bits: Quantity  # largest; sign mode mixed keeps even values in [-2^bits, 2^bits)
    weight_exponent_min: Quantity
    weight_exponent_max: Quantity
    max_delay: Quantity  # extra ticks beyond the ordinary next tick
    index_bits: Quantity  # by which a synapse names one of a core's neurons
    message_bits: Quantity  # payload of a graded spike; 0: binary spikes only


@dataclass(frozen=True, slots=True)
class ListAccounting:
    """How one source counts the memory of synapse lists, which are cut into blocks."""

    block_synapses: Quantity  # synapses per block of a list
    block_header: Quantity  # bits
    block_index: Quantity  # 1: a block that is not sparse names its first target
    block_spare: Quantity  # bits that stay free behind a block
    block_word: Quantity  # bits a block is rounded up to
    reserved_memory: Quantity  # bits of a core's synapse memory that stay free


@dataclass(frozen=True, slots=True)
class NeuronFormat:
    """Widths of a neuron's state and parameters."""

    state_bits: Quantity  # u and v, signed
    decay_bits: Quantity
    threshold_bits: Quantity  # mantissa, unsigned
    threshold_shift: Quantity
    bias_bits: Quantity  # mantissa, signed
    bias_exponent_max: Quantity
    programs: Quantity  # 1: custom neuron programs (microcode) can be loaded; 0: fixed model


@dataclass(frozen=True, slots=True)
class OperationCosts:
    """What operations take, from the least to the most; for estimates only."""

    synapse_energy_min: Quantity  # fJ for each synaptic event
    synapse_energy_max: Quantity
    neuron_energy_min: Quantity  # fJ for each neuron and tick
    neuron_energy_max: Quantity
    hop_energy_min: Quantity  # fJ for each message and link
    hop_energy_max: Quantity
    message_energy_max: Quantity  # fJ for each message to another core, beside its way
    synapse_time_min: Quantity  # ps for each synaptic event of a core
    synapse_time_max: Quantity
    neuron_time_min: Quantity  # ps for each neuron of a core and tick
    neuron_time_max: Quantity
    message_time_max: Quantity  # ps for each message that reaches a core
    barrier_time_min: Quantity  # ps between two ticks on one chip
    barrier_time_max: Quantity
    system_barrier_time: Quantity  # ps between two ticks on many chips, at most
    static_power: Quantity  # mW for each chip


@dataclass(frozen=True, slots=True)
class CrossbarLimits:
    """What one TrueNorth core holds: a crossbar of axons and neurons."""

    neurons: Quantity
    axons: Quantity
    axon_types: Quantity  # an axon's type chooses among a neuron's weights
    max_delay: Quantity  # ticks from a spike to its axon, at least 1


@dataclass(frozen=True, slots=True)
class CrossbarNeuron:
    """Widths of a TrueNorth neuron's parameters and potential."""

    weight_max: Quantity  # largest magnitude of a weight
    leak_max: Quantity  # largest magnitude of a leak
    threshold_bits: Quantity  # unsigned, of both thresholds
    potential_bits: Quantity  # signed


@dataclass(frozen=True, slots=True)
class CrossbarCosts:
    """What a TrueNorth chip takes; for estimates only."""

    synapse_energy: Quantity  # fJ for each synaptic event, beside the static power
    static_power: Quantity  # mW for each chip
    tick_time: Quantity  # us
