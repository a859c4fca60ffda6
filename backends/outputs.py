"""The outputs of a network in its program: what the host reads for each, and its host programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurocompile.ir.axes import Layout, Role
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.network import Network, Readout

FOLDER = "outputs"  # of a program: its host programs


def write_host_programs(network: Network, out: Path) -> list[str]:
    """Write the ONNX model of each host program; their names below the program's folder."""
    if network.host_programs:
        (out / FOLDER).mkdir(exist_ok=True)
    for program in network.host_programs:
        (out / _file(program)).write_bytes(program.model)
    return [_file(program) for program in network.host_programs]


def output_entry(output: Readout | HostProgram, ids: Mapping[str, str]) -> dict[str, Any]:
    """What a program's description says of an output. `ids` are names in the program."""
    entry = {"name": output.name, "shape": list(output.shape)}
    if isinstance(output, HostProgram):
        return entry | {
            "ticks": "program", "sources": [ids[name] for name in output.sources],
            "program": {"file": _file(output), "samples": output.batch, "axes": _axes(output.layout),
                        "inputs": [{"name": feed.value, "source": ids[feed.source],
                                    "tick": feed.tick, "type": feed.dtype.name,
                                    "axes": _axes(feed.layout)} for feed in output.feeds]}}
    accumulator = {"accumulator": ids[output.accumulator]} if output.accumulator else {}
    return entry | {"ticks": output.ticks, "sources": [ids[name] for name in output.sources],
                    **accumulator}


def _axes(layout: Layout) -> list[list[str | int]]:
    """Each dimension of a value: `samples`, `ticks`, or so many elements of a tick, outer first."""
    words = {Role.BATCH: "samples", Role.TIME: "ticks"}
    return [[words.get(atom.role, atom.size) for atom in atoms] for atoms in layout]


def _file(program: HostProgram) -> str:
    return f"{FOLDER}/{program.number}.onnx"
