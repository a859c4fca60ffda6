"""Products of two dynamic values. NC120: contractions. NC121: elementwise masks."""

from __future__ import annotations

import math

import onnx_ir as ir

from neurocompile.passes.legality.gates import and_gate
from neurocompile.passes.legality.spike_types import (
    Analog,
    Current,
    Spike,
    SpikeType,
    Static,
    as_current,
    sources_of,
)
from neurocompile.passes.legality.walk import Transfer, TypeWalk


def product(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """A contraction of dynamic operands: MatMul, Einsum, a convolution with dynamic weights."""
    recover = Current(sources_of(walk.operands(node)), reported=True)
    return walk.reject("NC120", node, {"op": node.op_type}, recover=recover,
                       notes=walk.paths(node), always=True)


def elementwise_product(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """A product of dynamic operands, element by element; of a value with itself, a square."""
    if len(node.inputs) == 2 and node.inputs[0] is node.inputs[1]:
        return walk.reject("NC123", node, {"op": f"{node.op_type} of a value by itself"})
    gate = and_gate(node, walk)
    if isinstance(gate, Spike):
        return gate
    kinds = [as_current(k) for k in walk.operands(node) if isinstance(k, Spike | Current)]
    weighted = len(kinds) < len(node.inputs) or any(kind.weighted for kind in kinds)
    recover = Current(sources_of(kinds), weighted, reported=True,  # a mask of spikes is an integer
                      levels=0 if weighted else math.prod(kind.levels for kind in kinds))
    return walk.reject("NC121", node, {"op": node.op_type}, recover=recover,
                       notes=[*walk.paths(node), *gate.notes], hint=gate.hint)


def _logical(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if any(isinstance(walk.type_of(value), Static) for value in node.inputs):
        kind = walk.operands(node)[0]
        return kind if isinstance(kind, Analog) else Current(sources_of([kind]))
    return elementwise_product(node, walk)


TRANSFER: dict[str, Transfer] = {
    **dict.fromkeys(("And", "Or", "Xor"), _logical),
    "Attention": product,
}
