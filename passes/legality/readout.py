"""Outputs are spikes or linear in spike counts. NC129."""

from __future__ import annotations

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.graph import output_location
from neurocompile.passes.legality.spike_types import Opaque, Static
from neurocompile.passes.legality.walk import TypeWalk


def check_outputs(walk: TypeWalk) -> None:
    """Report each output that the host cannot compute exactly from spike counts."""
    for number, value in enumerate(walk.graph.model.graph.outputs):
        kind = walk.type_of(value)
        if isinstance(kind, Opaque) and not kind.reported:
            walk.report("NC129", kind.node, {"output": number, "op": kind.op}, key=(number,))
        elif isinstance(kind, Static):
            walk.findings["NC129", number] = Diagnostic(
                "NC129", output_location(walk.graph, number),
                {"output": number, "op": "a constant"})
