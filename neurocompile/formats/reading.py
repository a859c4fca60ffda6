"""What readers share: a model is captured on a sample's first inputs, else on seeded noise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.request import Capture, Request, Source

if TYPE_CHECKING:
    import torch

    from neurocompile.formats.arrangement import Arrangement
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
    """A torch module captured, on the example or else on what `capture_arranged` gives it."""
    from neurocompile.capture.readable import count_parameters

    prove = request.proves(count_parameters(model))
    if example is None:
        with batch_named(examples_of(sample) or EXAMPLES):
            _, arrangement = capture_arranged(request, model, sample, name, prove)
        return Capture(arrangement.graph, name, sources, examples_of(sample), arrangement.notes)
    from neurocompile.capture.torch_model import capture

    with batch_named(examples_of(sample) or EXAMPLES):
        graph = capture(model, example, request.n_ticks, prove, request.neurons)
    return Capture(graph, name, sources, examples_of(sample))


@contextmanager
def batch_named(count: int) -> Iterator[None]:
    """Inside, what cannot be traced (NC102) says that so many samples were traced at once."""
    try:
        yield
    except UsageError as error:
        note = f"{count} sample{'s' * (count > 1)} were traced at once: a batch of {count}"
        raise UsageError(*(replace(one, notes=(*one.notes, note)) if one.code == "NC102" else one
                           for one in error.diagnostics)) from error.__cause__


def capture_arranged(request: Request, model: Any, sample: Sample | None, name: str,
                     prove: bool) -> tuple[tuple[torch.Tensor, ...], Arrangement]:
    """A torch module captured on its example inputs, and these as the model takes them.

    A single sample goes in twice where the model takes two: an axis of length 1 says nothing. Raises
    what `examples`, `settle` and `capture` raise.
    """
    from neurocompile.capture.torch_model import TraceError

    arrays = examples(request, sample, name)
    if len(arrays[0]) == 1:
        try:
            return _capture_at(request, model, [x.repeat_interleave(2, dim=0) for x in arrays], prove)
        except TraceError:  # a model of one sample
            pass
    return _capture_at(request, model, arrays, prove)


def _capture_at(request: Request, model: Any, arrays: Sequence[torch.Tensor], prove: bool
              ) -> tuple[tuple[torch.Tensor, ...], Arrangement]:
    from neurocompile.capture.torch_model import capture
    from neurocompile.formats.arrangement import Positions, settle

    def inputs(positions: Positions) -> tuple[torch.Tensor, ...]:
        return tuple(x.movedim(0, axis).contiguous() for x, axis in zip(arrays, positions, strict=True))

    form = request.input
    orders = [form.samples if form and x.shape[1:] == form.sizes else None for x in arrays]
    arrangement = settle([x.ndim for x in arrays], orders, lambda positions: capture(
        model, inputs(positions), request.n_ticks, prove, request.neurons))
    return inputs(arrangement.positions), arrangement


def examples(request: Request, sample: Sample | None, name: str) -> tuple[torch.Tensor, ...]:
    """What a model is captured on, samples in front: the sample's first, else seeded noise.

    Raises UsageError (NC007) where there is neither a sample nor a shape.
    """
    import torch

    if sample is not None:
        return tuple(torch.from_numpy(a.copy()) for a in sample.first(EXAMPLES).arrays.values())
    if request.input is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"an example input for `{name}`",
            "reason": "a model is captured on an input, and there is neither a sample nor a shape"},
            hint="pass --sample x.npz or --input 1x28x28, or set `input` or `sample` in "
                 "neurocompile.toml"))
    generator = torch.Generator().manual_seed(0)
    sizes, samples = list(request.input.sizes), request.input.samples or 0
    sizes.insert(samples, EXAMPLES)  # drawn in the model's order
    return (torch.rand(*sizes, generator=generator).movedim(samples, 0),)
