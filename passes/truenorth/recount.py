"""Recount: a second reader of a core network, written from its arrays and not from the passes.

For every neuron of every population it follows copies, splitters and relays back to the sources
of its synapses, adds up weights by source and tick of arrival, and compares them with the
Network's operators; likewise constants, thresholds, resets and start potentials. Of partial sums
it follows the trains as well. That gates are strong enough is for the tests to show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Input, InputKind, Network, Population
from neurocompile.passes.truenorth.core_network import NEURONS, OUTPUT, CoreNetwork, PopulationTable
from neurocompile.passes.truenorth.trace import NOBODY, Trace, trace
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import DELAY_MAX, FLOOR_MAX, ResetMode, TrueNorthNeurons

Ints = NDArray[np.int64]

WRONG = 1 << 30  # no weight of a train


def recount(network: Network, made: CoreNetwork) -> Iterator[Diagnostic]:
    """NC901 for everything that is not as in the Network."""
    counter = _Counter.of(network, made)
    yield from counter.wires()
    for population in network.populations:
        if not population.on_host:
            yield from counter.population(population)


def _broken(predicate: str, detail: str) -> Diagnostic:
    return Diagnostic("NC901", values={"stage": "legalize", "predicate": predicate,
                                       "detail": detail})


@dataclass(frozen=True, eq=False)
class _Found:
    """What delivers to some neurons."""

    synapses: sp.csr_array  # [neurons, sources and arrivals]
    constant: Ints  # in the tick itself, by axons
    lifted: Ints  # by constants in other ticks, the positive ones
    lowered: Ints  # the negative ones
    trains: sp.csr_array  # [neurons, sources and arrivals] of what is no population


@dataclass(frozen=True, eq=False)
class _Counter:
    network: Network
    made: CoreNetwork
    trace: Trace
    tables: dict[str, PopulationTable]
    depth_of: Ints  # [sources] of the first that spike alike; 0 for inputs and for what has none
    span: int  # more than any tick of arrival

    @staticmethod
    def of(network: Network, made: CoreNetwork) -> _Counter:
        traced = trace(made)
        depth_of = np.zeros(len(traced.always), np.int64)
        tables = {table.name: table for table in made.populations}
        for table in made.populations:
            depth_of[traced.like[table.core * NEURONS + table.slot]] = table.depth
        longest = max((p.delay for p in network.projections), default=0) * made.step
        span = 2 + made.latency + longest + int(traced.lag.max(initial=0)) + int(
            depth_of.max(initial=0))
        return _Counter(network, made, traced, tables, depth_of, span)

    def wires(self) -> Iterator[Diagnostic]:
        """Axons that two set, delays and places."""
        many = np.flatnonzero(self.trace.setters > 1)
        if len(many):
            yield _broken("one-source-for-an-axon", f"axon {many[0] % 256} of core "
                          f"{many[0] // 256} has {self.trace.setters[many[0]]}")
        delay = self.made.cores.delay[self.made.cores.target_core >= 0]
        if np.any((delay < 1) | (delay > DELAY_MAX)):
            yield _broken("delays-in-range", f"a delay of {int(delay.max())} ticks")
        yield from self._lines()
        if len(set(self.made.places)) != len(self.made.places):
            yield _broken("one-core-for-a-place", "two cores have the same place")

    def _lines(self) -> Iterator[Diagnostic]:
        """Lines of the output bus: each set by the neuron that its table names, and no other."""
        target = self.made.cores.target_core.reshape(-1)
        sent = np.flatnonzero(target == OUTPUT)
        found = dict(zip(self.made.cores.target_axon.reshape(-1)[sent].tolist(),
                         self.trace.like[sent].tolist(), strict=True))
        wanted = {int(line): int(self.trace.like[core * NEURONS + slot])
                  for table in self.made.populations
                  for line, core, slot in zip(table.line, table.core, table.slot, strict=False)
                  if line >= 0}
        if found != wanted or len(found) != len(sent):
            yield _broken("lines", f"{len(wanted)} are to be read, {len(sent)} are set")

    def population(self, population: Population) -> Iterator[Diagnostic]:
        """Synapses, constants and parameters of one population."""
        table = self.tables[population.name]
        at = table.core * NEURONS + table.slot
        if len(np.unique(at)) != population.size:
            yield _broken("every-neuron-once", f"`{population.name}` holds neurons twice")
            return
        found = self._found(at, table.depth)
        if found.trains.nnz:
            found = self._summed(found, table.depth)
        elif found.lifted.any() or found.lowered.any():
            yield _broken("constants-in-time", f"`{population.name}` gets one in another tick")
        expected, given = self._expected(population, table.depth)
        difference = sp.csr_array(found.synapses - expected)
        difference.eliminate_zeros()
        if difference.nnz:
            n = int(np.flatnonzero(np.diff(difference.indptr))[0])
            key = int(difference.indices[difference.indptr[n]])
            yield _broken("synapses", f"neuron {n} of `{population.name}` and source "
                          f"{key // self.span}, arriving {key % self.span} ticks later: off by "
                          f"{int(difference.data[difference.indptr[n]])}")
        wrong = self._wrong(population, at, found, given, expected)
        if wrong.any():
            yield _broken("parameters", f"neuron {int(np.flatnonzero(wrong)[0])} of "
                          f"`{population.name}`")

    def _found(self, neurons: Ints, depth: int) -> _Found:
        """What the arrays say of these neurons."""
        synapses = self.trace.synapses(self.made.cores, neurons).tocoo()
        source = self.trace.source[synapses.col]
        alive = source != NOBODY
        row, weight, source = synapses.row[alive], synapses.data[alive], source[alive]
        arrival = self.trace.lag[synapses.col][alive] + self.depth_of[source]
        one = {self.trace.first_element[item.name] for item in self.network.inputs
               if item.kind is InputKind.ONE}
        always, own = self.trace.always[source], np.isin(source, list(one))
        train = (source < len(self.trace.source)) & ~self._is_population(source)
        now = always & (arrival == depth)
        late = always & ~now & ~own
        size = len(neurons)
        plain = ~train & ~now & ~late
        return _Found(
            self._matrix(row[plain], source[plain], arrival[plain], weight[plain], size),
            _added(row[now], weight[now], size),
            _added(row[late], np.maximum(weight[late], 0), size),
            _added(row[late], np.minimum(weight[late], 0), size),
            self._matrix(row[train], source[train], arrival[train], weight[train], size))

    def _is_population(self, source: Ints) -> NDArray[np.bool_]:
        known = np.zeros(len(self.trace.always), np.bool_)
        for table in self.made.populations:
            known[self.trace.like[table.core * NEURONS + table.slot]] = True
        return np.asarray(known[source])

    def _matrix(self, row: Ints, source: Ints, arrival: Ints, weight: Ints,
                size: int) -> sp.csr_array:
        matrix = sp.csr_array((weight, (row, source * self.span + arrival)),
                              shape=(size, len(self.trace.always) * self.span))
        matrix.sum_duplicates()
        return matrix

    def _expected(self, population: Population, depth: int) -> tuple[sp.csr_array, Ints]:
        """What the Network says: weights by source and arrival, and constants."""
        size = population.size
        constant = np.zeros(size, np.int64)
        if population.bias is not None:
            constant += np.broadcast_to(population.bias.value, (size,)).astype(np.int64)
        shape = (size, len(self.trace.always) * self.span)
        total, sources = sp.csr_array(shape, dtype=np.int64), self.network.sources()
        for projection in self.network.into(population.name):
            source = sources[projection.source]
            matrix = projection.operator.matrix().astype(np.int64).tocoo()
            if isinstance(source, Input) and source.kind is InputKind.ONE and not projection.delay:
                constant += _added(matrix.row, matrix.data, size)
                continue
            if source.name in self.tables:
                table = self.tables[source.name]
                number = self.trace.like[table.core * NEURONS + table.slot][matrix.col]
            else:
                number = self.trace.first_element[source.name] + matrix.col.astype(np.int64)
                known = number < len(self.trace.always)
                number = np.where(known, number, 0)
            arrival = np.full(len(number), depth + projection.delay * self.made.step)
            total = sp.csr_array(total + self._matrix(matrix.row, number, arrival, matrix.data,
                                                      size))
        return total, constant

    def _summed(self, found: _Found, depth: int) -> _Found:
        """The same with what trains add up to, as weights by source and arrival."""
        trains, step = found.trains, self.made.step
        keys, inverse = np.unique(trains.indices, return_inverse=True)
        neurons, arrival = keys // self.span, keys % self.span
        coo = self.trace.synapses(self.made.cores, neurons).tocoo()
        source = self.trace.source[coo.col]
        reached = self.trace.lag[coo.col] + self.depth_of[source]
        first = np.full(len(neurons), self.span)
        np.minimum.at(first, coo.row, reached)
        # `arrival` is counted from the part's own spike: its first, for the tick before depth
        begin = first + (depth - first - arrival) // step * step
        shifted = reached - begin[coo.row] + depth
        now = self.trace.always[source] & (shifted == depth)
        rows = self._matrix(coo.row[~now], source[~now], shifted[~now], coo.data[~now],
                            len(neurons))
        sent = _added(coo.row[now], coo.data[now], len(neurons))
        member = sp.csr_array((trains.data, inverse, trains.indptr),
                              shape=(trains.shape[0], len(neurons)))
        signed = _paired(member, rows, sent)
        used, column = np.unique(rows.indices, return_inverse=True)
        small = sp.csr_array((rows.data, column, rows.indptr), shape=(len(neurons), len(used)))
        sums = sp.csr_array(signed @ small).tocoo()
        total = self._matrix(sums.row, used[sums.col] // self.span, used[sums.col] % self.span,
                             sums.data, trains.shape[0])
        return replace(found, synapses=sp.csr_array(found.synapses + total),
                       constant=found.constant + np.asarray(signed @ sent, np.int64))

    def _wrong(self, population: Population, at: Ints, found: _Found, given: Ints,
               expected: sp.csr_array) -> NDArray[np.bool_]:
        """[neurons] whose threshold, reset, constant or start is not that of the Network."""
        cores, neuron = self.made.cores, population.neuron
        if not isinstance(neuron, TrueNorthNeurons):
            return np.ones(population.size, np.bool_)
        depth, summed = self.tables[population.name].depth, bool(found.trains.nnz)
        leak, threshold, start, floor = (
            getattr(cores, name).reshape(-1)[at].astype(np.int64)
            for name in ("leak", "threshold", "potential", "floor"))
        mode = (ResetMode.LINEAR if neuron.memory and neuron.reset is Reset.SOFT
                else ResetMode.NORMAL)
        driven = found.constant + leak - given
        wrong = [cores.reset_mode.reshape(-1)[at] != mode, ~cores.saturate.reshape(-1)[at],
                 cores.reset_value.reshape(-1)[at] != 0]
        if neuron.memory:
            wrong += [threshold != neuron.threshold, floor != FLOOR_MAX]
            wrong += ([driven + start != 0, found.lowered != start, leak != 0] if summed else
                      [driven != 0, start != -leak * depth,
                       (leak < 0) & (-leak * (depth - 1) >= neuron.threshold),
                       (leak != 0) & (self.made.step > 1)])
            return np.asarray(np.any(wrong, axis=0))
        level = start + found.lifted + driven - threshold + neuron.threshold
        given = given - neuron.threshold
        most = np.asarray(expected.maximum(0).sum(axis=1)).reshape(-1) + given
        least = np.asarray(expected.minimum(0).sum(axis=1)).reshape(-1) + given
        never, ever = (most < 0) & (most + level < 0), (least >= 0) & (least + level >= 0)
        wrong += [floor != -start, (-found.lowered < (floor + threshold) * summed),
                  (level != 0) & ~never & ~ever]
        return np.asarray(np.any(wrong, axis=0))


def _added(row: Ints, weight: Ints, size: int) -> Ints:
    total = np.zeros(size, np.int64)
    np.add.at(total, row, weight)
    return total


def _paired(member: sp.csr_array, rows: sp.csr_array, sent: Ints) -> sp.csr_array:
    """How often each train's weights count in each sum.

    A train is cut off at 0, so where that can matter there must be a train of the opposite; the
    two count once. Else the weights are made wrong.
    """
    rows.sort_indices()
    cut = np.asarray(rows.minimum(0).sum(axis=1)).reshape(-1) + sent < 0
    data = member.data.copy()
    for n in range(member.shape[0]):
        part = range(member.indptr[n], member.indptr[n + 1])
        keys = {k: _key(rows, sent, int(member.indices[k]), int(member.data[k])) for k in part}
        plus = {key for k, key in keys.items() if member.data[k] > 0}
        minus = {key for k, key in keys.items() if member.data[k] < 0}
        for k, key in keys.items():
            if key in plus and key in minus:
                data[k] = max(data[k], 0)
            elif cut[member.indices[k]]:
                data[k] = WRONG
    return sp.csr_array((data, member.indices, member.indptr), shape=member.shape)


def _key(rows: sp.csr_array, sent: Ints, k: int, sign: int) -> tuple[bytes, bytes, int]:
    """A row times a sign."""
    part = slice(rows.indptr[k], rows.indptr[k + 1])
    return rows.indices[part].tobytes(), (sign * rows.data[part]).tobytes(), int(sign * sent[k])
