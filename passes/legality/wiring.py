"""Rewiring by fixed indices, which keeps types, and by data. NC127: selection by value."""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.ir.graph import constant
from neurocompile.passes.legality.linear import INTEGERS, join, magnitude
from neurocompile.passes.legality.products import elementwise_product
from neurocompile.passes.legality.spike_types import (
    Current,
    Opaque,
    SpikeType,
    Static,
    beside,
    plus_constant,
    times,
)
from neurocompile.passes.legality.walk import Transfer, TypeWalk


def _same(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return walk.type_of(node.inputs[0])


def _by_numbers(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """Shapes, starts and repeats are given as operands, and must be static."""
    if any(not isinstance(walk.type_of(value), Static) for value in node.inputs[1:]):
        return _select(node, walk)
    return walk.type_of(node.inputs[0])


def _cast(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kind = walk.type_of(node.inputs[0])
    rounds = node.outputs[0].dtype in INTEGERS and node.inputs[0] is not None and (
        node.inputs[0].dtype not in INTEGERS)
    truth = node.outputs[0].dtype == ir.DataType.BOOL  # of a sum of spikes: an OR
    if isinstance(kind, Current) and rounds and (kind.weighted or truth):
        return walk.reject("NC123", node, {"op": f"{node.op_type} to an integer"})
    return kind


def _dropout(node: ir.Node, walk: TypeWalk) -> SpikeType:
    training = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if training is not None and bool(training.item()):
        return walk.reject("NC123", node, {"op": "Dropout in training mode"},
                           hint="call model.eval() before capture")
    return walk.type_of(node.inputs[0])


def _together(values: list[ir.Value | None], walk: TypeWalk) -> SpikeType:
    """Values placed side by side; static zeros are no current."""
    kinds = [walk.type_of(value) for value in values]
    opaque = [kind for kind in kinds if isinstance(kind, Opaque)]
    if opaque:
        return join(opaque)
    constants = [magnitude(v) for v, kind in zip(values, kinds, strict=True)
                 if isinstance(kind, Static)]
    dynamic = beside(kind for kind in kinds if not isinstance(kind, Static))
    return plus_constant(dynamic, max(constants, default=0.0))


def _concat(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return _together(list(node.inputs), walk)


def _where(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if isinstance(walk.type_of(node.inputs[0]), Static):
        return _together(list(node.inputs[1:]), walk)
    return elementwise_product(node, walk)


def _pad(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kind = walk.type_of(node.inputs[0])
    value = node.inputs[2] if len(node.inputs) > 2 else None
    if value is None or node.attributes.get_string("mode", "constant") != "constant":
        return kind
    return plus_constant(kind, magnitude(value))


def _resize(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kind = walk.type_of(node.inputs[0])
    return kind if node.attributes.get_string("mode", "nearest") == "nearest" else times(kind, 1.0)


def _gather(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if not isinstance(walk.type_of(node.inputs[1]), Static):
        return _select(node, walk)
    return walk.type_of(node.inputs[0])


def _scatter(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if not isinstance(walk.type_of(node.inputs[1]), Static):
        return _select(node, walk)
    data, updates = node.inputs[0], node.inputs[2]
    how = node.attributes.get_string("reduction", "none")
    if how == "none":
        return _together([data, updates], walk)
    if how == "add":
        total = join([walk.type_of(data), walk.type_of(updates)])
        statics = [v for v in (data, updates) if isinstance(walk.type_of(v), Static)]
        return plus_constant(total, sum(magnitude(v) for v in statics))
    return walk.reject("NC123", node, {"op": f"{node.op_type} ({how})"}, notes=walk.paths(node))


def _select(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return walk.reject("NC127", node, {"op": node.op_type}, notes=walk.paths(node))


TRANSFER: dict[str, Transfer] = {
    **dict.fromkeys((
        "Identity", "Transpose", "Flatten", "DepthToSpace", "SpaceToDepth"), _same),
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Expand", "Tile", "Slice", "Split"),
                    _by_numbers),
    **dict.fromkeys(("Cast", "CastLike"), _cast),
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), _gather),
    **dict.fromkeys(("ScatterND", "ScatterElements", "Scatter"), _scatter),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("TopK", "ArgMax", "ArgMin", "NonZero", "Compress", "Unique", "OneHot",
                     "NonMaxSuppression"), _select),
    "Concat": _concat, "Where": _where, "Pad": _pad, "Dropout": _dropout,
}
