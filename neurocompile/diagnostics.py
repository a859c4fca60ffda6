"""Diagnostics: located findings with a code, measured values and one action to take."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from neurocompile.rules import RULES


class Severity(enum.IntEnum):
    """How much a finding weighs: only errors fail a check."""

    NOTE = 0
    WARNING = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """Lower-case name, as printed and as written to JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A line of the user's own code that calls the code of a finding."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """Where in the user's model: the module path and the line of the user's own code.

    `callers` are the calls that led to that line, the innermost first.
    """

    module: str = ""
    file: str | None = None
    line: int | None = None
    callers: tuple[Call, ...] = ()

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file or ""
        inside = f"in {self.module}" if self.module else ""
        return "  ".join(part for part in (place, inside) if part)

    @property
    def calls(self) -> str:
        """The calls that led there, in words; empty where there are none."""
        return printable(f"called from {', '.join(map(str, self.callers))}") if self.callers else ""


def contrast(one: str, here: Location, other: str, there: Location) -> str:
    """Two operators, each by its name and place, in words; a line that they share is said once."""
    line = f"at {here.file}:{here.line}" if here.file and here.line else ""
    if (here.file, here.line) != (there.file, there.line):
        places = (f"at {where}" if str(where) else "" for where in (here, there))
        return " against ".join(f"`{name}` {place}".rstrip()
                                for name, place in zip((one, other), places, strict=True))
    calls = next((pair for pair in zip(here.callers, there.callers, strict=False)
                  if pair[0] != pair[1]), None)
    if calls is not None:
        return f"`{one}` {line} called from {calls[0]} against that called from {calls[1]}"
    names = [f"`{name}`" + (f" in {where.module}" if where.module else "")
             for name, where in ((one, here), (other, there))]
    same = names[0] == names[1]
    return f"{names[0]} {line} with other operands" if same else (
        f"{' against '.join(names)} {line}".rstrip())


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `values` fill the message of `RULES[code]` and stay raw in the JSON."""

    code: str
    where: Location = field(default_factory=Location)
    values: Mapping[str, object] = field(default_factory=dict)
    severity: Severity | None = None  # None: the rule's own severity
    hint: str | None = None  # None: the rule's own fix
    notes: tuple[str, ...] = ()

    @property
    def level(self) -> Severity:
        """The severity that counts: this finding's own, else its rule's."""
        if self.severity is not None:
            return self.severity
        return Severity[RULES[self.code].severity.upper()]

    @property
    def name(self) -> str:
        """The rule's kebab-case name."""
        return RULES[self.code].name

    @property
    def message(self) -> str:
        """The rule's message with this finding's values filled in; one line, printable."""
        return printable(RULES[self.code].message.format_map(_Texts(self.values)))

    @property
    def help(self) -> str:
        """One concrete action."""
        if self.hint is not None:
            return printable(self.hint)
        return printable(RULES[self.code].fix.format_map(_Texts(self.values)))

    @property
    def measures(self) -> Mapping[str, float]:
        """What says how bad it is, by the value's name; more is worse."""
        values = ((name, self.values.get(name)) for name in RULES[self.code].measures)
        return {name: value for name, value in values
                if isinstance(value, int | float) and not isinstance(value, bool)}

    def text_of(self, name: str) -> str:
        """One of its values as the message shows it."""
        return printable(_Texts(self.values)[name])

    def sort_key(self) -> tuple[object, ...]:
        """Order by severity (errors first), line (without one last), code, module: stable."""
        where = self.where
        return (-int(self.level), not where.file, where.file or "", where.line or 0, self.code,
                natural(where.module), where.callers, self.message)


class _Texts(dict[str, object]):
    """Values as a message shows them: thousands separated, containers joined."""

    def __getitem__(self, key: str) -> str:
        value = super().__getitem__(key)
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float):
            return f"{value:.2%}" if key == "share" else f"{value:.4g}"
        if isinstance(value, (list, tuple)):
            return ", ".join(str(v) for v in value)
        return str(value)


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A key that orders texts by the numbers in them: `b.2` before `b.10`."""
    return tuple((len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (-1, part)
                 for part in re.findall(r"\d+|\D+", text))


def printable(text: str) -> str:
    """The text with control characters, direction marks and line breaks escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class NeurocompileError(Exception):
    """An error that is told to the user as diagnostics; `exit_code` is the command's."""

    exit_code = 3

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(f"{d.code}: {d.message}" for d in diagnostics))


class UsageError(NeurocompileError):
    """Usage, configuration or an input that cannot be used."""

    exit_code = 2


class FindingsError(NeurocompileError):
    """The network is illegal, does not fit, or a comparison failed."""

    exit_code = 1


class InternalError(NeurocompileError):
    """The compiler broke one of its own promises."""

    exit_code = 3


def errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings of severity error."""
    return tuple(d for d in diagnostics if d.level == Severity.ERROR)


def raise_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise FindingsError with all findings of severity error, if there are any."""
    fatal = errors(diagnostics)
    if fatal:
        raise FindingsError(*fatal)
