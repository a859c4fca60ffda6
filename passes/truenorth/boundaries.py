"""Boundaries: constants that start with the wave.

A core adds a leak in every tick of the chip, also before a population's first tick of the model.
It is exact where the start potential makes up for that and no threshold is crossed meanwhile, and
where a neuron forgets and cannot fire by itself. What a leak cannot be comes by an axon that the
host sets in every tick of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.passes.truenorth.blocks import ALWAYS, Block, Feed, Kind
from neurocompile.passes.truenorth.bounds import one_sided
from neurocompile.passes.truenorth.codes import CODES, Encoding
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.semantics.truenorth import AXON_TYPES

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Drive:
    """A block with the column that delivers constants, its encoding, and the leaks."""

    block: Block
    encoding: Encoding
    leak: Ints

    def potential(self, depth: int) -> Ints:
        """What neurons start from, so that tick 0 of the model finds 0."""
        if self.block.kind is Kind.MEMORY:
            return self.leak * -depth
        return np.full(self.block.size, self.block.potential)


def quiet_blocks(blocks: Mapping[str, Block]) -> frozenset[str]:
    """Blocks that must not fire before tick 0, since something would remember it."""
    graph = nx.DiGraph()
    graph.add_nodes_from(blocks)
    ends = {name for name, block in blocks.items() if block.kind is not Kind.STATELESS}
    for name, block in blocks.items():
        for feed in block.feeds:
            if feed.on_chip:
                graph.add_edge(feed.source, name)
                if feed.delay:
                    ends.add(feed.source)
    return frozenset(ends.union(*(nx.ancestors(graph, end) for end in ends)))


def independent_samples(blocks: Mapping[str, Block]) -> bool:
    """Whether a sample may follow another without loading potentials: nothing is remembered."""
    return all(block.kind is Kind.STATELESS and not any(feed.delay for feed in block.feeds)
               for block in blocks.values())


def leak_range(block: Block, depth: int, step: int, crossbar: Crossbar, *, quiet: bool
               ) -> tuple[Ints, Ints]:
    """The lowest and highest leak of each neuron that is exact at that depth."""
    none, most = np.zeros(block.size, np.int64), np.full(block.size, crossbar.leak_max)
    if block.kind is Kind.STATELESS:
        silent = step > 1 or (quiet and depth > 0)
        return -most, none - 1 if silent else most
    if block.kind is not Kind.MEMORY or step > 1:
        return none, none
    if depth < 2:
        return -most, most
    return -np.minimum(most, (block.threshold - 1) // (depth - 1)), most


def drive_of(block: Block, encoding: Encoding, low: Ints, high: Ints, crossbar: Crossbar
           ) -> Drive | None:
    """Constants as leaks from low to high, the rest by axons; None where a neuron cannot."""
    if np.any(low > high):
        return None
    constant = block.constant
    if block.kind is Kind.STATELESS:  # beyond, a neuron never fires, or always
        negative, positive = one_sided(block.synapses)
        constant = np.clip(constant, -positive - 1, -negative)
    leak = np.clip(constant, low, high)
    values, extra = encoding.values.copy(), np.zeros((block.size, AXON_TYPES), np.int64)
    free = np.flatnonzero(~values[:, :crossbar.axon_types].any(axis=0)).tolist()
    for n in np.flatnonzero(leak != constant).tolist():
        c, least, most = int(constant[n]), int(low[n]), int(high[n])
        own = free + [g for g in range(crossbar.axon_types)
                      if values[n, g] == 0 and g not in free]
        column = _Column(values[n], extra[n], own, crossbar)
        within = least < most and _within(column, c - most, c - least)
        if not within and not _exact(column, c - most, encoding, n):
            return None
        leak[n] = c - int(extra[n] @ values[n])
    return _with_column(replace(block, constant=constant), replace(encoding, values=values),
                        extra, leak)


def _with_column(block: Block, encoding: Encoding, extra: Ints, leak: Ints) -> Drive:
    """The block with a last column, whose digits are `extra` [neurons, types]."""
    at = np.flatnonzero(extra.any(axis=1))
    columns, ends = block.synapses.shape[1], block.synapses.indptr[at + 1]
    data, indices = block.synapses.data, block.synapses.indices
    if len(at):
        data = np.insert(data, ends, (extra * encoding.values).sum(axis=1)[at])
        indices = np.insert(indices, ends, columns)
    indptr = block.synapses.indptr + np.concatenate([[0], np.cumsum(extra.any(axis=1))])
    synapses = sp.csr_array((data, indices, indptr), shape=(block.size, columns + 1))
    digits = np.insert(encoding.digits, ends, extra[at], axis=0) if len(at) else encoding.digits
    return Drive(replace(block, synapses=synapses,
                          feeds=(*block.feeds, Feed(ALWAYS, 1, on_chip=False))),
                  replace(encoding, digits=digits), leak)


@dataclass(frozen=True, eq=False)
class _Column:
    """Values of one neuron, and its copies of axons that deliver a constant: both are written."""

    values: Ints  # [types]
    extra: Ints  # [types]
    free: list[int]  # types of no weight of the neuron, first those of no weight of the block
    crossbar: Crossbar


def _within(column: _Column, low: int, high: int) -> bool:
    """Copies of one type whose sum lies from low to high, 0 not among them, if there are any."""
    values, extra, free = column.values, column.extra, column.free
    least = low if low > 0 else high  # the end that is nearest to 0
    sign = 1 if least > 0 else -1
    if free:
        kind, copies = free[0], -(-abs(least) // column.crossbar.weight_max)
        size = -(-abs(least) // copies)
    else:
        kind = int(np.argmax(values * sign))
        size = int(values[kind]) * sign
        if size <= 0:
            return False
        copies = -(-abs(least) // size)
    if not low <= sign * size * copies <= high:
        return False
    values[kind], extra[kind] = sign * size, copies
    return True


def _exact(column: _Column, amount: int, encoding: Encoding, n: int) -> bool:
    """Copies whose sum is the amount, of neuron n."""
    values, extra, free = column.values, column.extra, column.free
    factor, most = int(encoding.factor[n]), column.crossbar.weight_max
    if free:
        step = 1 if len(free) > 1 else abs(factor)
        size = abs(amount) if abs(amount) <= most else most // step * step
        values[free[0]] = size if amount > 0 else -size
        extra[free[0]] = abs(amount) // size
        amount -= int(values[free[0]] * extra[free[0]])
        if amount and len(free) > 1:
            values[free[1]], extra[free[1]] = amount, 1
            return True
    if not amount:
        return True
    if encoding.code[n] < 0 or amount % factor:
        return False
    code = CODES[column.crossbar.axon_types][int(encoding.code[n])]
    ratio = amount // factor
    best = max(code.values) if ratio > 0 else min(code.values)
    if not best:
        return False
    copies = ratio // best if ratio > 0 else -(ratio // -best)
    kind = code.values.index(best)
    extra[kind] += copies
    extra += code.digits[ratio - copies * best]
    return True
