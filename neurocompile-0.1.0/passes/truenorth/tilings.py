"""Tilings: all blocks in pieces, consumers first, at depths that agree with them.

What a neuron has to set follows from the pieces of its consumers, and what a constant may be from
a block's depth, which splitters before it add to. So depths are assumed, all blocks are tiled, and
that is repeated with the depths that came out until none is larger. Feedback likewise: the axons
that it needs are assumed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError, raise_errors
from neurocompile.ir.core_network import NEURONS
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Shape
from neurocompile.passes.truenorth.blocks import Block
from neurocompile.passes.truenorth.boundaries import Driven, driven, leak_range, quiet_blocks
from neurocompile.passes.truenorth.codes import Encoding
from neurocompile.passes.truenorth.delays import depths
from neurocompile.passes.truenorth.fan_in import fitting, too_many_inputs, unwritable, written
from neurocompile.passes.truenorth.fan_out import Demand, too_many_copies
from neurocompile.passes.truenorth.tile import Tiling, tile

ROUNDS = 24

Ints = NDArray[np.int64]


@dataclass(eq=False)
class Tiler:
    """Tiles the blocks of a network; `read`: the populations whose spikes leave the chip."""

    network: Network
    blocks: Mapping[str, Block]
    step: int
    read: frozenset[str]
    encodings: dict[str, list[Encoding]] = field(default_factory=dict)
    feedback: dict[str, Ints] = field(default_factory=dict)  # axons of each neuron, assumed
    quiet: frozenset[str] = frozenset()

    def run(self) -> tuple[dict[str, Tiling], dict[str, int]]:
        """Tilings in the order of the blocks, and depths.

        Raises FindingsError: NC431, NC432, NC435, NC504.
        """
        self.encodings = {name: written(b, self.step) for name, b in self.blocks.items()}
        self.quiet = quiet_blocks(self.blocks)
        raise_errors(self._too_large())
        assumed = depths(self.blocks, dict.fromkeys(self.blocks, False), self.step)
        self.feedback = {name: np.zeros(b.size, np.int64) for name, b in self.blocks.items()}
        order = consumers_first(self.blocks)
        for attempt in itertools.count():
            tilings = self._round(order, assumed)
            split = {name: bool(np.any(t.slots < self._demand(tilings, name).total))
                     for name, t in tilings.items()}
            found, actual = depths(self.blocks, split, self.step), self._feedback(tilings)
            if all(self._exact(tilings[n].driven, found[n]) and np.all(
                    actual[n] <= self.feedback[n]) for n in order):
                return {name: tilings[name] for name in self.blocks}, found
            if attempt == ROUNDS:
                raise FindingsError(*self._growing(actual))
            assumed = {n: max(assumed[n], found[n]) for n in order}
            self.feedback = {n: np.maximum(actual[n], self.feedback[n]) for n in order}
        raise AssertionError("unreachable")

    def _round(self, order: list[str], depth: Mapping[str, int]) -> dict[str, Tiling]:
        tilings = dict[str, Tiling]()
        for name in order:
            block, demand = self.blocks[name], self._demand(tilings, name)
            raise_errors(too_many_copies(block, demand))
            tilings[name] = tile(self._ways(block, depth[name]), self._shape(block), demand)
        return tilings

    def _exact(self, way: Driven, depth: int) -> bool:
        """Whether the leaks are exact at that depth."""
        low, high = leak_range(way.block, depth, self.step, way.block.name in self.quiet)
        return bool(np.all((low <= way.leak) & (way.leak <= high)))

    def _too_large(self) -> Iterator[Diagnostic]:
        """NC431 and NC432 of all blocks that fit at no depth."""
        for block in self.blocks.values():
            ways = self._written(block, 0)
            if not ways:
                yield from unwritable(block)
            elif not fitting(ways):
                yield from too_many_inputs(block, ways)

    def _ways(self, block: Block, depth: int) -> list[Driven]:
        """The block with its constants at that depth, in all ways that fit a core."""
        ways = self._written(block, depth)
        if not ways:
            raise FindingsError(*unwritable(block))
        if not fitting(ways):
            raise FindingsError(*too_many_inputs(block, ways))
        return fitting(ways)

    def _written(self, block: Block, depth: int) -> list[Driven]:
        low, high = leak_range(block, depth, self.step, block.name in self.quiet)
        tried = [driven(block, e, low, high) for e in self.encodings[block.name]]
        return [way for way in tried if way is not None]

    def _shape(self, block: Block) -> Shape:
        shape = self.network.population(block.population).shape
        return shape if block.name == block.population else (block.size,)

    def _demand(self, tilings: Mapping[str, Tiling], name: str) -> Demand:
        """Axons that a block's neurons set in the pieces so far, feedback as assumed."""
        at_once = self.feedback[name] + (name in self.read)
        return Demand(at_once + _sent(tilings, name, feedback=False), at_once)

    def _feedback(self, tilings: Mapping[str, Tiling]) -> dict[str, Ints]:
        return {name: np.asarray(_sent(tilings, name, feedback=True)) for name in self.blocks}

    def _growing(self, actual: Mapping[str, Ints]) -> Iterator[Diagnostic]:
        """NC435 for blocks whose feedback needs more copies with every piece."""
        for name, needed in actual.items():
            if np.any(needed > self.feedback[name]):
                block = self.blocks[name]
                yield Diagnostic("NC435", block.where, {
                    "module": block.where.module or block.population,
                    "needed": int(needed.max()), "limit": NEURONS})


def consumers_first(blocks: Mapping[str, Block]) -> list[str]:
    """Names of the blocks, each after those that it sends to in the same tick of the model."""
    graph = nx.DiGraph()
    graph.add_nodes_from(blocks)
    graph.add_edges_from((feed.source, name) for name, block in blocks.items()
                         for feed in block.feeds if feed.on_chip and not feed.delay)
    return list(reversed(list(nx.lexicographical_topological_sort(graph))))


def _sent(tilings: Mapping[str, Tiling], source: str, feedback: bool) -> Ints:
    """Axons that each neuron of a block sets, by feedback or in the same tick of the model."""
    total = np.zeros(1, np.int64)
    for tiling in tilings.values():
        ends = np.cumsum([feed.size for feed in tiling.driven.block.feeds])
        for feed, end in zip(tiling.driven.block.feeds, ends, strict=True):
            if feed.source == source and feed.on_chip and bool(feed.delay) == feedback:
                total = total + tiling.axons[end - feed.size:end]
    return total
