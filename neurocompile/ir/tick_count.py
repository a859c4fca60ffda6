"""How many ticks a sample has in a Graph, and what says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurocompile.ir.axes import Layouts, layouts, shape_of
from neurocompile.ir.graph import TICKS_OPTION, Graph
from neurocompile.ir.input_axes import InputAxes, input_axes

Source = Literal["input", "option", "loop", "model", "none"]
"""An axis of an input, `--ticks`, a loop of the model, an axis that the model makes, nothing."""


@dataclass(frozen=True, slots=True)
class TickCount:
    """Ticks of a sample."""

    number: int
    source: Source
    inputs: tuple[InputAxes, ...]

    @property
    def reason(self) -> str:
        """What says so, in words."""
        if self.source == "input":
            return ", ".join(f"axis {one.ticks} of `{one.name}`, {one.form}" for one in self.inputs
                             if one.ticks is not None) + " (N: samples)"
        return {"option": "--ticks, of a model that computes one tick in a call",
                "loop": "a loop of the model", "model": "the model repeats its input",
                "none": "no axis of time in the input and no loop in the model"}[self.source]

    @property
    def words(self) -> str:
        """Number and reason."""
        return f"{self.number:,} tick{'s' * (self.number != 1)} a sample: {self.reason}"


def n_ticks_of(graph: Graph, axes: Layouts) -> int:
    """Ticks of a sample: the length of the neurons' time axis, or of the unrolled loop."""
    shapes = (shape_of(neuron.spikes) or (1,) for neuron in graph.neurons())
    return max([max(axes.tick_of.values(), default=0) + 1, *(shape[0] for shape in shapes)])


def tick_count(graph: Graph) -> TickCount:
    """How many ticks a sample has, and what says so."""
    axes = layouts(graph)
    inputs, number = input_axes(graph, axes), n_ticks_of(graph, axes)
    source: Source = "none"
    if any(one.ticks is not None for one in inputs):
        source = "input"
    elif graph.info.get(TICKS_OPTION) is not None:
        source = "option"
    elif axes.tick_of:
        source = "loop"
    elif number > 1:
        source = "model"
    return TickCount(number, source, inputs)
