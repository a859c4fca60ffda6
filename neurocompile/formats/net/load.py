"""From a `.net` file to a Graph: read, built as a torch module, captured like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.net.file import read_net
from neurocompile.formats.net.model import NetModel, example
from neurocompile.formats.reading import EXAMPLES, capture_model, source
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample


def load(request: Request, sample: Sample | None) -> Capture:
    """The captured network of a file, for the ticks that the request or else the file names.

    Raises what `read_net` and `capture` raise; UsageError: NC007 where nothing says how many ticks
    a sample has, NC004 where they are too many to run.
    """
    path = Path(request.spec)
    net = read_net(path)
    ticks = request.n_ticks or net.ticks
    if ticks is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the ticks per sample of `{path}`",
            "reason": "the file has no simulation/tSample"}, hint="pass --ticks N"))
    net.check_size(path, ticks * EXAMPLES)
    input_ticks = None if net.input.cell is not None else ticks
    own = replace(request, shape=net.input.shape, input_ticks=input_ticks, n_ticks=None)
    noise = example(net, ticks, EXAMPLES) if sample is None else None
    return capture_model(own, NetModel(net, ticks), sample, path.name, (source("graph", path),),
                         noise)
