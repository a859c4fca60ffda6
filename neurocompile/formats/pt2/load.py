"""From a `.pt2` file to a Graph: the program is captured on a sample, or on seeded noise."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.export import ExportedProgram

from neurocompile.capture.torch_model import capture_program
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.pt2.archive import load_program
from neurocompile.formats.reading import source
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample, fit

Inputs = tuple[torch.Tensor, ...]


def load(request: Request, sample: Sample | None) -> Capture:
    """The captured program of a file.

    Raises what `load_program` and `capture_program` raise; UsageError (NC008) for a sample of
    another shape, or with fewer inputs than the program's batch.
    """
    path = Path(request.spec)
    program = load_program(path)
    names = program.graph_signature.user_inputs
    shapes = {str(node.name): tuple(node.meta["val"].shape) for node in program.graph.nodes
              if node.op == "placeholder" and node.name in names}
    inputs, examples = (_noise(shapes), 0) if sample is None else _first(shapes, path, sample)
    graph = capture_program(program, inputs, request.proves(_parameters(program)))
    return Capture(graph, path.name, (source("graph", path),), examples)


def _parameters(program: ExportedProgram) -> int:
    return sum(tensor.numel() for tensor in program.state_dict.values())


def _noise(shapes: dict[str, tuple[int, ...]]) -> Inputs:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(*shape, generator=generator) for shape in shapes.values())


def _first(shapes: dict[str, tuple[int, ...]], path: Path, sample: Sample) -> tuple[Inputs, int]:
    """The sample's first inputs in the program's fixed shapes, and how many."""
    arrays, count = fit(sample, shapes), 0
    inputs = []
    for name, shape in shapes.items():
        array = arrays[name]
        timed = array.shape[1:] != shape[1:]
        count = shape[1] if timed else shape[0]
        if len(array) < count:
            raise UsageError(Diagnostic("NC008", values={
                "file": str(sample.file), "reason": f"it has {len(array)} samples; `{path}` was "
                f"exported for a batch of {count}"}))
        batch = torch.from_numpy(array[:count].copy())
        inputs.append(batch.movedim(1, 0).contiguous() if timed else batch)
    return tuple(inputs), count
