"""Synapse lists of a core, written out: what `recount` counts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Projection
from neurocompile.target import LoihiTarget

ROWS = 1024  # neurons whose synapses are listed at once

Ints = NDArray[np.int64]


def lists_of(projection: Projection, neurons: Ints) -> tuple[Ints, Ints]:
    """Synapses that each source has onto these neurons, and the lengths of the lists stored.

    Weights of zero count but in sparse lists. Shared lists are equal when they hold the same
    weights of the operator at the same distances, in the sequence of the neurons.
    """
    operator = projection.operator
    if projection.encoding == "shared":
        numbers = np.arange(1, operator.weights.size + 1, dtype=np.int64)
        return _distinct(projection, numbers.reshape(operator.weights.shape), neurons)
    length = np.zeros(operator.in_size, np.int64)
    if projection.encoding == "dense":  # weights of 1, so that those of value 0 are listed too
        operator = operator.with_weights(np.ones(operator.weights.shape, np.int8))
    for start in range(0, len(neurons), ROWS):
        synapses: sp.csr_array = operator.rows(neurons[start:start + ROWS])
        length += np.bincount(synapses.indices[synapses.data != 0], minlength=operator.in_size)
    return length, length


def _distinct(projection: Projection, numbers: Ints, neurons: Ints) -> tuple[Ints, Ints]:
    """Lengths by source, and those of different lists.

    Lists are compared by two sums of 64 random bits per weight and distance, from a fixed seed.
    """
    numbered = projection.operator.with_weights(numbers)
    rng = np.random.default_rng(1)
    of_weight = rng.integers(1 << 63, size=(numbers.size + 1, 2), dtype=np.uint64) * 2 + 1
    of_place = rng.integers(1 << 63, size=(len(neurons), 2), dtype=np.uint64) * 2 + 1
    length = np.zeros(numbered.in_size, np.int64)
    first = np.full(numbered.in_size, -1, np.int64)
    prints = np.zeros((numbered.in_size, 2), np.uint64)
    for start in range(0, len(neurons), ROWS):
        synapses = numbered.rows(neurons[start:start + ROWS]).tocoo()
        source, place = synapses.col, synapses.row.astype(np.int64) + start
        length += np.bincount(source, minlength=len(length))
        seen = np.full(len(first), -1, np.int64)
        seen[source[::-1]] = place[::-1]  # the earliest is written last
        first = np.where(first < 0, seen, first)
        distance = place - first[source]
        for k in (0, 1):
            np.add.at(prints[:, k], source,
                      of_weight[synapses.data, k] * of_place[distance, k])
    used = np.flatnonzero(length)
    _, one = np.unique(np.column_stack([length[used].astype(np.uint64), prints[used]]), axis=0,
                       return_index=True)
    return length, length[used][one]


def stored_bits(length: Ints, target: LoihiTarget, weight_bits: int, encoding: str) -> int:
    """Memory of lists: blocks of synapses with what belongs to each, in whole words.

    Each list takes what the accounting takes for which it is longest.
    """
    index = target.synapse.index_bits.value
    each = weight_bits + (index if encoding == "sparse" else 0)
    length = length[length > 0]
    most = np.zeros(len(length), np.int64)
    for how in target.accounting.values():
        extra = how.block_header.value + how.block_spare.value
        extra += index if encoding != "sparse" and how.block_index.value == 1 else 0
        bits, left = np.zeros(len(length), np.int64), length.copy()
        while left.any():
            block = np.minimum(left, how.block_synapses.value)
            words = np.ceil((block * each + extra) / how.block_word.value).astype(np.int64)
            bits += np.where(block > 0, words, 0) * how.block_word.value
            left -= block
        most = np.maximum(most, bits)
    return int(most.sum())
