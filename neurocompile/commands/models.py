"""Options that say which model to compile and how; the configuration fills what is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neurocompile.commands.options import decorate
from neurocompile.commands.terminal import Progress
from neurocompile.config import Config, ModelEntry
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.nir.options import (
    DISCRETIZATIONS,
    PRODUCERS,
    RESETS,
    NirOptions,
)
from neurocompile.options import Options
from neurocompile.target import Target, load_target

if TYPE_CHECKING:
    from neurocompile.formats.files import Loaded
    from neurocompile.formats.samples import Sample

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What the command line says about a model; None where it says nothing."""

    arch: str | None
    weights: Path | None
    trust_pickle: bool
    sample: Path | None
    input_shape: str | None
    ticks: int | None
    arch_args: str | None = None
    nir_producer: str | None = None
    nir_dt: float | None = None
    nir_reset: str | None = None
    nir_discretization: str | None = None


def model_options(command: F) -> F:
    """Options of a command that reads a model."""
    file = click.Path(path_type=Path)
    return decorate(command, (
        click.option("--arch", metavar="PKG.MOD:FACTORY", help="Makes the model of the weights."),
        click.option("--arch-args", metavar="JSON|@FILE",
                     help="Arguments of the factory, by name."),
        click.option("--weights", type=file, metavar="FILE", help="Weights for PKG.MOD:FACTORY."),
        click.option("--trust-pickle", is_flag=True,
                     help="Load pickled Python: runs the code in the file."),
        click.option("--sample", type=file, metavar="FILE",
                     help="Inputs of the model: .npz with x, and y for labels."),
        click.option("--input-shape", "--input", "input_shape", metavar="CxHxW",
                     help="Shape of one input, where there is no sample."),
        click.option("--ticks", type=click.IntRange(1, 100_000), metavar="N",
                     help="The model computes one tick per call: run N. Of a .nir or .net file: "
                     "its input holds for N ticks."),
        click.option("--nir-producer", type=click.Choice(PRODUCERS),
                     help="Who wrote a .nir file; `nir`: read it by NIR's own equations."),
        click.option("--nir-dt", type=float, metavar="SECONDS", help="A tick of a .nir file."),
        click.option("--nir-reset", type=click.Choice(RESETS),
                     help="What a spike does in a .nir file: v = v_reset, or v -= threshold."),
        click.option("--nir-discretization", type=click.Choice(DISCRETIZATIONS),
                     help="How --nir-producer nir steps its equations."),
    ))


def targets(given: tuple[str, ...], config: Config) -> list[Target]:
    """The targets of a command. Raises UsageError (NC001) for an unknown one."""
    names = [name.strip() for text in given for name in text.split(",")] or list(config.targets)
    if not names:
        raise click.UsageError("no target: pass -t loihi2, or set `target` in neurocompile.toml")
    return [load_target(name) for name in dict.fromkeys(names)]


@dataclass(frozen=True)
class Job:
    """A model to compile: from the command line, completed by the configuration."""

    spec: str
    entry: ModelEntry
    given: ModelOptions
    config: Config

    def options(self, typed: Mapping[str, Any]) -> Options:
        """The declared options: as typed, else as configured, else by default."""
        return Options(**{**self.entry.options, **typed})

    def targets(self, given: tuple[str, ...]) -> list[Target]:
        """The targets of the command line, else the model's own, else the project's."""
        return targets(given or self.entry.targets, self.config)

    @property
    def trained(self) -> bool:
        """Whether there is more than an architecture: weights, a sample or a captured graph."""
        entry, given = self.entry, self.given
        return any((given.weights, entry.weights, given.sample, entry.sample)) or (
            Path(self.spec).exists())

    def sample(self) -> Sample | None:
        """The model's sample, checked against the configured shape."""
        from neurocompile.formats.samples import load_sample

        path = self.given.sample or self.entry.sample
        if path is None:
            return None
        shape = shape_of(self.given.input_shape)
        if shape is None and self.entry.input is not None:
            ticks = self.entry.input.ticks
            shape = (*(() if ticks is None else (ticks,)), *self.entry.input.shape)
        return load_sample(path, shape)

    def load(self, sample: Sample | None, progress: Progress, prove: bool = True,
             prove_up_to: int | None = None) -> Loaded:
        """The captured model; `prove_up_to` so many parameters by replay."""
        progress("capture")
        from neurocompile.formats.files import Request, load_model

        entry, given = self.entry, self.given
        folders = [Path.cwd()]
        if self.config.path is not None:
            folders.append(self.config.path.parent)
        shape = entry.input
        request = Request(
            spec=self.spec, arch=given.arch or entry.entry,
            weights=given.weights or entry.weights,
            arch_args={**entry.args, **arguments(given.arch_args)},
            folders=tuple(dict.fromkeys(folders)), trust_pickle=given.trust_pickle,
            shape=shape_of(given.input_shape) or (None if shape is None else shape.shape),
            input_ticks=None if shape is None else shape.ticks,
            n_ticks=given.ticks or entry.ticks, prove=prove, prove_up_to=prove_up_to,
            nir=NirOptions(given.nir_producer, given.nir_dt, given.nir_reset,
                           given.nir_discretization),
            neurons=self.config.neurons)
        return load_model(request, sample, progress.say)


def job(model: str, given: ModelOptions, config: Config) -> Job:
    """What to compile for the MODEL of a command line."""
    entry = config.entry_for(model) or ModelEntry(model)
    spec = model
    if entry.name == model and not Path(model).exists():
        spec = str(entry.weights or entry.entry or model)
    if given.weights is not None and Path(spec).suffix and ":" not in spec:
        raise click.UsageError("--weights goes with a model that is named PKG.MOD:FACTORY")
    return Job(spec=spec, entry=entry, given=given, config=config)


def arguments(text: str | None) -> dict[str, Any]:
    """The arguments that an option gives, as JSON or in a file. Raises UsageError (NC009)."""
    if text is None:
        return {}
    try:
        found = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError, RecursionError) as error:
        found, reason = None, str(error).splitlines()[0]
    else:
        reason = "it is no JSON object with the factory's arguments by name"
    if not isinstance(found, dict):
        raise UsageError(Diagnostic("NC009", values={
            "option": "--arch-args", "value": f"`{text[:80]}`", "reason": reason}))
    return found


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """The shape that an option gives. Raises UsageError (NC009)."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,6}([,x][1-9]\d{0,6})*", text):
        raise UsageError(Diagnostic("NC009", values={
            "option": "--input-shape", "value": f"`{text}`",
            "reason": "it is whole numbers, such as 3x224x224 or 1,28,28"}))
    return tuple(int(n) for n in re.split("[,x]", text))
