"""Axes that an unrolled loop cuts into its ticks: `for t in range(T): lif(fc(x[t]))`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import onnx_ir as ir

from neurocompile.ir.axis_space import integers, shape_of
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import as_neuron

Span = tuple[int, int]  # first entry and number of entries


def time_by_selection(graph: Graph, tick_of: Mapping[str, int]) -> frozenset[tuple[str, int]]:
    """(value, axis) where part t, of T equal parts, reaches the loop's neurons from tick t on.

    `tick_of` gives the tick of each neuron node's first output; other neurons count as none.
    """
    n_ticks = max(tick_of.values(), default=0) + 1
    if n_ticks == 1:
        return frozenset()
    ticks_behind = _ticks_behind(graph, tick_of)
    parts: dict[tuple[str, int], dict[Span, set[int]]] = defaultdict(lambda: defaultdict(set))
    for node in graph.nodes():
        for value, axis, part, output in _selections(node):
            parts[value, axis][part] |= ticks_behind.get(output.name or "", set())
    sizes = {(value.name, axis): size for node in graph.nodes() for value in node.inputs
             if value is not None and value.name is not None
             for axis, size in enumerate(shape_of(value) or ())}
    return frozenset(key for key, ticks_of in parts.items()
                     if sizes[key] % n_ticks == 0
                     and _ticks(ticks_of, sizes[key] // n_ticks, n_ticks))


def _ticks(ticks_of: Mapping[Span, set[int]], length: int, n_ticks: int) -> bool:
    """Whether the parts have that length, and each reaches its own tick, or one of the same delay.

    All T of them are there, but for the last, whose delays may lead beyond the loop.
    """
    parts = [(tick * length, length) for tick in range(n_ticks)]
    present = [ticks_of[part] for part in parts if part in ticks_of]
    if not present or len(present) != len(ticks_of) or parts[:len(present)] != sorted(ticks_of):
        return False
    delays = {min(ticks, default=-1) - tick for tick, ticks in enumerate(present)}
    return len(delays) == 1 and min(delays) >= 0


def _ticks_behind(graph: Graph, tick_of: Mapping[str, int]) -> dict[str, set[int]]:
    """The ticks of the loop's neurons that each value reaches without a neuron in between.

    -1 stands for a neuron outside of the loop.
    """
    ticks: dict[str, set[int]] = defaultdict(set)
    for node in reversed(list(graph.nodes())):
        neuron = as_neuron(node)
        if neuron is not None:
            if neuron.current is not None and neuron.current.name is not None:
                ticks[neuron.current.name].add(tick_of.get(neuron.train, -1))
            continue
        below = set[int]().union(*(ticks.get(v.name or "", set()) for v in node.outputs))
        for value in node.inputs:
            if value is not None and value.name is not None:
                ticks[value.name] |= below
    return ticks


def _selections(node: ir.Node) -> Iterator[tuple[str, int, Span, ir.Value]]:
    """The parts of one axis of a value that a node takes: the value's name, axis, part, output."""
    if node.domain != "" or node.op_type not in ("Gather", "Split", "Slice"):
        return
    value, shape = node.inputs[0], shape_of(node.inputs[0])
    if value is None or value.name is None or shape is None:
        return
    if node.op_type == "Gather":
        axis = node.attributes.get_int("axis", 0) % len(shape)
        index = integers(node.inputs[1])
        if index is not None and len(index) == 1:
            yield value.name, axis, (index[0] % shape[axis], 1), node.outputs[0]
    elif node.op_type == "Split":
        axis, start = node.attributes.get_int("axis", 0) % len(shape), 0
        for output in node.outputs:
            count = (shape_of(output) or shape)[axis]
            yield value.name, axis, (start, count), output
            start += count
    elif node.op_type == "Slice":
        starts, axes = integers(node.inputs[1]), integers(node.inputs[3])
        steps = integers(node.inputs[4]) if len(node.inputs) > 4 else [1]
        result = shape_of(node.outputs[0])
        if result is not None and starts and len(starts) == 1 and axes and steps == [1]:
            axis = axes[0] % len(shape)
            start = min(starts[0] + shape[axis] if starts[0] < 0 else starts[0], shape[axis])
            yield value.name, axis, (start, result[axis]), node.outputs[0]
