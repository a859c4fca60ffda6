"""What a document for other tools holds: the findings of each model on each target."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurocompile.diagnostics import Call, Diagnostic, Location, Severity, printable
from neurocompile.report.diagnostics import findings_document

NOWHERE = Location(file="neurocompile.toml", line=1)
LENGTH = 32  # hex digits of a fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFindings:
    """The findings for one model on one target."""

    model: str
    target: str
    findings: tuple[Diagnostic, ...]
    anchor: Location = NOWHERE  # where a finding without a line of source points
    summary: str = ""

    @property
    def title(self) -> str:
        """`model on target`, as far as both are known."""
        return " on ".join(part for part in (self.model, self.target) if part) or "neurocompile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A finding with a place that exists in a repository."""

    group: ModelFindings
    finding: Diagnostic
    path: str  # relative to the working directory, with slashes; printable
    line: int
    fingerprint: str  # of code, module, model and target: it stays when lines move
    callers: tuple[Call, ...]  # those in the repository, as its path


def occurrences(groups: Sequence[ModelFindings]) -> Iterator[Occurrence]:
    """All findings, in order: by group, errors first."""
    for group in groups:
        in_order = sorted(group.findings, key=Diagnostic.sort_key)
        marks = fingerprints(group.model, group.target, in_order)
        for one, mark in zip(in_order, marks, strict=True):
            where = one.where
            path = relative(where.file) if where.file else None
            line = where.line if path is not None and where.line and where.line > 0 else None
            if path is None or (line is None and path.endswith(".py")):
                path, line = relative(group.anchor.file or "") or "", group.anchor.line
            yield Occurrence(group=group, finding=one, path=printable(path or str(NOWHERE.file)),
                             line=line or 1, fingerprint=mark,
                             callers=tuple(_callers(where)))


def _callers(where: Location) -> Iterator[Call]:
    for call in where.callers:
        path = relative(call.file)
        if path is not None:
            yield Call(printable(path), call.line)


def fingerprints(model: str, target: str, in_order: Sequence[Diagnostic]) -> list[str]:
    """A fingerprint for each finding of a sorted list; unique within it."""
    items = findings_document(in_order, target).diagnostics
    return [hashlib.sha256(f"{model}\0{item.fingerprint}".encode("utf-8", "surrogatepass"))
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
