"""Operators that random graphs are made of: the linear ones, and those that are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from tests.properties.spike_net import Net

Make = Callable[[Net], object]


def _pair(net: Net) -> tuple[ir.Value, ir.Value]:
    x = net.any()
    return x, net.any(net.shape(x))


def _right(net: Net) -> None:
    x = net.any()
    net.op("MatMul", [x, net.weights(net.shape(x)[-1], net.draw.choice((2, 4)))])


def _from_left(net: Net) -> None:
    x = net.any()
    net.op("MatMul", [net.weights(net.draw.choice((2, 3)), net.shape(x)[-2]), x])


def _einsum(net: Net) -> None:
    x = net.any()
    net.op("Einsum", [x, net.weights(net.shape(x)[3], 2)], equation="tbnc,cd->tbnd")


def _conv(net: Net) -> None:
    x = net.any()
    t, b, n, c = net.shape(x)
    flat = net.op("Reshape", [x, net.ints(t * b, n, c)])
    bias = [net.weights(2)] if net.draw.random() < 0.3 else []
    y = net.op("Conv", [flat, net.weights(2, n, 3), *bias], kernel_shape=[3], pads=[1, 1])
    net.op("Reshape", [y, net.ints(t, b, 2, c)])


def _pool(net: Net, kind: str = "AveragePool") -> None:
    x = net.any()
    t, b, n, c = net.shape(x)
    flat = net.op("Reshape", [x, net.ints(t * b, n, c)])
    y = net.op(kind, [flat], kernel_shape=[min(2, c)])
    net.op("Reshape", [y, net.ints(t, b, n, c - min(2, c) + 1)])


def _norm(net: Net) -> None:
    x = net.any()
    t, b, n, c = net.shape(x)
    flat = net.op("Reshape", [x, net.ints(t * b, n, c)])
    ones = net.constant(np.ones(n))
    y = net.op("BatchNormalization", [flat, net.weights(n), net.weights(n), net.weights(n), ones])
    net.op("Reshape", [y, net.ints(t, b, n, c)])


def _transpose(net: Net) -> None:
    net.op("Transpose", [net.any()], perm=[0, 1, 3, 2])


def _reshape(net: Net) -> None:
    x = net.any()
    t, b, n, c = net.shape(x)
    total = n * c
    first = net.draw.choice([k for k in range(1, total + 1) if total % k == 0])
    net.op("Reshape", [x, net.ints(t, b, first, total // first)])


def _slice(net: Net) -> None:
    x = net.any()
    axis = net.draw.choice((2, 3))
    stop = net.draw.randint(1, net.shape(x)[axis])
    net.op("Slice", [x, net.ints(0), net.ints(stop), net.ints(axis)])


def _gather(net: Net) -> None:
    x = net.any()
    axis = net.draw.choice((2, 3))
    size = net.shape(x)[axis]
    places = [net.draw.randrange(size) for _ in range(net.draw.randint(2, 4))]
    net.op("Gather", [x, net.ints(*places)], axis=axis)


def _concat(net: Net) -> None:
    x = net.any()
    n = net.shape(x)[2]
    others = [v for v in net.values if v.dtype == ir.DataType.FLOAT and len(net.shape(v)) == 4
              and net.shape(v)[2] == n]
    net.op("Concat", [x, others[net.draw.randrange(len(others))]], axis=3)


def _pad(net: Net) -> None:
    value = net.constant(float(net.draw.choice((0, 0, 2))))
    net.op("Pad", [net.any(), net.ints(0, 0, 0, 1, 0, 0, 0, 0), value])


def _reduce(kind: str) -> Make:
    return lambda net: net.op(kind, [net.any(), net.ints(net.draw.choice((2, 3)))], keepdims=1)


def _where(net: Net) -> None:
    x, y = _pair(net)
    shape = net.shape(x)
    mask = net.constant([bool(net.draw.getrandbits(1)) for _ in range(shape[3])], np.bool_)
    other = y if net.draw.getrandbits(1) else net.constant([float(net.draw.randint(0, 2))])
    net.op("Where", [mask, x, other])


def _static(kind: str, *numbers: float) -> Make:
    def make(net: Net) -> None:
        x = net.any()
        one = net.draw.getrandbits(1)
        count = 1 if one else net.shape(x)[3]
        other = net.constant([float(net.draw.choice(numbers)) for _ in range(count)])
        swap = kind == "Sub" and net.draw.getrandbits(1)
        net.op(kind, [other, x] if swap else [x, other])
    return make


def _two(kind: str) -> Make:
    return lambda net: net.op(kind, list(_pair(net)))


def _one(kind: str, **attributes: Any) -> Make:
    return lambda net: net.op(kind, [net.any()], **attributes)


def _cumsum(net: Net) -> None:
    net.op("CumSum", [net.any(), net.constant(net.draw.choice((2, 3)), np.int64)])


def _expand(net: Net) -> None:
    x = net.op("ReduceSum", [net.any(), net.ints(3)], keepdims=1)
    net.op("Expand", [x, net.ints(*net.shape(x)[:3], 3)])


def _through_integers(net: Net) -> None:
    net.cast(net.op("Cast", [net.any()], to=int(ir.DataType.INT64)))


def _residual(net: Net) -> None:
    spikes = list(net.values)[:2]
    net.draw.shuffle(spikes)
    branch = net.op("MatMul", [spikes[0], net.weights(4, 4)]) if net.draw.getrandbits(1) else (
        spikes[0])
    total = net.op("Add", [branch, spikes[1]])
    net.op("MatMul", [total, net.weights(4, 3)])


def _product(net: Net) -> None:
    x, y = _pair(net)
    net.op("MatMul", [x, net.op("Transpose", [y], perm=[0, 1, 3, 2])])


def _outer(net: Net) -> None:
    x, y = _pair(net)
    net.op("Einsum", [x, y], equation="tbnc,tbmc->tbnm")


def _power(net: Net) -> None:
    net.op("Pow", [net.any(), net.constant([float(net.draw.choice((1, 2, 2, 3)))])])


def _compare(net: Net) -> None:
    net.cast(net.op("Greater", [net.any(), net.constant([1.0])]))


def _mask(net: Net) -> None:
    x, y = _pair(net)
    net.op("Where", [net.op("Greater", [x, net.constant([1.0])]), y, net.constant([0.0])])


def _logic(net: Net) -> None:
    x, y = (net.op("Cast", [v], to=int(ir.DataType.BOOL)) for v in _pair(net))
    net.cast(net.op(net.draw.choice(("And", "Or", "Xor")), [x, y]))


def _sort(net: Net) -> None:
    x = net.any()
    net.op("TopK", [x, net.ints(net.shape(x)[3])], outputs=2, axis=3)


def _argmax(net: Net) -> None:
    net.cast(net.op("ArgMax", [net.any()], axis=3))


def _select(net: Net) -> None:
    x = net.any()
    net.op("GatherElements", [x, net.op("ArgMax", [x], axis=3)], axis=3)


def _integer_division(net: Net) -> None:
    x = net.op("Cast", [net.any()], to=int(ir.DataType.INT64))
    net.cast(net.op("Div", [x, net.ints(2)]))


LINEAR: tuple[Make, ...] = (
    _right, _from_left, _einsum, _conv, _pool, _norm, _transpose, _reshape, _slice, _gather,
    _concat, _pad, _reduce("ReduceSum"), _reduce("ReduceMean"), _where, _static("Add", 0, 1, -2, 0.5),
    _static("Sub", 0, 1, 2), _static("Mul", -2, -1, 1, 2, 0.5), _static("Div", 1, 2, -4),
    _two("Add"), _two("Add"), _two("Sub"), _one("Neg"), _one("Identity"), _cumsum, _expand,
    _two("Sum"), _two("Mean"), _residual, _residual)
NONLINEAR: tuple[Make, ...] = (
    *(_one(name) for name in ("Relu", "Abs", "Sign", "Sigmoid", "Tanh", "Softmax", "Elu", "Floor",
                              "Cos", "Softsign")),
    *(_two(name) for name in ("Mul", "Mul", "Max", "Min")),
    *(_reduce(name) for name in ("ReduceMax", "ReduceMin", "ReduceL2", "ReduceProd")),
    lambda net: _pool(net, "MaxPool"), _product, _outer, _power, _compare, _mask, _logic, _sort,
    _argmax, _select, _integer_division, _through_integers)
