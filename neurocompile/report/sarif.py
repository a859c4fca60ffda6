"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from neurocompile import __version__
from neurocompile.diagnostics import printable
from neurocompile.report.model_findings import (
    ModelFindings,
    Occurrence,
    level,
    occurrences,
)
from neurocompile.rules import RULES, Rule

VERSION = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"  # what relative addresses start from: the checkout
FINGERPRINT = "neurocompile/v1"
LEVELS = ("error", "warning", "note")

Data = dict[str, Any]


def render(groups: Sequence[ModelFindings]) -> str:
    """One run with the findings of all groups."""
    items = list(occurrences(groups))
    codes = sorted({one.finding.code for one in items})
    return json.dumps({
        "$schema": SCHEMA, "version": VERSION,
        "runs": [{
            "tool": {"driver": {
                "name": "neurocompile", "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(RULES[code]) for code in codes]}},
            "columnKind": "unicodeCodePoints",
            "results": [_result(one, codes.index(one.finding.code)) for one in items],
        }],
    }, indent=1)


def _rule(rule: Rule) -> Data:
    fix = rule.fix.replace("{", "").replace("}", "")
    return {
        "id": rule.code, "name": rule.name,
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why} What to do: {fix}",
                 "markdown": f"{rule.why}\n\n**What to do:** {fix}"},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(one: Occurrence, index: int) -> Data:
    finding = one.finding
    module = printable(finding.where.module)
    inside = f" (in {module})" if module else ""
    notes = "".join(f"\n{printable(note)}" for note in finding.notes)
    location = _location(one.path, one.line)
    calls = [{**_location(call.file, call.line), "message": {"text": "called from here"}}
               for call in one.callers]
    if module:
        location["logicalLocations"] = [{"fullyQualifiedName": module, "kind": "module"}]
    return {
        "ruleId": finding.code, "ruleIndex": index, "level": level(finding, LEVELS),
        "message": {"text": f"{finding.message}{inside}{notes}\nhelp: {finding.help}"},
        "locations": [location], **({"relatedLocations": calls} if calls else {}),
        "partialFingerprints": {FINGERPRINT: one.fingerprint},
        "properties": {"model": one.group.model, "target": one.group.target},
    }


def _location(path: str, line: int) -> Data:
    return {"physicalLocation": {"artifactLocation": {"uri": quote(path), "uriBaseId": ROOT},
                                 "region": {"startLine": line}}}
