"""Exact partial sums over several cores, in several ticks of the chip for one of the model.

Neurons with too many inputs are cut into parts. A part has two neurons for each output, with its
weights and with their opposites; after a tick's input one of them sends its sum as a train of that
many spikes, one a tick, which leaves it at 0. A sum neuron adds and subtracts the trains of all
parts. Gates, axons that the host sets in fixed ticks, hold it so low meanwhile that it cannot fire,
and lift it when all spikes are in; so it fires at most once. All other populations get their
input, and constants, in one tick of the chip out of `step`.

With R the longest train and a bound B on what may come meanwhile, a neuron with memory is lowered
by B right after its tick and lifted by B in it. One without is driven to its floor of -2B and
lifted twice: before the first spike, and in its tick.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import FindingsError, raise_errors
from neurocompile.ir.network import free_name
from neurocompile.passes.truenorth.blocks import ALWAYS, Block, Feed, Kind
from neurocompile.passes.truenorth.boundaries import drive_of, leak_range
from neurocompile.passes.truenorth.bounds import beyond, left_behind, one_sided
from neurocompile.passes.truenorth.codes import Encoding
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.fan_in import fitting, unwritable, ways_to_write
from neurocompile.semantics.truenorth import AXON_TYPES, ResetMode

TYPES = 4  # of the axons of a sum: trains and gates, each that add and that subtract
SLOW = 2  # any step of more than one tick, where only that matters

Ints = NDArray[np.int64]


def in_parts(blocks: Mapping[str, Block], n_ticks: int, names: Collection[str],
             crossbar: Crossbar) -> tuple[dict[str, Block], int]:
    """The blocks with those in parts that need it, and the step of the whole network.

    `names` are taken. Raises FindingsError (NC432, NC433).
    """
    result, longest = dict[str, Block](), 1
    for block in blocks.values():
        parts = [block]
        if _needs_parts(block, n_ticks, crossbar):
            parts = list(_slow(block, n_ticks, {*names, *result}, crossbar))
            longest = max(longest, *(part.busy for part in parts))
        result |= {part.name: part for part in parts}
    return result, longest + 1


def _needs_parts(block: Block, n_ticks: int, crossbar: Crossbar) -> bool:
    """Whether a block does not fit, or could fire again before the next tick of the model."""
    low, high = leak_range(block, 0, SLOW, crossbar, quiet=True)
    ways = [drive_of(block, e, low, high, crossbar) for e in ways_to_write(block, SLOW, crossbar)]
    again = block.mode is ResetMode.LINEAR and bool(
        np.any(left_behind(block, n_ticks + 1).high >= block.threshold))
    return again or not fitting([way for way in ways if way is not None], crossbar.axons)


def _slow(block: Block, n_ticks: int, names: Collection[str], crossbar: Crossbar
          ) -> Iterator[Block]:
    """The parts of a block, and the block that sums them up."""
    if block.kind is Kind.STATELESS:  # what is missing to 0 is the threshold
        threshold = np.maximum(0, -block.constant)
        block = replace(block, constant=block.constant + threshold, threshold=threshold)
    parts = list(_parts(block, names, crossbar))
    longest = max((part.busy for part, _ in parts), default=1)
    yield from (part for part, _ in parts)
    yield _sum(block, parts, _gates(block, longest, n_ticks, crossbar), longest)


@dataclass(frozen=True, eq=False)
class _Owners:
    """[neurons] of a part: whose sum it sends, and with which sign."""

    owner: Ints
    sign: Ints


def _parts(block: Block, names: Collection[str], crossbar: Crossbar
           ) -> Iterator[tuple[Block, _Owners]]:
    encoding, of_part = _cut(block, crossbar)
    row = np.repeat(np.arange(block.size), np.diff(block.synapses.indptr))
    for number in range(int(of_part.max(initial=0)) + 1):
        at = of_part == number
        constant = block.constant if number == 0 else np.zeros(block.size, np.int64)
        ptr = np.concatenate([[0], np.cumsum(np.bincount(row[at], minlength=block.size))])
        own = sp.csr_array((block.synapses.data[at], block.synapses.indices[at], ptr),
                           shape=block.synapses.shape)
        negative, positive = one_sided(own)
        most = np.stack([positive + constant, -negative - constant], axis=1).reshape(-1)
        which = np.flatnonzero(most > 0)
        owner, sign = which // 2, 1 - 2 * (which % 2)
        synapses = sp.csr_array(own[owner])
        synapses.data = synapses.data * np.repeat(sign, np.diff(synapses.indptr))
        entries = (np.repeat(ptr[owner], np.diff(ptr)[owner])
                   + np.arange(len(synapses.data)) - np.repeat(synapses.indptr[:-1],
                                                               np.diff(synapses.indptr)))
        yield Block(
            free_name(f"{block.name} part {number}", names), block.population, Kind.PART, synapses,
            block.feeds, constant[owner] * sign, np.ones(len(owner), np.int64), ResetMode.LINEAR,
            encoding=Encoding(encoding.values[owner] * sign[:, None],
                              encoding.digits[at][entries], encoding.code[owner],
                              encoding.factor[owner] * sign),
            busy=int(most.max(initial=1)), where=block.where), _Owners(owner, sign)


def _cut(block: Block, crossbar: Crossbar) -> tuple[Encoding, Ints]:
    """How to write the weights, and the part of each synapse.

    By columns where that makes as few parts as by the inputs of each neuron.
    """
    best: tuple[int, Encoding, Ints] | None = None
    none = np.zeros(block.size, np.int64)
    for encoding in ways_to_write(block, SLOW, crossbar):
        axons = np.zeros((block.synapses.shape[1], AXON_TYPES), np.int64)
        np.maximum.at(axons, block.synapses.indices, encoding.digits)
        way = drive_of(replace(block, kind=Kind.PART), encoding, none, none, crossbar)
        if way is None:
            continue
        extra = way.encoding.axons(way.block.synapses) - encoding.axons(block.synapses)
        room = crossbar.axons - int(extra.max(initial=0))
        size = room // max(int(axons.sum(axis=1).max(initial=1)), 1)
        if size < 1:
            continue
        lengths = np.diff(block.synapses.indptr)
        rank = np.arange(len(block.synapses.data)) - np.repeat(block.synapses.indptr[:-1], lengths)
        in_use = axons.any(axis=1)
        if -(-np.count_nonzero(in_use) // size) == -(-int(lengths.max(initial=1)) // size):
            rank = (np.cumsum(in_use) - 1)[block.synapses.indices]
        parts = rank // size
        if best is None or int(parts.max(initial=0)) < best[0]:
            best = int(parts.max(initial=0)), encoding, parts
    if best is None:
        raise FindingsError(*unwritable(block, crossbar))
    return best[1:]


@dataclass(frozen=True, slots=True)
class _Gates:
    """Gates of a sum, and what they rest on; `value` is that of one axon."""

    value: int
    axons: tuple[tuple[int, int], ...]  # ticks before the neuron's own; axons, negative: lowering
    floor: int
    potential: int  # before the first tick


def _sum(block: Block, parts: list[tuple[Block, _Owners]], gates: _Gates, longest: int) -> Block:
    """What adds up the trains, with its gates."""
    rows, columns, kinds, counts, first = [], [], [], [], 0
    for part, owners in parts:
        rows.append(owners.owner)
        columns.append(first + np.arange(part.size))
        kinds.append((owners.sign < 0).astype(np.int64))
        counts.append(np.ones(part.size, np.int64))
        first += part.size
    for number, (_, amount) in enumerate(gates.axons):
        rows.append(np.arange(block.size))
        columns.append(np.full(block.size, first + number))
        kinds.append(np.full(block.size, 2 if amount > 0 else 3))
        counts.append(np.full(block.size, abs(amount)))
    row, column, kind, count = (np.concatenate(x) for x in (rows, columns, kinds, counts))
    order = np.lexsort((column, row))
    values = np.array([1, -1, gates.value, -gates.value], np.int64)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=block.size))])
    digits = np.zeros((len(row), AXON_TYPES), np.int64)
    digits[np.arange(len(row)), kind[order]] = count[order]
    feeds = (*(Feed(part.name, part.size, True, early=longest - 1) for part, _ in parts),
             *(Feed(ALWAYS, 1, False, early=early) for early, _ in gates.axons))
    synapses = sp.csr_array(((values[kind] * count)[order], column[order], ptr),
                            shape=(block.size, first + len(gates.axons)))
    none = np.zeros(block.size, np.int64)
    return replace(block, kind=Kind.SUM, synapses=synapses, feeds=feeds, constant=none,
                   floor=gates.floor, potential=gates.potential, encoding=Encoding(
                       np.tile(values, (block.size, 1)), digits, none - 1, none + 1))


def _gates(block: Block, longest: int, n_ticks: int, crossbar: Crossbar) -> _Gates:
    """Gates for the most that can come before its opposite does.

    Raises FindingsError (NC433) where a potential has no room for them.
    """
    most = crossbar.weight_max
    negative, positive = one_sided(block.synapses)
    up, down = positive + np.maximum(block.constant, 0), -negative - np.minimum(block.constant, 0)
    if block.kind is Kind.MEMORY:
        rest = left_behind(block, n_ticks)
        axons, value = _gate(int(np.max(rest.high + up - block.threshold + 1, initial=1)), most)
        bound = axons * value
        furthest = np.maximum(bound + down - rest.low, rest.high + up)
        raise_errors(beyond(block, np.maximum(furthest, block.threshold), n_ticks, crossbar))
        return _Gates(value, ((-1, -axons), (0, axons)), block.floor, -bound)
    axons, value = _gate(int(max(np.max(up - block.threshold + 1, initial=1),
                                 np.max(down, initial=1))), most)
    floor = 2 * axons * value
    clear = -(-(floor + int(block.threshold.max(initial=0))) // value)
    raise_errors(beyond(block, floor + clear * value + block.threshold, n_ticks, crossbar))
    return _Gates(value, ((-1, -clear), (longest - 1, axons), (0, axons)), floor, -floor)


def _gate(bound: int, most: int) -> tuple[int, int]:
    """Copies and value, no more than `most`, of an axon that moves a potential by at least that."""
    copies = -(-bound // most)
    return copies, -(-bound // copies)
