"""Synapse lists of a core, written out: what `recount` counts."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Projection
from neurocompile.ir.operators import Operator
from neurocompile.target.loihi import LoihiTarget

ROWS = 1024  # neurons whose synapses are listed at once

Ints = NDArray[np.int64]


def with_list_weights(projection: Projection) -> Operator:
    """The operator with weights that say which synapses are stored, and which are alike.

    Dense lists store weights of zero as well; shared ones are compared by the numbers of weights.
    """
    operator = projection.operator
    if projection.encoding == "sparse":
        return operator
    if projection.encoding == "dense":
        return operator.with_weights(np.ones(operator.weights.shape, np.int8))
    numbers = np.arange(1, operator.weights.size + 1, dtype=np.int64)
    return operator.with_weights(numbers.reshape(operator.weights.shape))


def lists_of(structure: Operator, encoding: str, neurons: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Source neurons with synapses onto these neurons, and the lengths of the lists stored.

    Lists are shared that hold the same weights at the same distances, in the sequence of the
    neurons. `counts` [sources] is zero before and after.
    """
    parts, prints = [np.zeros(0, np.int64)], np.zeros((0, 0), np.uint64)
    shared = encoding == "shared"
    if shared:
        first, prints = np.zeros(len(counts), np.int64), np.zeros((len(counts), 2), np.uint64)
        alike = _random(structure.weights.size + 1), _random(len(neurons), 1)
    for start in range(0, len(neurons), ROWS):
        synapses: sp.csr_array = structure.rows(neurons[start:start + ROWS])
        sources = synapses.indices
        if encoding == "sparse":
            sources = sources[synapses.data != 0]
        parts.append(_count(sources, counts))
        if shared:
            place = start + np.repeat(np.arange(synapses.shape[0]), np.diff(synapses.indptr))
            _compare(sources, place, synapses.data, parts[-1], first, prints, *alike)
    sources = np.concatenate(parts)
    length = counts[sources]
    counts[sources] = 0
    if not shared:
        return sources, length
    keys = np.column_stack([length.astype(np.uint64), prints[sources]])
    return sources, length[np.unique(keys, axis=0, return_index=True)[1]]


def _random(size: int, seed: int = 0) -> NDArray[np.uint64]:
    """[size, 2] odd numbers of 64 bits, always the same."""
    rng = np.random.default_rng(seed)
    return rng.integers(1 << 63, size=(size, 2), dtype=np.uint64) * np.uint64(2) + np.uint64(1)


@numba.njit(cache=True)
def _count(indices: Any, counts: Ints) -> Ints:
    """Adds one to the count of each index; returns those whose count was zero."""
    new = np.empty(len(indices), np.int64)
    many = 0
    for index in indices:
        if counts[index] == 0:
            new[many] = index
            many += 1
        counts[index] += 1
    return new[:many].copy()


@numba.njit(cache=True)
def _compare(sources: Any, place: Ints, weight: Ints, new: Ints, first: Ints,
             prints: NDArray[np.uint64], of_weight: NDArray[np.uint64],
             of_distance: NDArray[np.uint64]) -> None:
    """Adds to each source's two sums a product for each synapse; `new` sources start here."""
    for source in new:
        first[source] = -1
    for k in range(len(sources)):
        source = sources[k]
        if first[source] < 0:
            first[source] = place[k]
        distance = place[k] - first[source]
        for j in range(2):
            prints[source, j] += of_weight[weight[k], j] * of_distance[distance, j]


def stored_bits(length: Ints, target: LoihiTarget, weight_bits: int, encoding: str) -> int:
    """Memory of lists: blocks of synapses with what belongs to each, in whole words.

    Each list takes what the accounting takes for which it is longest.
    """
    index = target.synapse.index_bits.value
    each = weight_bits + (index if encoding == "sparse" else 0)
    length, many = np.unique(length[length > 0], return_counts=True)
    most = np.zeros(len(length), np.int64)
    for how in target.accounting.values():
        extra = how.block_header.value + how.block_spare.value
        extra += index if encoding != "sparse" and how.block_index.value == 1 else 0
        bits, rest = np.zeros(len(length), np.int64), length.copy()
        while rest.any():
            block = np.minimum(rest, how.block_synapses.value)
            words = np.ceil((block * each + extra) / how.block_word.value).astype(np.int64)
            bits += np.where(block > 0, words, 0) * how.block_word.value
            rest -= block
        most = np.maximum(most, bits)
    return int(most @ many)
