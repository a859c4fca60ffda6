"""Tilings: all blocks in pieces, consumers first, at depths that agree with them.

What a neuron has to set follows from the pieces of its consumers, and what a constant may be from
a block's depth, which splitters before it add to. So depths are assumed, all blocks are tiled, and
that is repeated with the depths that came out until none is larger. Feedback likewise: the axons
that it needs are assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError, InternalError, raise_errors
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Shape
from neurocompile.passes.truenorth.blocks import Block
from neurocompile.passes.truenorth.boundaries import Drive, drive_of, leak_range, quiet_blocks
from neurocompile.passes.truenorth.codes import Encoding
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.delays import depths
from neurocompile.passes.truenorth.fan_in import fitting, too_many_inputs, unwritable, ways_to_write
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
    crossbar: Crossbar
    encodings: dict[str, list[Encoding]] = field(default_factory=dict)
    feedback: dict[str, Ints] = field(default_factory=dict)  # axons of each neuron, assumed
    quiet: frozenset[str] = frozenset()
    unsplit: set[str] = field(default_factory=set)  # blocks whose spikes must pass no splitter

    def run(self) -> tuple[dict[str, Tiling], dict[str, int]]:
        """Tilings in the order of the blocks, and depths.

        Raises FindingsError: NC431, NC432, NC435, NC504; InternalError (NC901) when rounds do
        not come to an end.
        """
        self.encodings = {
            name: ways_to_write(b, self.step, self.crossbar) for name, b in self.blocks.items()}
        self.quiet = quiet_blocks(self.blocks)
        raise_errors(self._too_large())
        guess = depths(self.blocks, dict.fromkeys(self.blocks, False), self.step)
        self.feedback = {name: np.zeros(b.size, np.int64) for name, b in self.blocks.items()}
        for _ in range(ROUNDS):
            tilings = self._round(guess)
            actual = {name: _targets(tilings, name, feedback=True) for name in self.blocks}
            depth_of = self._depths(tilings)
            if depth_of is not None and all(
                    self._exact(tilings[n].drive, depth_of[n])
                    and np.all(actual[n] <= self.feedback[n]) for n in self.blocks):
                return {name: tilings[name] for name in self.blocks}, depth_of
            guess = {n: max(guess[n], (depth_of or guess)[n]) for n in self.blocks}
            self.feedback = {n: np.maximum(actual[n], self.feedback[n]) for n in self.blocks}
        raise InternalError(Diagnostic("NC901", values={
            "stage": "legalize", "predicate": "tilings-agree-with-depths",
            "detail": f"they differ after {ROUNDS} rounds"}))

    def _depths(self, tilings: Mapping[str, Tiling]) -> dict[str, int] | None:
        """Depths; None where splitters make a loop too long, which then have to go."""
        split = {name: bool(np.any(t.slots < self._demand(tilings, name).total))
                 for name, t in tilings.items()}
        try:
            return depths(self.blocks, split, self.step)
        except FindingsError:
            more = {name for name in _in_loops(self.blocks) if split[name]} - self.unsplit
            if not more:
                raise
            self.unsplit |= more
            return None

    def _round(self, depth: Mapping[str, int]) -> dict[str, Tiling]:
        tilings = dict[str, Tiling]()
        for name in consumers_first(self.blocks):
            block, demand = self.blocks[name], self._demand(tilings, name)
            raise_errors(too_many_copies(block, demand, self.crossbar.neurons))
            tilings[name] = tile(self._ways(block, depth[name]), self._shape(block), demand,
                                 self.crossbar)
        return tilings

    def _exact(self, way: Drive, depth: int) -> bool:
        """Whether the leaks are exact at that depth."""
        low, high = leak_range(way.block, depth, self.step, self.crossbar,
                               quiet=way.block.name in self.quiet)
        return bool(np.all((low <= way.leak) & (way.leak <= high)))

    def _too_large(self) -> Iterator[Diagnostic]:
        """NC431 and NC432 of all blocks that fit at no depth."""
        for block in self.blocks.values():
            ways = self._drives(block, 0)
            if not ways:
                yield from unwritable(block, self.crossbar)
            elif not fitting(ways, self.crossbar.axons):
                yield from too_many_inputs(block, ways, self.crossbar)

    def _ways(self, block: Block, depth: int) -> list[Drive]:
        """The block with its constants at that depth, in all ways that fit a core."""
        ways = self._drives(block, depth)
        if not ways:
            raise FindingsError(*unwritable(block, self.crossbar))
        fits = fitting(ways, self.crossbar.axons)
        if not fits:
            raise FindingsError(*too_many_inputs(block, ways, self.crossbar))
        return fits

    def _drives(self, block: Block, depth: int) -> list[Drive]:
        low, high = leak_range(block, depth, self.step, self.crossbar,
                               quiet=block.name in self.quiet)
        ways = [drive_of(block, e, low, high, self.crossbar) for e in self.encodings[block.name]]
        return [way for way in ways if way is not None]

    def _shape(self, block: Block) -> Shape:
        shape = self.network.population(block.population).shape
        return shape if block.name == block.population else (block.size,)

    def _demand(self, tilings: Mapping[str, Tiling], name: str) -> Demand:
        """Axons that a block's neurons set in the pieces so far, feedback as assumed."""
        at_once = self.feedback[name] + (name in self.read)
        total = at_once + _targets(tilings, name, feedback=False)
        return Demand(total, total if name in self.unsplit else at_once)


def consumers_first(blocks: Mapping[str, Block]) -> list[str]:
    """Names of the blocks, each after those that it sends to in the same tick of the model."""
    graph = nx.DiGraph()
    graph.add_nodes_from(blocks)
    graph.add_edges_from((feed.source, name) for name, block in blocks.items()
                         for feed in block.feeds if feed.on_chip and not feed.delay)
    return list(reversed(list(nx.lexicographical_topological_sort(graph))))


def _targets(tilings: Mapping[str, Tiling], source: str, feedback: bool) -> Ints:
    """Axons that each neuron of a block sets, by feedback or in the same tick of the model."""
    total = np.zeros(1, np.int64)
    for tiling in tilings.values():
        ends = np.cumsum([feed.size for feed in tiling.drive.block.feeds])
        for feed, end in zip(tiling.drive.block.feeds, ends, strict=True):
            if feed.source == source and feed.on_chip and bool(feed.delay) == feedback:
                total = total + tiling.axons[end - feed.size:end]
    return total


def _in_loops(blocks: Mapping[str, Block]) -> set[str]:
    """Blocks that receive what they send, by way of others."""
    graph = nx.DiGraph((feed.source, name) for name, block in blocks.items()
                       for feed in block.feeds if feed.on_chip)
    return {name for loop in nx.strongly_connected_components(graph) if len(loop) > 1
            for name in loop}
