"""Options that say which model to compile and how; the configuration fills what is left out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neurocompile.commands.options import Value, decorate, pick, pick_among
from neurocompile.commands.terminal import Progress
from neurocompile.config import Config, ModelEntry
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.families.table import family_of, options_of
from neurocompile.families.targets import load_target
from neurocompile.formats.format import Format
from neurocompile.formats.table import all_formats, format_of, format_options
from neurocompile.input_sizes import InputSizes
from neurocompile.options import INPUT, Options
from neurocompile.target import Target

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture, Request
    from neurocompile.formats.samples import Sample

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What the command line says about a model; None where it says nothing."""

    arch: str | None = None
    arch_args: str | None = None
    weights: Path | None = None
    trust_pickle: bool = False
    sample: Path | None = None
    input: InputSizes | None = None
    ticks: int | None = None
    no_cache: bool = False
    formats: Mapping[str, Any] = field(default_factory=dict)  # their options, by name


def pick_model(values: dict[str, Any]) -> ModelOptions:
    """What the command line says about a model, taken out of what click read."""
    values["formats"] = pick_among(values, format_options())
    model: ModelOptions = pick(ModelOptions, values)
    return model


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
        click.option(INPUT.flag, "--input-shape", INPUT.name, type=Value(INPUT),
                     metavar=INPUT.values.metavar, help=INPUT.help),
        click.option("--ticks", type=click.IntRange(1, 100_000), metavar="N",
                     help="Ticks of a sample, where a model computes one per call or its file "
                     "does not say."),
    ))


def cache_option(command: F) -> F:
    """The option of a command that captures a model."""
    return click.option("--no-cache", is_flag=True, help="Capture the model again, and keep nothing.")(
        command)


def targets(texts: tuple[str, ...], config: Config) -> list[Target]:
    """The targets of a command. Raises UsageError where none is named (NC001: an unknown one)."""
    chips = named_targets(texts, config)
    if not chips:
        raise click.UsageError("no target: pass -t loihi2, or set `target` in neurocompile.toml")
    return chips


def named_targets(texts: tuple[str, ...], config: Config) -> list[Target]:
    """The targets that a command or else the project names; perhaps none."""
    names = [name.strip() for text in texts for name in text.split(",")] or list(config.targets)
    return [load_target(name) for name in dict.fromkeys(names)]


@dataclass(frozen=True)
class Job:
    """A model to compile: from the command line, completed by the configuration."""

    spec: str
    entry: ModelEntry
    model: ModelOptions
    config: Config

    def options(self, values: Mapping[str, Any], target: Target | None) -> Options:
        """The options of a target's family: as typed, else as configured, else by default."""
        family = None if target is None else family_of(target)
        return options_of(family, {**self.entry.options, **values})

    def targets(self, texts: tuple[str, ...]) -> list[Target]:
        """The targets of the command line, else the model's own, else the project's."""
        return targets(texts or self.entry.targets, self.config)

    def chips(self, texts: tuple[str, ...]) -> Sequence[Target | None]:
        """The same; None alone, which stands for any chip, where no target is named."""
        return named_targets(texts or self.entry.targets, self.config) or [None]

    @property
    def trained(self) -> bool:
        """Whether there is more than an architecture: weights, a sample or a captured graph."""
        entry, model = self.entry, self.model
        return any((model.weights, entry.weights, model.sample, entry.sample)) or (
            os.path.exists(self.spec))

    def sample(self) -> Sample | None:
        """The model's sample, checked against what is said of its input."""
        from neurocompile.formats.samples import load_sample

        path = self.model.sample or self.entry.sample
        if path is None:
            return None
        return load_sample(path, self.model.input or self.entry.input)

    def load(self, sample: Sample | None, progress: Progress, prove: bool = True,
             prove_up_to: int | None = None, output: Format | None = None) -> Capture:
        """The captured model; `prove_up_to` so many parameters by replay.

        `output`: the format that it is written in. Raises UsageError (NC009) for an option of a
        format that neither it nor the model has.
        """
        check_concern(self.model.formats, format_of(Path(self.spec)), output)
        progress("capture")
        from neurocompile.formats.cache.cached import load_cached
        from neurocompile.formats.cache.store import Store, cache_folder
        from neurocompile.formats.load import load_model

        request = self.request(prove, prove_up_to)
        folder = None if self.model.no_cache else cache_folder()
        capture = load_model(request, sample, progress.say) if folder is None else load_cached(
            request, sample, Store(folder), progress.say, progress.remark)
        for note in capture.notes:
            progress.say(f"{note.message}; {note.help}")
        return capture

    def request(self, prove: bool = True, prove_up_to: int | None = None) -> Request:
        """What is asked of a reader; see `load`."""
        from neurocompile.formats.request import Request

        entry, model = self.entry, self.model
        folders = [Path.cwd()]
        if self.config.path is not None:
            folders.append(self.config.path.parent)
        return Request(
            spec=self.spec, arch=model.arch or entry.entry,
            weights=model.weights or entry.weights,
            arch_args={**entry.args, **arguments(model.arch_args)},
            folders=tuple(dict.fromkeys(folders)), trust_pickle=model.trust_pickle,
            input=model.input or entry.input, n_ticks=model.ticks or entry.ticks, prove=prove,
            prove_up_to=prove_up_to,
            options={**entry.formats, **model.formats}, neurons=self.config.neurons)


def job(name: str, model: ModelOptions, config: Config) -> Job:
    """What to compile for the MODEL of a command line."""
    entry = config.entry_for(name) or ModelEntry(name=name)
    spec = name
    if entry.name == name and not os.path.exists(name):
        spec = str(entry.weights or entry.entry or name)
    if model.weights is not None and Path(spec).suffix and ":" not in spec:
        raise click.UsageError("--weights goes with a model that is named PKG.MOD:FACTORY")
    return Job(spec=spec, entry=entry, model=model, config=config)


def check_concern(values: Mapping[str, Any], *formats: Format | None) -> None:
    """Refuse options of a format that is none of these. Raises UsageError (NC009)."""
    names = {option.name for one in formats if one is not None for option in one.declarations()}
    for one in all_formats():
        for option in one.declarations():
            if option.name in values and option.name not in names:
                raise UsageError(Diagnostic("NC009", values={
                    "option": option.flag, "value": f"`{values[option.name]}`",
                    "reason": f"it is for {' '.join(one.suffixes)} files only"},
                    hint="leave it out"))


def arguments(text: str | None) -> dict[str, Any]:
    """The arguments that an option gives, as JSON or in a file. Raises UsageError (NC009)."""
    if text is None:
        return {}
    reason = "it is no JSON object with the factory's arguments by name"
    try:
        content = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError, RecursionError) as error:
        content, reason = None, str(error).splitlines()[0]
    if not isinstance(content, dict):
        raise UsageError(Diagnostic("NC009", values={
            "option": "--arch-args", "value": f"`{text[:80]}`", "reason": reason}))
    return content
