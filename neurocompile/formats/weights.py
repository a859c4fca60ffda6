"""Weights, and the models of the user's own code that they go into: `pkg.mod:factory`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.format import Format, NoOptions, Package, Say

if TYPE_CHECKING:
    from torch import nn

    from neurocompile.formats.request import Capture, Request, Source
    from neurocompile.formats.samples import Sample


def read_module(request: Request, say: Say) -> nn.Module:
    """The model that the request names by its code, with its weights in it; not captured.

    Raises what `make_model`, `load_checkpoint` and `put_weights` raise, and UsageError (NC007) for
    what is no PyTorch model with its code.
    """
    in_file = ":" not in request.spec
    if in_file and Path(request.spec).suffix not in WEIGHTS.suffixes:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"a PyTorch model in `{request.spec}`",
            "reason": "weights are written for a model that its own code makes"},
            hint="name the code: pkg.mod:factory --weights FILE"))
    if in_file:
        model, *_ = _model_of_weights(request, request.arch, Path(request.spec), say)
    elif request.weights is not None:
        model, *_ = _model_of_weights(request, request.spec, request.weights, say)
    else:
        model, _ = _make(request, request.spec, say)
    return model


def read_entry(request: Request, sample: Sample | None, say: Say) -> Capture:
    """The model that `pkg.mod:factory` makes, captured, with the request's weights in it.

    `say` is told whose code runs. Raises what `make_model`, `load_checkpoint`, `put_weights` and
    `capture` raise.
    """
    weights = request.weights
    if weights is None:
        model, sources = _make(request, request.spec, say)
        return _capture(request, model, sample, request.spec, sources)
    return _with_weights(request, request.spec, weights, sample, say)


def _read(request: Request, sample: Sample | None, options: NoOptions, say: Say) -> Capture:
    return _with_weights(request, request.arch, Path(request.spec), sample, say)


def _with_weights(request: Request, arch: str | None, weights: Path, sample: Sample | None,
                  say: Say) -> Capture:
    model, name, sources = _model_of_weights(request, arch, weights, say)
    return _capture(request, model, sample, name, sources)


def _model_of_weights(request: Request, arch: str | None, weights: Path, say: Say
            ) -> tuple[nn.Module, str, tuple[Source, ...]]:
    """The model with weights in it, a name for it, and the files that it comes from."""
    from neurocompile.capture.factory import put_weights
    from neurocompile.formats.checkpoint import load_checkpoint, state_dict
    from neurocompile.formats.reading import source

    if request.trust_pickle:
        say(f"--trust-pickle: running the code that is pickled in {weights}")
    content = load_checkpoint(weights, request.trust_pickle)
    file = source("weights", weights)
    if hasattr(content, "state_dict"):  # a module that the user trusts
        return content, Path(request.spec).name, (file,)
    state = state_dict(weights, content)
    if arch is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the architecture of `{weights}`",
            "reason": "it holds weights only, and no configured model names this file"},
            hint="name it with --arch pkg.mod:factory, or as `entry` in neurocompile.toml"))
    model, sources = _make(request, arch, say)
    put_weights(model, state, arch, str(weights))
    return model, weights.name, (file, *sources)


def _make(request: Request, arch: str, say: Say) -> tuple[nn.Module, tuple[Source, ...]]:
    """The model of a factory, and the file of its code."""
    from neurocompile.capture.factory import make_model
    from neurocompile.formats.reading import source

    model, file = make_model(arch, request.arch_args, request.folders or (Path.cwd(),))
    if file is None:
        return model, ()
    here = Path.cwd()
    say(f"{arch} comes from {file.relative_to(here) if file.is_relative_to(here) else file}")
    return model, (source("architecture", file),)


def _capture(request: Request, model: Any, sample: Sample | None, name: str,
             sources: tuple[Source, ...]) -> Capture:
    from neurocompile.formats.reading import capture_model

    return capture_model(request, model, sample, name, sources)


WEIGHTS = Format(
    name="weights", suffixes=(".pt", ".pth", ".ckpt", ".bin", ".safetensors"),
    summary="a state_dict, for the architecture that --arch names", read=_read,
    packages=(Package("torch", core=True),))
