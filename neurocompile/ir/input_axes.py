"""Where the inputs of a Graph have their samples and their ticks, and arrays of samples for them.

A file of samples has the samples in front and all other axes as the model has them. A Network reads
[samples, ticks, *shape], or [samples, *shape] of what is the same in each tick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurocompile.input_sizes import InputSizes
from neurocompile.ir.axes import Atom, Layout, Layouts, Role, layouts, shape_of
from neurocompile.ir.axis_arrays import by_sample
from neurocompile.ir.graph import Graph
from neurocompile.ir.operators import Array


@dataclass(frozen=True, slots=True)
class InputAxes:
    """The axes of an input of a Graph."""

    name: str
    shape: tuple[int, ...]  # as captured
    samples: int  # which axis counts samples
    ticks: int | None  # which counts ticks; None where it has none, or they are one
    layout: Layout  # of all axes

    @property
    def form(self) -> InputSizes:
        """Its sizes without the samples, and where these stand."""
        return InputSizes((*self.shape[:self.samples], *self.shape[self.samples + 1:]), self.samples)

    def for_network(self, array: Array) -> Array:
        """An array of a file [samples, *form.sizes] as a Network reads it."""
        if self.ticks is None:
            return array
        one_sample = (*self.layout[:self.samples], *self.layout[self.samples + 1:])
        by_tick = by_sample(array, ((Atom(-1, len(array), Role.BATCH),), *one_sample))
        shape = [math.prod(atom.size for atom in atoms if atom.role is not Role.TIME)
                 for atoms in one_sample if len(atoms) != 1 or atoms[0].role is not Role.TIME]
        return by_tick.reshape(*by_tick.shape[:2], *shape)

    def from_model(self, array: Array) -> Array:
        """An array as the model takes it, as a Network reads it."""
        return self.for_network(np.moveaxis(array, self.samples, 0))


def input_axes(graph: Graph, axes: Layouts | None = None) -> tuple[InputAxes, ...]:
    """The axes of all inputs, in their order. `axes`: the graph's, where they are axes."""
    axes = layouts(graph) if axes is None else axes
    result = []
    for value in graph.model.graph.inputs:
        shape = shape_of(value) or ()
        time, batch = (sorted(axes.positions(value, role)) for role in (Role.TIME, Role.BATCH))
        others = [axis for axis in range(len(shape)) if axis not in time]
        samples = next(iter((*batch, *others)), 0)
        result.append(InputAxes(
            name=str(value.name), shape=shape, samples=samples, ticks=next(iter(time), None),
            layout=axes.layout(value) or tuple(() for _ in shape)))
    return tuple(result)
