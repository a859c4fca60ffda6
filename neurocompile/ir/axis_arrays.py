"""Arrays of a Graph's values by sample and tick, and back: what a Network reads and gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.axes import Atom, Layout, Role


def by_sample(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """A value's array as [samples, ticks, elements]; an axis that it does not have has length 1.

    Elements are in the order of the value's data axes, as populations count their neurons.
    """
    atoms = _atoms(layout)
    split = array.reshape([atom.size for atom in atoms])
    return split.transpose(_order(atoms)).reshape(*_outer(atoms), -1)


def in_layout(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """The array of a value from [samples, ticks, elements]: the inverse of `by_sample`."""
    atoms = _atoms(layout)
    order = _order(atoms)
    split = array.reshape([atoms[position].size for position in order])
    return split.transpose(np.argsort(order)).reshape(
        [math.prod(atom.size for atom in dim) for dim in layout])


def _atoms(layout: Layout) -> list[Atom]:
    return [atom for dim in layout for atom in dim]


def _order(atoms: Sequence[Atom]) -> list[int]:
    """The positions of atoms, those of batch first, then time, then data."""
    rank = {Role.BATCH: 0, Role.TIME: 1}
    return sorted(range(len(atoms)), key=lambda position: rank.get(atoms[position].role, 2))


def _outer(atoms: Sequence[Atom]) -> tuple[int, int]:
    """Samples and ticks."""
    samples, ticks = (math.prod(atom.size for atom in atoms if atom.role is role)
                      for role in (Role.BATCH, Role.TIME))
    return samples, ticks
