"""Where the samples stand in a model's inputs: as the user says, else as the model's neurons say.

The axis of samples must never be one that the neurons take for time: four samples of ours would be
built as four ticks. Nothing is decided in silence (NC031), and nothing is built against what the user says
(NC030).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurocompile.capture.torch_model import TraceError
from neurocompile.diagnostics import Diagnostic, FindingsError, Location, UsageError
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.axes import Layouts, Role, layouts, shape_of
from neurocompile.ir.graph import Graph

Positions = tuple[int, ...]  # of the axis of samples, by input
BEHIND_TIME = 1
EXAMPLE = 16  # ticks, where a message needs a number


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A model, captured on samples that stand where it wants them."""

    positions: Positions
    graph: Graph
    notes: tuple[Diagnostic, ...]  # on what the model decided


def settle(ranks: Sequence[int], orders: Sequence[int | None],
           attempt: Callable[[Positions], Graph]) -> Arrangement:
    """The model, captured by `attempt` with the samples on these axes of its inputs.

    `ranks` are those of the inputs, `orders` what the user says of their axes of samples. Where that
    is None they stand in front, or behind time where the model's neurons take the first axis for
    time. Raises what `attempt` raises, and UsageError (NC030) where samples would be ticks.
    """
    first = tuple(axis or 0 for axis in orders)
    open_inputs = [k for k, axis in enumerate(orders) if axis is None and ranks[k] > BEHIND_TIME]
    try:
        graph = attempt(first)
    except TraceError:
        deepest = [k for k in open_inputs if ranks[k] == max(ranks)]
        other = _behind_time(first, deepest, attempt)
        if other is None:
            raise
        return other
    misread = _misread(graph, first)
    if not misread:
        return Arrangement(first, graph, ())
    other = _behind_time(first, [k for k in misread if k in open_inputs], attempt)
    if other is None:
        raise UsageError(_samples_as_time(graph, first, misread[0], orders[misread[0]] is not None))
    return other


def _behind_time(first: Positions, inputs: Sequence[int],
                 attempt: Callable[[Positions], Graph]) -> Arrangement | None:
    """The model with time in front of the samples of these inputs; None where it has it not there."""
    if not inputs:
        return None
    positions = tuple(BEHIND_TIME if k in inputs else axis for k, axis in enumerate(first))
    try:
        graph = attempt(positions)
    except (UsageError, FindingsError):  # what the first attempt says counts
        return None
    axes = layouts(graph)
    if _misread(graph, positions) or not all(_time_in_front(graph, axes, k) for k in inputs):
        return None
    return Arrangement(positions, graph, tuple(_note(graph, k) for k in inputs))


def _misread(graph: Graph, positions: Positions) -> list[int]:
    """The inputs whose axis of samples is time, or whose samples are on another axis."""
    axes, wrong = layouts(graph), []
    for k, (value, samples) in enumerate(zip(graph.model.graph.inputs, positions, strict=True)):
        batch = axes.positions(value, Role.BATCH)
        if samples in axes.positions(value, Role.TIME) or (batch and samples not in batch):
            wrong.append(k)
    return wrong


def _time_in_front(graph: Graph, axes: Layouts, k: int) -> bool:
    """Whether an input has time on its first axis, and its samples on the second."""
    value = graph.model.graph.inputs[k]
    ticks, samples, *_ = shape_of(value) or ()
    return (ticks == 1 or 0 in axes.positions(value, Role.TIME)) and (
        samples == 1 or BEHIND_TIME in axes.positions(value, Role.BATCH))


def _form(graph: Graph, k: int, samples: int) -> InputSizes:
    """An input's form with the samples on that axis."""
    shape = shape_of(graph.model.graph.inputs[k]) or ()
    return InputSizes((*shape[:samples], *shape[samples + 1:]), samples)


def _note(graph: Graph, k: int) -> Diagnostic:
    name, form = str(graph.model.graph.inputs[k].name), _form(graph, k, BEHIND_TIME)
    return Diagnostic("NC031", Location(name), {
        "input": name, "form": str(form)},
        hint=f"say it yourself: --input {form}, or --input {form.at(0)} for a model that takes the "
             "samples in front")


def _samples_as_time(graph: Graph, positions: Positions, k: int, as_said: bool) -> Diagnostic:
    axes, value, samples = layouts(graph), graph.model.graph.inputs[k], positions[k]
    form, shape = _form(graph, k, samples), shape_of(value) or ()
    as_time = samples in axes.positions(value, Role.TIME)
    role = "time: it would be built for as many ticks" if as_time else "data"
    behind = form.at(BEHIND_TIME) if len(form.sizes) > 1 else InputSizes(
        (EXAMPLE, *form.sizes), BEHIND_TIME)
    hint = f"say where the samples stand: --input {behind} for time in front of them"
    if as_said and samples:
        hint = f"say where the samples stand: --input {form.at(0)} for samples in front"
    if as_time and samples in axes.positions(value, Role.BATCH):
        role = "ticks and samples together"
        hint = "let the model take time on an axis of its own, as in [ticks, samples, ...]"
    return Diagnostic("NC030", Location(str(value.name)), {
        "input": str(value.name), "form": str(form), "samples": shape[samples], "axis": samples,
        "role": role}, hint=hint)
