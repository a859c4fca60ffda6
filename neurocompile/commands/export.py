"""`neurocompile export`: the captured network as one file of a format that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.models import cache_option, job, model_options, pick_model
from neurocompile.commands.options import ModelCommand
from neurocompile.commands.output import unwritable, write_output
from neurocompile.commands.terminal import Progress, common, findings_text, settings, show
from neurocompile.config import load_config
from neurocompile.diagnostics import Diagnostic, UsageError, raise_errors
from neurocompile.formats.format import GRAPH, NETWORK, Format, Writer
from neurocompile.formats.table import all_formats, format_of, writable

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture
    from neurocompile.formats.samples import Sample
    from neurocompile.ir.graph import Graph
    from neurocompile.ir.network import Network


class ExportCommand(ModelCommand):
    """A command that writes files of the formats of now."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What MODEL can be, and what FILE."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Files"):
            formatter.write_dl([(" ".join(one.suffixes), one.writer.summary)
                                for one in all_formats() if one.writer is not None])


@click.command(cls=ExportCommand, short_help="Write a model's graph or network as a file.")
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="The file to write; its suffix says the format.")
@click.option("-t", "--target", default="loihi2", metavar="NAME|FILE",
              help="Chip whose integers are written, where a format holds integers.")
@model_options
@cache_option
@common
def export(model: str, output: Path, target: str, **values: Any) -> int:
    """Capture MODEL and write it as FILE, which builds without the model's code."""
    file_format, writer = _format(output)
    options = pick_model(values)
    work = job(model, options, load_config(settings().config))
    make = _maker(writer.source, file_format.name, target)
    progress = Progress()
    sample = work.sample()
    capture = work.load(sample, progress, output=file_format)
    progress.end()
    document = writer.write(make(capture, sample), file_format.options({**work.entry.formats, **options.formats}))
    write_output(output, document.data)
    from neurocompile.capture.replay import doubts

    for line in _left_out(capture.graph):
        show(line)
    warnings = [*doubts(capture.graph), *document.warnings]
    if warnings:
        show(findings_text(warnings, "full"))
    show(f"wrote {output}: {document.size}\n" + _proof(capture.graph.info["replay"]))
    return 0


def _format(output: Path) -> tuple[Format, Writer]:
    """The format that the file's suffix names. Raises UsageError (NC009) where none is written."""
    file_format = format_of(output)
    if file_format is None or file_format.writer is None:
        raise unwritable(output, f"`{output.suffix}` files are not written",
                          f"name a file that ends in {', '.join(writable())}")
    return file_format, file_format.writer


def _maker(source: str, name: str, target: str) -> Callable[[Capture, Sample | None], Any]:
    """What makes the `source` of a writer of a capture.

    Raises UsageError (NC601) where the target's family has no such form of its integers.
    """
    if source == GRAPH:
        return lambda capture, _: capture.graph
    if source == NETWORK:
        return lambda capture, _: _network(capture.graph)
    from neurocompile.families.pipeline import compile_graph
    from neurocompile.families.table import family_of
    from neurocompile.families.targets import load_target

    chip = load_target(target)
    form = family_of(chip).forms().get(source)
    if form is None:
        raise UsageError(Diagnostic("NC601", values={"backend": name, "target": target}))
    return lambda capture, sample: form(compile_graph(
        capture.graph, chip, sample=None if sample is None else capture.fit(sample)))


def _network(graph: Graph) -> Network:
    """The float network. Raises FindingsError for a graph that is illegal."""
    from neurocompile.passes.legality import check_graph
    from neurocompile.passes.lowering.lower import lower

    raise_errors(check_graph(graph, "tick", ()))
    return lower(graph)[0]


def _proof(replay: dict[str, Any] | None) -> str:
    """What was compared, in two lines."""
    if replay is None:
        return "replay: none; the graph was captured without it"
    spikes, graph = replay["spikes"], replay["graph"]
    return (f"replay: model = stand-in neurons = exported program, bit for bit, {replay['calls']} "
            f"calls, {replay['values']:,} output values, {sum(spikes.values()):,} spikes of "
            f"{len(spikes)} neuron layers\nonnxruntime on the saved graph: {graph['different']:,} "
            f"of {graph['spikes']:,} spikes differ, outputs within {graph['bound']:g} of their "
            "largest value")


def _left_out(graph: Graph) -> Iterator[str]:
    """What the model takes or returns that the graph has no use for, one line each."""
    for value in graph.model.graph.inputs:
        if not value.uses():
            yield f"input `{value.name}` is not used by the model"
    for entry in graph.info.get("outputs", ()):
        if "value" in entry:
            yield f"result{entry['path']} is {entry['value']}, no tensor: left out"
