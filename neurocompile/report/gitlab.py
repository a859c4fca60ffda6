"""Findings as GitLab's code quality report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from neurocompile.diagnostics import Diagnostic, printable
from neurocompile.report.model_findings import ModelFindings, level, occurrences

SEVERITIES = ("major", "minor", "info")


def render(groups: Sequence[ModelFindings]) -> str:
    """One item for each finding."""
    return json.dumps([{
        "description": _description(one.finding),
        "check_name": one.finding.name,
        "fingerprint": one.fingerprint,
        "severity": level(one.finding, SEVERITIES),
        "location": {"path": one.path, "lines": {"begin": one.line}},
    } for one in occurrences(groups)], indent=1)


def _description(one: Diagnostic) -> str:
    inside = f"in {printable(one.where.module)}" if one.where.module else ""
    place = ", ".join(filter(None, (inside, one.where.calls)))
    return f"{one.code}: {one.message}" + (f" ({place})" if place else "")
