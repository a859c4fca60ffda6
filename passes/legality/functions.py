"""Functions of spikes that are affine: a spike is 0 or 1, and f(s) = f(0) + (f(1) - f(0)) s.

An operator that works element by element, all of whose dynamic operands are functions of one
value that holds few numbers, is such a function too: it is evaluated at each of them. Whether it
is affine there is a fact, whatever it is written with: ReLU, a comparison, a power, `where`. What
has two such values as arguments, a mask or a gate, is no function of one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.graph import Graph, constant, evaluate
from neurocompile.ir.neuron_node import as_neuron
from neurocompile.passes.legality.levels import MOST, Levels, few, levels_after, union

LARGEST = 1 << 22  # numbers in a table
LINEAR = frozenset({"Add", "Sub", "Mul", "Div", "Neg", "Identity", "Sum", "Mean", "Not",
                    "BatchNormalization"})
"""Affine in a single dynamic operand by themselves."""
SUMS = frozenset({"Add", "Sub", "Sum", "Mean", "Neg", "Not", "Identity", "BatchNormalization"})
"""Affine in all of their operands."""
ELEMENTWISE = frozenset({
    *LINEAR, "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Erf", "Sigmoid",
    "HardSigmoid", "HardSwish", "Swish", "Mish", "Tanh", "Softplus", "Softsign",
    "ThresholdedRelu", "Clip", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign", "Sin", "Cos",
    "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Floor", "Ceil",
    "Round", "Mod", "Max", "Min", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift",
    "Pow", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Xor", "Where",
    "Cast"})
PLAIN = frozenset({
    ir.DataType.BOOL, ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.INT8, ir.DataType.INT16,
    ir.DataType.INT32, ir.DataType.INT64, ir.DataType.UINT8, ir.DataType.UINT16,
    ir.DataType.UINT32, ir.DataType.UINT64})


@dataclass(frozen=True, eq=False)
class Affine:
    """A value that is `gain * base + offset`, element by element; all three broadcast to it."""

    base: ir.Value
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]


Affines = Mapping[ir.Node, Affine]
NO_AFFINES: Affines = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Functions:
    """What is known of the values of a graph that hold few numbers.

    `affine`: operators that no rule of linear algebra covers, and that are affine anyway. What they
    compute on the way to it is not needed: `Affine.base` is all that they depend on.
    `whole`: values that are 0, 1 and so on, and the largest number that they hold.
    """

    affine: Affines
    whole: Mapping[ir.Value, int]


@dataclass(frozen=True, eq=False)
class _Table:
    """A value as a function of another one: [a number of the base, *axes of the value or 1]."""

    base: ir.Value
    levels: Levels  # of the base
    numbers: NDArray[Any]

    def affine(self) -> Affine | None:
        """The function, if it is affine on all levels of its base."""
        x = self.levels.numbers.astype(np.float64)
        table = self.numbers.astype(np.float64)
        wide = float(x[-1] - x[0])
        gain = (table[len(x) - 1] - table[0]) / (wide or 1.0)
        origin = int(np.argmin(np.abs(x)))
        offset = table[origin] - gain * x[origin]
        at = self.levels.with_rounding.astype(np.float64).reshape(-1, *[1] * gain.ndim)
        error = np.abs(gain * at + offset - table).max(initial=0.0)
        if error > 4e-6 * np.abs(table).max(initial=0.0):
            return None
        return Affine(self.base, gain, offset)


def functions_of(graph: Graph) -> Functions:
    """The functions of spikes in a graph, in one walk."""
    walk = _Walk()
    for value in graph.model.graph.inputs:
        if value.const_value is None:
            walk.dynamic.add(value)
    for node in graph.nodes():
        walk.visit(node, graph)
    return Functions(walk.affine, {
        value: int(numbers.max()) for value, table in walk.tables.items()
        if (numbers := table.numbers).size and (numbers >= 0).all()
        and (numbers == np.rint(numbers)).all()})


@dataclass(eq=False)
class _Walk:
    """One walk over a graph."""

    dynamic: set[ir.Value] = field(default_factory=set)
    tables: dict[ir.Value, _Table] = field(default_factory=dict)
    affine: dict[ir.Node, Affine] = field(default_factory=dict)
    results: dict[object, NDArray[Any]] = field(default_factory=dict)  # unrolled ticks share them

    def visit(self, node: ir.Node, graph: Graph) -> None:
        """Find the levels of what a node computes."""
        neuron = as_neuron(node)
        if neuron is not None:
            self.dynamic.update(node.outputs)
            profile = graph.profile(neuron)
            most = 1 if profile.equations.binary else int(neuron.constants.get("max_spikes", MOST))
            if most < MOST and profile.model != "LI":
                self._start(neuron.spikes, Levels(np.arange(most + 1, dtype=np.float32)))
            return
        self._operator(node)

    def _operator(self, node: ir.Node) -> None:
        if not any(value in self.dynamic for value in node.inputs) and not any(
                a.type is ir.AttributeType.GRAPH for a in node.attributes.values()):
            return
        self.dynamic.update(node.outputs)
        if node.domain or not any(value in self.tables for value in node.inputs):
            return
        shape = shape_of(node.outputs[0])
        if shape is None or node.outputs[0].dtype not in PLAIN:
            return
        if node.op_type in ELEMENTWISE:
            self._elementwise(node, len(shape))
        elif node.op_type == "Concat":
            self._start(node.outputs[0], union(map(self._levels, node.inputs)))
        elif node.inputs[0] in self.tables and not any(v in self.dynamic for v in node.inputs[1:]):
            own = self._levels(node.inputs[0])
            after = None if own is None else levels_after(node, own)
            for output in node.outputs if node.op_type == "Split" else node.outputs[:1]:
                self._start(output, after)

    def _start(self, value: ir.Value, levels: Levels | None) -> None:
        """A value that others are functions of."""
        if levels is not None:
            rank = len(shape_of(value) or ())
            self.tables[value] = _Table(
                value, levels, levels.with_rounding.reshape(-1, *[1] * rank))

    def _levels(self, value: ir.Value | None) -> Levels | None:
        """The numbers that a value can hold; None if that may be many."""
        table = None if value is None else self.tables.get(value)
        if table is not None:
            if table.base is value:
                return table.levels
            return few(table.numbers) if table.levels.exact else None
        if value is None or value in self.dynamic:
            return None
        array = constant(value)
        return None if array is None else few(array)

    def _elementwise(self, node: ir.Node, rank: int) -> None:
        bases = {self.tables[v].base for v in node.inputs if v in self.tables}
        unknown = [v for v in node.inputs if v in self.dynamic and v not in self.tables]
        if unknown:
            return
        if len(bases) > 1:
            self._start(node.outputs[0], self._of_several(node))
            return
        table = self._of_one(node, rank, bases.pop())
        if table is None:
            return
        self.tables[node.outputs[0]] = table
        count = sum(v in self.dynamic for v in node.inputs)
        linear = node.op_type in LINEAR and (count == 1 or node.op_type in SUMS) and not (
            node.op_type == "Div" and node.inputs[1] in self.dynamic)
        selects = node.op_type == "Where" and node.inputs[0] not in self.dynamic
        affine = None if linear or selects else table.affine()
        if affine is not None:
            self.affine[node] = affine

    def _of_one(self, node: ir.Node, rank: int, base: ir.Value) -> _Table | None:
        """A function of functions of one value."""
        arrays: list[NDArray[Any] | None] = []
        for value in node.inputs:
            if value is None:
                arrays.append(None)
            elif value in self.tables:
                own = self.tables[value].numbers
                arrays.append(own.reshape(len(own), *[1] * (rank + 1 - own.ndim), *own.shape[1:]))
            else:
                arrays.append(constant(value))
                if arrays[-1] is None:
                    return None
        if node.op_type == "BatchNormalization":
            return None if (result := _batch_norm(node, rank, arrays)) is None else _Table(
                base, self.tables[base].levels, result)
        if math.prod(np.broadcast_shapes(*(a.shape for a in arrays if a is not None))) > LARGEST:
            return None
        result = self._evaluate(node, arrays)
        return None if result is None else _Table(base, self.tables[base].levels, result)

    def _of_several(self, node: ir.Node) -> Levels | None:
        """What combinations of the operands' numbers give."""
        parts = [None if v is None else self._levels(v) for v in node.inputs]
        if any(v is not None and (p is None or not p.exact)
               for v, p in zip(node.inputs, parts, strict=True)):
            return None
        if math.prod(len(p.numbers) for p in parts if p is not None) > LARGEST:
            return None
        arrays = [None if p is None else p.numbers.reshape(
            [-1 if axis == k else 1 for axis in range(len(parts))]) for k, p in enumerate(parts)]
        result = self._evaluate(node, arrays)
        return None if result is None else few(result)

    def _evaluate(self, node: ir.Node, arrays: list[NDArray[Any] | None]) -> NDArray[Any] | None:
        """The node at these operands; None where a result is no finite number."""
        if len({a.dtype for a in arrays if a is not None and a.dtype.kind == "f"}) > 1:
            return None  # of no standard operator
        if node.op_type in ("Sum", "Mean", "Max", "Min"):  # evaluated without broadcasting
            arrays = list(np.broadcast_arrays(*(a for a in arrays if a is not None)))
        attributes = tuple(sorted((k, str(a.value)) for k, a in node.attributes.items()))
        key = (node.op_type, attributes, *(
            None if a is None else (a.dtype.str, a.shape, a.tobytes()) for a in arrays))
        if key not in self.results:
            with np.errstate(all="ignore"):
                self.results[key] = evaluate(node, arrays)[0]
        result = self.results[key]
        return result if np.isfinite(result).all() else None


def _batch_norm(node: ir.Node, rank: int, arrays: list[NDArray[Any] | None]
                ) -> NDArray[Any] | None:
    """BatchNormalization with fixed statistics: a gain and an offset for each channel."""
    x, *columns = (a if k == 0 or a is None else a.reshape(-1, *[1] * (rank - 2))
                   for k, a in enumerate(arrays))
    training = node.attributes.get_int("training_mode", 0)
    if x is None or training or any(column is None for column in columns):
        return None
    scale, shift, mean, variance = (c for c in columns if c is not None)
    deviation = np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
    return np.asarray((x - mean) / deviation * scale + shift, x.dtype)
