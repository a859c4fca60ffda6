"""`neurocompile export`: the captured network as one file, ONNX or NIR, for any target."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.models import ModelOptions, job, model_options, pick
from neurocompile.commands.terminal import Progress, common, findings_text, settings, show
from neurocompile.config import load_config
from neurocompile.diagnostics import Diagnostic, UsageError, raise_errors

if TYPE_CHECKING:
    from neurocompile.backends.nir_export import NirExport
    from neurocompile.ir.graph import Graph


@click.command(short_help="Write a model's graph as ONNX or NIR.")
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="The .onnx or .nir file to write.")
@model_options
@common
def export(model: str, output: Path, **given: Any) -> int:
    """Capture MODEL and write its graph, which builds without the model's code.

    A file that ends in .nir gets the network instead, for other tools; what NIR cannot say is
    listed. --nir-dt is the length of its tick, 0.0001 s if it is not given.
    """
    dt = given["nir_dt"]
    config = load_config(settings().config)
    work = job(model, pick(ModelOptions, given), config)
    progress = Progress()
    loaded = work.load(work.sample(), progress)
    progress.end()
    lost: tuple[Diagnostic, ...] = ()
    if output.suffix == ".nir":
        written = _nir(loaded.graph, dt)
        data, nodes, lost = written.data, written.nodes, written.warnings
    else:
        data, nodes = loaded.graph.to_bytes(), sum(1 for _ in loaded.graph.nodes())
    try:
        _write(output, data)
    except OSError as error:
        raise UsageError(Diagnostic("NC009", values={
            "option": "--output", "value": f"`{output}`",
            "reason": error.strerror or str(error)})) from None
    from neurocompile.capture.replay import doubts

    warnings = [*doubts(loaded.graph), *lost]
    if warnings:
        show(findings_text(warnings, "full"))
    show(f"wrote {output}: {nodes:,} nodes\n{_proof(loaded.graph.info['replay'])}")
    return 0


def _nir(graph: Graph, dt: float | None) -> NirExport:
    """The network as a .nir file, and what that file cannot say."""
    from neurocompile.backends.nir_export import export_nir
    from neurocompile.passes.legality import check_graph
    from neurocompile.passes.lower import lower

    raise_errors(check_graph(graph, "tick", ()))
    network, _ = lower(graph)
    return export_nir(network) if dt is None else export_nir(network, dt)


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
