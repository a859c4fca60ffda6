"""`neurocompile export`: the captured network as one ONNX file, for any target."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from neurocompile.commands.models import ModelOptions, job, model_options, pick
from neurocompile.commands.terminal import Progress, common, findings_text, settings, show
from neurocompile.config import load_config
from neurocompile.diagnostics import Diagnostic, UsageError


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
    from neurocompile.capture.replay import doubts

    warnings = list(doubts(loaded.graph))
    if warnings:
        show(findings_text(warnings, "full"))
    nodes = sum(1 for _ in loaded.graph.nodes())
    show(f"wrote {output}: {nodes:,} nodes\n{_proof(loaded.graph.info['replay'])}")
    return 0


def _proof(replay: dict[str, Any]) -> str:
    """What was compared, in two lines."""
    spikes, saved = replay["spikes"], replay["graph"]
    return (f"replay: model = stand-in neurons = exported program, bit for bit, {replay['calls']} "
            f"calls, {replay['values']:,} output values, {sum(spikes.values()):,} spikes of "
            f"{len(spikes)} neuron layers\nonnxruntime on the saved graph: {saved['different']:,} "
            f"of {saved['spikes']:,} spikes differ, outputs within {saved['bound']:g} of their "
            "largest value")


def _write(path: Path, data: bytes) -> None:
    """Replace the file as a whole: a killed export leaves the old one."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
