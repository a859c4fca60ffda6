"""Resources: the only place that counts what a mapping takes of a core.

Cost follows merged nets (sources that share one destination set), not synapses. An input axon is
one source neuron of one projection that reaches a core; an output axon is one core that a neuron
reaches through one projection, its own core included. A list of synapses is stored per input
axon, unshared, in the target's dense format. Biases take no synapse. Inputs and populations on
the host have no core; each of their neurons takes an input axon where it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Network, Population, Projection
from neurocompile.ir.operators import Array, Nets, Operator
from neurocompile.mapping import Partition
from neurocompile.target import LoihiTarget, Target

UNITS: Mapping[str, str] = {
    "neurons": "neurons", "input_axons": "axons", "output_axons": "axons",
    "synapse_memory": "bit",
}


@dataclass(frozen=True, slots=True)
class CoreUsage:
    """Amounts of a core's resources: used ones, or the limits themselves."""

    neurons: int = 0
    input_axons: int = 0
    output_axons: int = 0
    synapse_memory: int = 0  # bits

    def __add__(self, other: CoreUsage) -> CoreUsage:
        return CoreUsage(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def fits(self, limits: CoreUsage) -> bool:
        """Whether no amount is over its limit."""
        return all(a <= b for a, b in zip(astuple(self), astuple(limits), strict=True))

    def utilization(self, limits: CoreUsage) -> dict[str, float]:
        """Amount over limit, by resource."""
        return {name: getattr(self, name) / getattr(limits, name) for name in UNITS}

    def headroom(self, limits: CoreUsage) -> dict[str, int]:
        """Limit minus amount, by resource."""
        return {name: getattr(limits, name) - getattr(self, name) for name in UNITS}

    def binding(self, limits: CoreUsage) -> str:
        """The resource that is nearest to its limit."""
        share = self.utilization(limits)
        return max(UNITS, key=lambda name: share[name])

    def to_json(self) -> dict[str, int]:
        """Amounts by resource."""
        return {name: getattr(self, name) for name in UNITS}


@dataclass(frozen=True, slots=True)
class PopulationUsage:
    """What a population takes, summed over the cores that hold a part of it."""

    population: str
    synapses: int
    cores: int
    total: CoreUsage
    bound: Mapping[str, int]  # cores that this population needs at least, by resource


@dataclass(frozen=True, slots=True)
class Usage:
    """What a partition takes of every core, and every on-chip population over its cores."""

    limits: CoreUsage
    cores: tuple[CoreUsage, ...]
    populations: tuple[PopulationUsage, ...]

    def worst(self, resource: str) -> int:
        """The number of the core that uses most of a resource (the first of several)."""
        return max(range(len(self.cores)), key=lambda k: getattr(self.cores[k], resource))


@dataclass(frozen=True, eq=False)
class Incoming:
    """All nets into a population: `pins[v, e]` is 1 where net e reaches neuron v."""

    pins: sp.csr_array  # [neurons, nets] int32
    multiplicity: NDArray[np.int64]  # source neurons per net
    sources: tuple[tuple[Projection, NDArray[np.int64]], ...]  # net of each source neuron


def capacity(target: LoihiTarget) -> CoreUsage:
    """The limits of one core."""
    core = target.core
    return CoreUsage(core.neurons.value, core.input_axons.value, core.output_axons.value,
                     core.synapse_memory.value)


def total_cores(target: Target) -> int:
    """Cores of the largest system that the target describes."""
    return target.chip.cores.value * target.chip.chips.value


def list_bits(length: Array, target: LoihiTarget, weight_bits: int = 8) -> NDArray[np.int64]:
    """Bits of dense synapse lists with that many synapses: a header per block, whole words."""
    form = target.synapse
    block, header, word = (form.block_synapses.value, form.block_header.value,
                           form.block_word.value)
    full, rest = np.divmod(np.asarray(length, np.int64), block)
    whole = -(-(block * weight_bits + header) // word) * word
    last = -(-(rest * weight_bits + header) // word) * word
    return np.asarray(full * whole + np.where(rest > 0, last, 0), np.int64)


def uncut(operator: Operator, target: LoihiTarget, weight_bits: int = 8) -> CoreUsage:
    """Input axons and synapse lists of a projection onto one core, were it large enough."""
    nets = operator.nets()
    sources = nets.multiplicity
    length = np.bincount(nets.ids, minlength=len(sources))
    return CoreUsage(input_axons=int(sources[length > 0].sum()), synapse_memory=int(
        (sources * list_bits(length, target, weight_bits)).sum()))


def on_chip(network: Network) -> list[Population]:
    """Populations that take cores."""
    return [p for p in network.populations if not p.on_host]


def n_synapses(network: Network) -> int:
    """Synapses that are stored on chip."""
    return sum(_synapses(network, p) for p in on_chip(network))


def stored_weight_bits(network: Network, weight_bits: int = 8) -> int:
    """Bits of weights alone, without headers and padding."""
    return weight_bits * n_synapses(network)


def lower_bound(network: Network, target: LoihiTarget, weight_bits: int = 8) -> dict[str, int]:
    """Cores that any mapping needs, by resource that proves it: neurons, and weights alone."""
    return _bound(sum(p.size for p in on_chip(network)), n_synapses(network), target, weight_bits)


def incoming(network: Network, population: Population) -> Incoming:
    """The nets of all projections into a population; equal nets of a projection are merged."""
    blocks, counts, sources, offset = [], [], [], 0
    for projection in network.into(population.name):
        pins, of_source = _merged(projection.operator.nets(), population.size)
        blocks.append(pins)
        counts.append(np.bincount(of_source, minlength=pins.shape[1]))
        sources.append((projection, of_source + offset))
        offset += pins.shape[1]
    empty = sp.csr_array((population.size, 0), dtype=np.int32)
    pins = blocks[0] if len(blocks) == 1 else sp.hstack([empty, *blocks], format="csr")
    multiplicity = np.concatenate([np.zeros(0, np.int64), *counts]).astype(np.int64)
    return Incoming(pins, multiplicity, tuple(sources))


def pins_per_core(nets: Incoming, core_of: NDArray[np.int64], n_cores: int) -> sp.csr_array:
    """[cores, nets]: how many of a net's target neurons each core holds."""
    size = len(core_of)
    members = sp.csr_array((np.ones(size, np.int32), (core_of, np.arange(size))),
                           shape=(n_cores, size))
    return sp.csr_array(members @ nets.pins)


def count(network: Network, partition: Partition, target: LoihiTarget, weight_bits: int = 8) -> Usage:
    """What every core and every on-chip population of a partition takes."""
    core_of, n_cores = partition.assignment(), len(partition.cores)
    amounts = {p.name: np.zeros((n_cores, len(UNITS)), np.int64) for p in on_chip(network)}
    for population in on_chip(network):
        nets = incoming(network, population)
        pins = pins_per_core(nets, core_of[population.name], n_cores)
        taken = amounts[population.name]
        taken[:, 0] = np.bincount(core_of[population.name], minlength=n_cores)
        taken[:, 1] = _row_sums(pins, nets.multiplicity[pins.indices])
        taken[:, 3] = _row_sums(pins, nets.multiplicity[pins.indices]
                                * list_bits(pins.data, target, weight_bits))
        reach = np.bincount(pins.indices, minlength=pins.shape[1])
        for projection, of_source in nets.sources:
            if projection.source in amounts:
                amounts[projection.source][:, 2] += np.bincount(
                    core_of[projection.source], weights=reach[of_source],
                    minlength=n_cores).astype(np.int64)
    total = sum(amounts.values(), np.zeros((n_cores, len(UNITS)), np.int64))
    return Usage(capacity(target), tuple(CoreUsage(*row) for row in total.tolist()),
                 tuple(_population_usage(network, p, amounts[p.name], target, weight_bits)
                       for p in on_chip(network)))


def _population_usage(network: Network, population: Population, taken: NDArray[np.int64],
                      target: LoihiTarget, weight_bits: int) -> PopulationUsage:
    synapses = _synapses(network, population)
    return PopulationUsage(population.name, synapses, int(np.count_nonzero(taken[:, 0])),
                           CoreUsage(*taken.sum(axis=0).tolist()),
                           _bound(population.size, synapses, target, weight_bits))


def _bound(neurons: int, synapses: int, target: LoihiTarget, weight_bits: int) -> dict[str, int]:
    limits = capacity(target)
    return {"neurons": -(-neurons // limits.neurons),
            "synapse_memory": -(-weight_bits * synapses // limits.synapse_memory)}


def _synapses(network: Network, population: Population) -> int:
    return sum(p.operator.n_synapses for p in network.into(population.name))


def _row_sums(matrix: sp.csr_array, values: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.asarray(total[matrix.indptr[1:]] - total[matrix.indptr[:-1]], np.int64)


def _merged(nets: Nets, n_targets: int) -> tuple[sp.csr_array, NDArray[np.int64]]:
    """Pins [targets, nets] and net of each source, with nets of equal pins made one.

    Equality is that of two 64-bit sums of a random number per target, from a fixed seed.
    """
    n_nets = int(nets.of_source.max(initial=-1)) + 1
    ids = nets.ids.astype(np.int32)
    pins = sp.csr_array((np.ones(len(ids), np.int32), ids, nets.ptr), shape=(n_targets, n_nets))
    keys = np.random.default_rng(0).integers(1 << 63, size=(n_targets, 2), dtype=np.uint64)
    prints = pins.T.astype(np.uint64) @ keys
    order = np.lexsort((prints[:, 1], prints[:, 0]))
    begins = np.ones(n_nets, np.bool_)
    begins[1:] = np.any(prints[order[1:]] != prints[order[:-1]], axis=1)
    if begins.all():
        return pins, nets.of_source
    group = np.empty(n_nets, np.int64)
    group[order] = np.cumsum(begins) - 1
    return sp.csr_array(pins[:, order[begins]]), group[nets.of_source]
