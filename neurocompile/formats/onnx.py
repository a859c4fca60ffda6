"""Graphs that `neurocompile.export` wrote, as `.onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neurocompile.formats.format import GRAPH, Document, Format, NoOptions, Package, Say, Writer

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture, Request
    from neurocompile.formats.samples import Sample
    from neurocompile.ir.graph import Graph


def _read(request: Request, _: Sample | None, options: NoOptions, say: Say) -> Capture:
    from neurocompile.formats.reading import source
    from neurocompile.formats.request import Capture
    from neurocompile.ir.graph_file import load_graph

    path = Path(request.spec)
    return Capture(load_graph(path), path.name, (source("graph", path),))


def _write(graph: Graph, _: NoOptions) -> Document:
    return Document(graph.to_bytes(), f"{sum(1 for _ in graph.nodes()):,} nodes")


ONNX = Format(
    name="onnx", suffixes=(".onnx",),
    summary="a graph that neurocompile wrote, with the record of its replay",
    read=_read, captures=False,
    writer=Writer(GRAPH, _write, "the captured graph, which builds without the model's code"),
    packages=(Package("onnx", core=True), Package("onnx-ir", core=True)))
