"""Illegal operators within a tick: each takes a value and makes another of the same shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from tests.properties.mutant import (
    BOOL,
    FLOAT,
    INT,
    Builder,
    Make,
    Unfit,
    expand,
    reduce,
    shape_of,
    tokens_shape,
)


def same(op_type: str, **attributes: Any) -> Make:
    """An operator of one operand that keeps the shape."""
    return lambda b, v: b.op(op_type, [v], shape_of(v), **attributes)


def normalization(op_type: str, rank: int, **attributes: Any
                  ) -> Make:
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
               ) -> Make:
    return lambda b, v: b.op(op_type, [v, *(b.weight(shape_of(v)[-1]) for _ in range(count))],
                             shape_of(v), **attributes)


def reduce_last(op_type: str) -> Make:
    return lambda b, v: expand(b, reduce(op_type, -1, b, v), shape_of(v))


def qkt(b: Builder, v: ir.Value) -> ir.Value:
    shape = tokens_shape(b, v)
    n, c = shape[-2:]
    product = b.op("MatMul", [v, b.transpose_last(v)], (*shape[:-1], n))
    return b.op("MatMul", [product, b.weight(n, c)], shape)


def attention(b: Builder, v: ir.Value) -> ir.Value:
    shape = tokens_shape(b, v)
    product = b.op("MatMul", [v, b.transpose_last(v)], (*shape[:-1], shape[-2]))
    return b.op("MatMul", [product, v], shape)


def right_first(b: Builder, v: ir.Value) -> ir.Value:
    shape = tokens_shape(b, v)
    product = b.op("MatMul", [b.transpose_last(v), v], (*shape[:-2], shape[-1], shape[-1]))
    return b.op("MatMul", [v, product], shape)


def softmax_attention(b: Builder, v: ir.Value) -> ir.Value:
    shape = tokens_shape(b, v)
    product = b.op("MatMul", [v, b.transpose_last(v)], (*shape[:-1], shape[-2]))
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


def logical(op_type: str) -> Make:
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


def compare(op_type: str) -> Make:
    def make(b: Builder, v: ir.Value) -> ir.Value:
        truth = b.op(op_type, [v, b.constant([0.5])], shape_of(v), dtype=BOOL)
        return b.op("Cast", [truth], shape_of(v), to=int(FLOAT))
    return make


def square(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Mul", [v, v], shape_of(v))


def power(exponent: float) -> Make:
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


def two_of(op_type: str) -> Make:
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
