"""Typed results of mapping: which slice of which population sits on which core, and where.

`Partition`, `Placement` and `Routing` are separate types, so a stage that has not run is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CoreSlice:
    """Positions `start..stop-1` of a population's neuron order."""

    population: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Neurons."""
        return self.stop - self.start


@dataclass(frozen=True, eq=False)
class Partition:
    """Core-sized parts. `orders[p]` lists the neurons of population p in mapping order."""

    orders: Mapping[str, NDArray[np.int64]]
    order_names: Mapping[str, str]  # how each was made: "chw", "hilbert/2", "band/4", ...
    cores: tuple[tuple[CoreSlice, ...], ...]

    def neurons(self, piece: CoreSlice) -> NDArray[np.int64]:
        """Flat indices (C order of the population's shape) of a slice's neurons."""
        return self.orders[piece.population][piece.start:piece.stop]

    def assignment(self) -> dict[str, NDArray[np.int64]]:
        """Core number of each neuron of each population, by flat index; -1: on no core."""
        result = {name: np.full(len(order), -1, np.int64) for name, order in self.orders.items()}
        for number, pieces in enumerate(self.cores):
            for piece in pieces:
                result[piece.population][self.neurons(piece)] = number
        return result

    def core_of(self, population: str) -> NDArray[np.int64]:
        """Core number of each neuron of one population, by flat index."""
        return self.assignment()[population]


@dataclass(frozen=True, slots=True)
class CoreId:
    """Where a core is: chip number, column and row in the chip's mesh."""

    chip: int
    x: int
    y: int


@dataclass(frozen=True, eq=False)
class Placement:
    """`cores[k]` is where part k of the partition sits."""

    cores: tuple[CoreId, ...]


@dataclass(frozen=True, eq=False)
class Routing:
    """Which cores send to which, over which links.

    `source`, `destination`: core numbers, `-1` as source for off-chip inputs; `axons`: output
    axons (source neurons) of the pair; `messages`: expected messages per tick, `axons` times the
    sources' firing rates where measured, else `axons`. `hops`: mesh links on the way (chip
    crossings count as one each).
    """

    source: NDArray[np.int64]
    destination: NDArray[np.int64]
    axons: NDArray[np.int64]
    messages: NDArray[np.float64]
    hops: NDArray[np.int64]
    link_loads: Mapping[str, float]  # "chip:x,y>chip:x,y", neighbors -> messages per tick
    measured: bool  # whether `messages` rest on measured firing rates

    @property
    def off_chip(self) -> NDArray[np.bool_]:
        """Pairs whose source is off chip. They take no hops: where they enter is not modeled."""
        return np.asarray(self.source < 0)

    @property
    def between_cores(self) -> NDArray[np.bool_]:
        """Pairs of two different cores."""
        return np.asarray((self.source >= 0) & (self.source != self.destination))


@dataclass(frozen=True, eq=False)
class ChipMapping:
    """Partition, placement and routing of one network on one target."""

    partition: Partition
    placement: Placement
    routing: Routing
