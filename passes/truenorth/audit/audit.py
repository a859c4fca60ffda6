"""Audit: a core network read again from its arrays, and not from the passes.

For every neuron of every population it follows copies, splitters and relays back to the sources
of its synapses, adds up weights by source and tick of arrival, and compares them with the
model's operators; likewise constants, thresholds, resets and start potentials. Of partial sums
it follows the trains as well; that gates are strong enough is for the tests to show. What cores
take is compared with the target's own numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Input, InputKind, Network, Population
from neurocompile.passes.truenorth.audit.delivery import Deliveries, Delivery, row_totals
from neurocompile.passes.truenorth.audit.trains import without_trains
from neurocompile.passes.truenorth.core_network import OUTPUT, CoreNetwork, PopulationTable
from neurocompile.passes.truenorth.extents import extents
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import AXONS, NEURONS, ResetMode, TrueNorthNeurons
from neurocompile.target.truenorth import TrueNorthTarget

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def audit(model: Network, network: CoreNetwork, target: TrueNorthTarget) -> Iterator[Diagnostic]:
    """NC901 for everything that is not as in the model, or more than a core of the target has."""
    reader = Deliveries.of(model, network)
    yield from _wires(reader)
    yield from _beyond_target(network, target)
    for population in model.populations:
        if not population.on_host:
            yield from _population(model, population, reader, target)


def _violation(predicate: str, detail: str) -> Diagnostic:
    return Diagnostic("NC901", values={"stage": "legalize", "predicate": predicate,
                                       "detail": detail})


def _beyond_target(network: CoreNetwork, target: TrueNorthTarget) -> Iterator[Diagnostic]:
    """Numbers of the target that some core exceeds."""
    limits = dict(target.quantities())
    for key, amounts in extents(network).items():
        limit = limits[key]
        for core in np.flatnonzero(amounts > limit.value)[:1].tolist():
            unit = f" {limit.unit}" if limit.unit else ""
            yield _violation("within-the-target", f"core {core} takes {amounts[core]}{unit} of "
                          f"`{key}`; {target.name} has {limit.value}")


def _wires(reader: Deliveries) -> Iterator[Diagnostic]:
    """Axons that two set, delays and places."""
    network, setters = reader.network, reader.trace.setters
    many = np.flatnonzero(setters > 1)
    if len(many):
        yield _violation("one-source-for-an-axon", f"axon {many[0] % AXONS} of core "
                      f"{many[0] // AXONS} has {setters[many[0]]}")
    if np.any(network.cores.delay[network.cores.target_core >= 0] < 1):
        yield _violation("delays-in-range", "a delay of 0 ticks")
    yield from _lines(reader)
    if len(set(network.places)) != len(network.places):
        yield _violation("one-core-for-a-place", "two cores have the same place")


def _lines(reader: Deliveries) -> Iterator[Diagnostic]:
    """Lines of the output bus: each set by the neuron that its table names, and no other."""
    cores, like = reader.network.cores, reader.trace.like
    senders = np.flatnonzero(cores.target_core.reshape(-1) == OUTPUT)
    setters = dict(zip(cores.target_axon.reshape(-1)[senders].tolist(), like[senders].tolist(),
                       strict=True))
    readers = {int(line): int(like[core * NEURONS + slot])
               for table in reader.network.populations
               for line, core, slot in zip(table.line, table.core, table.slot, strict=False)
               if line >= 0}
    if setters != readers or len(setters) != len(senders):
        yield _violation("lines", f"{len(readers)} are to be read, {len(senders)} are set")


def _population(model: Network, population: Population, reader: Deliveries,
                target: TrueNorthTarget) -> Iterator[Diagnostic]:
    """Synapses, constants, parameters and potentials of one population."""
    table = reader.tables[population.name]
    neurons = table.core * NEURONS + table.slot
    if len(np.unique(neurons)) != population.size:
        yield _violation("every-neuron-once", f"`{population.name}` holds neurons twice")
        return
    delivery = reader.to(neurons, table.depth)
    if delivery.trains.nnz:
        delivery = without_trains(delivery, reader, table.depth)
    elif delivery.raising.any() or delivery.lowering.any():
        yield _violation("constants-in-time", f"`{population.name}` gets one in another tick")
    claim = _Claim.of(model, population, reader)
    difference = sp.csr_array(delivery.synapses - claim.synapses)
    difference.eliminate_zeros()
    if difference.nnz:
        n = int(np.flatnonzero(np.diff(difference.indptr))[0])
        key = int(difference.indices[difference.indptr[n]])
        yield _violation("synapses", f"neuron {n} of `{population.name}` and source "
                      f"{key // reader.span}, arriving {key % reader.span} ticks later: off by "
                      f"{int(difference.data[difference.indptr[n]])}")
    numbers = _Numbers.of(reader.network, table)
    for predicate, wrong in (
            ("parameters", _wrong_parameters(claim, numbers, delivery, reader, target)),
            ("potentials", _out_of_range(claim, numbers, delivery, model.n_ticks, target))):
        if wrong.any():
            yield _violation(predicate, f"neuron {int(np.flatnonzero(wrong)[0])} of "
                          f"`{population.name}`")


@dataclass(frozen=True, eq=False, kw_only=True)
class _Claim:
    """What the model says of a population."""

    neurons: TrueNorthNeurons
    synapses: sp.csr_array  # [neurons, sources and arrivals]
    constant: Ints  # added in every tick
    depth: int

    @staticmethod
    def of(model: Network, population: Population, reader: Deliveries) -> _Claim:
        """By the model's operators. Raises TypeError for neurons of another chip."""
        if not isinstance(population.neuron, TrueNorthNeurons):
            raise TypeError(f"`{population.name}` is no population for TrueNorth")
        size, depth = population.size, reader.tables[population.name].depth
        constant = np.zeros(size, np.int64)
        if population.bias is not None:
            constant += np.broadcast_to(population.bias.value, (size,)).astype(np.int64)
        shape = (size, len(reader.trace.always) * reader.span)
        total, sources = sp.csr_array(shape, dtype=np.int64), model.sources()
        for projection in model.into(population.name):
            source = sources[projection.source]
            matrix = projection.operator.matrix().astype(np.int64).tocoo()
            if isinstance(source, Input) and source.kind is InputKind.ONE and not projection.delay:
                constant += row_totals(matrix.row, matrix.data, size)
                continue
            number = _numbers_of(source.name, matrix.col.astype(np.int64), reader)
            arrival = np.full(len(number), depth + projection.delay * reader.network.step)
            total = sp.csr_array(total + reader.matrix(matrix.row, number, arrival, matrix.data,
                                                       size))
        return _Claim(neurons=population.neuron, synapses=total, constant=constant, depth=depth)


def _numbers_of(source: str, element: Ints, reader: Deliveries) -> Ints:
    """Numbers of a source's elements; 0 for those that nothing receives."""
    if source in reader.tables:
        table = reader.tables[source]
        neurons: Ints = table.core * NEURONS + table.slot
        return np.asarray(reader.trace.like[neurons[element]])
    number = reader.trace.first_element[source] + element
    return np.where(number < len(reader.trace.always), number, 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Numbers:
    """[neurons] parameters as the arrays have them."""

    leak: Ints
    threshold: Ints
    potential: Ints
    floor: Ints
    reset_mode: Ints
    reset_value: Ints
    saturate: Ints

    @staticmethod
    def of(network: CoreNetwork, table: PopulationTable) -> _Numbers:
        """Those of a population."""
        return _Numbers(**{name: getattr(network.cores, name)[table.core, table.slot].astype(
            np.int64) for name in _Numbers.__dataclass_fields__})


def _wrong_parameters(claim: _Claim, numbers: _Numbers, delivery: Delivery, reader: Deliveries,
                      target: TrueNorthTarget) -> Bools:
    """[neurons] whose threshold, reset, constant or start is not that of the model."""
    neurons, trains, depth = claim.neurons, bool(delivery.trains.nnz), claim.depth
    leak, threshold, start = numbers.leak, numbers.threshold, numbers.potential
    mode = (ResetMode.LINEAR if neurons.memory and neurons.reset is Reset.SOFT
            else ResetMode.NORMAL)
    excess = delivery.constant + leak - claim.constant
    wrong = [numbers.reset_mode != mode, numbers.saturate == 0, numbers.reset_value != 0]
    if neurons.memory:
        lowest = (1 << target.neuron.threshold_bits.value) - 1
        wrong += [threshold != neurons.threshold, numbers.floor != lowest]
        wrong += ([excess + start != 0, delivery.lowering != start, leak != 0] if trains else
                  [excess != 0, start != -leak * depth,
                   (leak < 0) & (-leak * (depth - 1) >= neurons.threshold),
                   (leak != 0) & (reader.network.step > 1)])
        return np.asarray(np.any(wrong, axis=0))
    level = start + delivery.raising + excess - threshold + neurons.threshold
    most, least = (np.asarray(one.sum(axis=1)).reshape(-1) + claim.constant - neurons.threshold
                   for one in (claim.synapses.maximum(0), claim.synapses.minimum(0)))
    never, ever = (most < 0) & (most + level < 0), (least >= 0) & (least + level >= 0)
    wrong += [numbers.floor != -start,
              -delivery.lowering < (numbers.floor + threshold) * trains,
              (level != 0) & ~never & ~ever]
    return np.asarray(np.any(wrong, axis=0))


def _out_of_range(claim: _Claim, numbers: _Numbers, delivery: Delivery, n_ticks: int,
                  target: TrueNorthTarget) -> Bools:
    """[neurons] whose potential some input drives out of the target's range.

    That of a neuron with memory must stay above its floor, too. Sums behind gates are left out.
    """
    if delivery.trains.nnz:
        return np.zeros(len(numbers.leak), np.bool_)
    highest = (1 << (target.neuron.potential_bits.value - 1)) - 1
    lowest = np.full(len(numbers.leak), highest)
    low, high = np.zeros_like(lowest), np.zeros_like(lowest)
    if claim.neurons.memory:
        lowest = np.minimum(lowest, numbers.floor)
        low, high = _left_by_ticks(claim, n_ticks - 1)
    return np.asarray((high + delivery.most + np.maximum(numbers.leak, 0) > highest)
                      | (low + delivery.least + np.minimum(numbers.leak, 0) < -lowest))


def _left_by_ticks(claim: _Claim, n_ticks: int) -> tuple[Ints, Ints]:
    """[neurons] the lowest and the highest potential after any number of ticks up to that."""
    most, least = (np.asarray(one.sum(axis=1)).reshape(-1) + claim.constant
                   for one in (claim.synapses.maximum(0), claim.synapses.minimum(0)))
    threshold, soft = claim.neurons.threshold, claim.neurons.reset is Reset.SOFT
    low, high = np.zeros_like(most), np.zeros_like(most)
    for _ in range(n_ticks):
        before_low, before_high = low, high
        top = high + most
        low = np.minimum(0, low + least)
        rest = np.maximum(threshold - 1, top - threshold if soft else 0)
        high = np.maximum(0, np.where(top < threshold, top, rest))
        if np.array_equal(low, before_low) and np.array_equal(high, before_high):
            break
    return low, high
