"""Outputs: what the host computes from spikes. NC129: nothing. NC146: not all. NC147: with what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic, Severity
from neurocompile.ir.graph import Graph, location, output_location
from neurocompile.passes.legality.cut import Cut, Obstacle
from neurocompile.passes.legality.spike_types import Opaque
from neurocompile.passes.legality.summary import WIRING, multiply_accumulates
from neurocompile.passes.legality.walk import TypeWalk


def check_outputs(walk: TypeWalk, parts: Cut) -> None:
    """Report each output that the host cannot compute, and those that take more than sums."""
    code = "NC146" if parts.served else "NC129"
    for number, value in parts.outputs.items():
        obstacle, kind = parts.obstacles.get(number), walk.type_of(value)
        if obstacle is not None:
            if not (isinstance(kind, Opaque) and kind.reported) and (
                    parts.served or not obstacle.mixes_samples):  # else NC113 says so
                walk.findings[code, number] = obstacle_finding(walk.graph, number, obstacle, code)
        elif isinstance(kind, Opaque) and not kind.reported:
            walk.findings["NC147", number] = _host_program(walk, number, parts.tail(value))


def obstacle_finding(graph: Graph, number: int, obstacle: Obstacle, code: str = "NC129"
                     ) -> Diagnostic:
    """NC129, or NC146 where other outputs are left."""
    where = output_location(graph, number) if obstacle.node is None else location(obstacle.node)
    return Diagnostic(code, where, {"output": number, "op": obstacle.reason})


def _host_program(walk: TypeWalk, number: int, tail: frozenset[ir.Node]) -> Diagnostic:
    """What the host computes; a warning where that is more than what the chip does."""
    own, chip = _macs(tail), _macs(walk.chip)
    note = Diagnostic("NC147", output_location(walk.graph, number), {
        "output": number, "operators": sum(node.op_type not in WIRING for node in tail),
        "share": f"{own / max(own + chip, 1):.1%}"})
    return replace(note, severity=Severity.WARNING) if own > chip else note


def _macs(nodes: Iterable[ir.Node]) -> int:
    return sum(map(multiply_accumulates, nodes))
