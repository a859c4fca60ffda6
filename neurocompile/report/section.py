"""Sections of a report: values in one order, for the terminal, the page and JSON.

A section is made of the plain data of a build, so a report is shown again without compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neurocompile.report import words


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """What the JSON files of a build hold."""

    resources: Mapping[str, Any]
    fidelity: Mapping[str, Any]
    mapping: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    left: bool = False  # words; else numbers, to the right
    page_only: bool = False  # a terminal has no room for it


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


def _no_lines(_: ReportData) -> list[str]:
    return []


def _no_table(_: ReportData) -> Table | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a report: sentences, a table, or what a renderer draws under its key."""

    key: str  # in JSON, and in the page's anchors
    title: str  # of at most 12 letters
    lines: Callable[[ReportData], list[str]] = _no_lines
    table: Callable[[ReportData], Table | None] = _no_table
    content: Callable[[Any], Any] | None = None  # of a compilation: kept in resources.json
    behind: str = ""  # of a family's: the neutral section that it follows
    note: str = ""  # small print of the page

    def to_json(self, data: ReportData) -> dict[str, Any]:
        """The section with its sentences and its table."""
        table = self.table(data)
        return {"key": self.key, "title": self.title, "lines": self.lines(data),
                "table": None if table is None else {
                    "columns": [column.title for column in table.columns],
                    "rows": [list(row) for row in table.rows]}}


def _binding(data: ReportData) -> list[str]:
    return [*words.proof(data.resources), *words.binding(data.resources)]


def _fidelity(data: ReportData) -> list[str]:
    return [*words.fidelity(data.fidelity), *words.accuracy(data.fidelity)]


def _verification(data: ReportData) -> list[str]:
    return [words.verification(data.fidelity), *words.unproved(data.fidelity)]


SECTIONS = (  # those that every family has, in the order of all reports
    Section(key="findings", title="Findings"),
    Section(key="binding", title="What binds", lines=_binding),
    Section(key="populations", title="Populations"),
    Section(key="cores", title="Cores"),
    Section(key="pruning", title="Pruning", lines=lambda data: words.pruning(data.resources)),
    Section(key="traffic", title="Traffic", lines=lambda data: words.traffic(data.resources)),
    Section(key="readouts", title="Readouts", lines=lambda data: words.readouts(data.resources)),
    Section(key="fidelity", title="Fidelity", lines=_fidelity),
    Section(key="verification", title="Verification", lines=_verification),
    Section(key="limits", title="Limits"),
    Section(key="provenance", title="Provenance"),
)


def in_order(own: Iterable[Section]) -> tuple[Section, ...]:
    """The sections of a family's reports: the neutral ones, each followed by the family's own."""
    mine = tuple(own)
    placed = {section.key for section in SECTIONS}
    return (*(one for section in SECTIONS
              for one in (section, *(s for s in mine if s.behind == section.key))),
            *(s for s in mine if s.behind not in placed))


def contents(sections: Iterable[Section], compilation: Any) -> dict[str, Any]:
    """What the sections keep of a compilation, by key."""
    return {section.key: section.content(compilation) for section in sections
            if section.content is not None}
