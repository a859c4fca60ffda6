"""A mutant of a Graph: its new nodes, all of which say that they come from `MODULE`, `LINE`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from neurocompile.ir import graph as g
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import DOMAIN, NeuronNode

MODULE, FILE, LINE = "block.injected", "mutant.py", 4242
FLOAT, BOOL, INT = ir.DataType.FLOAT, ir.DataType.BOOL, ir.DataType.INT64


class Unfit(Exception):
    """The operator has no place at this position."""


def shape_of(value: ir.Value) -> tuple[int, ...]:
    assert value.shape is not None
    return tuple(int(size) for size in value.shape)  # type: ignore[arg-type]


@dataclass
class Builder:
    """Adds nodes behind a value; `ticks` and `batch` are the network's."""

    graph: Graph
    ticks: int
    batch: int
    loop: bool
    nodes: list[ir.Node] = field(default_factory=list)

    def op(self, op_type: str, inputs: Sequence[ir.Value | None], shape: Sequence[int], *,
           dtype: ir.DataType = FLOAT, outputs: int = 1, domain: str = "", overload: str = "",
           **attributes: Any) -> ir.Value:
        node = ir.node(op_type, inputs, attributes, domain=domain, overload=overload,
                       num_outputs=outputs)
        for number, output in enumerate(node.outputs):
            output.name = f"mutant_{len(self.nodes)}_{number}"
            output.shape, output.type = ir.Shape(shape), ir.TensorType(dtype)
        node.metadata_props.update({g.MODULE: MODULE, g.FILE: FILE, g.LINE: str(LINE)})
        self.nodes.append(node)
        return node.outputs[0]

    def constant(self, array: Any, dtype: Any = np.float32) -> ir.Value:
        array = np.asarray(array, dtype)
        value = ir.Value(name=f"mutant_constant_{id(array)}", const_value=ir.tensor(array))
        value.shape = ir.Shape(array.shape)
        return value

    def ints(self, *numbers: int) -> ir.Value:
        return self.constant(numbers, np.int64)

    def weight(self, *shape: int) -> ir.Value:
        return self.constant(np.full(shape, 0.5))

    def roll(self, v: ir.Value, axis: int = -1) -> ir.Value:
        """The value rotated by one along an axis."""
        shape, axis = shape_of(v), axis % len(shape_of(v))
        size = shape[axis]
        rest, one = ((*shape[:axis], n, *shape[axis + 1:]) for n in (size - 1, 1))
        tail = self.op("Slice", [v, self.ints(1), self.ints(size), self.ints(axis)], rest)
        head = self.op("Slice", [v, self.ints(0), self.ints(1), self.ints(axis)], one)
        return self.op("Concat", [tail, head], shape, axis=axis)

    def transpose_last(self, v: ir.Value) -> ir.Value:
        shape = shape_of(v)
        order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
        return self.op("Transpose", [v], [shape[k] for k in order], perm=order)

    def population(self, v: ir.Value) -> ir.Value:
        """Spikes of the value's shape, from new neurons that the value feeds."""
        shape, x = shape_of(v), v
        if shape[0] == self.ticks * self.batch:
            inner = (self.ticks, self.batch, *shape[1:])
            x = self.op("Reshape", [v, self.ints(*inner)], inner)
        elif shape[:2] != (self.ticks, self.batch):
            raise Unfit
        zero = self.constant([0.0])
        spikes = self.op("LIF", [x, zero, zero], shape_of(x), outputs=3, domain=DOMAIN,
                         overload="spikingjelly-lif-div-tau-hard", module=MODULE + ".lif",
                         v_th=1.0, v_reset=0.0, tau=2.0, beta=0.5, alpha=0.5)
        for state in NeuronNode(self.nodes[-1]).final.values():
            state.shape = ir.Shape(shape_of(x)[1:])
        return spikes if x is v else self.op("Reshape", [spikes, self.ints(*shape)], shape)


Make = Callable[[Builder, ir.Value], ir.Value]


def reduce(op_type: str, axis: int, b: Builder, v: ir.Value) -> ir.Value:
    """A reduction along an axis, repeated to the old shape."""
    shape = list(shape_of(v))
    shape[axis] = 1
    return b.op(op_type, [v, b.ints(axis % len(shape))], shape)


def expand(b: Builder, small: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    return b.op("Expand", [small, b.ints(*shape)], shape)


def tokens_shape(b: Builder, v: ir.Value) -> tuple[int, ...]:
    """The shape of a value whose last two axes are both data."""
    shape = shape_of(v)
    if len(shape) < 3 or (len(shape) == 3 and shape[0] != b.ticks * b.batch):
        raise Unfit
    return shape


def shape_with_time(b: Builder, v: ir.Value) -> tuple[int, ...]:
    """The shape of a value whose axes 0 and 1 are time and batch."""
    shape = shape_of(v)
    if b.loop or shape[:2] != (b.ticks, b.batch):
        raise Unfit
    return shape
