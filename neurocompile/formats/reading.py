"""What readers share: a model is captured on a sample's first inputs, else on seeded noise."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.request import Capture, Request, Source

if TYPE_CHECKING:
    from neurocompile.formats.samples import Sample

EXAMPLES = 4  # samples that capture replays


def source(role: str, path: Path) -> Source:
    """A file with its hash."""
    data = path.read_bytes()
    return Source(role, path.name, hashlib.sha256(data).hexdigest(), len(data))


def examples_of(sample: Sample | None) -> int:
    """How many of a sample's inputs a model is captured on."""
    return 0 if sample is None else min(EXAMPLES, len(sample))


def capture_model(request: Request, model: Any, sample: Sample | None, name: str,
                  sources: tuple[Source, ...], example: Any = None) -> Capture:
    """A torch module captured, on the example or else on what `example_input` gives."""
    from neurocompile.capture.readable import count_parameters
    from neurocompile.capture.torch_model import capture

    if example is None:
        example = example_input(request, sample, name)
    prove = request.proves(count_parameters(model))
    graph = capture(model, example, request.n_ticks, prove, request.neurons)
    return Capture(graph, name, sources, examples_of(sample))


def example_input(request: Request, sample: Sample | None, name: str) -> Any:
    """The inputs that a model is captured on: the sample's first, else seeded noise.

    Raises UsageError (NC007) where there is neither a sample nor a shape.
    """
    import torch

    if sample is not None:
        arrays = [torch.from_numpy(a.copy()) for a in sample.first(EXAMPLES).arrays.values()]
        timed = request.input_ticks is not None
        return tuple(a.movedim(1, 0).contiguous() if timed else a for a in arrays)
    if request.shape is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"an example input for `{name}`",
            "reason": "a model is captured on an input, and there is neither a sample nor a shape"},
            hint="pass --sample x.npz or --input-shape 1,28,28, or set `input` or `sample` in "
                 "neurocompile.toml"))
    time = () if request.input_ticks is None else (request.input_ticks,)
    generator = torch.Generator().manual_seed(0)
    return torch.rand(*time, EXAMPLES, *request.shape, generator=generator)
