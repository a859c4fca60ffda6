"""Where a Graph is cut: the chip's part ends with the last neurons that fire, the rest is the host's.

A neuron fires for the network when somebody reads its spikes. What only leaky integrators and other
neurons whose spikes nobody reads stand behind is no business of a chip: the host computes it from
the spikes of each tick.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.axes import Layouts, Role
from neurocompile.ir.graph import Graph, constant
from neurocompile.ir.neuron_node import as_neuron
from neurocompile.passes.legality.functions import Affines
from neurocompile.passes.legality.ticks import joined_axes
from neurocompile.passes.legality.walk import producer, reads, upstream
from neurocompile.semantics.floating import STATE_WORDS

STEPS = frozenset({"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Sign", "Round", "Floor",
                   "Ceil"})  # a layer of spikes may hide behind them


@dataclass(frozen=True, eq=False)
class Obstacle:
    """Why the host cannot compute an output from a sample's spikes."""

    reason: str
    node: ir.Node | None  # where; None: at the output itself
    mixes_samples: bool = False


@dataclass(frozen=True, eq=False)
class Cut:
    """The two parts of a Graph."""

    chip: frozenset[ir.Node]  # neurons that fire, and all that they depend on
    outputs: Mapping[int, ir.Value]  # that are wanted, by their numbers
    obstacles: Mapping[int, Obstacle]  # of those that have one
    affine: Affines  # functions of spikes

    served: bool  # whether any output is left

    @property
    def live(self) -> frozenset[ir.Node]:
        """The nodes that an output depends on."""
        return _live(self.outputs.values(), self.affine)

    def tail(self, output: ir.Value) -> frozenset[ir.Node]:
        """What the host computes an output with, from spikes and the model's inputs."""
        return tail(output, self.chip)


def cut(graph: Graph, axes: Layouts, affine: Affines, names: Sequence[str] = ()) -> Cut:
    """The chip's part of a Graph, and the outputs that the host cannot compute.

    `affine` are its functions of spikes, however they are written; `names` those of the outputs that
    are wanted, or their numbers: all, if there is none. Raises UsageError (NC009) for another name.
    """
    outputs = wanted_outputs(graph, names)
    live = _live(outputs.values(), affine)
    chip = upstream(_firing(graph, live, outputs.values(), affine), affine, through_neurons=True)
    conflicts = {one.node for one in axes.conflicts if Role.BATCH in one.roles}
    obstacles = {number: obstacle for number, value in outputs.items() if (
        obstacle := next(_obstacles(graph, value, chip, axes, conflicts, affine), None)
    ) is not None}
    return Cut(chip, outputs, obstacles, affine, len(obstacles) < len(outputs))


def wanted_outputs(graph: Graph, names: Sequence[str]) -> dict[int, ir.Value]:
    """The outputs of these names, or of these numbers, by number; all, if there is no name.

    An output is called by its key or path in what the model returns. Raises UsageError (NC009).
    """
    outputs = dict(enumerate(graph.model.graph.outputs))
    paths = [str(entry["path"]) for entry in graph.info.get("outputs", ()) if "value" not in entry]
    numbers = {str(number): number for number in outputs}
    for number, path in enumerate(paths):
        numbers |= {path: number, re.sub(r"^\['(.*)'\]$", r"\1", path): number}
    for name in names:
        if name not in numbers:
            keys = ", ".join(f"{number}{f' or {path}' if path else ''}" for number, path in enumerate(paths))
            raise UsageError(Diagnostic("NC009", values={
                "option": "--outputs", "value": f"`{name}`",
                "reason": f"the model has no such output; it has {keys or f'0 to {len(outputs) - 1}'}"}))
    return {number: outputs[number] for number in sorted({numbers[name] for name in names})} or outputs


def _live(outputs: Iterable[ir.Value], affine: Affines) -> frozenset[ir.Node]:
    return upstream((value.producer() for value in outputs), affine, through_neurons=True)


def tail(output: ir.Value, chip: frozenset[ir.Node]) -> frozenset[ir.Node]:
    """The nodes that an output depends on behind the neurons of the chip."""
    nodes: set[ir.Node] = set()
    stack = [output.producer()]
    while stack:
        node = stack.pop()
        if node is None or node in nodes or _of_chip(node, chip):
            continue
        nodes.add(node)
        stack.extend(map(producer, reads(node)))
    return frozenset(nodes)


def _firing(graph: Graph, live: frozenset[ir.Node], outputs: Iterable[ir.Value], affine: Affines
            ) -> Iterator[ir.Node]:
    """The neurons whose spikes somebody reads."""
    read = {id(value) for value in outputs} | {
        id(value) for node in live
        for value in ((affine[node].base,) if node in affine else reads(node)) if value is not None}
    neurons = [neuron for neuron in graph.neurons() if neuron.node in live]
    modules = {neuron.module for neuron in neurons
               if id(neuron.spikes) in read and graph.profile(neuron).model != "LI"}
    return (neuron.node for neuron in neurons if neuron.module in modules)


def _obstacles(graph: Graph, output: ir.Value, chip: frozenset[ir.Node], axes: Layouts,
               conflicts: set[ir.Node], affine: Affines) -> Iterator[Obstacle]:
    """What keeps the host from computing an output, in the order of the program."""
    if not axes.is_dynamic(output):
        yield Obstacle("a constant", None)
        return
    nodes = tail(output, chip)
    for node in graph.nodes():
        if node in nodes:
            yield from (one for value in reads(node) for one in _state(value, chip, node))
            if node.op_type in STEPS and node not in affine and not any(map(_infinite, node.inputs)):
                yield Obstacle(f"{node.op_type}, a threshold that is no known neuron's", node)
            yield from _by_axes(node, axes, conflicts)
    yield from _state(output, chip, None)


def _state(value: ir.Value | None, chip: frozenset[ir.Node], reader: ir.Node | None
           ) -> Iterator[Obstacle]:
    """A state of a neuron that fires: it stays on the chip."""
    neuron = as_neuron(producer(value))
    if neuron is not None and neuron.node in chip and value is not neuron.spikes:
        name = next(name for name, final in neuron.final.items() if final is value)
        word = STATE_WORDS.get(name, f"state {name}")
        yield Obstacle(f"{word} of {neuron.module}", reader or neuron.node)


def _by_axes(node: ir.Node, axes: Layouts, conflicts: set[ir.Node]) -> Iterator[Obstacle]:
    if node in conflicts or any(axes.positions(value, Role.BATCH) & own
                                for value, own in joined_axes(node)):
        yield Obstacle(f"{node.op_type} over the samples of a batch", node, mixes_samples=True)
    if any(axes.is_dynamic(value) and axes.layout(value) is None for value in node.outputs):
        yield Obstacle(f"{node.op_type}, whose axes cannot be followed", node)


def _infinite(value: ir.Value | None) -> bool:
    """Whether a value is a bound that no finite number passes."""
    array = constant(value)
    return array is not None and array.dtype.kind == "f" and bool(np.isinf(array).all())


def _of_chip(node: ir.Node, chip: frozenset[ir.Node]) -> bool:
    return node in chip and as_neuron(node) is not None
