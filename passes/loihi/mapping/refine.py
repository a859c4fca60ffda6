"""Refine: a consumer beside its producer, where the two fall apart into the same small pieces.

A token mixer's two layers, for instance, consist of one independent piece per channel. Filled one
layer after the other, every neuron of the first sends a message to a core of the second; filled
piece by piece, both layers of a channel share a core. A pair is filled anew when its pieces follow
each other in the same sequence in the neuron orders that `partition` chose, in two ways: cores
opened at the borders of pieces, or anywhere. The result is taken when no core exceeds a limit,
there are no more cores, and fewer messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.mapping.assignment import Assignment, Counter
from neurocompile.passes.loihi.mapping.groups import groups
from neurocompile.passes.loihi.mapping.tiles import MESSAGE_WEIGHT
from neurocompile.passes.loihi.resources import Incoming, into_chip, on_chip
from neurocompile.target.loihi import LoihiTarget

MOST_PAIRS = 64  # that are filled anew

Ints = NDArray[np.int64]


def refine(network: Network, partition: Partition, target: LoihiTarget, *,
           nets: Mapping[str, Incoming] | None = None) -> Partition:
    """A partition in the same neuron orders, with no more cores and no more messages.

    The given partition keeps every limit, and so does the result. `nets` as for `partition`.
    """
    counter = Counter.of(network, target, nets or into_chip(network))
    pairs = list(islice(_pairs(network, partition, counter), MOST_PAIRS))
    if not pairs:
        return partition
    best = counter.assignment({name: counter.hold(name, core_of)
                               for name, core_of in partition.assignment().items()})
    improved_names: set[str] = set()
    for pair in pairs:
        if not improved_names & set(pair.names):
            trials = [_fuse(counter, best, pair, unit)
                     for unit in (pair.piece, np.arange(len(pair.order)))]
            better = [s for s in trials if s.fits and s.cores <= best.cores
                      and s.messages < best.messages]
            if better:
                best = min(better, key=lambda s: s.cores + MESSAGE_WEIGHT * s.messages)
                improved_names |= set(pair.names)
    return _as_partition(network, partition, best) if improved_names else partition


@dataclass(frozen=True, eq=False)
class _Pair:
    """Producer and consumer, and a joint order of their neurons, piece by piece."""

    names: tuple[str, str]
    first_size: int
    order: Ints  # neurons of the first, then, from its size on, of the second
    piece: Ints  # of each position in the order


def _fuse(counter: Counter, state: Assignment, pair: _Pair, unit: Ints) -> Assignment:
    """The pair's neurons on new cores, the last of them shared with others where that fits."""
    a, b = pair.names
    (ptr_a, ids_a), (ptr_b, ids_b) = counter.pins[a], counter.pins[b]
    many = counter.nets[a].multiplicity, counter.nets[b].multiplicity
    form = np.concatenate([counter.nets[name].form for name in pair.names])
    out_axons = np.concatenate([counter.out_axons(state, name) for name in pair.names])
    number = _fill(
        pair.order, unit, np.concatenate([ptr_a, ptr_b[1:] + len(ids_a)]),
        np.concatenate([ids_a, ids_b + np.int32(len(many[0]))]), np.concatenate(many),
        form, counter.growth, out_axons, counter.limits)
    number += len(state.usage)
    apart = _with(counter, state, pair, number)
    others = apart.usage[:len(state.usage)]
    homes = np.flatnonzero(np.all(others + apart.usage[-1] <= counter.limits, axis=1)
                           & (others[:, 0] > 0))
    if not len(homes):
        return apart
    together = _with(counter, state, pair, np.where(number == number.max(), homes[-1], number))
    return together if together.fits else apart


def _with(counter: Counter, state: Assignment, pair: _Pair, number: Ints) -> Assignment:
    (a, b), size = pair.names, pair.first_size
    return counter.assignment({**state.layouts, a: counter.hold(a, number[:size]),
                               b: counter.hold(b, number[size:])})


def _pairs(network: Network, partition: Partition, counter: Counter) -> Iterator[_Pair]:
    """Producer and consumer with several pieces in the same sequence, large producers first."""
    sizes = {p.name: p.size for p in on_chip(network)}
    projections = [(p, of) for name in sizes for p, of in counter.nets[name].sources
                   if p.source in sizes and p.source != p.target
                   and not counter.nets[p.source].shared and not counter.nets[name].shared]
    for projection, of_source in sorted(projections, key=lambda p: -sizes[p[0].source]):
        a, b = projection.source, projection.target
        piece_a, piece_b = _pieces(counter.nets[b], of_source)
        first, second = partition.orders[a], partition.orders[b]
        runs_a, runs_b = _runs(piece_a[first]), _runs(piece_b[second])
        if runs_a is not None and runs_b is not None and len(runs_a) > 1 and np.array_equal(
                runs_a, runs_b):
            rank = np.empty(runs_a.max() + 1, np.int64)
            rank[runs_a] = np.arange(len(runs_a))
            piece = rank[np.concatenate([piece_a[first], piece_b[second]])]
            joint = np.argsort(piece, kind="stable")
            order = np.concatenate([first, second + sizes[a]])[joint]
            yield _Pair((a, b), sizes[a], order, piece[joint])


def _pieces(nets: Incoming, of_source: Ints) -> tuple[Ints, Ints]:
    """Number of the connected piece of each source and each target neuron of a projection."""
    size, n_nets = nets.pins.shape
    mask = np.zeros(n_nets, np.bool_)
    mask[of_source] = True
    rows = np.repeat(np.arange(size), np.diff(nets.pins.indptr))
    of_projection = mask[nets.pins.indices]
    graph = sp.coo_array((np.ones(int(of_projection.sum()), np.int8),
                          (rows[of_projection], nets.pins.indices[of_projection] + size)),
                         shape=(size + n_nets, size + n_nets))
    label = connected_components(graph, directed=False)[1].astype(np.int64)
    return label[size:][of_source], label[:size]


def _runs(labels: Ints) -> Ints | None:
    """Labels in sequence, each once; None when one returns after another."""
    sequence = labels[np.flatnonzero(np.diff(labels, prepend=-1))]
    return sequence if len(np.unique(sequence)) == len(sequence) else None


def _as_partition(network: Network, partition: Partition, state: Assignment) -> Partition:
    """Core numbers made consecutive, cores with producers first."""
    cores: dict[int, list[CoreSlice]] = {}
    for population in chain.from_iterable(groups(network)):
        name = population.name
        core = state.layouts[name].core_of[partition.orders[name]]
        edges = [*np.flatnonzero(np.diff(core, prepend=-1)).tolist(), len(core)]
        for start, stop in pairwise(edges):
            cores.setdefault(int(core[start]), []).append(CoreSlice(name, start, stop))
    return Partition(partition.orders, partition.order_names,
                     tuple(tuple(pieces) for pieces in cores.values()))


@numba.njit(cache=True)
def _fill(order: Ints, unit: Ints, ptr: Ints, ids: NDArray[np.int32], multiplicity: Ints,
          form: NDArray[np.int8], growth: Ints, out_axons: Ints, limits: Ints) -> Ints:
    """Core of each neuron. A unit that does not fit opens the next core; a larger one is cut."""
    core_of = np.zeros(len(order), np.int64)
    stamp = np.full(len(multiplicity), -1, np.int64)  # the last core that saw the net
    list_pins = np.zeros(len(multiplicity), np.int64)  # its pins in that core
    core = place = first = start = neurons = axons = out = bits = 0
    while place < len(order):
        v = order[place]
        if place == 0 or unit[place] != unit[place - 1]:
            first = place
        more_axons = more_bits = 0
        for e in ids[ptr[v]:ptr[v + 1]]:
            pins = list_pins[e] if stamp[e] == core else 0
            more_bits += multiplicity[e] * growth[form[e], pins]
            if pins == 0:
                more_axons += multiplicity[e]
        if neurons > 0 and (
                neurons == limits[0] or axons + more_axons > limits[1]
                or out + out_axons[v] > limits[2] or bits + more_bits > limits[3]):
            start = place = first if first > start else place
            core += 1
            neurons = axons = out = bits = 0
            continue
        for e in ids[ptr[v]:ptr[v + 1]]:
            if stamp[e] != core:
                stamp[e], list_pins[e] = core, 0
            list_pins[e] += 1
        core_of[v] = core
        neurons, axons, out = neurons + 1, axons + more_axons, out + out_axons[v]
        bits += more_bits
        place += 1
    return core_of


