"""Deliveries: what the neurons of a population receive, from the arrays of a core network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import InputKind, Network
from neurocompile.passes.truenorth.audit.trace import NOBODY, Trace, trace
from neurocompile.passes.truenorth.core_network import CoreNetwork, PopulationTable
from neurocompile.semantics.truenorth import NEURONS

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Delivery:
    """What some neurons receive for a tick of the model."""

    synapses: sp.csr_array  # [neurons, sources and arrivals]
    constant: Ints  # in the tick itself, by axons
    raising: Ints  # by constants in other ticks, the positive ones
    lowering: Ints  # the negative ones
    trains: sp.csr_array  # [neurons, sources and arrivals] of what is no population
    most: Ints  # all positive weights of axons that something sets
    least: Ints  # all negative ones


@dataclass(frozen=True, eq=False, kw_only=True)
class Deliveries:
    """Reads the deliveries of one core network."""

    network: CoreNetwork
    trace: Trace
    tables: Mapping[str, PopulationTable]
    depth_of: Ints  # [sources] of the first that spike alike; 0 for inputs and for what has none
    of_population: NDArray[np.bool_]  # [sources]
    ones: Ints  # sources that spike in every tick, of which the model knows
    span: int  # more than any tick of arrival

    @staticmethod
    def of(model: Network, network: CoreNetwork) -> Deliveries:
        """Those of a core network that computes the model."""
        traces = trace(network)
        depth_of = np.zeros(len(traces.always), np.int64)
        of_population = np.zeros(len(traces.always), np.bool_)
        for table in network.populations:
            sources = traces.like[table.core * NEURONS + table.slot]
            depth_of[sources], of_population[sources] = table.depth, True
        longest = max((p.delay for p in model.projections), default=0) * network.step
        span = 2 + network.latency + longest + int(traces.lag.max(initial=0)) + int(
            depth_of.max(initial=0))
        ones = [traces.first_element[item.name] for item in model.inputs
                if item.kind is InputKind.ONE]
        return Deliveries(
            network=network, trace=traces, tables={t.name: t for t in network.populations},
            depth_of=depth_of, of_population=of_population, ones=np.array(ones, np.int64),
            span=span)

    def to(self, neurons: Ints, depth: int) -> Delivery:
        """What the arrays say of these neurons, numbered through all cores."""
        synapses = self.trace.synapses(self.network.cores, neurons).tocoo()
        source = self.trace.source[synapses.col]
        alive = source != NOBODY
        row, weight, source = synapses.row[alive], synapses.data[alive], source[alive]
        arrival = self.trace.lag[synapses.col][alive] + self.depth_of[source]
        always, own = self.trace.always[source], np.isin(source, self.ones)
        train = (source < len(self.trace.source)) & ~self.of_population[source]
        now = always & (arrival == depth)
        late = always & ~now & ~own
        size = len(neurons)
        plain = ~train & ~now & ~late
        return Delivery(
            synapses=self.matrix(row[plain], source[plain], arrival[plain], weight[plain], size),
            constant=row_totals(row[now], weight[now], size),
            raising=row_totals(row[late], np.maximum(weight[late], 0), size),
            lowering=row_totals(row[late], np.minimum(weight[late], 0), size),
            trains=self.matrix(row[train], source[train], arrival[train], weight[train], size),
            most=row_totals(row, np.maximum(weight, 0), size),
            least=row_totals(row, np.minimum(weight, 0), size))

    def matrix(self, row: Ints, source: Ints, arrival: Ints, weight: Ints,
               size: int) -> sp.csr_array:
        """[size, sources and arrivals] sums of weights."""
        matrix = sp.csr_array((weight, (row, source * self.span + arrival)),
                              shape=(size, len(self.trace.always) * self.span))
        matrix.sum_duplicates()
        return matrix


def row_totals(row: Ints, weight: Ints, size: int) -> Ints:
    """[size] sums of the weights of each row."""
    total = np.zeros(size, np.int64)
    np.add.at(total, row, weight)
    return total
