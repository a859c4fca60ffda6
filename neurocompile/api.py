"""The public functions: `neurocompile.check`, `.build`, `.sweep`, `.export`, `.quantize`, `.tune`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neurocompile.builds.builder import BuildResult, require_proof
from neurocompile.builds.builder import build as build_capture
from neurocompile.capture import torch_model
from neurocompile.capture.torch_model import export
from neurocompile.diagnostics import Diagnostic, FindingsError, Severity
from neurocompile.families.compilation import Compilation
from neurocompile.families.family import Checks
from neurocompile.families.pipeline import check_structure, compile_graph, stages_not_run
from neurocompile.families.sweep import Setting
from neurocompile.families.sweep import sweep as sweep_graph
from neurocompile.families.table import family_of, options_of
from neurocompile.families.targets import load_target
from neurocompile.formats.load import load_model
from neurocompile.formats.reading import capture_model
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample, load_sample
from neurocompile.formats.table import format_options
from neurocompile.ir.graph import Graph
from neurocompile.options import INPUT, SWEEP_BITS, Options
from neurocompile.report.model.sweep import SweepDocument
from neurocompile.target import Target
from neurocompile.training.rewriting import RewrittenModel, parameters_of, rewrite
from neurocompile.training.template import TrainedModel, load_trained, trained_model
from neurocompile.training.tuning import (
    Course,
    Epoch,
    TunedModel,
    labeled_data,
    trainable,
    tune_parameters,
)

Model = nn.Module | Graph | str | os.PathLike[str]
Example = torch.Tensor | Sequence[torch.Tensor]
InputShape = str | Sequence[int]


@dataclass(frozen=True, eq=False)
class Verdict:
    """All findings for a model on a target; `compilation` is None where one is an error."""

    diagnostics: tuple[Diagnostic, ...]
    compilation: Compilation | None  # None too where only the structure was checked
    not_run: tuple[str, ...] = ()  # stages of a build that were left out, where none refused it

    @property
    def ok(self) -> bool:
        """Whether no stage that ran refuses the model; with no `not_run` it can be built."""
        return not any(d.level == Severity.ERROR for d in self.diagnostics)

    @property
    def cores(self) -> int:
        """Cores that the model takes. Raises ValueError for one that cannot be built."""
        if self.compilation is None:
            raise ValueError("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics)
                             or "it was not mapped: only its structure was checked")
        return self.compilation.n_cores


def check(model: Model, example: Example | None = None, *, target: str | None = "loihi2",
          options: Options | None = None, sample: str | os.PathLike[str] | None = None,
          n_ticks: int | None = None, input_shape: InputShape | None = None,
          legality_only: bool = False, **keywords: Any) -> Verdict:
    """What speaks against a model on a target.

    A module needs an example input in its own layout, a `sample` file, or `input_shape`: the sizes of
    one input as in `(3, 32, 32)`, or a text with N where the samples stand, "30xNx8" for 30 ticks in
    front of them. `legality_only` needs no weights and does not run the model: it is what a large
    architecture takes. Without a target (None) what holds on any chip is checked. `keywords` are
    options by name, such as
    `weight_bits=4, max_cores=10` or, of a file's format, `nir_dt=0.001`; they go before those in
    `options`. Raises UsageError for a model
    or sample that cannot be read, and for an option's value (NC009); TypeError for no option.
    """
    chip = None if target is None else load_target(target)
    request = Request(
        spec=_spec(model), n_ticks=n_ticks, prove=not legality_only, input=INPUT.read(input_shape),
        options=_of_formats(keywords))
    settings, samples = _options(chip, options, keywords), _samples(sample, request)
    try:
        capture = _read(model, example, samples, request)
        arrays, stages = None if samples is None else capture.fit(samples), list[str]()
        if chip is None or legality_only or capture.graph.info.get("replay") is None:
            findings = check_structure(capture.graph, chip, settings, arrays, stages.append)
            return Verdict(tuple(sorted((*findings, *capture.notes), key=Diagnostic.sort_key)), None,
                           stages_not_run(capture.graph, chip, stages))
        compilation = compile_graph(capture.graph, chip, settings, arrays)
    except FindingsError as error:
        return Verdict(error.diagnostics, None)
    notes = (*compilation.diagnostics, *capture.notes)
    return Verdict(tuple(sorted(notes, key=Diagnostic.sort_key)), compilation)


def build(model: Model, out: str | os.PathLike[str], example: Example | None = None, *,
          target: str = "loihi2", options: Options | None = None,
          sample: str | os.PathLike[str] | None = None, n_ticks: int | None = None,
          input_shape: InputShape | None = None, verify_samples: int = 4, force: bool = False,
          **keywords: Any) -> BuildResult:
    """Compile a model, verify it (for Loihi where Lava is installed), and publish it at `out`.

    `input_shape` and `keywords`, options by name, are as for `check`. Raises FindingsError when it cannot be built,
    UsageError when an input, an option's value or `out` cannot be used.
    """
    chip = load_target(target)
    request = Request(spec=_spec(model), n_ticks=n_ticks, input=INPUT.read(input_shape),
                      options=_of_formats(keywords))
    settings, samples = _options(chip, options, keywords), _samples(sample, request)
    capture = _read(model, example, samples, request)
    return build_capture(capture, chip, settings, Path(out), sample=samples,
                        checks=Checks(verify_samples), force=force)


def sweep(model: Model, example: Example | None = None, *,
          bits: int | str | Sequence[int | str] = SWEEP_BITS.default,
          target: str | Sequence[str] = "loihi2", options: Options | None = None,
          sample: str | os.PathLike[str] | None = None, n_ticks: int | None = None,
          input_shape: InputShape | None = None, **keywords: Any) -> SweepDocument:
    """A model with several numbers of bits on several targets: what each keeps and takes.

    `bits` are values of the option `weight_bits`; other `keywords` are as for `check`. The model is
    captured and lowered once. A point that cannot be had says why (`refusals`). Raises FindingsError
    when none can, UsageError when an input or an option's value cannot be used.
    """
    if "weight_bits" in keywords:
        raise TypeError("what is swept is `bits`, not `weight_bits`")
    chips = [load_target(name) for name in ([target] if isinstance(target, str) else target)]
    request = Request(spec=_spec(model), n_ticks=n_ticks, input=INPUT.read(input_shape),
                      options=_of_formats(keywords))
    samples = _samples(sample, request)
    settings = [Setting(chip, _options(chip, options, {**keywords, "weight_bits": one}))
                for chip in chips for one in SWEEP_BITS.read(bits)]
    capture = _read(model, example, samples, request)
    require_proof(capture)
    return sweep_graph(
        capture.graph, capture.name, settings, None if samples is None else capture.fit(samples),
        None if samples is None else samples.labels, lambda _: None)


def quantize(model: Model, example: Example | None = None, *, target: str = "loihi2",
             options: Options | None = None, sample: str | os.PathLike[str] | None = None,
             n_ticks: int | None = None, input_shape: InputShape | None = None,
             **keywords: Any) -> RewrittenModel:
    """A model's weights on a target's grid, as a state_dict for the model itself.

    With it the model's spikes in PyTorch are those of its integer network, but for what the chip
    rounds of decays and of analog inputs. `input_shape` and `keywords`, options by name, are as for
    `check`. Raises
    FindingsError for a network that cannot be quantized, UsageError for what cannot be read.
    """
    chip = load_target(target)
    request = Request(spec=_spec(model), n_ticks=n_ticks, input=INPUT.read(input_shape))
    settings, samples = _options(chip, options, keywords), _samples(sample, request)
    parameters = parameters_of(_trained_model(model, example, samples, request), chip, settings)
    return rewrite(parameters, parameters.fit.values, parameters.inputs(samples))


def tune(model: Model, data: str | os.PathLike[str], example: Example | None = None, *,
         target: str = "loihi2", options: Options | None = None, course: Course | None = None,
         n_ticks: int | None = None, input_shape: InputShape | None = None,
         say: Callable[[Epoch], None] = lambda _: None, **keywords: Any) -> TunedModel:
    """Train a model through a target's integers on a .npz file with x and y; see `quantize`.

    `course` says how; `say` is told each epoch. Raises as `quantize` does, and FindingsError (NC623)
    for a target whose integers cannot be trained through.
    """
    chip = load_target(target)
    request = Request(spec=_spec(model), n_ticks=n_ticks, input=INPUT.read(input_shape))
    samples = load_sample(Path(data), request.input)
    parameters = trainable(_trained_model(model, example, samples, request), chip,
                           _options(chip, options, keywords))
    return tune_parameters(parameters, labeled_data(samples, parameters), course or Course(epochs=5), say)


def _trained_model(model: Model, example: Example | None, sample: Sample | None,
                   request: Request) -> TrainedModel:
    """The module of a model, with what it is captured on."""
    if not isinstance(model, nn.Module):
        return load_trained(request, sample, lambda _: None)
    if example is None:
        return trained_model(model, request, sample, lambda _: None)
    return TrainedModel(module=model, n_ticks=request.n_ticks, example=(
        (example,) if isinstance(example, torch.Tensor) else tuple(example)))


def _samples(sample: str | os.PathLike[str] | None, request: Request) -> Sample | None:
    """The samples of a file, of the sizes that are said."""
    return None if sample is None else load_sample(Path(sample), request.input)


def _options(target: Target | None, options: Options | None, keywords: Mapping[str, Any]) -> Options:
    """The options of a call. Raises TypeError for a keyword that is no option."""
    values = {} if options is None else options.values()
    family = None if target is None else family_of(target)
    return options_of(family, {**values, **keywords})


def _spec(model: Model) -> str:
    """The file or factory, else the kind of model."""
    return os.fspath(model) if isinstance(model, str | os.PathLike) else type(model).__name__


def _of_formats(keywords: dict[str, Any]) -> dict[str, Any]:
    """The keywords that are options of formats, such as `nir_dt`, taken out of them."""
    return {one.name: keywords.pop(one.name) for one in format_options() if one.name in keywords}


def _read(model: Model, example: Example | None, sample: Sample | None,
          request: Request) -> Capture:
    if isinstance(model, Graph):
        return Capture(model, "graph", ())
    if not isinstance(model, nn.Module):
        return load_model(request, sample)
    if example is None:
        if sample is None and request.input is None:
            raise TypeError(
                "a module is captured on an input: pass `example`, `sample` or `input_shape`")
        return capture_model(request, model, sample, request.spec, ())
    graph = torch_model.capture(model, example, request.n_ticks, request.prove)
    return Capture(graph, request.spec, ())


__all__ = ["Verdict", "build", "check", "export", "quantize", "sweep", "tune"]
