"""Trains: what neurons receive that add up partial sums, followed back to the parts' own inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.passes.truenorth.audit.delivery import Deliveries, Delivery, row_totals

Ints = NDArray[np.int64]

WRONG = 1 << 30  # no weight of a train


def without_trains(delivery: Delivery, reader: Deliveries, depth: int) -> Delivery:
    """The same with what trains add up to, as weights by source and arrival."""
    trains, step = delivery.trains, reader.network.step
    keys, inverse = np.unique(trains.indices, return_inverse=True)
    neurons, arrival = keys // reader.span, keys % reader.span
    coo = reader.trace.synapses(reader.network.cores, neurons).tocoo()
    source = reader.trace.source[coo.col]
    tick = reader.trace.lag[coo.col] + reader.depth_of[source]
    first = np.full(len(neurons), reader.span)
    np.minimum.at(first, coo.row, tick)
    # `arrival` is counted from the part's own spike: its first, for the tick before depth
    begin = first + (depth - first - arrival) // step * step
    shift = tick - begin[coo.row] + depth
    now = reader.trace.always[source] & (shift == depth)
    rows = reader.matrix(coo.row[~now], source[~now], shift[~now], coo.data[~now], len(neurons))
    constants = row_totals(coo.row[now], coo.data[now], len(neurons))
    member = sp.csr_array((trains.data, inverse, trains.indptr),
                          shape=(trains.shape[0], len(neurons)))
    signs = _pairs(member, rows, constants)
    columns, column = np.unique(rows.indices, return_inverse=True)
    small = sp.csr_array((rows.data, column, rows.indptr), shape=(len(neurons), len(columns)))
    sums = sp.csr_array(signs @ small).tocoo()
    total = reader.matrix(sums.row, columns[sums.col] // reader.span,
                          columns[sums.col] % reader.span, sums.data, trains.shape[0])
    return replace(delivery, synapses=sp.csr_array(delivery.synapses + total),
                   constant=delivery.constant + np.asarray(signs @ constants, np.int64))


def _pairs(member: sp.csr_array, rows: sp.csr_array, constants: Ints) -> sp.csr_array:
    """How often each train's weights count in each sum.

    A train is cut off at 0, so where that can matter there must be a train of the opposite; the
    two count once. Else the weights are made wrong.
    """
    rows.sort_indices()
    negative = np.asarray(rows.minimum(0).sum(axis=1)).reshape(-1) + constants < 0
    data = member.data.copy()
    for n in range(member.shape[0]):
        part = range(member.indptr[n], member.indptr[n + 1])
        keys = {k: _key(rows, constants, int(member.indices[k]), int(member.data[k]))
                for k in part}
        plus = {key for k, key in keys.items() if member.data[k] > 0}
        minus = {key for k, key in keys.items() if member.data[k] < 0}
        for k, key in keys.items():
            if key in plus and key in minus:
                data[k] = max(data[k], 0)
            elif negative[member.indices[k]]:
                data[k] = WRONG
    return sp.csr_array((data, member.indices, member.indptr), shape=member.shape)


def _key(rows: sp.csr_array, constants: Ints, k: int, sign: int) -> tuple[bytes, bytes, int]:
    """A row times a sign."""
    part = slice(rows.indptr[k], rows.indptr[k + 1])
    return (rows.indices[part].tobytes(), (sign * rows.data[part]).tobytes(),
            int(sign * constants[k]))
