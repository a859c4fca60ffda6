"""Constant currents, which need a global tick. NC128."""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.ir.graph import module_of
from neurocompile.passes.legality.linear import magnitude
from neurocompile.passes.legality.spike_types import Static, bias_of
from neurocompile.passes.legality.walk import Walk


def check_neuron(node: ir.Node, walk: Walk) -> None:
    """Report a neuron that needs a constant current where nothing marks the tick."""
    if not walk.asynchronous:
        return
    kind = walk.type_of(node.inputs[0])
    value = magnitude(node.inputs[0]) if isinstance(kind, Static) else bias_of(kind)
    if value:
        module = module_of(node)
        walk.report("NC128", node, {"module": module, "value": value}, key=(module,))
