"""From a `.net` file to a Graph: read, built as a torch module, captured like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.net.file import read_net
from neurocompile.formats.net.model import NetModel, example
from neurocompile.formats.reading import EXAMPLES, capture_model, source
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample, require_form
from neurocompile.input_sizes import InputSizes


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
    image = InputSizes(net.input.shape, 0)
    spikes = InputSizes((ticks, *net.input.shape), 1)
    own = replace(request, input=spikes if net.input.cell is None else image, n_ticks=None)
    if sample is not None and own.input is not None:
        require_form(sample, own.input)
    noise = example(net, ticks, EXAMPLES) if sample is None else None
    return capture_model(own, NetModel(net, ticks), sample, path.name, (source("graph", path),),
                         noise)
