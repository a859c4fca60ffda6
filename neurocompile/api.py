"""The public functions: `neurocompile.check`, `.build` and `.export`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from neurocompile.builder import BuildResult, Checks
from neurocompile.builder import build as build_loaded
from neurocompile.capture.files import Loaded, Request, load_model
from neurocompile.capture.samples import Sample, load_sample
from neurocompile.capture.torch_model import capture, export
from neurocompile.diagnostics import Diagnostic, FindingsError, Severity
from neurocompile.ir.graph import Graph
from neurocompile.pipeline import Compiled, Options, compile_graph
from neurocompile.target import load_target

Model = nn.Module | Graph | str | os.PathLike[str]
Example = torch.Tensor | Sequence[torch.Tensor]


@dataclass(frozen=True, eq=False)
class Verdict:
    """All findings for a model on a target; `compiled` is None where one is an error."""

    diagnostics: tuple[Diagnostic, ...]
    compiled: Compiled | None

    @property
    def ok(self) -> bool:
        """Whether the model can be built."""
        return not any(d.level == Severity.ERROR for d in self.diagnostics)

    @property
    def cores(self) -> int:
        """Cores that the model takes. Raises ValueError for one that cannot be built."""
        if self.compiled is None:
            raise ValueError("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))
        return len(self.compiled.usage.cores)


def check(model: Model, example: Example | None = None, *, target: str = "loihi2",
          options: Options | None = None, sample: str | os.PathLike[str] | None = None,
          n_ticks: int | None = None) -> Verdict:
    """What speaks against a model on a target. A module needs an example input.

    Raises UsageError for a model or sample that cannot be read.
    """
    chip, given = load_target(target), None if sample is None else load_sample(Path(sample))
    try:
        loaded = _loaded(model, example, given, n_ticks)
        arrays = None if given is None else loaded.fit(given)
        compiled = compile_graph(loaded.graph, chip, options, arrays)
    except FindingsError as error:
        return Verdict(error.diagnostics, None)
    return Verdict(compiled.diagnostics, compiled)


def build(model: Model, out: str | os.PathLike[str], example: Example | None = None, *,
          target: str = "loihi2", options: Options | None = None,
          sample: str | os.PathLike[str] | None = None, n_ticks: int | None = None,
          verify_samples: int = 4, force: bool = False) -> BuildResult:
    """Compile a model, verify it on Lava where that is installed, and publish it at `out`.

    Raises FindingsError when it cannot be built, UsageError when an input or `out` cannot be used.
    """
    given = None if sample is None else load_sample(Path(sample))
    loaded = _loaded(model, example, given, n_ticks)
    return build_loaded(loaded, load_target(target), options or Options(), Path(out),
                        sample=given, checks=Checks(verify_samples), force=force)


def _loaded(model: Model, example: Example | None, sample: Sample | None,
            n_ticks: int | None) -> Loaded:
    if isinstance(model, Graph):
        return Loaded(model, "graph", ())
    if not isinstance(model, nn.Module):
        return load_model(Request(os.fspath(model), n_ticks=n_ticks), sample)
    if example is None:
        if sample is None:
            raise TypeError("a module is captured on an input: pass `example` or `sample`")
        example = tuple(torch.from_numpy(a) for a in sample.first(4).arrays.values())
    return Loaded(capture(model, example, n_ticks), type(model).__name__, ())


__all__ = ["Verdict", "build", "check", "export"]
