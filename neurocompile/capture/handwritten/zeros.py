"""Products with 0 are 0: what a decay of 0.0 leaves of a potential is no memory."""

from __future__ import annotations

import torch
from torch.export import ExportedProgram

from neurocompile.capture.handwritten.fx_values import ProgramValues, dtype, operation, shape


def fold_zeros(program: ExportedProgram) -> None:
    """Replace each product of a value and the number 0 by zeros, in place."""
    values, graph = ProgramValues(program), program.graph_module.graph
    products = [node for node in graph.nodes if node in values.dynamic and node.users
                and (step := operation(node)) is not None and step[0] == "mul"
                and 0.0 in map(values.number, step[1])]
    for node in products:
        with graph.inserting_before(node):
            zeros = graph.call_function(
                torch.ops.aten.full.default, (list(shape(node)), 0.0),
                {"dtype": dtype(node), "layout": torch.strided, "device": torch.device("cpu"),
                 "pin_memory": False})
        zeros.meta = {k: m for k, m in node.meta.items()
                      if k in ("nn_module_stack", "stack_trace", "val")}
        node.replace_all_uses_with(zeros)
        program.graph_signature.replace_all_uses(node.name, zeros.name)
    if products:
        graph.eliminate_dead_code()
        program.graph_module.recompile()
