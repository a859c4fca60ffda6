"""Place: parts of a partition onto cores of the mesh.

As few chips as hold all parts are used. What is minimized is the way of all messages in hops, a
chip border counting as several, and then the load of busy links. The best of three starts is
annealed, or beyond MANY cores pulled together; the result is never worse than that start, neither
in the way of messages nor in the load of the busiest link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.mapping import CoreId, Partition, Placement
from neurocompile.passes.placing.anneal import anneal, pull, way
from neurocompile.passes.placing.mesh import Mesh
from neurocompile.passes.placing.relieve import link_loads, relieve
from neurocompile.passes.placing.starts import along_hilbert, spectral
from neurocompile.passes.placing.traffic import Traffic
from neurocompile.target import Target

MANY = 20_000  # cores beyond which annealing has too few moves for each
MOVES, MOST_MOVES = 10_000, 6_000_000  # tried by annealing: per core, in all
HOT, COLD = 0.5, 1e-4  # temperatures, in shares of the start's way per core
SWEEPS = 50  # of the force-directed search
RELIEFS, MOST_RELIEFS = 200, 200_000  # swaps tried for links: per core, in all
CONGESTION = 0.5  # way that the links' loads are worth, in shares of all
CROSSING = 4  # hops that a chip border counts more; no published figure, assumed
QUIET = 0.01  # messages that an axon counts beside the measured ones

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def place(partition: Partition, target: Target, traffic: Traffic | None = None) -> Placement:
    """A core for each part. Raises FindingsError (NC501) when there are not enough.

    Without traffic, or where no core talks to another, parts follow a snake, producers first.
    """
    count, limit = len(partition.cores), target.total_cores
    if count > limit:
        raise FindingsError(Diagnostic(
            "NC501", values={"needed": count, "limit": f"{limit} cores of {target.name}"}))
    mesh = Mesh.of(target)
    slots = mesh.snake(count)
    if traffic is None or count < 3:
        return Placement(tuple(slots[:count]))
    problem = PlacementProblem.of(traffic, mesh, slots)
    if not problem.ids.size:
        return Placement(tuple(slots[:count]))
    return Placement(tuple(slots[s] for s in problem.solve().tolist()))


@dataclass(frozen=True, eq=False)
class PlacementProblem:
    """Messages between cores, as `anneal` and `relieve` read them, and the slots for cores."""

    ptr: Ints
    ids: Ints
    outward: Floats
    inward: Floats
    column: Ints  # of slots on the board
    row: Ints
    x: Ints  # the same, with chip borders counted
    y: Ints

    @staticmethod
    def of(traffic: Traffic, mesh: Mesh, slots: Sequence[CoreId]) -> PlacementProblem:
        """Traffic between different cores, and slots on a mesh."""
        between = (traffic.source >= 0) & (traffic.source != traffic.destination)
        a, b = traffic.source[between], traffic.destination[between]
        amount = traffic.messages[between] + QUIET * traffic.axons[between]
        shape, none = (traffic.n_cores, traffic.n_cores), np.zeros(len(a))
        ends = (np.concatenate([a, b]), np.concatenate([b, a]))
        outward = sp.csr_array((np.concatenate([amount, none]), ends), shape=shape)
        inward = sp.csr_array((np.concatenate([none, amount]), ends), shape=shape)
        for matrix in (outward, inward):  # the same pairs in the same order
            matrix.sum_duplicates()
        column, row = mesh.position(slots)
        return PlacementProblem(
            ptr=outward.indptr.astype(np.int64), ids=outward.indices.astype(np.int64),
            outward=outward.data, inward=inward.data, column=column, row=row,
            x=column + CROSSING * (column // mesh.width),
            y=row + CROSSING * (row // mesh.height))

    @property
    def n_cores(self) -> int:
        """Cores to place."""
        return len(self.ptr) - 1

    @cached_property
    def weight(self) -> Floats:
        """Messages of each pair, both directions."""
        return self.outward + self.inward

    @cached_property
    def grid(self) -> Ints:
        """The slot at each row and column of the board, -1 where there is none."""
        grid = np.full((int(self.row.max()) + 1, int(self.column.max()) + 1), -1, np.int64)
        grid[self.row, self.column] = np.arange(len(self.row))
        return grid

    def way(self, at: Ints) -> float:
        """Hops of all messages per tick, chip borders counted, for cores in slots `at`."""
        return float(way(self.ptr, self.ids, self.weight, at, self.x, self.y))

    def peak(self, at: Ints) -> float:
        """Messages per tick on the busiest link."""
        return float(link_loads(self.ptr, self.ids, self.outward, at, self.column, self.row,
                                *self.grid.shape).max())

    def starts(self) -> dict[str, Ints]:
        """Placements to begin with, by name."""
        graph = sp.csr_array((self.weight, self.ids, self.ptr), shape=(self.n_cores, self.n_cores))
        return {"snake": np.arange(self.n_cores),
                "hilbert": along_hilbert(self.column, self.row, self.n_cores),
                "spectral": spectral(graph, self.column, self.row)}

    def solve(self) -> Ints:
        """The slot of each core."""
        start = min(self.starts().values(), key=self.way)
        solutions = [start, self.improve(start)]
        solutions.append(self.relieve(solutions[-1]))
        most, highest = self.way(start), self.peak(start)
        return next(at for at in reversed(solutions)
                    if self.way(at) <= most and self.peak(at) <= highest)

    def improve(self, at: Ints) -> Ints:
        """Shorter ways, whatever the links carry."""
        graph = (self.ptr, self.ids, self.weight, at, self.x, self.y, self.column, self.row,
                 self.grid)
        if self.n_cores > MANY:
            return np.asarray(pull(*graph, SWEEPS))
        per_core = self.way(at) / self.n_cores
        return np.asarray(anneal(*graph, min(MOVES * self.n_cores, MOST_MOVES), HOT * per_core,
                                 COLD * per_core))

    def relieve(self, at: Ints) -> Ints:
        """Less load on busy links, at little more way."""
        return np.asarray(relieve(
            self.ptr, self.ids, self.outward, self.inward, at, self.x, self.y, self.column,
            self.row, self.grid, min(RELIEFS * self.n_cores, MOST_RELIEFS), CONGESTION))
