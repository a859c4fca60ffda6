"""Findings as GitLab's code quality report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from neurocompile.diagnostics import printable
from neurocompile.report.model_findings import ModelFindings, level, occurrences

SEVERITIES = ("major", "minor", "info")


def render(groups: Sequence[ModelFindings]) -> str:
    """One item for each finding."""
    return json.dumps([{
        "description": f"{one.finding.code}: {one.finding.message}" + (
            f" (in {printable(one.finding.where.module)})" if one.finding.where.module else ""),
        "check_name": one.finding.name,
        "fingerprint": one.fingerprint,
        "severity": level(one.finding, SEVERITIES),
        "location": {"path": one.path, "lines": {"begin": one.line}},
    } for one in occurrences(groups)], indent=1)
