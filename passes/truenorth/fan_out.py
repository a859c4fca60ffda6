"""Fan-out: a neuron has one target, so it needs a copy of itself for each axon that it sets.

Copies in its own core cost no time. Where they take too many slots, some copies set splitters:
axons of other cores whose relays, up to a core full, set an axon each, at least a tick later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.passes.truenorth.blocks import Block

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Demand:
    """[neurons] Axons, and lines to the host, that each neuron has to set."""

    total: Ints
    at_once: Ints  # those that cannot wait for a splitter: the host's lines, feedback


def copies(demand: Demand, most: int, core: int) -> Ints:
    """Slots of each neuron: a copy for each axon where they are no more than `most`.

    Of others, copies for what cannot wait, and as many as splitters of `core` neurons need.
    """
    rest = demand.total - demand.at_once
    split = demand.at_once + -(-rest // core)
    return np.asarray(np.where(demand.total <= max(most, 1), np.maximum(demand.total, 1), split),
                      np.int64)


def too_many_copies(block: Block, demand: Demand, core: int) -> Iterator[Diagnostic]:
    """NC435 where even with splitters a neuron's copies do not fit its core of so many neurons."""
    n_copies = int(copies(demand, 1, core).max(initial=0))
    if n_copies > core:
        yield Diagnostic("NC435", block.where, {
            "module": block.where.module or block.population, "needed": n_copies,
            "limit": core})
