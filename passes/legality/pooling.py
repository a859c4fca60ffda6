"""Maxima over spikes or currents. NC122."""

from __future__ import annotations

import math

import onnx_ir as ir

from neurocompile.ir.axis_arithmetic import reduced_axes
from neurocompile.ir.axis_space import shape_of
from neurocompile.passes.legality.gates import or_pool
from neurocompile.passes.legality.spike_types import Analog, Current, Spike, SpikeType
from neurocompile.passes.legality.walk import Transfer, TypeWalk


def _max_pool(node: ir.Node, walk: TypeWalk) -> SpikeType:
    kernel = tuple(node.attributes.get_ints("kernel_shape", ()))
    kind = walk.type_of(node.inputs[0])
    if math.prod(kernel) == 1:
        return kind
    return _maximum(node, walk, "x".join(map(str, kernel)))


def _global(node: ir.Node, walk: TypeWalk) -> SpikeType:
    shape = shape_of(node.inputs[0]) or ()
    return _maximum(node, walk, "x".join(map(str, shape[2:])))


def _reduce(node: ir.Node, walk: TypeWalk) -> SpikeType:
    shape = shape_of(node.inputs[0]) or ()
    axes = reduced_axes(node, len(shape)) if shape else []
    return _maximum(node, walk, "x".join(str(shape[axis]) for axis in axes))


def _maximum(node: ir.Node, walk: TypeWalk, window: str) -> SpikeType:
    kind = walk.type_of(node.inputs[0])
    gate = or_pool(node, walk, window)
    if isinstance(gate, Spike):
        return gate
    what = "spikes" if isinstance(kind, Spike) else (
        "sums of spikes" if isinstance(kind, Current) and not kind.weighted else "currents")
    recover = kind if isinstance(kind, Spike | Current | Analog) else None
    return walk.reject("NC122", node, {"what": what, "window": window}, recover=recover,
                       notes=[*walk.paths(node), *gate.notes], hint=gate.hint)


TRANSFER: dict[str, Transfer] = {
    "MaxPool": _max_pool, "GlobalMaxPool": _global,
    **dict.fromkeys(("ReduceMax", "ReduceMin"), _reduce),
}
