"""Baselines: findings that are known, so that a check fails on new ones only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurocompile.commands.terminal import show
from neurocompile.diagnostics import Diagnostic, Severity, UsageError

SCHEMA = "neurocompile/baseline/1"
NEVER = ("NC0", "NC9")  # unusable input and our own bugs are never known

Findings = tuple[str, str, Sequence[Diagnostic]]  # model, target, findings


@dataclass(frozen=True)
class Baseline:
    """The fingerprints of known findings."""

    fingerprints: frozenset[str] = frozenset()

    def new(self, model: str, target: str, findings: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The findings that are not known."""
        return tuple(one for one, mark in _marks(model, target, findings)
                     if mark is None or mark not in self.fingerprints)

    def count_gone(self, items: Iterable[Findings]) -> int:
        """How many known findings were not found again."""
        present = {mark for item in items for _, mark in _marks(*item)}
        return len(self.fingerprints - present)


def load_baseline(path: Path | None) -> Baseline:
    """The baseline in a file. Raises UsageError: NC007 for none, NC003 for another file."""
    if path is None:
        return Baseline()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        return Baseline(frozenset(str(one["fingerprint"]) for one in data["findings"]))
    except OSError as error:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the baseline `{path}`", "reason": error.strerror or str(error)}, hint=(
                "write one with --write-baseline"))) from None
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(Diagnostic("NC003", values={
            "file": str(path), "kind": "a baseline", "reason": str(error).splitlines()[0]})) from None


def write_baseline(path: Path, checks: Iterable[Findings]) -> Baseline:
    """Write all findings above a note as known, one a line; returns them."""
    items = []
    for model, target, findings in checks:
        items += [{"fingerprint": mark, "model": model, "target": target, "code": one.code,
                   "module": one.where.module}
                  for one, mark in _marks(model, target, findings) if mark is not None and one.level > Severity.NOTE]
    lines = ",\n  ".join(json.dumps(item) for item in items)
    body = f"\n  {lines}\n " if items else ""
    show(f'{{\n "schema": "{SCHEMA}",\n "findings": [{body}]\n}}', path)
    return Baseline(frozenset(str(item["fingerprint"]) for item in items))


def _marks(model: str, target: str, findings: Sequence[Diagnostic]
            ) -> Iterable[tuple[Diagnostic, str | None]]:
    """The findings with their fingerprints; None for those that no baseline may hold."""
    from neurocompile.report.model_findings import fingerprints

    in_order = sorted(findings, key=Diagnostic.sort_key)
    for one, mark in zip(in_order, fingerprints(model, target, in_order), strict=True):
        yield one, None if one.code.startswith(NEVER) else mark
