"""Tile: blocks cut into pieces that fit a core's axons and neurons.

Neurons are taken in an order; one that does not fit opens the next piece. An input takes the axons
of a piece that any of its neurons' digits need. A neuron takes a slot for each copy of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Shape
from neurocompile.passes.placing.neuron_orders import candidates, neuron_order
from neurocompile.passes.truenorth.boundaries import Drive
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.fan_out import Demand, copies

Ints = NDArray[np.int64]

SQUARES = (2, 3, 4, 5, 6, 8)  # sides tried
LEVEL_WEIGHT = 1e-3  # cores that a tick of latency is worth: it breaks ties


@dataclass(frozen=True, eq=False)
class Piece:
    """Some neurons of a block, for one core."""

    neurons: Ints
    slots: Ints  # [neurons] copies of each
    column: Ints  # [axons] of the block
    kind: Ints  # [axons] type
    synapses: tuple[Ints, Ints]  # axon and position in `neurons`, of each pair that is connected


@dataclass(frozen=True, eq=False)
class Tiling:
    """A block in pieces."""

    drive: Drive
    order_name: str
    slots: Ints  # [neurons] copies of each
    pieces: tuple[Piece, ...]
    cost: float  # cores, with those for copies elsewhere of all that it receives

    @cached_property
    def axons(self) -> Ints:
        """[columns] axons over all pieces."""
        columns = self.drive.block.synapses.shape[1]
        return sum((np.bincount(p.column, minlength=columns) for p in self.pieces),
                   np.zeros(columns, np.int64))


@dataclass(frozen=True, eq=False)
class _Cut:
    order_name: str
    order: Ints
    cuts: Ints  # [pieces + 1] positions in the order
    axons: Ints  # [pieces]
    from_chip: int  # axons over all pieces that neurons of the chip set
    slots: Ints  # [neurons]


def tile(ways: Sequence[Drive], shape: Shape, demand: Demand, crossbar: Crossbar) -> Tiling:
    """The cheapest tiling found, of a block in each of the given encodings.

    Every neuron must fit an empty piece. `shape` is that of the neurons.
    """
    core = crossbar.neurons
    slots = copies(demand, 1, core)
    cuts = [_best(way, shape, list(candidates(shape)), slots, demand, crossbar) for way in ways]
    cost, way, best = min(cuts, key=lambda one: one[0])
    if len(best.axons) > 1 and (squares := list(_squares(shape, best.order_name))):
        again = _best(way, shape, squares, slots, demand, crossbar)
        cost, way, best = min((cost, way, best), again, key=lambda one: one[0])
    arrays, trials = _arrays(way), {slots.tobytes()}
    for most in _steps(demand, core):
        slots = copies(demand, most, core)
        if slots.tobytes() in trials:
            continue
        trials.add(slots.tobytes())
        cut = _cut(arrays, best.order_name, best.order, slots, crossbar)
        if _cost(cut, demand, crossbar) < cost:
            cost, best = _cost(cut, demand, crossbar), _fill_up(cut, demand, crossbar)
    return Tiling(drive=way, order_name=best.order_name, slots=best.slots,
                  pieces=tuple(_pieces(way, best)), cost=cost)


def _best(way: Drive, shape: Shape, names: Sequence[str], slots: Ints, demand: Demand,
          crossbar: Crossbar) -> tuple[float, Drive, _Cut]:
    """The cheapest of these orders."""
    arrays, cuts = _arrays(way), list[tuple[float, Drive, _Cut]]()
    for name in names:
        cut = _cut(arrays, name, neuron_order(shape, name), slots, crossbar)
        cuts.append((_cost(cut, demand, crossbar), way, _fill_up(cut, demand, crossbar)))
        if len(cut.axons) == 1:
            break
    return min(cuts, key=lambda one: one[0])


def _squares(shape: Shape, name: str) -> Iterator[str]:
    """Orders in squares, with as many blocks of channels as the named order has."""
    kind, _, blocks = name.partition("/")
    if kind in ("rows", "hilbert", "band") and len(shape) >= 3:
        yield from (f"squares/{s}/{1 if kind == 'band' else blocks}" for s in SQUARES
                    if s < shape[-1])


def _steps(demand: Demand, core: int) -> Iterator[int]:
    most = 2
    while most < min(int(demand.total.max(initial=0)), core) * 2:
        yield min(most, core)
        most *= 2


Arrays = tuple[Ints, Ints, NDArray[np.uint16], NDArray[np.bool_]]


def _arrays(way: Drive) -> Arrays:
    """What `_fill` reads of a block."""
    block = way.block
    from_chip = np.array([feed.on_chip for feed in block.feeds], np.bool_)[block.feed_of]
    return (block.synapses.indptr.astype(np.int64), block.synapses.indices.astype(np.int64),
            way.encoding.digits.astype(np.uint16), from_chip)


def _cut(arrays: Arrays, name: str, order: Ints, slots: Ints, crossbar: Crossbar) -> _Cut:
    cuts, axons, from_chip = _fill(order, *arrays, slots, crossbar.axons, crossbar.neurons)
    return _Cut(order_name=name, order=order, cuts=cuts, axons=axons, from_chip=int(from_chip),
                slots=slots)


def _cost(cut: _Cut, demand: Demand, crossbar: Crossbar) -> float:
    """Cores, as shares that other pieces leave; what feeds the axons and splits the spikes."""
    full = _fill_up(cut, demand, crossbar)
    pieces = np.maximum(cut.axons / crossbar.axons, _sums(full) / crossbar.neurons)
    missing = demand.total - full.slots
    relays = int((missing + 1)[missing > 0].sum())
    return (float(pieces.sum()) + (relays + cut.from_chip) / crossbar.neurons
            + LEVEL_WEIGHT * bool(relays))


def _sums(cut: _Cut) -> Ints:
    """[pieces] slots."""
    return np.asarray(np.add.reduceat(cut.slots[cut.order], cut.cuts[:-1]), np.int64)


def _fill_up(cut: _Cut, demand: Demand, crossbar: Crossbar) -> _Cut:
    """The same with more copies, as far as that takes no more of a core than its axons do."""
    missing = (demand.total - cut.slots)[cut.order]
    piece = np.repeat(np.arange(len(cut.axons)), np.diff(cut.cuts))
    room = np.maximum(cut.axons * crossbar.neurons // crossbar.axons - _sums(cut), 0)
    by_need = np.lexsort((missing, piece))
    missing = np.maximum(missing[by_need], 0)
    before = np.cumsum(missing) - missing
    first = before[cut.cuts[:-1]]  # by_need keeps pieces together
    fits = before - first[piece] + missing <= room[piece]
    slots = cut.slots.copy()
    slots[cut.order[by_need]] += np.where(fits, missing, 0)
    return replace(cut, slots=slots)


def _pieces(way: Drive, cut: _Cut) -> Iterator[Piece]:
    synapses, digits = way.block.synapses, way.encoding.digits
    for start, stop in zip(cut.cuts[:-1], cut.cuts[1:], strict=True):
        neurons = cut.order[start:stop]
        lengths = np.diff(synapses.indptr)[neurons]
        local = np.repeat(np.arange(len(neurons)), lengths)
        at = (np.repeat(synapses.indptr[neurons] - np.cumsum(lengths) + lengths, lengths)
              + np.arange(len(local)))
        column, inverse = np.unique(synapses.indices[at], return_inverse=True)
        axons = np.zeros((len(column), digits.shape[1]), np.int64)
        np.maximum.at(axons, inverse, digits[at])
        counts = axons.reshape(-1)
        base = (np.cumsum(counts) - counts).reshape(axons.shape)
        number, kind = np.divmod(np.repeat(np.arange(len(counts)), counts), digits.shape[1])
        k = digits[at].reshape(-1)
        first = np.repeat(base[inverse].reshape(-1), k)
        axon = first + np.arange(len(first)) - np.repeat(np.cumsum(k) - k, k)
        yield Piece(neurons=neurons, slots=cut.slots[neurons],
                    column=column[number].astype(np.int64), kind=kind,
                    synapses=(axon, np.repeat(np.repeat(local, digits.shape[1]), k)))


@numba.njit(cache=True)
def _fill(order: Ints, ptr: Ints, columns: Ints, digits: NDArray[np.uint16],
          from_chip: NDArray[np.bool_], slots: Ints, most_axons: int, most_slots: int
          ) -> tuple[Ints, Ints, int]:
    """Cuts, axons of each piece, and the axons of all that neurons of the chip set."""
    on_piece = np.zeros((len(from_chip), digits.shape[1]), np.uint16)
    stamp = np.full(len(from_chip), -1, np.int64)  # the last piece that saw the column
    cuts = np.zeros(len(order) + 1, np.int64)
    axons = np.zeros(len(order), np.int64)
    piece = n_axons = chip = 0
    for place in range(len(order)):
        v = order[place]
        while True:  # at most twice: an empty piece takes any neuron
            more = more_chip = 0
            for s in range(ptr[v], ptr[v + 1]):
                in_piece = stamp[columns[s]] == piece
                for g in range(digits.shape[1]):
                    there = on_piece[columns[s], g] if in_piece else 0
                    if digits[s, g] > there:
                        more += digits[s, g] - there
                        more_chip += (digits[s, g] - there) * from_chip[columns[s]]
            if n_axons == 0 or (axons[piece] + more <= most_axons
                             and n_axons + slots[v] <= most_slots):
                break
            piece += 1
            cuts[piece] = place
            n_axons = 0
        for s in range(ptr[v], ptr[v + 1]):
            c = columns[s]
            if stamp[c] != piece:
                stamp[c] = piece
                on_piece[c] = 0
            for g in range(digits.shape[1]):
                on_piece[c, g] = max(on_piece[c, g], digits[s, g])
        axons[piece] += more
        chip += more_chip
        n_axons += slots[v]
    cuts[piece + 1] = len(order)
    return cuts[:piece + 2].copy(), axons[:piece + 1].copy(), chip

