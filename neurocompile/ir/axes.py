"""Which axes of every tensor of a Graph are time and batch, followed through reshapes.

Every dimension is an ordered product of atoms (outermost first); a dimension of size 1 has none.
A neuron names its input's axes: axis 0 is time, axis 1 starts with batch, the rest is data.
Model inputs start with unknown atoms, which get their role at the first neuron they reach.
Unrolled loops (neurons with one tick, several per module) have no time axis; there every value
carries the ticks of the spikes it is made of, until a Concat of all ticks in order makes a time
axis of them again. An axis that a loop cuts into its ticks (`x[t]`) is time as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from neurocompile.ir.axis_rules import follow
from neurocompile.ir.axis_selections import time_by_selection
from neurocompile.ir.axis_space import Conflict, Role, Space, shape_of
from neurocompile.ir.graph import Graph

__all__ = ["Atom", "Conflict", "Layout", "Layouts", "Role", "layouts", "shape_of"]


@dataclass(frozen=True, slots=True)
class Atom:
    """An axis that was never split. Equal atoms run over the same index."""

    number: int
    size: int
    role: Role


Layout = tuple[tuple[Atom, ...], ...]


@dataclass(frozen=True, eq=False)
class Layouts:
    """The axes of every value that depends on the model's input. Keys are value names."""

    dims: Mapping[str, Layout | None]  # None: cannot be followed
    ticks: Mapping[str, frozenset[int]]  # of the spikes it is made of; unrolled loops only
    tick_of: Mapping[str, int]  # neuron node's first output -> its tick in an unrolled loop
    conflicts: tuple[Conflict, ...]

    def layout(self, value: ir.Value | None) -> Layout | None:
        """Atoms per dimension; None for a static value or one that cannot be followed."""
        return None if value is None or value.name is None else self.dims.get(value.name)

    def positions(self, value: ir.Value | None, role: Role) -> frozenset[int]:
        """The dimensions of a value that contain an atom of that role."""
        layout = self.layout(value) or ()
        return frozenset(axis for axis, atoms in enumerate(layout)
                         if any(atom.role is role for atom in atoms))

    def is_dynamic(self, value: ir.Value | None) -> bool:
        """Whether the value depends on the model's input or on a neuron."""
        return value is not None and value.name in self.dims


def layouts(graph: Graph) -> Layouts:
    """The layouts of all values of a graph, in one walk."""
    space = Space(_unrolled_ticks(graph))
    space.tick_axes = time_by_selection(graph, space.tick_of)
    space.batch = space.fresh(_batch_size(graph), Role.BATCH)
    for value in graph.model.graph.inputs:
        if value.const_value is None:
            space.set(value, space.fresh_like(shape_of(value)))
    for node in graph.nodes():
        follow(node, space)
    return _finish(space)


def _unrolled_ticks(graph: Graph) -> dict[str, int]:
    """First output of each one-tick neuron -> its rank among the nodes of its module.

    The rank of a module that occurs once says nothing (T is 1, or it is no loop) and is left out.
    """
    single = []
    for neuron in graph.neurons():
        shape = shape_of(neuron.current) or shape_of(neuron.spikes)
        if shape and shape[0] == 1:
            single.append(neuron)
    counts = Counter(neuron.module for neuron in single)
    ranks: Counter[str] = Counter()
    ticks: dict[str, int] = {}
    for neuron in single:
        module = neuron.module
        if counts[module] > 1 and neuron.train:
            ticks[neuron.train] = ranks[module]
            ranks[module] += 1
    return ticks


def _batch_size(graph: Graph) -> int:
    """The largest batch that every neuron's axis 1 can start with."""
    shapes = [shape_of(neuron.current) for neuron in graph.neurons()]
    return math.gcd(*(shape[1] for shape in shapes if shape is not None and len(shape) > 1)) or 1


def _finish(space: Space) -> Layouts:
    def atoms(numbers: tuple[int, ...]) -> tuple[Atom, ...]:
        return tuple(Atom(n, space.sizes[n], space.roles[n]) for n in space.resolve(numbers))

    dims = {name: None if numbers is None else tuple(atoms(d) for d in numbers)
            for name, numbers in space.dims.items()}
    return Layouts(dims, space.ticks, space.tick_of, tuple(space.conflicts))
