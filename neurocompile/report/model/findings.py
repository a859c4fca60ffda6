"""diagnostics.json: the findings for one model on one target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from neurocompile.report.schema import Count, Facet

Level = Literal["error", "warning", "note"]
Code = Annotated[str, Facet("pattern", "^NC[0-9]{3}$")]
RuleName = Annotated[str, Facet("pattern", "^[a-z]+(-[a-z]+)*$")]
Line = Annotated[int, Facet("minimum", 1)]
Text = Annotated[str, Facet("minLength", 1)]
Fingerprint = Annotated[str, Facet("pattern", "^[0-9a-f]{32}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A line that calls the code of a finding."""

    file: str  # relative to the working directory
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding: what speaks against the network, where, and what to do."""

    code: Code  # never reused or renumbered
    name: RuleName
    severity: Level
    target: str
    module: str  # path of the module in the model; empty where there is none
    file: str | None  # source file, relative to the working directory
    line: Line | None
    callers: tuple[Caller, ...] | None = None  # that led to the line, the innermost first
    message: Text
    values: Mapping[str, Any]  # the measured values of the message, raw
    hint: str  # one action
    notes: tuple[str, ...]
    fingerprint: Fingerprint  # of code, module and target: it stays when lines move; unique here


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Findings by severity."""

    error: Count
    warning: Count
    note: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The findings for one model on one target. New keys keep the number."""

    schema: Literal["neurocompile/diagnostics/1"] = "neurocompile/diagnostics/1"
    target: str  # its name; empty for findings of no target
    counts: Counts
    diagnostics: tuple[Finding, ...]  # errors first, then by file and line
