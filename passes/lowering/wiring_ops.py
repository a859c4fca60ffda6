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
from neurocompile.ir.graph import constant, evaluate
from neurocompile.ir.operators import Operator, wiring
from neurocompile.passes.lowering.forms import EACH_TICK, Form, TickSource, equal
from neurocompile.passes.lowering.walk import (
    FormWalk,
    data_sizes,
    element_numbers,
    layout_of,
    one_tick,
    sizes_of,
    unsupported_op,
)

WIRING = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "CastLike", "Dropout",
          "Transpose", "Slice", "Gather", "Concat", "Pad", "Expand", "Tile", "Split", "Resize",
          "DepthToSpace", "SpaceToDepth", "GatherND", "GatherElements", "Where", "ScatterND",
          "ScatterElements"}
DATA = {"Where": {1, 2}, "ScatterND": {0, 2}, "ScatterElements": {0, 2}, "Pad": {0, 2}}
"""Operands that hold elements to move, where it is not the first alone; of Concat it is all."""
FLOATS = {ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.FLOAT16, ir.DataType.BFLOAT16}
IN_PLACE = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "CastLike", "Dropout"}


def rounds(walk: FormWalk, node: ir.Node) -> bool:
    """Whether a node is a cast to integers or truth values that changes numbers."""
    form = walk.form(node.inputs[0]) if node.op_type in ("Cast", "CastLike") else None
    before, after = (value.dtype for value in (node.inputs[0], node.outputs[0]) if value is not None)
    if form is None or before not in FLOATS or after in FLOATS:
        return False
    arrays = [form.bias, *(operator.weights for operator in form.terms.values())]
    if any(source.name in walk.analog for source in form.terms) or any(
            np.any(array != np.rint(array)) for array in arrays):
        return True
    sums = form.bias + sum(operator.apply(np.ones((1, operator.in_size)))[0]
                           for operator in form.terms.values())
    return after == ir.DataType.BOOL and bool(
        np.any(sums > 1) or any(np.any(array < 0) for array in arrays))


def _wire(walk: FormWalk, node: ir.Node) -> None:
    """Ops that only move elements."""
    if node.op_type in IN_PLACE:
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
            key = ("wiring", _signature(node), position, number, *map(sizes_of, node.inputs))
            part = form.through(walk.operator(key, partial(_trace, walk, node, position, number)))
            total = part if total is None else total.plus(part)
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
        raise unsupported_op(node, "what it selects depends on the input")
    return array


def _static_part(walk: FormWalk, node: ir.Node, number: int) -> NDArray[np.float64]:
    """What the constant elements put into one tick of an output."""
    layout = layout_of(walk, node.outputs[number], node)
    statics = {k: constant(v) for k, v in enumerate(node.inputs)
               if v is not None and _is_data(node, k)}
    if all(array is None for array in statics.values()):
        return np.zeros(())
    feeds = [None if v is None else _control(node, k) if k not in statics else
             np.zeros(sizes_of(v)) if (a := statics[k]) is None else np.asarray(a, np.float64)
             for k, v in enumerate(node.inputs)]
    return np.asarray(one_tick(evaluate(node, feeds)[number], layout, node))


def _trace(walk: FormWalk, node: ir.Node, position: int, number: int) -> Operator:
    """The wiring from one input of a node to one of its outputs.

    Raises FindingsError (NC110) for a node that computes with elements instead of moving them.
    """
    layout = layout_of(walk, node.outputs[number], node)
    source = layout_of(walk, node.inputs[position], node)
    shape = sizes_of(node.inputs[position])
    numbers = element_numbers(source, shape)
    sizes = data_sizes(source)

    def move(values: NDArray[np.float64]) -> NDArray[np.float64]:
        feeds = [None if v is None else values[numbers] if place == position
                 else np.zeros(sizes_of(v)) if _is_data(node, place) else _control(node, place)
                 for place, v in enumerate(node.inputs)]
        return np.asarray(one_tick(evaluate(node, feeds)[number], layout, node), np.float64)
    count = int(np.prod(sizes))
    index = np.rint(move(np.arange(1.0, count + 1))).astype(np.int64) - 1
    others = np.random.default_rng(0).integers(1, 1 << 40, count).astype(np.float64)
    valid = (index >= -1) & (index < count)
    if not valid.all() or not np.array_equal(
            move(others), np.where(index >= 0, others[index], 0.0)):
        raise unsupported_op(node, "it computes with what it moves")
    return wiring(sizes, data_sizes(layout), index)


def _time_slices(walk: FormWalk, node: ir.Node) -> bool:
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
    feeds = [ticks.reshape(sizes_of(value)), *(None if v is None else _control(node, k)
                                               for k, v in enumerate(node.inputs[1:], 1))]
    for output, result in zip(node.outputs, evaluate(node, feeds), strict=True):
        tick = int(result.reshape(-1)[0])
        if not np.all(result == tick):
            raise unsupported_op(node, "it takes several ticks apart")
        walk.forms[str(output.name)] = form.at(partial(_at_tick, tick))
    return True


def _at_tick(tick: int, source: TickSource) -> TickSource:
    return TickSource(source.name, tick) if source.when == EACH_TICK else source


def _take(walk: FormWalk, node: ir.Node) -> None:
    if not _time_slices(walk, node):
        _wire(walk, node)


def _concat(walk: FormWalk, node: ir.Node) -> None:
    """Concat: wiring along data; along time it puts a loop's ticks, or copies, side by side."""
    axis = int(node.attributes["axis"].value)
    output = node.outputs[0]
    axis %= len(sizes_of(output))
    has_time = axis in walk.layouts.positions(output, Role.TIME)
    if not has_time or any(axis in walk.layouts.positions(v, Role.TIME) for v in node.inputs):
        _wire(walk, node)
        return
    parts = [walk.form(value) for value in node.inputs]
    forms = [part.at(partial(_in_each_tick, tick))
               for tick, part in enumerate(parts) if part is not None]
    if len(forms) < len(parts) or len(parts) != walk.n_ticks:
        raise unsupported_op(node, "it joins something else than the ticks of one loop")
    if not all(equal(part, forms[0]) for part in forms):
        raise unsupported_op(node, "the ticks it joins differ")
    walk.forms[str(output.name)] = forms[0]


def _in_each_tick(tick: int, source: TickSource) -> TickSource:
    return TickSource(source.name, EACH_TICK) if source.when == tick else source


WIRING_OPS: dict[str, Callable[[FormWalk, ir.Node], None]] = {
    **dict.fromkeys(WIRING, _wire), **dict.fromkeys(("Slice", "Gather", "Split"), _take),
    "Concat": _concat,
}
