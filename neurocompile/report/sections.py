"""What a document of findings holds: a section for each model and target."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, Location, Severity, printable
from neurocompile.report.data import diagnostics_json

NOWHERE = Location(file="neurocompile.toml", line=1)
LENGTH = 32  # hex digits of a fingerprint


@dataclass(frozen=True, slots=True)
class Section:
    """The findings for one model on one target."""

    model: str
    target: str
    found: tuple[Diagnostic, ...]
    anchor: Location = NOWHERE  # where a finding without a line of source points
    summary: str = ""

    @property
    def title(self) -> str:
        """`model on target`, as far as both are known."""
        return " on ".join(part for part in (self.model, self.target) if part) or "neurocompile"


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with a place that exists in a repository."""

    section: Section
    finding: Diagnostic
    path: str  # relative to the working directory, with slashes; printable
    line: int
    fingerprint: str  # of code, module, model and target: it stays when lines move


def located(sections: Sequence[Section]) -> Iterator[Located]:
    """All findings, in order: by section, errors first."""
    for section in sections:
        found = sorted(section.found, key=Diagnostic.sort_key)
        marks = fingerprints(section.model, section.target, found)
        for one, mark in zip(found, marks, strict=True):
            where = one.where
            path = relative(where.file) if where.file else None
            line = where.line if path is not None and where.line and where.line > 0 else None
            if path is None or (line is None and path.endswith(".py")):
                path, line = relative(section.anchor.file or "") or "", section.anchor.line
            yield Located(section, one, printable(path or str(NOWHERE.file)), line or 1, mark)


def fingerprints(model: str, target: str, found: Sequence[Diagnostic]) -> list[str]:
    """A fingerprint for each finding of a sorted list; unique within it."""
    items = diagnostics_json(found, target)["diagnostics"]
    return [hashlib.sha256(f"{model}\0{item['fingerprint']}".encode("utf-8", "surrogatepass"))
            .hexdigest()[:LENGTH] for item in items]


def relative(file: str) -> str | None:
    """A path below the working directory, relative to it; None for one elsewhere."""
    if not file or "\0" in file:
        return None
    path = Path(os.path.relpath(file))
    return None if path.is_absolute() or ".." in path.parts else path.as_posix()


def level(one: Diagnostic, names: tuple[str, str, str]) -> str:
    """One of three names, for an error, a warning and a note."""
    return names[{Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}[one.level]]
