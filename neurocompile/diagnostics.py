"""Diagnostics: located findings with a code, measured values and one action to take."""

from __future__ import annotations

import enum
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
class Location:
    """Where in the user's model: the module path and the line of the user's own code."""

    module: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file or ""
        inside = f"in {self.module}" if self.module else ""
        return "  ".join(part for part in (place, inside) if part)


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

    def sort_key(self) -> tuple[object, ...]:
        """Order by severity (errors first), code, place: stable across runs."""
        where = self.where
        return (-int(self.level), self.code, where.module, where.file or "", where.line or 0,
                self.message)


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
