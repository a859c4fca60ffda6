"""Blocks: what legalization cuts into cores.

A block is a population, or a part of one that needs more inputs than a core has axons. Its
columns are all that its neurons receive: the elements of its feeds, after one another.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, Location
from neurocompile.ir.network import Input, InputKind, Network, Population
from neurocompile.passes.truenorth.codes import Encoding
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import ResetMode, TrueNorthNeurons

ALWAYS = ""  # the source of what arrives in every tick of the model

Ints = NDArray[np.int64]


class Kind(enum.Enum):
    """What a block's neurons keep between ticks of the model."""

    MEMORY = "memory"  # the potential: integrate and fire
    STATELESS = "stateless"  # nothing
    PART = "part"  # nothing, but a train of spikes takes several ticks of the chip
    SUM = "sum"  # held below its threshold by gates until all of a tick's spikes are in


@dataclass(frozen=True, slots=True)
class Feed:
    """Elements of one source that arrive together."""

    source: str  # a block, an input or a population on the host, or ALWAYS
    size: int
    on_chip: bool
    delay: int = 0  # ticks of the model
    early: int = 0  # ticks of the chip before the block's spikes; negative: after them


@dataclass(frozen=True, eq=False)
class Block:
    """Neurons of one kind. `constant` is added in every tick of the model.

    A neuron fires where `sum + constant >= threshold`, of a stateless block where
    `sum + constant >= 0`; so are `threshold` and `constant` written.
    """

    name: str
    population: str
    kind: Kind
    synapses: sp.csr_array  # [neurons, columns] int64, sorted, without zeros
    feeds: tuple[Feed, ...]
    constant: Ints
    threshold: Ints
    mode: ResetMode = ResetMode.NORMAL
    floor: int = 0
    potential: int = 0  # before the first tick
    encoding: Encoding | None = None  # where only one will do
    busy: int = 1  # ticks of the chip in which it spikes for one tick of the model
    where: Location = field(default_factory=Location)

    @property
    def size(self) -> int:
        """Neurons."""
        return len(self.threshold)

    @property
    def feed_of(self) -> Ints:
        """[columns] number of the feed."""
        return np.repeat(np.arange(len(self.feeds)), [feed.size for feed in self.feeds])


def blocks_of(network: Network, crossbar: Crossbar) -> dict[str, Block]:
    """A block for each population on the chip."""
    return {p.name: _block(network, p, crossbar) for p in network.populations if not p.on_host}


def on_core(population: Population) -> TrueNorthNeurons:
    """The neurons of a population of a network for TrueNorth. Raises TypeError of another."""
    if not isinstance(population.neuron, TrueNorthNeurons):
        raise TypeError(f"`{population.name}` is no population for TrueNorth")
    return population.neuron


def misfits(network: Network) -> Iterator[Diagnostic]:
    """NC436 for all that no core can receive or compute."""
    for item in network.inputs:
        values = item.kind not in (InputKind.SPIKES, InputKind.ONE) or item.levels > 1
        if values and any(not network.population(p.target).on_host
                          for p in network.out_of(item.name)):
            yield _refusal(item.name, Location(item.name),
                           "it sends values, and an axon carries one spike a tick")
    if all(p.on_host for p in network.populations):
        yield _refusal("the network", Location(), "all its populations are on the host")
    for encoder in network.encoders:
        if not network.population(encoder.target).on_host:
            yield _refusal(encoder.target, network.population(encoder.target).where,
                           "its current differs from sample to sample")
    for population in network.populations:
        if population.on_host:
            if population.graded:
                yield _refusal(population.name, population.where, "it sends values")
        elif not isinstance(population.neuron, TrueNorthNeurons):
            yield _refusal(population.name, population.where,
                           "its neurons are those of another chip")
        elif population.neuron.reset not in (Reset.HARD, Reset.SOFT):
            yield _refusal(population.name, population.where,
                           f"its reset is {population.neuron.reset.value}")
    for name in sorted(network.accumulators):
        yield _refusal(name, network.population(name).where,
                       "its potential is read, and a core sends spikes only")


def _refusal(name: str, where: Location, reason: str) -> Diagnostic:
    return Diagnostic("NC436", where, {"module": where.module or name, "reason": reason})


def _block(network: Network, population: Population, crossbar: Crossbar) -> Block:
    neurons, n = on_core(population), population.size
    constant = np.zeros(n, np.int64)
    if population.bias is not None:
        constant += np.broadcast_to(population.bias.value, (n,)).astype(np.int64)
    sources, feeds = network.sources(), dict[Feed, sp.csr_array]()
    for projection in network.into(population.name):
        source = sources[projection.source]
        matrix = sp.csr_array(projection.operator.matrix().astype(np.int64)
                              * (1 << projection.exponent))
        one = isinstance(source, Input) and source.kind is InputKind.ONE
        if one and projection.delay == 0:
            constant += np.asarray(matrix.sum(axis=1)).reshape(-1)
            continue
        on_chip = isinstance(source, Population) and not source.on_host
        feed = Feed(source.name, source.size, on_chip, projection.delay)
        feeds[feed] = matrix if feed not in feeds else sp.csr_array(feeds[feed] + matrix)
    synapses = sp.csr_array(sp.hstack([sp.csr_array((n, 0), dtype=np.int64), *feeds.values()],
                                      format="csr"))
    synapses.sum_duplicates()
    synapses.eliminate_zeros()
    synapses.sort_indices()
    threshold = np.broadcast_to(neurons.threshold, (n,)).astype(np.int64)
    if not neurons.memory:
        return Block(population.name, population.name, Kind.STATELESS, synapses, tuple(feeds),
                     constant - threshold, np.zeros(n, np.int64), where=population.where)
    mode = ResetMode.LINEAR if neurons.reset is Reset.SOFT else ResetMode.NORMAL
    return Block(population.name, population.name, Kind.MEMORY, synapses, tuple(feeds), constant,
                 threshold, mode, crossbar.threshold_max, where=population.where)
