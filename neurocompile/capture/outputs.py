"""What a model returns, member by member: tensors by their names in the graph, and the rest."""

from __future__ import annotations

from typing import Any

from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument, OutputKind
from torch.fx import Node
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_unflatten

from neurocompile.capture.frames import location_of


def outputs_of(program: ExportedProgram) -> list[dict[str, Any]]:
    """Per member of the result: its `path`; `value` for what is no tensor, else its line."""
    specs = [spec for spec in program.graph_signature.output_specs
             if spec.kind is OutputKind.USER_OUTPUT]
    numbers = tree_unflatten(range(len(specs)), program.call_spec.out_spec)
    nodes = {node.name: node for node in program.graph.nodes}
    members: list[dict[str, Any]] = []
    for path, number in tree_flatten_with_path(numbers)[0]:
        entry: dict[str, Any] = {"path": keystr(path)}
        argument = specs[number].arg
        if isinstance(argument, ConstantArgument):
            entry["value"] = repr(argument.value)
        else:
            node = nodes.get(argument.name)
            stack = (node.meta.get("stack_trace") or "") if node is not None else ""
            where = location_of(stack)
            entry["file"], entry["line"] = where.file, where.line
        members.append(entry)
    return members


def without_values(program: ExportedProgram) -> None:
    """Make None of every member of the result that is no tensor: torch.onnx cannot write others."""
    outputs = program.graph.output_node()
    args: tuple[Any, ...] = outputs.args
    outputs.args = (tuple(r if isinstance(r, Node) else None for r in args[0]),)
    for spec in program.graph_signature.output_specs:
        if isinstance(spec.arg, ConstantArgument):
            spec.arg = ConstantArgument(name="", value=None)
    program.graph_module.recompile()
