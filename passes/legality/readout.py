"""Outputs are spikes or linear in spike counts. NC129."""

from __future__ import annotations

from neurocompile.passes.legality.spike_types import Opaque
from neurocompile.passes.legality.walk import Walk


def check_outputs(walk: Walk) -> None:
    """Report each output that the host cannot compute exactly from spike counts."""
    for number, value in enumerate(walk.graph.model.graph.outputs):
        kind = walk.type_of(value)
        if isinstance(kind, Opaque) and not kind.reported:
            walk.report("NC129", kind.node, {"output": number, "op": kind.op}, key=(number,))
