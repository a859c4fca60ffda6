"""Illegal operators that mix ticks or samples: each makes a value of the same shape."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from tests.properties.mutant import Builder, Make, expand, reduce, shape_of, shape_with_time


def cumsum_time(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("CumSum", [v, b.constant(0, np.int64)], shape_with_time(b, v))


def mean_time(b: Builder, v: ir.Value) -> ir.Value:
    return expand(b, reduce("ReduceMean", 0, b, v), shape_with_time(b, v))


def flip(axis: int) -> Make:
    def make(b: Builder, v: ir.Value) -> ir.Value:
        back = (b.ints(-1), b.ints(-99), b.ints(axis), b.ints(-1))
        return b.op("Slice", [v, *back], shape_with_time(b, v))
    return make


def last_tick(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_with_time(b, v)
    bounds = (b.ints(b.ticks - 1), b.ints(b.ticks), b.ints(0))
    return expand(b, b.op("Slice", [v, *bounds], (1, *shape[1:])), shape)


def mix_time(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_with_time(b, v)
    flat = (b.ticks, math.prod(shape[1:]))
    matrix = b.op("Reshape", [v, b.ints(*flat)], flat)
    mixture = b.op("MatMul", [b.weight(b.ticks, b.ticks), matrix], flat)
    return b.op("Reshape", [mixture, b.ints(*shape)], shape)


def softmax_time(b: Builder, v: ir.Value) -> ir.Value:
    return b.op("Softmax", [v], shape_with_time(b, v), axis=0)


def time_attention(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_with_time(b, v)
    order = [*range(1, len(shape) - 1), 0, len(shape) - 1]
    time_last = b.op("Transpose", [v], [shape[k] for k in order], perm=order)
    scores = b.op("MatMul", [time_last, b.transpose_last(time_last)],
                  (*shape_of(time_last)[:-1], b.ticks))
    mixture = b.op("MatMul", [scores, time_last], shape_of(time_last))
    back = [order.index(k) for k in range(len(shape))]
    return b.op("Transpose", [mixture], shape, perm=back)


def mean_batch(b: Builder, v: ir.Value) -> ir.Value:
    return expand(b, reduce("ReduceMean", 1, b, v), shape_with_time(b, v))


def first_sample(b: Builder, v: ir.Value) -> ir.Value:
    shape = shape_with_time(b, v)
    one = b.op("Slice", [v, b.ints(0), b.ints(1), b.ints(1)], (shape[0], 1, *shape[2:]))
    return expand(b, one, shape)
