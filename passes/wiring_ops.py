"""Ops that only move elements, as operators on forms.

Where each output element comes from is found by running the op itself on element numbers instead
of values, so there is no code per op. Time is special: a slice of it is one tick, and a join of
all ticks of a loop is a time axis again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.ir.axes import Role
from neurocompile.ir.graph import constant
from neurocompile.ir.operators import Operator, wiring
from neurocompile.passes.forms import ALIGNED, Form, Source, equal
from neurocompile.passes.lowering_walk import (
    Walk,
    data_sizes,
    element_numbers,
    evaluate,
    layout_of,
    one_tick,
    shape_of,
    unsupported,
)

WIRING = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "CastLike", "Dropout",
          "Transpose", "Slice", "Gather", "Concat", "Pad", "Expand", "Tile", "Split", "Resize",
          "DepthToSpace", "SpaceToDepth"}
UNMOVED = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "CastLike", "Dropout"}


def _wired(walk: Walk, node: ir.Node) -> None:
    """Ops that only move elements."""
    if node.op_type in UNMOVED:
        form = walk.form(node.inputs[0])
        if form is not None:
            walk.forms[str(node.outputs[0].name)] = form
        return
    for number, output in enumerate(node.outputs):
        total: Form | None = None
        for position, value in enumerate(node.inputs):
            form = walk.form(value)
            if form is None:
                continue
            key = ("wiring", _signature(node), position, number, shape_of(value))
            moved = form.through(walk.made(key, partial(_trace, walk, node, position, number)))
            total = moved if total is None else total.plus(moved)
        if total is not None:
            if node.op_type == "Concat":
                total = total.shifted(_static_part(walk, node))
            walk.forms[str(output.name)] = total


def _signature(node: ir.Node) -> tuple[object, ...]:
    attributes = tuple(sorted((k, str(a.value)) for k, a in node.attributes.items()))
    statics = tuple(None if v is None else (a := constant(v)) is not None and a.tobytes()
                    for v in node.inputs)
    return (node.op_type, attributes, statics)


def _static_part(walk: Walk, node: ir.Node) -> NDArray[np.float64]:
    """What the static operands of a Concat put into one tick of its result."""
    feeds = {str(v.name): np.zeros(shape_of(v)) if a is None else np.asarray(a, np.float64)
             for v in node.inputs if v is not None for a in [constant(v)]}
    layout = layout_of(walk, node.outputs[0], node)
    return np.asarray(one_tick(evaluate(node, feeds)[0], layout, node))


def _trace(walk: Walk, node: ir.Node, position: int, number: int) -> Operator:
    """The wiring from one input of a node to one of its outputs."""
    layout = layout_of(walk, node.outputs[number], node)
    feeds: dict[str, NDArray[Any]] = {}
    for place, value in enumerate(node.inputs):
        if value is None:
            continue
        static = constant(value)
        if static is not None:
            feeds[str(value.name)] = np.zeros(static.shape) if node.op_type == "Concat" else static
            continue
        shape = shape_of(value)
        numbers = element_numbers(layout_of(walk, value, node), shape)
        own = place == position
        feeds[str(value.name)] = (numbers + 1 if own else np.zeros(shape)).astype(np.float64)
    index = one_tick(evaluate(node, feeds)[number], layout, node).astype(np.int64) - 1
    source = node.inputs[position]
    sizes = data_sizes(layout_of(walk, source, node))
    return wiring(sizes, data_sizes(layout), index)


def _time_slice(walk: Walk, node: ir.Node) -> bool:
    """`x[t]`: one tick of a value with a time axis. Whether the node was that."""
    value, output = node.inputs[0], node.outputs[0]
    form = walk.form(value)
    if value is None or form is None or not walk.layouts.positions(value, Role.TIME):
        return False
    if walk.layouts.positions(output, Role.TIME):
        return False
    layout = layout_of(walk, value, node)
    shape = shape_of(value)
    ticks = np.zeros([a.size for dim in layout for a in dim])
    axis = next(i for i, a in enumerate([a for dim in layout for a in dim]) if a.role is Role.TIME)
    ticks = ticks + np.arange(ticks.shape[axis]).reshape(
        [-1 if i == axis else 1 for i in range(ticks.ndim)])
    feeds = {str(v.name): a for v in node.inputs[1:] if v is not None
             and (a := constant(v)) is not None}
    feeds[str(value.name)] = ticks.reshape(shape)
    result = evaluate(node, feeds)[0]
    tick = int(result.reshape(-1)[0])
    if not np.all(result == tick):
        raise unsupported(node, "it takes several ticks apart")
    walk.forms[str(output.name)] = form.at(
        lambda s: Source(s.name, tick) if s.when == ALIGNED else s)
    return True


def _taken(walk: Walk, node: ir.Node) -> None:
    if not _time_slice(walk, node):
        _wired(walk, node)


def _joined(walk: Walk, node: ir.Node) -> None:
    """Concat: along data it is wiring; along time it puts the ticks of a loop together again."""
    axis = int(node.attributes["axis"].value)
    output = node.outputs[0]
    axis %= len(shape_of(output))
    if axis not in walk.layouts.positions(output, Role.TIME):
        _wired(walk, node)
        return
    parts = [walk.form(value) for value in node.inputs]
    first = parts[0]
    if first is None or len(parts) != walk.n_ticks:
        raise unsupported(node, "it joins something else than the ticks of one loop")
    aligned = [part.at(partial(_as_aligned, tick))
               for tick, part in enumerate(parts) if part is not None]
    if len(aligned) < len(parts) or not all(equal(part, aligned[0]) for part in aligned):
        raise unsupported(node, "the ticks it joins differ")
    walk.forms[str(output.name)] = aligned[0]


def _as_aligned(tick: int, source: Source) -> Source:
    return Source(source.name, ALIGNED) if source.when == tick else source


WIRING_OPS: dict[str, Callable[[Walk, ir.Node], None]] = {
    **dict.fromkeys(WIRING, _wired), "Slice": _taken, "Gather": _taken, "Concat": _joined,
}
