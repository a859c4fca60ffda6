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
from neurocompile.passes.lowering.forms import ALIGNED, Form, Source, equal
from neurocompile.passes.lowering.walk import (
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
          "DepthToSpace", "SpaceToDepth", "GatherND", "GatherElements", "Where", "ScatterND",
          "ScatterElements"}
DATA = {"Where": {1, 2}, "ScatterND": {0, 2}, "ScatterElements": {0, 2}, "Pad": {0, 2}}
"""Operands that hold elements to move, where it is not the first alone; of Concat it is all."""
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
            walk.forms[str(output.name)] = total.plus_constant(_static_part(walk, node, number))


def _signature(node: ir.Node) -> tuple[object, ...]:
    attributes = tuple(sorted((k, str(a.value)) for k, a in node.attributes.items()))
    statics = tuple(None if v is None else (a := constant(v)) is not None and a.tobytes()
                    for v in node.inputs)
    return (node.op_type, attributes, statics)


def _is_data(node: ir.Node, position: int) -> bool:
    return node.op_type == "Concat" or position in DATA.get(node.op_type, {0})


def _control(node: ir.Node, position: int) -> NDArray[Any]:
    """A constant operand that says what to move. Raises FindingsError (NC110) if it is none."""
    array = constant(node.inputs[position])
    if array is None:
        raise unsupported(node, "what it selects depends on the input")
    return array


def _static_part(walk: Walk, node: ir.Node, number: int) -> NDArray[np.float64]:
    """What the constant elements put into one tick of an output."""
    layout = layout_of(walk, node.outputs[number], node)
    statics = {k: constant(v) for k, v in enumerate(node.inputs)
               if v is not None and _is_data(node, k)}
    if all(array is None for array in statics.values()):
        return np.zeros(())
    feeds = [None if v is None else _control(node, k) if k not in statics else
             np.zeros(shape_of(v)) if (a := statics[k]) is None else np.asarray(a, np.float64)
             for k, v in enumerate(node.inputs)]
    return np.asarray(one_tick(evaluate(node, feeds)[number], layout, node))


def _trace(walk: Walk, node: ir.Node, position: int, number: int) -> Operator:
    """The wiring from one input of a node to one of its outputs.

    Raises FindingsError (NC110) for a node that computes with elements instead of moving them.
    """
    layout = layout_of(walk, node.outputs[number], node)
    source = layout_of(walk, node.inputs[position], node)
    shape = shape_of(node.inputs[position])
    numbers = element_numbers(source, shape)
    sizes = data_sizes(source)

    def moved(values: NDArray[np.float64]) -> NDArray[np.float64]:
        feeds = [None if v is None else values[numbers] if place == position
                 else np.zeros(shape_of(v)) if _is_data(node, place) else _control(node, place)
                 for place, v in enumerate(node.inputs)]
        return np.asarray(one_tick(evaluate(node, feeds)[number], layout, node), np.float64)
    count = int(np.prod(sizes))
    index = np.rint(moved(np.arange(1.0, count + 1))).astype(np.int64) - 1
    others = np.random.default_rng(0).integers(1, 1 << 40, count).astype(np.float64)
    known = (index >= -1) & (index < count)
    if not known.all() or not np.array_equal(
            moved(others), np.where(index >= 0, others[index], 0.0)):
        raise unsupported(node, "it computes with what it moves")
    return wiring(sizes, data_sizes(layout), index)


def _time_slices(walk: Walk, node: ir.Node) -> bool:
    """`x[t]`, or all ticks apart: single ticks of a value with a time axis. Whether it was that."""
    value = node.inputs[0]
    form = walk.form(value)
    if value is None or form is None or not walk.layouts.positions(value, Role.TIME):
        return False
    if any(walk.layouts.positions(output, Role.TIME) for output in node.outputs):
        return False
    layout = layout_of(walk, value, node)
    atoms = [a for dim in layout for a in dim]
    ticks = np.zeros([a.size for a in atoms])
    axis = next(i for i, a in enumerate(atoms) if a.role is Role.TIME)
    ticks = ticks + np.arange(ticks.shape[axis]).reshape(
        [-1 if i == axis else 1 for i in range(ticks.ndim)])
    feeds = [ticks.reshape(shape_of(value)), *(None if v is None else _control(node, k)
                                               for k, v in enumerate(node.inputs[1:], 1))]
    for output, result in zip(node.outputs, evaluate(node, feeds), strict=True):
        tick = int(result.reshape(-1)[0])
        if not np.all(result == tick):
            raise unsupported(node, "it takes several ticks apart")
        walk.forms[str(output.name)] = form.at(partial(_at_tick, tick))
    return True


def _at_tick(tick: int, source: Source) -> Source:
    return Source(source.name, tick) if source.when == ALIGNED else source


def _taken(walk: Walk, node: ir.Node) -> None:
    if not _time_slices(walk, node):
        _wired(walk, node)


def _joined(walk: Walk, node: ir.Node) -> None:
    """Concat: along data it is wiring; along time it puts ticks side by side, a loop's or copies."""
    axis = int(node.attributes["axis"].value)
    output = node.outputs[0]
    axis %= len(shape_of(output))
    timed = axis in walk.layouts.positions(output, Role.TIME)
    if not timed or any(axis in walk.layouts.positions(v, Role.TIME) for v in node.inputs):
        _wired(walk, node)
        return
    parts = [walk.form(value) for value in node.inputs]
    aligned = [part.at(partial(_as_aligned, tick))
               for tick, part in enumerate(parts) if part is not None]
    if len(aligned) < len(parts) or len(parts) != walk.n_ticks:
        raise unsupported(node, "it joins something else than the ticks of one loop")
    if not all(equal(part, aligned[0]) for part in aligned):
        raise unsupported(node, "the ticks it joins differ")
    walk.forms[str(output.name)] = aligned[0]


def _as_aligned(tick: int, source: Source) -> Source:
    return Source(source.name, ALIGNED) if source.when == tick else source


WIRING_OPS: dict[str, Callable[[Walk, ir.Node], None]] = {
    **dict.fromkeys(WIRING, _wired), **dict.fromkeys(("Slice", "Gather", "Split"), _taken),
    "Concat": _joined,
}
