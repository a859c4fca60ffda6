"""Where the operators of an exported ONNX graph come from in the user's model."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import onnx_ir as ir
from torch import nn
from torch.export import ExportedProgram

from neurocompile.capture.adapters.base import full_class_name
from neurocompile.capture.frames import location_of
from neurocompile.ir import graph as g
from neurocompile.ir.neuron_node import as_neuron

STACK, SCOPES = "pkg.torch.onnx.stack_trace", "pkg.torch.onnx.name_scopes"
SYNAPSES = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_OF_SYNAPSE = "neurocompile.synapse."  # what is kept of a synapse that others are folded into


def mark_synapses(model: ir.Model) -> None:
    """Mark synapses with their own places, before the optimizer folds other operators into them.

    Of operators that become one, the optimizer keeps what the last one says: of a convolution and
    its batch normalization the latter's line. What the others do not have is kept of any.
    """
    for node in model.graph:
        if node.op_type in SYNAPSES and not node.domain:
            meta = node.metadata_props
            meta |= {_OF_SYNAPSE + key: meta[key] for key in (STACK, SCOPES) if key in meta}


def keep_place(node: ir.Node, classes: Mapping[str, str]) -> None:
    """Keep where a node comes from, and a neuron's class; drop all else that the exporter noted.

    `classes` are those of the model's modules, by path.
    """
    notes = dict(node.metadata_props)
    stack = notes.get(_OF_SYNAPSE + STACK, notes.get(STACK, ""))
    scopes = notes.get(_OF_SYNAPSE + SCOPES, notes.get(SCOPES, "[]"))
    *modules, _ = ["", *map(str, ast.literal_eval(scopes))]  # the last is the operator itself
    path = modules[-1] if modules else ""
    neuron = as_neuron(node)
    node.metadata_props.clear()
    g.set_location(node, location_of(stack, path if neuron is None else neuron.module))
    if neuron is not None and path in classes:
        node.metadata_props[g.CLASS] = classes[path]


def class_names(model: nn.Module) -> dict[str, str]:
    """The full names of the classes of a model's modules, by path."""
    return {path: full_class_name(module) for path, module in model.named_modules()}


def traced_class_names(program: ExportedProgram) -> dict[str, str]:
    """The same of an exported program, as far as it says."""
    stacks = (node.meta.get("nn_module_stack") or {} for node in program.graph.nodes)
    return {str(path): name if isinstance(name, str) else f"{name.__module__}.{name.__qualname__}"
            for stack in stacks for path, name in stack.values()}
