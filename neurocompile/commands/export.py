"""`neurocompile export`: the captured network as one ONNX file, for any target."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.models import ModelOptions, job, model_options, pick
from neurocompile.commands.terminal import Progress, common, findings_text, settings, show
from neurocompile.config import load_config
from neurocompile.diagnostics import Diagnostic, UsageError

if TYPE_CHECKING:
    from neurocompile.ir.graph import Graph


@click.command(short_help="Write a model's graph as ONNX.")
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="The .onnx file to write.")
@model_options
@common
def export(model: str, output: Path, **given: Any) -> int:
    """Capture MODEL and write its graph, which builds without the model's code."""
    config = load_config(settings().config)
    work = job(model, pick(ModelOptions, given), config)
    progress = Progress()
    loaded = work.load(work.sample(), progress)
    progress.end()
    try:
        _write(output, loaded.graph.to_bytes())
    except OSError as error:
        raise UsageError(Diagnostic("NC009", values={
            "option": "--output", "value": f"`{output}`",
            "reason": error.strerror or str(error)})) from None
    from neurocompile.capture.replay import silent

    for line in _left_out(loaded.graph):
        show(line)
    warnings = list(silent(loaded.graph))
    if warnings:
        show(findings_text(warnings, "full"))
    spikes = loaded.graph.info["replay"]["spikes"]
    show(f"wrote {output}: {sum(1 for _ in loaded.graph.nodes()):,} nodes, {len(spikes)} neuron "
         f"layers; equal to the model on {sum(spikes.values()):,} spikes")
    return 0


def _left_out(graph: Graph) -> Iterator[str]:
    """What the model takes or returns that the graph has no use for, one line each."""
    for value in graph.model.graph.inputs:
        if not value.uses():
            yield f"input `{value.name}` is not used by the model"
    for entry in graph.info.get("outputs", ()):
        if "value" in entry:
            yield f"result{entry['path']} is {entry['value']}, no tensor: left out"


def _write(path: Path, data: bytes) -> None:
    """Replace the file as a whole: a killed export leaves the old one."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
