"""Findings as JUnit's XML: a test suite for each model and target, a test for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from neurocompile.diagnostics import Severity, errors, printable
from neurocompile.report.model_findings import ModelFindings, Occurrence, occurrences


def render(groups: Sequence[ModelFindings]) -> str:
    """Errors are failures; warnings and notes are output of tests that pass."""
    tests = [_suite(group) for group in groups]
    failures = sum(len(errors(group.findings)) for group in groups)
    count = sum(max(len(group.findings), 1) for group in groups)
    return "\n".join((
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="neurocompile" tests="{count}" failures="{failures}">',
        *tests, "</testsuites>"))


def _suite(group: ModelFindings) -> str:
    title = _attribute(group.title)
    cases = [_case(one) for one in occurrences([group])]
    if not cases:  # a suite without a test reads as one that did not run
        cases = [f'  <testcase name="check" classname={title}/>']
    counts = f'tests="{len(cases)}" failures="{len(errors(group.findings))}" errors="0"'
    return "\n".join((f" <testsuite name={title} {counts}>", *cases, " </testsuite>"))


def _case(one: Occurrence) -> str:
    finding = one.finding
    name = f"{finding.code} {finding.name} {one.fingerprint[:8]}"
    classname = ".".join(part for part in (one.group.title, finding.where.module) if part)
    text = "\n".join((f"{one.path}:{one.line}: {finding.message}",
                      *filter(None, (finding.where.calls,)), *map(printable, finding.notes),
                      f"help: {finding.help}"))
    if finding.level == Severity.ERROR:
        inner = (f"   <failure message={_attribute(finding.message)} "
                 f'type="{finding.code}">{escape(text)}</failure>')
    else:
        inner = f"   <system-out>{escape(text)}</system-out>"
    place = f'file={_attribute(one.path)} line="{one.line}"'
    head = f"  <testcase name={_attribute(name)} classname={_attribute(classname)} {place}>"
    return f"{head}\n{inner}\n  </testcase>"


def _attribute(text: str) -> str:
    return quoteattr(printable(text))
