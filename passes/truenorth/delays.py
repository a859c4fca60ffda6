"""Delays: when each block computes a tick of the model, and how every spike arrives in time.

A block's depth is the longest path to it. A spike waits in the delay of its neuron; through a
splitter in two delays; beyond that in relays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError, Location
from neurocompile.ir.network import Network
from neurocompile.passes.truenorth.blocks import ALWAYS, Block
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.tile import Tiling

Ints = NDArray[np.int64]

NO_TARGET, FIRST_LINE = -1, -2  # as targets: nothing; line k of the output bus is FIRST_LINE - k


def depths(blocks: Mapping[str, Block], split: Mapping[str, bool], step: int) -> dict[str, int]:
    """Ticks of the chip from a tick's input to each block's spikes.

    `split`: blocks whose spikes pass splitters, which takes a tick more, except for feedback.
    Raises FindingsError (NC504) for a loop that takes more ticks than its feedback may.
    """
    graph = nx.DiGraph()
    for name, block in blocks.items():
        graph.add_edge(ALWAYS, name, weight=0)
        for feed in block.feeds:
            late = feed.early - feed.delay * step
            source = feed.source if feed.on_chip else ALWAYS  # the host
            if feed.on_chip:
                late += 1 + (split[feed.source] and not feed.delay)
            _add(graph, source, name, late)
    lengths = _longest(graph, {name: block.where for name, block in blocks.items()})
    return {name: lengths[name] for name in blocks}


def check_loops(network: Network) -> None:
    """Refuse loops of a network that take more ticks than their feedback may, without a splitter.

    Raises FindingsError (NC504). Splitters and partial sums, which rest on weights, take more.
    """
    graph = nx.DiGraph()
    on_chip = {p.name: p.where for p in network.populations if not p.on_host}
    for name in on_chip:
        _add(graph, ALWAYS, name, 0)
    for projection in network.projections:
        if {projection.source, projection.target} <= on_chip.keys() and (
                projection.delay < network.n_ticks):
            _add(graph, projection.source, projection.target, 1 - projection.delay)
    _longest(graph, on_chip)


def _add(graph: nx.DiGraph, source: str, target: str, late: int) -> None:
    """An edge: the target follows the source so many ticks of the chip later, or more."""
    weight = graph.get_edge_data(source, target, {"weight": -late})["weight"]
    graph.add_edge(source, target, weight=min(weight, -late))


def _longest(graph: nx.DiGraph, places: Mapping[str, Location]) -> dict[str, int]:
    """The longest path to each node. Raises FindingsError (NC504) where there is none."""
    try:
        lengths = nx.single_source_bellman_ford_path_length(graph, ALWAYS)
    except nx.NetworkXUnbounded:
        cycle = nx.find_negative_cycle(graph, ALWAYS)
        late = -sum(graph.edges[edge]["weight"] for edge in nx.utils.pairwise(cycle))
        raise FindingsError(Diagnostic("NC504", places[cycle[0]], {
            "path": f"{' -> '.join(cycle)} (feedback over {late} more ticks than it may take)"
        })) from None
    return {name: int(-length) for name, length in lengths.items()}


@dataclass(frozen=True, eq=False)
class Relays:
    """Neurons of one axon that repeat its spikes: a splitter, or a relay on a long way."""

    source: str  # block
    element: int
    targets: Ints  # numbers of axons, [relays]
    delays: Ints


@dataclass(frozen=True, eq=False)
class Wiring:
    """Targets of all copies, and the relays between them.

    Axons are numbered over all pieces, then over all relays.
    """

    base: Mapping[str, Ints]  # by block: the number of each piece's first axon
    targets: Mapping[str, Ints]  # by block: [copies], those of a neuron together, by neuron
    delays: Mapping[str, Ints]
    relays: tuple[Relays, ...]


@dataclass(eq=False)
class _Router:
    first: int  # number of the first relay's axon
    crossbar: Crossbar
    relays: list[Relays] = field(default_factory=list)

    def block(self, name: str, slots: Ints, fan_out: _FanOut, line: int) -> tuple[Ints, Ints]:
        """Targets and delays of a block's copies; `line` is its first line, or -1."""
        read, count = int(line >= 0), np.bincount(fan_out.element, minlength=len(slots))
        offset = np.cumsum(slots) - slots
        targets = np.full(int(slots.sum()), NO_TARGET, np.int64)
        delays = np.ones(len(targets), np.int64)
        if read:
            targets[offset] = FIRST_LINE - line - np.arange(len(slots))
        start = np.cumsum(count) - count
        far = np.zeros(len(slots), np.bool_)
        far[fan_out.element[fan_out.lag > self.crossbar.max_delay]] = True
        plain = ~far & (count + read <= slots)
        own = plain[fan_out.element]
        copy = np.arange(len(own)) - start[fan_out.element] + offset[fan_out.element] + read
        targets[copy[own]], delays[copy[own]] = fan_out.axon[own], fan_out.lag[own]
        for n in np.flatnonzero(~plain).tolist():
            at = slice(int(start[n]), int(start[n] + count[n]))
            aims = self._neuron(name, n, fan_out.axon[at], fan_out.lag[at], int(slots[n]) - read)
            for k, (target, delay) in enumerate(aims, int(offset[n]) + read):
                targets[k], delays[k] = target, delay
        return targets, delays

    def _neuron(self, name: str, n: int, axon: Ints, lag: Ints,
                room: int) -> list[tuple[int, int]]:
        """What up to `room` copies of a neuron set and when, for axons sorted by lag."""
        core, longest = self.crossbar.neurons, self.crossbar.max_delay
        near = int(np.count_nonzero(lag <= longest))
        splitters = next(q for q in range(room + 1)
                         if len(lag) - min(room - q, near) <= q * core)
        direct = min(room - splitters, near)
        aims = list(zip(axon[:direct].tolist(), lag[:direct].tolist(), strict=True))
        for start in range(direct, len(lag), core):
            rest = slice(start, start + core)
            wait = min(longest, int(lag[start]) - 1)
            if wait < 1:
                raise ValueError(f"a spike of {name} comes too late through a splitter")
            aims.append((self._repeat(name, n, axon[rest], lag[rest] - wait), wait))
        return aims

    def _repeat(self, name: str, n: int, axon: Ints, lag: Ints) -> int:
        """The number of an axon whose relays set these; the last of a chain comes first."""
        longest, chain = self.crossbar.max_delay, list[tuple[Ints, Ints]]()
        while len(axon):
            near = lag <= longest
            chain.append((axon[near], lag[near]))
            axon, lag = axon[~near], lag[~near] - longest
        further: int | None = None
        for targets, delays in reversed(chain):
            if further is not None:
                targets, delays = np.append(targets, further), np.append(delays, longest)
            self.relays.append(Relays(name, n, targets, delays))
            further = self.first + len(self.relays) - 1
        return self.first + len(self.relays) - 1


@dataclass(frozen=True, eq=False)
class _FanOut:
    """Axons that a block's neurons set, by neuron, then by lag."""

    element: Ints
    axon: Ints
    lag: Ints


def wire(tilings: Mapping[str, Tiling], depth: Mapping[str, int], step: int,
         lines: Mapping[str, int], crossbar: Crossbar) -> Wiring:
    """Targets and delays. `lines`: the first line of each block that the host reads."""
    base, number = {}, 0
    for name, tiling in tilings.items():
        sizes = np.array([len(piece.kind) for piece in tiling.pieces], np.int64)
        base[name] = number + np.cumsum(sizes) - sizes
        number += int(sizes.sum())
    router, targets, delays = _Router(number, crossbar), {}, {}
    fan_outs = _fan_outs(tilings, base, depth, step)
    for name, tiling in tilings.items():
        targets[name], delays[name] = router.block(name, tiling.slots, fan_outs[name],
                                                   lines.get(name, -1))
    return Wiring(base, targets, delays, tuple(router.relays))


def _fan_outs(tilings: Mapping[str, Tiling], base: Mapping[str, Ints], depth: Mapping[str, int],
             step: int) -> dict[str, _FanOut]:
    empty = np.zeros(0, np.int64)
    by_source: dict[str, list[tuple[Ints, Ints, Ints]]] = {
        name: [(empty, empty, empty)] for name in tilings}
    for name, tiling in tilings.items():
        block = tiling.drive.block
        feed_of, starts = block.feed_of, np.cumsum([0, *(feed.size for feed in block.feeds)])
        for first, piece in zip(base[name].tolist(), tiling.pieces, strict=True):
            for number in np.unique(feed_of[piece.column]).tolist():
                feed = block.feeds[number]
                if feed.on_chip:
                    at = np.flatnonzero(feed_of[piece.column] == number)
                    lag = depth[name] + feed.delay * step - feed.early - depth[feed.source]
                    by_source[feed.source].append((piece.column[at] - starts[number], first + at,
                                               np.full(len(at), lag)))
    fan_outs = {}
    for name, parts in by_source.items():
        element, axon, lag = (np.concatenate(x) for x in zip(*parts, strict=True))
        order = np.lexsort((axon, lag, element))
        fan_outs[name] = _FanOut(element[order], axon[order], lag[order])
    return fan_outs
