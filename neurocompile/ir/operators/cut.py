"""Operators cut by their sources, where a target has more of them than a core has axons."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators.base import Operator
from neurocompile.ir.operators.conv import Conv
from neurocompile.ir.operators.matrices import Dense, Sparse
from neurocompile.ir.operators.part import Part


def fan_in(operator: Operator) -> NDArray[np.int64]:
    """How many sources each target has; those of weight 0 count."""
    nets = operator.nets()
    pins = np.concatenate([[0], np.cumsum(nets.multiplicity[nets.ids])])
    return np.asarray(pins[nets.ptr[1:]] - pins[nets.ptr[:-1]], np.int64)


def most_sources(operator: Operator) -> int:
    """The sources of the target that has most."""
    if isinstance(operator, Dense):
        return operator.in_size
    if isinstance(operator, Conv):
        return operator.window
    return int(fan_in(operator).max(initial=0))


def cut(operator: Operator, limit: int) -> list[Operator]:
    """Operators whose sum is this one, none with more than `limit` sources of a target.

    Each reads a range of the sources; they are about as large, and at least one source wide.
    """
    most = most_sources(operator)
    if most <= limit:
        return [operator]
    if isinstance(operator, Dense):
        return [Part(operator.in_shape, operator.out_shape,
                     Dense((b - a,), operator.out_shape, operator.weight[:, a:b]), a, 0)
                for a, b in _ranges(operator.in_size, -(-most // limit))]
    if isinstance(operator, Conv) and operator.groups == 1:
        channels, *pixels = operator.in_shape
        window = -(-most // channels)  # sources of a target in one channel
        if window <= limit:
            size = int(np.prod(pixels))
            return [Part(operator.in_shape, operator.out_shape, Conv(
                (b - a, *pixels), operator.out_shape, operator.weight[:, a:b], operator.stride,
                operator.padding, operator.dilation), a * size, 0)
                for a, b in _ranges(channels, -(-channels // (limit // window)))]
    return _cut_list(operator, limit)


def _ranges(size: int, count: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, size, count + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def _cut_list(operator: Operator, limit: int) -> list[Operator]:
    """Cut where the next source would be one too many for some target."""
    ones = operator.with_weights(np.ones(operator.weights.shape, np.int8)).matrix()
    ones.sort_indices()
    matrix, ptr = operator.matrix().tocsc(), ones.indptr.astype(np.int64)
    before: NDArray[np.int64] = np.zeros(operator.out_size, np.int64)
    length, start = np.diff(ptr), 0
    pieces: list[Operator] = []
    while start < operator.in_size:
        longer = before + limit < length
        stop = int(ones.indices[(ptr[:-1] + before + limit)[longer]].min(initial=operator.in_size))
        part = Sparse((stop - start,), operator.out_shape, matrix[:, start:stop].tocsr())
        pieces.append(Part(operator.in_shape, operator.out_shape, part, start, 0))
        before = np.add.reduceat(np.append(ones.indices < stop, False).astype(np.int64), ptr[:-1])
        before[length == 0] = 0
        start = stop
    return pieces
