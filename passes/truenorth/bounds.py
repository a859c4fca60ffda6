"""Bounds: proofs, for every input, that no potential leaves its range.

Sums are taken in any order: all positive synapses of a tick first, or all negative ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.passes.truenorth.blocks import Block, Kind
from neurocompile.passes.truenorth.codes import Encoding, row_sums
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.semantics.truenorth import ResetMode

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Range:
    """[neurons] the lowest and highest potential that a tick can leave behind."""

    low: Ints
    high: Ints


def one_sided(synapses: sp.csr_array) -> tuple[Ints, Ints]:
    """Per neuron the sum of its negative weights, and that of its positive ones."""
    return (row_sums(synapses, np.minimum(synapses.data, 0)),
            row_sums(synapses, np.maximum(synapses.data, 0)))


def left_behind(block: Block, n_ticks: int) -> Range:
    """What all ticks of the model but the last can leave, of neurons that integrate and fire."""
    negative, positive = one_sided(block.synapses)
    least, most = negative + block.constant, positive + block.constant
    low, high = np.zeros(block.size, np.int64), np.zeros(block.size, np.int64)
    theta = block.threshold
    for _ in range(n_ticks - 1):
        low = np.minimum(low + least, 0)
        top = high + most
        after = top - theta if block.mode is ResetMode.LINEAR else np.zeros_like(theta)
        high = np.where(top < theta, np.maximum(top, 0), np.maximum(theta - 1, after))
    return Range(low, high)


def furthest(block: Block, encoding: Encoding, leak: Ints, rest: Range) -> Ints:
    """[neurons] the largest magnitude that a potential takes in a tick.

    The block's synapses hold what delivers constants as well.
    """
    row = np.repeat(np.arange(block.size), np.diff(block.synapses.indptr))
    parts = encoding.digits * encoding.values[row]
    down = row_sums(block.synapses, np.minimum(parts, 0).sum(axis=1))
    up = row_sums(block.synapses, np.maximum(parts, 0).sum(axis=1))
    highest = rest.high + up + np.maximum(leak, 0)
    return np.asarray(np.maximum(highest, -(rest.low + down + np.minimum(leak, 0))), np.int64)


def beyond_range(original: Block, block: Block, encoding: Encoding, leak: Ints,
                 depth: int, n_ticks: int, crossbar: Crossbar) -> Iterator[Diagnostic]:
    """NC433 where a potential or a threshold goes beyond what a core holds.

    `block` is the original with the column that delivers constants. Sums behind gates have
    proofs of their own.
    """
    if block.kind is Kind.SUM:
        return
    rest = Range(np.zeros(block.size, np.int64), np.zeros(block.size, np.int64))
    if block.kind is Kind.MEMORY:
        rest = left_behind(original, n_ticks)
    demand = np.maximum(furthest(block, encoding, leak, rest), np.abs(leak) * depth)
    yield from beyond(block, np.maximum(demand, block.threshold), n_ticks, crossbar)


def beyond(block: Block, demand: Ints, n_ticks: int, crossbar: Crossbar) -> Iterator[Diagnostic]:
    """NC433 where more is needed than a potential holds."""
    limit = crossbar.potential_max
    over = np.flatnonzero(demand > limit)
    if len(over):
        yield Diagnostic("NC433", block.where, {
            "module": block.where.module or block.population, "count": len(over),
            "needed": int(demand.max()), "limit": limit, "key": crossbar.potential_key,
            "ticks": n_ticks})
