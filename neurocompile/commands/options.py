"""Declared options on the command line, and the options that say which findings count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from neurocompile.config import Config
from neurocompile.diagnostics import Diagnostic
from neurocompile.families.table import declared_options
from neurocompile.formats.table import all_formats, format_options
from neurocompile.options import Option
from neurocompile.report.documents import DOCUMENTS
from neurocompile.rules import RULES

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("full", "concise", "json", "github", *DOCUMENTS)


class Value(click.ParamType[Any]):
    """The values of a declared option; a wrong one is NC009 (UsageError)."""

    name = "value"

    def __init__(self, option: Option) -> None:
        self.option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value of the text that was typed."""
        return self.option.parse(value) if isinstance(value, str) else value


def click_option(option: Option) -> click.Option:
    """A declared option for click; None where it is left out."""
    return click.Option([option.flag, option.name], type=Value(option), multiple=option.repeats,
                        metavar=option.values.metavar, help=option.help)


class ModelCommand(click.Command):
    """A command that reads a model: the options of all formats stand behind `--ticks`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and the formats' options of now."""
        return behind("ticks", super().get_params(ctx), format_options())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What MODEL can be."""
        with formatter.section("Models"):
            formatter.write_dl([
                ("PKG.MOD:FACTORY", "your code that makes a torch.nn.Module"),
                *((" ".join(one.suffixes), one.summary)
                  for one in all_formats() if one.read is not None)])
        super().format_epilog(ctx, formatter)


class CompileCommand(ModelCommand):
    """A command that compiles: the declared options of all families stand behind `--target`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and the declared options of now."""
        return behind("targets", super().get_params(ctx), declared_options())


def behind(name: str, parameters: list[click.Parameter], options: Iterable[Option]
           ) -> list[click.Parameter]:
    """The parameters with these options behind the one of a name."""
    at = 1 + next(k for k, one in enumerate(parameters) if one.name == name)
    return [*parameters[:at], *map(click_option, options), *parameters[at:]]


def pick_options(values: dict[str, Any]) -> dict[str, Any]:
    """The families' options that were typed, by name, taken out of what click read."""
    return pick_among(values, declared_options())


def pick_among(values: dict[str, Any], options: Iterable[Option]) -> dict[str, Any]:
    """Those of the options that were typed, by name, taken out of what click read."""
    by_name = {one.name: values.pop(one.name) for one in options}
    return {name: tuple(part for parts in value for part in parts)
            if isinstance(value, tuple) else value
            for name, value in by_name.items() if value not in (None, ())}


def decorate(command: F, options: Iterable[Callable[[F], F]]) -> F:
    """The command with these options, in their order."""
    for option in reversed(list(options)):
        command = option(command)
    return command


def compile_options(command: F) -> F:
    """Options of a command that compiles, beside the declared ones."""
    return decorate(command, (
        click.option("-t", "--target", "targets", multiple=True, metavar="NAME|FILE",
                     help="Chip; repeatable, or a comma list."),
        click.option("--select", multiple=True, metavar="CODE", callback=_codes,
                     help="Only findings whose code starts so."),
        click.option("--ignore", multiple=True, metavar="CODE", callback=_codes,
                     help="No findings whose code starts so."),
        click.option("--format", "fmt", type=click.Choice(FORMATS), default="full",
                     help="How findings are written."),
    ))


def _codes(_: click.Context, parameter: click.Parameter, value: tuple[str, ...]
           ) -> tuple[str, ...]:
    codes = tuple(code.strip() for text in value for code in text.split(","))
    for code in codes:
        if not code or not any(rule.startswith(code) for rule in RULES):
            raise click.BadParameter(f"no rule starts with {code!r}")
    return codes


def pick(kind: type[Any], values: dict[str, Any]) -> Any:
    """The dataclass of these options, taken out of what click read."""
    return kind(**{name: values.pop(name) for name in kind.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which findings are shown and counted."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    config: Config

    def __call__(self, finding: Diagnostic) -> bool:
        code = finding.code
        if self.select and not code.startswith(self.select):
            return False
        return not code.startswith(self.ignore or ("-",)) and not any(
            one.matches(finding) for one in self.config.ignores)


OptionValues = Mapping[str, Any]  # declared options as typed, by name
