"""From a `.pt2` file to a Graph: the program is captured on a sample, or on seeded noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.export import ExportedProgram

from neurocompile.capture.torch_model import capture_program
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.arrangement import Positions, settle
from neurocompile.formats.pt2.archive import load_program
from neurocompile.formats.reading import source
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample, named_array, wrong_sizes
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.operators import Array

Inputs = tuple[torch.Tensor, ...]


def load(request: Request, sample: Sample | None) -> Capture:
    """The captured program of a file.

    Raises what `load_program`, `settle` and `capture_program` raise; UsageError (NC008) for a sample
    of another shape, or with fewer inputs than the program's batch.
    """
    path = Path(request.spec)
    program = load_program(path)
    names = program.graph_signature.user_inputs
    shapes = {str(node.name): tuple(node.meta["val"].shape) for node in program.graph.nodes
              if node.op == "placeholder" and node.name in names}
    prove, sources = request.proves(_parameters(program)), (source("graph", path),)
    if sample is None:
        return Capture(capture_program(program, _noise(shapes), prove), path.name, sources)
    first = _First(path, sample, shapes)
    arrangement = settle([len(shape) for shape in shapes.values()], first.samples_axes(),
                         lambda positions: capture_program(program, first.inputs(positions), prove))
    return Capture(arrangement.graph, path.name, sources, first.count(arrangement.positions),
                   arrangement.notes)


def _parameters(program: ExportedProgram) -> int:
    return sum(tensor.numel() for tensor in program.state_dict.values())


def _noise(shapes: dict[str, tuple[int, ...]]) -> Inputs:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(*shape, generator=generator) for shape in shapes.values())


@dataclass(frozen=True, eq=False)
class _First:
    """The sample's first inputs, for a program's fixed shapes."""

    path: Path  # of the program
    sample: Sample
    shapes: Mapping[str, tuple[int, ...]]

    def _array(self, name: str) -> Array:
        return named_array(self.sample, name, len(self.shapes))

    def samples_axes(self) -> list[int | None]:
        """Where samples stand in each input; None where the sizes leave it open.

        Raises UsageError (NC008) for an array that fits nowhere.
        """
        axes: list[int | None] = []
        for name, shape in self.shapes.items():
            sizes = self._array(name).shape[1:]
            fits = [k for k in range(len(shape)) if (*shape[:k], *shape[k + 1:]) == sizes]
            if not fits:
                raise wrong_sizes(self.sample, name, InputSizes(shape[1:]), len(self.shapes))
            axes.append(fits[0] if len(fits) == 1 else None)
        return axes

    def count(self, positions: Positions) -> int:
        """How many samples the program takes at once."""
        return next(shape[axis] for shape, axis in zip(self.shapes.values(), positions, strict=True))

    def inputs(self, positions: Positions) -> Inputs:
        """The first samples as the program takes them. Raises UsageError (NC008) for too few."""
        tensors = []
        for (name, shape), axis in zip(self.shapes.items(), positions, strict=True):
            array, count = self._array(name), shape[axis]
            if len(array) < count:
                raise UsageError(Diagnostic("NC008", values={
                    "file": str(self.sample.file), "reason": f"it has {len(array)} samples; "
                    f"`{self.path}` was exported for a batch of {count}"}))
            tensors.append(torch.from_numpy(array[:count].copy()).movedim(0, axis).contiguous())
        return tuple(tensors)
