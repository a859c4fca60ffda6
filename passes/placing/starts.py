"""Starts: placements made in one step, which annealing improves.

A start gives each core a slot. All but the snake use the slots of a nearly square region.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh

from neurocompile.passes.placing.neuron_orders import hilbert

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEW = 64  # cores up to which all eigenvectors are computed
SHIFT = -1e-3  # of the mean degree: below all eigenvalues, which start at 0


def region(column: Ints, row: Ints, count: int) -> Ints:
    """Slots of the smallest square at the board's first corner that holds as many, row by row."""
    slots = np.lexsort((column, row, np.maximum(column, row)))[:count]
    return slots[np.lexsort((column[slots], row[slots]))]


def along_hilbert(column: Ints, row: Ints, count: int) -> Ints:
    """Cores in their order along a Hilbert curve."""
    slots = region(column, row, count)
    side = 1 << int(max(column[slots].max(), row[slots].max())).bit_length()
    step = np.empty(side * side, np.int64)
    step[hilbert(side)] = np.arange(side * side)
    return slots[np.argsort(step[row[slots] * side + column[slots]], kind="stable")]


def spectral(graph: sp.csr_array, column: Ints, row: Ints) -> Ints:
    """Cores by the two slowest modes of their traffic (Hall 1970).

    Sorted by the first they fill the region line by line across its longer side; in a line they
    are sorted by the second. `graph`: symmetric messages between at least three cores.
    """
    count = graph.shape[0]
    slots = region(column, row, count)
    line, along = row[slots], column[slots]
    if along.max() > line.max():
        line, along = along, line
    first, second = _modes(graph)
    by_line = slots[np.lexsort((along, line))]
    order = np.argsort(first, kind="stable")
    of_line = np.sort(line)
    order = order[np.lexsort((second[order], of_line))]
    at = np.empty(count, np.int64)
    at[order] = by_line
    return at


def _modes(graph: sp.csr_array) -> tuple[Floats, Floats]:
    """Eigenvectors of the second and third smallest eigenvalue of the Laplacian."""
    size = graph.shape[0]
    degree = graph.sum(axis=1)
    laplacian = sp.csc_array(sp.diags_array(degree) - graph)
    if size <= FEW:
        vectors = np.linalg.eigh(laplacian.toarray())[1]
    else:
        start = 1 + np.arange(size) / size  # any fixed vector that holds all modes
        values, vectors = eigsh(laplacian, k=3, sigma=SHIFT * degree.sum() / size, v0=start)
        vectors = vectors[:, np.argsort(values)]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    signed = vectors * np.where(largest < 0, -1.0, 1.0)
    return signed[:, 1], signed[:, 2]
