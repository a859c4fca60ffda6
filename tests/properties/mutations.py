"""Illegal operators, and the positions of a Graph that they are injected at.

An operator takes a value and makes another of the same shape, so it fits everywhere. All its nodes
say that they come from `MODULE`, line `LINE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from neurocompile.ir import graph as g
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import DOMAIN, NeuronNode, as_neuron

MODULE, FILE, LINE = "block.injected", "mutant.py", 4242
WIRING = frozenset({
    "Identity", "Reshape", "Transpose", "Slice", "Split", "Concat", "Squeeze", "Unsqueeze",
    "Gather", "Resize", "Pad", "Expand", "Tile", "Flatten"})
FLOAT, BOOL, INT = ir.DataType.FLOAT, ir.DataType.BOOL, ir.DataType.INT64


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

    def swapped(self, v: ir.Value) -> ir.Value:
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


class Unfit(Exception):
    """The operator has no place at this position."""


def same(op_type: str, **attributes: Any) -> Callable[[Builder, ir.Value], ir.Value]:
    """An operator of one operand that keeps the shape."""
    return lambda b, v: b.op(op_type, [v], shape_of(v), **attributes)


def normalization(op_type: str, rank: int, **attributes: Any
                  ) -> Callable[[Builder, ir.Value], ir.Value]:
    """Normalization per channel, over folded time and batch."""
    def make(b: Builder, v: ir.Value) -> ir.Value:
        shape = shape_of(v)
        if len(shape) < rank or shape[0] != b.ticks * b.batch:
            raise Unfit
        weights = [b.weight(shape[1])] * (4 if op_type == "BatchNormalization" else 2)
        outputs = 3 if attributes.get("training_mode") else 1
        return b.op(op_type, [v, *weights], shape, outputs=outputs, **attributes)
    return make


def by_weights(op_type: str, count: int, **attributes: Any
               ) -> Callable[[Builder, ir.Value], ir.Value]:
    return lambda b, v: b.op(op_type, [v, *(b.weight(shape_of(v)[-1]) for _ in range(count))],
                             shape_of(v), **attributes)


def reduce(op_type: str, axis: int, b: Builder, v: ir.Value) -> ir.Value:
    """A reduction along an axis, repeated to the old shape."""
    shape = list(shape_of(v))
    shape[axis] = 1
    return b.op(op_type, [v, b.ints(axis % len(shape))], shape)


def expand(b: Builder, small: ir.Value, shape: tuple[int, ...]) -> ir.Value:
    return b.op("Expand", [small, b.ints(*shape)], shape)


def reduce_last(op_type: str) -> Callable[[Builder, ir.Value], ir.Value]:
    return lambda b, v: expand(b, reduce(op_type, -1, b, v), shape_of(v))


def _last_tokens(b: Builder, v: ir.Value) -> tuple[int, ...]:
    """The shape of a value whose last two axes are both data."""
    shape = shape_of(v)
    if len(shape) < 3 or (len(shape) == 3 and shape[0] != b.ticks * b.batch):
        raise Unfit
    return shape


def _shape_with_time(b: Builder, v: ir.Value) -> tuple[int, ...]:
    """The shape of a value whose axes 0 and 1 are time and batch."""
    shape = shape_of(v)
    if b.loop or shape[:2] != (b.ticks, b.batch):
        raise Unfit
    return shape


def qkt(b: Builder, v: ir.Value) -> ir.Value:
    shape = _last_tokens(b, v)
    n, c = shape[-2:]
    product = b.op("MatMul", [v, b.swapped(v)], (*shape[:-1], n))
    return b.op("MatMul", [product, b.weight(n, c)], shape)


def attention(b: Builder, v: ir.Value) -> ir.Value:
    shape = _last_tokens(b, v)
    product = b.op("MatMul", [v, b.swapped(v)], (*shape[:-1], shape[-2]))
    return b.op("MatMul", [product, v], shape)


def right_first(b: Builder, v: ir.Value) -> ir.Value:
    shape = _last_tokens(b, v)
    product = b.op("MatMul", [b.swapped(v), v], (*shape[:-2], shape[-1], shape[-1]))
    return b.op("MatMul", [v, product], shape)


def softmax_attention(b: Builder, v: ir.Value) -> ir.Value:
    shape = _last_tokens(b, v)
    product = b.op("MatMul", [v, b.swapped(v)], (*shape[:-1], shape[-2]))
    return b.op("MatMul", [b.op("Softmax", [product], shape_of(product)), v], shape)


def outer(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    size, rank = shape[-1], len(shape)
    column = b.op("Unsqueeze", [v, b.ints(rank)], (*shape, 1))
    row = b.op("Unsqueeze", [v, b.ints(rank - 1)], (*shape[:-1], 1, size))
    product = b.op("MatMul", [column, row], (*shape, size))
    return b.op("ReduceSum", [product, b.ints(rank)], shape, keepdims=0)


def einsum(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    product = b.op("Einsum", [v, v], (*shape, shape[-1]), equation="...i,...j->...ij")
    return b.op("ReduceSum", [product, b.ints(len(shape))], shape, keepdims=0)


def einsum_inner(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    product = b.op("Einsum", [v, b.roll(v)], (*shape[:-1],), equation="...i,...i->...")
    return expand(b, b.op("Unsqueeze", [product, b.ints(len(shape) - 1)], (*shape[:-1], 1)),
                    shape)


def mask(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Mul", [v, b.roll(v)], shape_of(v))


def channel_mask(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Mul", [reduce("ReduceSum", -1, b, v), v], shape_of(v))


def population_mask(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Mul", [v, b.population(v)], shape_of(v))


def iand(b: Builder, v: ir.Value) -> ir.Value:
    inverse = b.op("Sub", [b.constant([1.0]), b.roll(v)], shape_of(v))
    return b.op("Mul", [inverse, v], shape_of(v))


def logical(op_type: str) -> Callable[[Builder, ir.Value], ir.Value]:
    def make(b: Builder, v: ir.Value) -> ir.Value:
        shape = shape_of(v)
        one, two = (b.op("Cast", [x], shape, dtype=BOOL, to=int(BOOL)) for x in (v, b.roll(v)))
        return b.op("Cast", [b.op(op_type, [one, two], shape, dtype=BOOL)], shape, to=int(FLOAT))
    return make


def where(b: Builder, v: ir.Value) -> ir.Value:
    mask = b.op("Cast", [b.roll(v)], shape_of(v), dtype=BOOL, to=int(BOOL))
    return b.op("Where", [mask, v, b.constant([0.0])], shape_of(v))


def where_compared(b: Builder, v: ir.Value) -> ir.Value:
    mask = b.op("Greater", [v, b.constant([0.5])], shape_of(v), dtype=BOOL)
    return b.op("Where", [mask, v, b.constant([0.0])], shape_of(v))


def compare(op_type: str) -> Callable[[Builder, ir.Value], ir.Value]:
    def make(b: Builder, v: ir.Value) -> ir.Value:
        truth = b.op(op_type, [v, b.constant([0.5])], shape_of(v), dtype=BOOL)
        return b.op("Cast", [truth], shape_of(v), to=int(FLOAT))
    return make


def square(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Mul", [v, v], shape_of(v))


def power(exponent: float) -> Callable[[Builder, ir.Value], ir.Value]:
    return lambda b, v: b.op("Pow", [v, b.constant([exponent])], shape_of(v))


def silu(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Mul", [v, b.op("Sigmoid", [v], shape_of(v))], shape_of(v))


def divide(b: Builder, v: ir.Value) -> ir.Value:
    total = b.op("Add", [reduce("ReduceSum", -1, b, v), b.constant([1.0])],
                 (*shape_of(v)[:-1], 1))
    return b.op("Div", [v, total], shape_of(v))


def one_over(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Div", [b.constant([1.0]), v], shape_of(v))


def norm(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Div", [v, reduce("ReduceL2", -1, b, v)], shape_of(v))


def rms(b: Builder, v: ir.Value) -> ir.Value:
    squares = b.op("Pow", [v, b.constant([2.0])], shape_of(v))
    root = b.op("Sqrt", [reduce("ReduceMean", -1, b, squares)], (*shape_of(v)[:-1], 1))
    return b.op("Div", [v, root], shape_of(v))


def two_of(op_type: str) -> Callable[[Builder, ir.Value], ir.Value]:
    return lambda b, v: b.op(op_type, [v, b.roll(v)], shape_of(v))


def max_pool(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    if len(shape) != 4 or shape[0] != b.ticks * b.batch:
        raise Unfit
    return b.op("MaxPool", [v], shape, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def global_max(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    if len(shape) != 4 or shape[0] != b.ticks * b.batch:
        raise Unfit
    return expand(b, b.op("GlobalMaxPool", [v], (*shape[:2], 1, 1)), shape)


def top_k(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    best = b.op("TopK", [v, b.ints(1)], (*shape[:-1], 1), outputs=2, axis=-1)
    return expand(b, best, shape)


def sort(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("TopK", [v, b.ints(shape_of(v)[-1])], shape_of(v), outputs=2, axis=-1)


def arg_max(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_of(v)
    place = b.op("ArgMax", [v], (*shape[:-1], 1), dtype=INT, axis=-1)
    return expand(b, b.op("Cast", [place], (*shape[:-1], 1), to=int(FLOAT)), shape)


def gather(b: Builder, v: ir.Value) -> ir.Value:
    place = b.op("Cast", [v], shape_of(v), dtype=INT, to=int(INT))
    return b.op("GatherElements", [v, place], shape_of(v), axis=-1)


def gather_sorted(b: Builder, v: ir.Value) -> ir.Value:
    place = b.op("ArgMax", [v], (*shape_of(v)[:-1], 1), dtype=INT, axis=-1)
    best = b.op("GatherElements", [v, place], (*shape_of(v)[:-1], 1), axis=-1)
    return expand(b, best, shape_of(v))


def scatter(b: Builder, v: ir.Value) -> ir.Value:
    place = b.op("Cast", [v], shape_of(v), dtype=INT, to=int(INT))
    return b.op("ScatterElements", [v, place, v], shape_of(v), axis=-1)


def quantize(b: Builder, v: ir.Value) -> ir.Value:
    whole = b.op("Cast", [b.op("Mul", [v, b.constant([8.0])], shape_of(v))], shape_of(v),
                 dtype=INT, to=int(INT))
    return b.op("Cast", [whole], shape_of(v), to=int(FLOAT))


def cumsum_time(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("CumSum", [v, b.constant(0, np.int64)], _shape_with_time(b, v))


def mean_time(b: Builder, v: ir.Value) -> ir.Value:
    return expand(b, reduce("ReduceMean", 0, b, v), _shape_with_time(b, v))


def flip(axis: int) -> Callable[[Builder, ir.Value], ir.Value]:
    def make(b: Builder, v: ir.Value) -> ir.Value:
        back = (b.ints(-1), b.ints(-99), b.ints(axis), b.ints(-1))
        return b.op("Slice", [v, *back], _shape_with_time(b, v))
    return make


def last_tick(b: Builder, v: ir.Value) -> ir.Value:
    shape = _shape_with_time(b, v)
    bounds = (b.ints(b.ticks - 1), b.ints(b.ticks), b.ints(0))
    return expand(b, b.op("Slice", [v, *bounds], (1, *shape[1:])), shape)


def mix_time(b: Builder, v: ir.Value) -> ir.Value:
    shape = _shape_with_time(b, v)
    flat = (b.ticks, math.prod(shape[1:]))
    mixture = b.op("MatMul", [b.weight(b.ticks, b.ticks), b.op("Reshape", [v, b.ints(*flat)], flat)],
                 flat)
    return b.op("Reshape", [mixture, b.ints(*shape)], shape)


def softmax_time(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Softmax", [v], _shape_with_time(b, v), axis=0)


def time_attention(b: Builder, v: ir.Value) -> ir.Value:
    shape = _shape_with_time(b, v)
    order = [*range(1, len(shape) - 1), 0, len(shape) - 1]
    time_last = b.op("Transpose", [v], [shape[k] for k in order], perm=order)
    scores = b.op("MatMul", [time_last, b.swapped(time_last)], (*shape_of(time_last)[:-1], b.ticks))
    mixture = b.op("MatMul", [scores, time_last], shape_of(time_last))
    back = [order.index(k) for k in range(len(shape))]
    return b.op("Transpose", [mixture], shape, perm=back)


def mean_batch(b: Builder, v: ir.Value) -> ir.Value:
    return expand(b, reduce("ReduceMean", 1, b, v), _shape_with_time(b, v))


def first_sample(b: Builder, v: ir.Value) -> ir.Value:
    shape = _shape_with_time(b, v)
    one = b.op("Slice", [v, b.ints(0), b.ints(1), b.ints(1)], (shape[0], 1, *shape[2:]))
    return expand(b, one, shape)


def dropout(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Dropout", [v, b.constant(0.5), b.constant(True, np.bool_)], shape_of(v))


def noise(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Add", [v, b.op("RandomNormalLike", [v], shape_of(v))], shape_of(v))


def residual(b: Builder, v: ir.Value) -> ir.Value:
    """Spikes added to the value, and the sum sent through weights (SEW, Spikformer)."""
    size = shape_of(v)[-1]
    total = b.op("Add", [v, b.population(v)], shape_of(v))
    return b.op("MatMul", [total, b.weight(size, size)], shape_of(v))


def weighted_residual(b: Builder, v: ir.Value) -> ir.Value:
    size = shape_of(v)[-1]
    branch = b.op("MatMul", [b.population(v), b.weight(size, size)], shape_of(v))
    total = b.op("Add", [v, branch], shape_of(v))
    return b.op("MatMul", [total, b.weight(size, size)], shape_of(v))


def by_subgraph(b: Builder, v: ir.Value) -> ir.Value:
    """If on a value of the data."""
    total = b.op("Cast", [v], shape_of(v), dtype=BOOL, to=int(BOOL))
    inner = ir.node("Identity", [v])
    inner.outputs[0].shape, inner.outputs[0].type = v.shape, v.type
    body = ir.Graph([], inner.outputs, nodes=[inner])
    other = ir.node("Neg", [v])
    other.outputs[0].shape, other.outputs[0].type = v.shape, v.type
    second = ir.Graph([], other.outputs, nodes=[other])
    return b.op("If", [total], shape_of(v), then_branch=body, else_branch=second)


Make = Callable[[Builder, ir.Value], ir.Value]
ACTIVATIONS = ("Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid",
               "HardSwish", "Mish", "Tanh", "Softplus", "Softsign", "Erf", "ThresholdedRelu",
               "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign", "Sin", "Cos", "Atan", "Floor",
               "Ceil", "Round", "Softmax", "LogSoftmax", "Hardmax", "LpNormalization")

# name -> operator, codes on spikes, codes on currents
OPERATORS: dict[str, tuple[Make, str, str]] = {
    **{name: (same(name), "NC123", "NC123") for name in ACTIVATIONS},
    "Clip": (lambda b, v: b.op("Clip", [v, b.constant(0.0), b.constant(1.0)], shape_of(v)),
             "NC123", "NC123"),
    "PRelu": (by_weights("PRelu", 1), "NC123", "NC123"),
    "Mod": (lambda b, v: b.op("Mod", [v, b.constant([2.0])], shape_of(v), fmod=1),
            "NC123", "NC123"),
    "LayerNorm": (by_weights("LayerNormalization", 2), "NC123", "NC123"),
    "RMSNorm": (by_weights("RMSNormalization", 1), "NC123", "NC123"),
    "BatchNorm in training": (normalization("BatchNormalization", 2, training_mode=1),
                              "NC123", "NC123"),
    "GroupNorm": (normalization("GroupNormalization", 3, num_groups=1), "NC123", "NC123"),
    "InstanceNorm": (normalization("InstanceNormalization", 3), "NC123", "NC123"),
    "power 2": (power(2.0), "NC123", "NC123"),
    "power .5": (power(0.5), "NC123", "NC123"),
    "square": (square, "NC123", "NC123"),
    "SiLU by hand": (silu, "NC123", "NC123"),
    "divide by the sum": (divide, "NC123", "NC123"),
    "one over": (one_over, "NC123", "NC123"),
    "L2 norm": (norm, "NC123", "NC123"),
    "RMS by hand": (rms, "NC123", "NC123"),
    "ReduceProd": (reduce_last("ReduceProd"), "NC123", "NC123"),
    "ReduceL1": (reduce_last("ReduceL1"), "NC123", "NC123"),
    "ReduceLogSumExp": (reduce_last("ReduceLogSumExp"), "NC123", "NC123"),
    "Max of two": (two_of("Max"), "NC123", "NC123"),
    "Min of two": (two_of("Min"), "NC123", "NC123"),
    "Greater": (compare("Greater"), "NC123", "NC123"),
    "LessOrEqual": (compare("LessOrEqual"), "NC123", "NC123"),
    "Equal": (compare("Equal"), "NC123", "NC123"),
    "rounding cast": (quantize, "NC123", "NC123"),
    "Dropout in training": (dropout, "NC123", "NC123"),
    "noise": (noise, "NC123", "NC123"),
    "where compared": (where_compared, "NC123", "NC123"),
    "Q K^T": (qkt, "NC120", "NC120"),
    "attention": (attention, "NC120", "NC120"),
    "q (k^T v)": (right_first, "NC120", "NC120"),
    "softmax attention": (softmax_attention, "NC120 NC123", "NC120 NC123"),
    "outer product": (outer, "NC120", "NC120"),
    "einsum": (einsum, "NC120", "NC120"),
    "einsum inner": (einsum_inner, "NC120", "NC120"),
    "mask": (mask, "NC121", "NC121"),
    "channel mask": (channel_mask, "NC121", "NC121"),
    "mask by a population": (population_mask, "NC121", "NC121"),
    "IAND": (iand, "NC121", "NC121"),
    "And": (logical("And"), "NC121", "NC123"),
    "Or": (logical("Or"), "NC121", "NC123"),
    "Xor": (logical("Xor"), "NC121", "NC123"),
    "where by data": (where, "NC121", "NC123"),
    "MaxPool": (max_pool, "NC122", "NC122"),
    "GlobalMaxPool": (global_max, "NC122", "NC122"),
    "ReduceMax": (reduce_last("ReduceMax"), "NC122", "NC122"),
    "ReduceMin": (reduce_last("ReduceMin"), "NC122", "NC122"),
    "top-k": (top_k, "NC127", "NC127"),
    "sort": (sort, "NC127", "NC127"),
    "argmax": (arg_max, "NC127", "NC127"),
    "gather by spikes": (gather, "NC127", "NC123"),
    "gather by argmax": (gather_sorted, "NC127", "NC127"),
    "scatter by spikes": (scatter, "NC127", "NC123"),
    "cumsum over time": (cumsum_time, "NC126", "NC126"),
    "mean over time": (mean_time, "NC126", "NC126"),
    "flipped time": (flip(0), "NC126", "NC126"),
    "last tick": (last_tick, "NC126", "NC126"),
    "weights over time": (mix_time, "NC126", "NC126"),
    "softmax over time": (softmax_time, "NC123 NC126", "NC123 NC126"),
    "attention over time": (time_attention, "NC120 NC126", "NC120 NC126"),
    "mean over the batch": (mean_batch, "NC113", "NC113"),
    "flipped batch": (flip(1), "NC113", "NC113"),
    "first sample": (first_sample, "NC113", "NC113"),
    "residual": (residual, "NC125", "NC124"),
    "weighted residual": (weighted_residual, "NC124", "NC124"),
    "unknown": (same("Foo"), "NC110", "NC110"),
    "unknown domain": (same("Foo", domain="com.acme"), "NC110", "NC110"),
    "If on data": (by_subgraph, "NC104", "NC123"),
}
# What may stand behind the last neuron: the host adds, scales and averages spike counts exactly.
LEGAL_READOUTS = frozenset({
    "cumsum over time", "mean over time", "flipped time", "last tick", "weights over time",
    "residual", "weighted residual"})


@dataclass(frozen=True)
class Position:
    """A value of floats; `where` is "encoder", "between" or "readout"."""

    value: ir.Value
    where: str
    spikes: bool  # spikes or their wiring, no weights yet


def positions(graph: Graph) -> list[Position]:
    """The values that a neuron, or behind the last neuron an output, depends on."""
    nodes = list(graph.nodes())
    before: dict[ir.Value, str] = {v: "input" for v in graph.model.graph.inputs}
    wiring: set[ir.Value] = set()
    for node in nodes:
        neuron = as_neuron(node)
        if neuron is not None:
            before[neuron.spikes] = "neuron"
            wiring.add(neuron.spikes)
            continue
        sources = {before[v] for v in node.inputs if v in before}
        if sources:
            for output in node.outputs:
                before[output] = "neuron" if "neuron" in sources else "input"
                if node.op_type in WIRING and all(
                        v in wiring for v in node.inputs if v in before):
                    wiring.add(output)
    feeding: set[ir.Value] = set()
    for node in reversed(nodes):
        neuron = as_neuron(node)
        if neuron is not None:
            feeding.update(neuron.currents[:1])
        elif any(output in feeding for output in node.outputs):
            feeding.update(v for v in node.inputs if v is not None)
    places = []
    for value, source in before.items():
        if value.dtype != FLOAT or not shape_of(value):
            continue
        where = "readout" if value not in feeding else (
            "between" if source == "neuron" else "encoder")
        places.append(Position(value, where, value in wiring))
    return places


@contextmanager
def injection(graph: Graph, position: Position, make: Make, ticks: int, batch: int,
             loop: bool) -> Iterator[None]:
    """The graph with an operator behind a value, for as long as the block runs."""
    value, body = position.value, graph.model.graph
    uses = list(value.uses())
    builder = Builder(graph, ticks, batch, loop)
    result = make(builder, value)  # raises Unfit
    after = value.producer()
    if after is None:
        body.insert_before(body[0], builder.nodes)
    else:
        body.insert_after(after, builder.nodes)
    for use in uses:
        use.node.replace_input_with(use.idx, result)
    outputs = list(body.outputs)
    body.outputs[:] = [result if output is value else output for output in outputs]
    try:
        yield
    finally:
        body.outputs[:] = outputs
        for use in uses:
            use.node.replace_input_with(use.idx, value)
        body.remove(builder.nodes, safe=True)
