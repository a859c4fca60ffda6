"""Static synapses and other linear maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.graph import constant
from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.price import fan_in
from neurocompile.passes.legality.products import elementwise_product, product
from neurocompile.passes.legality.residuals import note_growth, residual
from neurocompile.passes.legality.spike_types import (
    STATIC,
    Current,
    Opaque,
    Spike,
    SpikeType,
    Static,
    as_current,
    bias_of,
    plus_constant,
    sum_of,
    times,
)
from neurocompile.passes.legality.sums import weighs
from neurocompile.passes.legality.walk import Transfer, TypeWalk

INTEGERS = frozenset({
    ir.DataType.BOOL, ir.DataType.INT8, ir.DataType.INT16, ir.DataType.INT32, ir.DataType.INT64,
    ir.DataType.UINT8, ir.DataType.UINT16, ir.DataType.UINT32, ir.DataType.UINT64})


def magnitude(value: ir.Value | None) -> float:
    """The largest magnitude of a constant; 1 where it is not known."""
    array = constant(value)
    if array is None or array.dtype.kind not in "fiub":
        return 0.0 if value is None else 1.0
    return float(np.abs(array).max()) if array.size else 0.0


def synapse(node: ir.Node, walk: TypeWalk, kind: SpikeType, gain: float) -> SpikeType:
    """What comes out of static weights; `gain` bounds what they make of a constant input."""
    if isinstance(kind, Opaque):
        return Current(kind.sources, reported=True) if kind.reported else kind
    if not isinstance(kind, Current) or node not in walk.feeding or node in walk.mixing:
        return times(kind, gain)
    if kind.mixes_sources:
        exact = residual(node, walk, kind)
        kind = replace(kind, mixes_sources=False, reported=kind.reported or not exact)
    elif Allow.COMPOSE_LINEAR in walk.allow:
        note_growth(node, walk)
    return times(kind, gain)


def contraction(node: ir.Node, walk: TypeWalk, operands: Sequence[ir.Value | None]) -> SpikeType:
    """A synapse if one operand is dynamic, an illegal product if several are."""
    dynamic = [v for v in operands if not isinstance(walk.type_of(v), Static)]
    if len(dynamic) > 1:
        return product(node, walk)
    if not dynamic:
        return STATIC
    kind = walk.type_of(dynamic[0])
    gain = 1.0
    if bias_of(kind):
        gain = fan_in(walk, node) * max(magnitude(v) for v in operands if v is not dynamic[0])
    return synapse(node, walk, kind, gain)


def _conv(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if len(walk.operands(node)) > 1:
        return product(node, walk)
    gain = 1.0
    if bias_of(walk.type_of(node.inputs[0])):
        shape = shape_of(node.inputs[1]) or (1,)
        gain = math.prod(shape[1:]) * magnitude(node.inputs[1])
    result = synapse(node, walk, walk.operands(node)[0], gain)
    return plus_constant(result, magnitude(node.inputs[2]) if len(node.inputs) > 2 else 0.0)


def _matmul(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return contraction(node, walk, node.inputs)


def _gemm(node: ir.Node, walk: TypeWalk) -> SpikeType:
    result = contraction(node, walk, node.inputs[:2])
    offset = node.inputs[2] if len(node.inputs) > 2 else None
    kind = walk.type_of(offset)
    if isinstance(kind, Static):
        return plus_constant(result, magnitude(offset))
    return join([result, kind])


def join(kinds: Sequence[SpikeType]) -> SpikeType:
    """The sum of dynamic values; an opaque one makes it opaque."""
    opaque = [kind for kind in kinds if isinstance(kind, Opaque)]
    if opaque:
        return next((kind for kind in opaque if not kind.reported), opaque[0])
    return sum_of(kind for kind in kinds if not isinstance(kind, Static))


def _add(node: ir.Node, walk: TypeWalk) -> SpikeType:
    total = join(walk.operands(node))
    statics = [v for v in node.inputs if isinstance(walk.type_of(v), Static)]
    return plus_constant(total, sum(magnitude(v) for v in statics))


def _subtract(node: ir.Node, walk: TypeWalk) -> SpikeType:
    first, second = (walk.type_of(value) for value in node.inputs)
    if isinstance(second, Static):
        return plus_constant(first, magnitude(node.inputs[1]))
    negative = times(second, 1.0)
    if isinstance(first, Static):
        return plus_constant(negative, magnitude(node.inputs[0]))
    return join([first, negative])


def _mean(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return times(_add(node, walk), 1.0 / max(len(node.inputs), 1))


def _multiply(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kinds = [walk.type_of(value) for value in node.inputs]
    dynamic = [kind for kind in kinds if not isinstance(kind, Static)]
    if len(dynamic) > 1:
        return elementwise_product(node, walk)
    factor = node.inputs[0] if isinstance(kinds[0], Static) else node.inputs[1]
    array = constant(factor)
    if array is not None and array.size == 1 and array.item() == 1:
        return dynamic[0]
    return times(dynamic[0], magnitude(factor))


def _divide(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kind, by = walk.type_of(node.inputs[0]), node.inputs[1]
    integers = node.outputs[0].dtype in INTEGERS  # rounds
    if integers or not isinstance(walk.type_of(by), Static):
        return walk.reject("NC123", node, {"op": node.op_type}, notes=walk.paths(node))
    array = constant(by)
    if array is not None and bool((array == 1).all()):
        return kind
    least = float(np.abs(array).min()) if array is not None and array.size else 1.0
    return times(kind, 1.0 / least if least else 1.0)


def _negate(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return times(walk.type_of(node.inputs[0]), 1.0)


def _average(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """Linear with static weights of at most one in sum: pools, means, interpolation, masks."""
    kind = walk.type_of(node.inputs[0])
    return synapse(node, walk, kind, 1.0) if weighs(node, walk) else times(kind, 1.0)


def _cumulate(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return times(walk.type_of(node.inputs[0]), fan_in(walk, node))


def _reduce_sum(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kind = walk.type_of(node.inputs[0])
    before, after = shape_of(node.inputs[0]), shape_of(node.outputs[0])
    count = max(math.prod(before or (1,)) // max(math.prod(after or (1,)), 1), 1)
    if weighs(node, walk):
        return synapse(node, walk, kind, count)
    if isinstance(kind, Spike | Current):
        current = as_current(kind)
        return replace(current, levels=current.levels * count, bias=current.bias * count)
    return times(kind, count)


def _batch_norm(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if node.attributes.get_int("training_mode", 0):
        return walk.reject("NC123", node, {"op": "BatchNormalization in training mode"},
                           hint="call model.eval() before capture")
    if len(walk.operands(node)) > 1:
        return walk.reject("NC123", node, {"op": node.op_type}, notes=walk.paths(node))
    gain, offset = 1.0, 1.0
    arrays = [constant(value) for value in node.inputs[1:5]]
    if all(array is not None for array in arrays):
        scale, bias, mean, variance = (np.asarray(array, np.float64) for array in arrays)
        factor = scale / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
        gain = float(np.abs(factor).max())
        offset = float(np.abs(bias - mean * factor).max())
    return plus_constant(times(walk.type_of(node.inputs[0]), gain), offset)


def _not(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return plus_constant(times(walk.type_of(node.inputs[0]), 1.0), 1.0)


TRANSFER: dict[str, Transfer] = {
    **dict.fromkeys(("Conv", "ConvTranspose"), _conv),
    **dict.fromkeys(("MatMul", "Einsum"), _matmul),
    **dict.fromkeys(("Add", "Sum"), _add),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "ReduceMean", "Trilu"), _average),
    "CumSum": _cumulate, "Gemm": _gemm, "Sub": _subtract, "Mean": _mean, "Mul": _multiply,
    "Div": _divide, "Neg": _negate, "ReduceSum": _reduce_sum, "BatchNormalization": _batch_norm,
    "Not": _not,
}
