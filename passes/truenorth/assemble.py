"""Assemble: the core network's arrays, from pieces, targets and places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.core_network import (
    NOWHERE,
    OUTPUT,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.passes.truenorth.delays import FIRST_LINE, Relays, Wiring
from neurocompile.passes.truenorth.pack import Packing
from neurocompile.passes.truenorth.tile import Piece, Tiling
from neurocompile.semantics.truenorth import AXON_TYPES, AXONS, NEURONS

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Assembly:
    """Tilings, their targets, places in cores and depths."""

    tilings: Mapping[str, Tiling]
    wiring: Wiring
    packing: Packing
    depth: Mapping[str, int]
    lines: Mapping[str, int]  # the first line of each block that the host reads

    def pieces(self) -> Iterator[tuple[int, str, Piece]]:
        """All pieces with their item numbers and blocks."""
        number = 0
        for name, tiling in self.tilings.items():
            for piece in tiling.pieces:
                yield number, name, piece
                number += 1

    def relays(self) -> Iterator[tuple[int, Relays]]:
        """All groups of relays with their item numbers."""
        first = len(self.packing.core) - len(self.wiring.relays)
        yield from enumerate(self.wiring.relays, first)

    def slot_ids(self, item: int) -> tuple[int, slice]:
        """Core and slots of an item."""
        first = int(self.packing.slot[item])
        return int(self.packing.core[item]), slice(first, first + int(self.packing.slots[item]))


def empty_cores(n_cores: int) -> Cores:
    """Cores whose neurons receive nothing and do nothing."""
    return Cores(
        axon_types=np.zeros((n_cores, AXONS), np.uint8),
        crossbar=np.zeros((n_cores, AXONS, NEURONS // 8), np.uint8),
        weights=np.zeros((n_cores, NEURONS, AXON_TYPES), np.int16),
        leak=np.zeros((n_cores, NEURONS), np.int16),
        threshold=np.ones((n_cores, NEURONS), np.int32),
        floor=np.zeros((n_cores, NEURONS), np.int32),
        reset_value=np.zeros((n_cores, NEURONS), np.int32),
        reset_mode=np.zeros((n_cores, NEURONS), np.uint8),
        saturate=np.ones((n_cores, NEURONS), np.bool_),
        leak_reversal=np.zeros((n_cores, NEURONS), np.bool_),
        random_synapse=np.zeros((n_cores, NEURONS, AXON_TYPES), np.bool_),
        random_leak=np.zeros((n_cores, NEURONS), np.bool_),
        threshold_mask=np.zeros((n_cores, NEURONS), np.int32),
        potential=np.zeros((n_cores, NEURONS), np.int32),
        target_core=np.full((n_cores, NEURONS), NOWHERE, np.int32),
        target_axon=np.zeros((n_cores, NEURONS), np.int32),
        delay=np.ones((n_cores, NEURONS), np.uint8))


def cores(assembly: Assembly) -> Cores:
    """The arrays of all cores."""
    result = empty_cores(assembly.packing.n_cores)
    offsets = {name: np.cumsum(t.slots) - t.slots for name, t in assembly.tilings.items()}
    for item, name, piece in assembly.pieces():
        _piece(result, assembly, item, name, piece, offsets[name])
    for item, relays in assembly.relays():
        core, slots = assembly.slot_ids(item)
        axon = int(assembly.packing.axon[item])
        result.weights[core, slots, 0] = 1
        _connect(result, core, np.full(len(relays.targets), axon), np.arange(slots.start, slots.stop))
        _aim(result, assembly, core, slots, relays.targets, relays.delays)
    return result


def _piece(cores_so_far: Cores, assembly: Assembly, item: int, name: str, piece: Piece,
           offsets: Ints) -> None:
    drive, (core, slots) = assembly.tilings[name].drive, assembly.slot_ids(item)
    block, first = drive.block, int(assembly.packing.axon[item])
    neuron = np.repeat(piece.neurons, piece.slots)
    cores_so_far.axon_types[core, first:first + len(piece.kind)] = piece.kind
    cores_so_far.weights[core, slots] = drive.encoding.values[neuron]
    cores_so_far.leak[core, slots] = drive.leak[neuron]
    cores_so_far.threshold[core, slots] = block.threshold[neuron]
    cores_so_far.floor[core, slots] = block.floor
    cores_so_far.reset_mode[core, slots] = block.mode
    cores_so_far.potential[core, slots] = drive.potential(assembly.depth[name])[neuron]
    axon, local = piece.synapses
    begin = np.cumsum(piece.slots) - piece.slots
    many = piece.slots[local]
    slot = np.repeat(begin[local], many) + _ranks(many)
    _connect(cores_so_far, core, np.repeat(axon, many) + first, slot + slots.start)
    at = np.repeat(offsets[piece.neurons], piece.slots) + _ranks(piece.slots)
    _aim(cores_so_far, assembly, core, slots, assembly.wiring.targets[name][at],
         assembly.wiring.delays[name][at])


def _ranks(counts: Ints) -> Ints:
    """0, 1, .. for each count, after one another."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _connect(cores_so_far: Cores, core: int, axon: Ints, slot: Ints) -> None:
    bits = np.left_shift(1, slot % 8).astype(np.uint8)
    np.bitwise_or.at(cores_so_far.crossbar[core], (axon, slot // 8), bits)


def _aim(cores_so_far: Cores, assembly: Assembly, core: int, slots: slice, targets: Ints,
         delays: Ints) -> None:
    packing = assembly.packing
    ends = np.cumsum(packing.axons)
    item = np.searchsorted(ends, targets, side="right").clip(max=len(ends) - 1)
    within = targets - (ends - packing.axons)[item] + packing.axon[item]
    line = FIRST_LINE - targets
    cores_so_far.target_core[core, slots] = np.where(
        targets >= 0, packing.core[item], np.where(line >= 0, OUTPUT, NOWHERE))
    cores_so_far.target_axon[core, slots] = np.where(targets >= 0, within, np.maximum(line, 0))
    cores_so_far.delay[core, slots] = delays


def input_tables(assembly: Assembly, step: int, sources: Mapping[str, bool],
                 constants: str) -> tuple[InputTable, ...]:
    """A table for each source on the host; `sources` says which spike in every tick.

    That named `constants` is there where axons deliver some.
    """
    empty = np.zeros(0, np.int64)
    rows = {name: [(empty,) * 4] for name in sources}
    for item, name, piece in assembly.pieces():
        block, core = assembly.tilings[name].drive.block, int(assembly.packing.core[item])
        feed_of, starts = block.feed_of, np.cumsum([0, *(feed.size for feed in block.feeds)])
        for number in np.unique(feed_of[piece.column]).tolist():
            feed = block.feeds[number]
            if not feed.on_chip:
                at = np.flatnonzero(feed_of[piece.column] == number)
                delay = assembly.depth[name] + feed.delay * step - feed.early
                rows.setdefault(feed.source or constants, []).append((
                    piece.column[at] - starts[number], np.full(len(at), core),
                    at + int(assembly.packing.axon[item]), np.full(len(at), delay)))
    tables = []
    for name, columns in rows.items():
        element, core_of, axon, delays = (np.concatenate(x) for x in zip(*columns, strict=True))
        tables.append(InputTable(name, element, core_of, axon, delays, sources.get(name, True)))
    return tuple(tables)


def population_tables(assembly: Assembly, names: Sequence[str]) -> tuple[PopulationTable, ...]:
    """A table for each population on the chip."""
    core = {name: np.zeros(len(t.slots), np.int64) for name, t in assembly.tilings.items()}
    slot = {name: np.zeros(len(t.slots), np.int64) for name, t in assembly.tilings.items()}
    for item, name, piece in assembly.pieces():
        at, slots = assembly.slot_ids(item)
        core[name][piece.neurons] = at
        slot[name][piece.neurons] = slots.start + np.cumsum(piece.slots) - piece.slots
    return tuple(PopulationTable(
        name, core[name], slot[name], assembly.depth[name],
        assembly.lines[name] + np.arange(len(core[name])) if name in assembly.lines
        else np.zeros(0, np.int64)) for name in names)


def roles(assembly: Assembly) -> tuple[str, ...]:
    """What each core does: the populations that it computes, then those that it splits."""
    names: list[dict[str, None]] = [{} for _ in range(assembly.packing.n_cores)]
    for item, name, _ in assembly.pieces():
        names[int(assembly.packing.core[item])][name] = None
    for item, relays in assembly.relays():
        kind = "relay" if len(relays.targets) == 1 else "splitter"
        names[int(assembly.packing.core[item])][f"{kind} of {relays.source}"] = None
    return tuple(", ".join(names) for names in names)
