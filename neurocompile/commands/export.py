"""`neurocompile export`: the captured network as one file: ONNX, NIR, or lava-dl's .net."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.models import ModelOptions, job, model_options
from neurocompile.commands.options import pick
from neurocompile.commands.terminal import Progress, common, findings_text, settings, show
from neurocompile.config import load_config
from neurocompile.diagnostics import (
    Diagnostic,
    FindingsError,
    Severity,
    UsageError,
    raise_errors,
)

if TYPE_CHECKING:
    from neurocompile.formats.files import Loaded
    from neurocompile.formats.nir.export import NirExport
    from neurocompile.formats.samples import Sample
    from neurocompile.ir.graph import Graph


@click.command(short_help="Write a model's graph as ONNX, NIR or .net.")
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="The .onnx, .nir or .net file to write.")
@click.option("-t", "--target", default="loihi2", metavar="NAME|FILE",
              help="Chip whose integers a .net file holds.")
@model_options
@common
def export(model: str, output: Path, target: str, **given: Any) -> int:
    """Capture MODEL and write its graph, which builds without the model's code.

    A file that ends in .nir gets the network instead, for other tools; what NIR cannot say is
    listed. --nir-dt is the length of its tick, 0.0001 s if it is not given. One that ends in .net
    gets the integer network for lava-dl's netx, where that can express it.
    """
    dt = given["nir_dt"]
    config = load_config(settings().config)
    work = job(model, pick(ModelOptions, given), config)
    progress = Progress()
    sample = work.sample()
    loaded = work.load(sample, progress)
    progress.end()
    lost: tuple[Diagnostic, ...] = ()
    if output.suffix == ".nir":
        written = _nir(loaded.graph, dt)
        data, nodes, lost = written.data, written.nodes, written.warnings
    elif output.suffix == ".net":
        data, nodes = _net(loaded, sample, target)
    else:
        data, nodes = loaded.graph.to_bytes(), sum(1 for _ in loaded.graph.nodes())
    try:
        _write(output, data)
    except OSError as error:
        raise UsageError(Diagnostic("NC009", values={
            "option": "--output", "value": f"`{output}`",
            "reason": error.strerror or str(error)})) from None
    from neurocompile.capture.replay import doubts

    for line in _left_out(loaded.graph):
        show(line)
    warnings = [*doubts(loaded.graph), *lost]
    if warnings:
        show(findings_text(warnings, "full"))
    show(f"wrote {output}: {nodes:,} {'layers' if output.suffix == '.net' else 'nodes'}\n"
         + _proof(loaded.graph.info["replay"]))
    return 0


def _nir(graph: Graph, dt: float | None) -> NirExport:
    """The network as a .nir file, and what that file cannot say."""
    from neurocompile.formats.nir.export import export_nir
    from neurocompile.passes.legality import check_graph
    from neurocompile.passes.lowering.lower import lower

    raise_errors(check_graph(graph, "tick", ()))
    network, _ = lower(graph)
    return export_nir(network) if dt is None else export_nir(network, dt)


def _net(loaded: Loaded, sample: Sample | None, name: str) -> tuple[bytes, int]:
    """The integer network as a .net file, and its layers. Raises FindingsError (NC606)."""
    from neurocompile.backends.loihi.net_file import write_net
    from neurocompile.families.loihi.compilation import LoihiCompilation
    from neurocompile.families.pipeline import compile_graph
    from neurocompile.target import load_target

    compilation = compile_graph(loaded.graph, load_target(name),
                             sample=None if sample is None else loaded.fit(sample))
    if not isinstance(compilation, LoihiCompilation):
        raise UsageError(Diagnostic("NC601", values={"backend": "net", "target": name}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.net"
        reason = write_net(compilation.network, compilation.schedule, path)
        if reason is not None:
            raise FindingsError(Diagnostic("NC606", values={"reason": reason},
                                           severity=Severity.ERROR))
        return path.read_bytes(), len(compilation.network.populations)


def _proof(replay: dict[str, Any] | None) -> str:
    """What was compared, in two lines."""
    if replay is None:
        return "replay: none; the graph was captured without it"
    spikes, saved = replay["spikes"], replay["graph"]
    return (f"replay: model = stand-in neurons = exported program, bit for bit, {replay['calls']} "
            f"calls, {replay['values']:,} output values, {sum(spikes.values()):,} spikes of "
            f"{len(spikes)} neuron layers\nonnxruntime on the saved graph: {saved['different']:,} "
            f"of {saved['spikes']:,} spikes differ, outputs within {saved['bound']:g} of their "
            "largest value")


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
