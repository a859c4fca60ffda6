"""Findings as the document that diagnostics.json is."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from neurocompile.diagnostics import Diagnostic, Severity
from neurocompile.report.model.findings import Caller, Counts, Finding, Findings, Level
from neurocompile.report.plain import plain

LEVELS: Mapping[Severity, Level] = {
    Severity.NOTE: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}


def findings_document(diagnostics: Iterable[Diagnostic], target_name: str) -> Findings:
    """The findings, errors first. A fingerprint stays when lines move; each is unique."""
    in_order = sorted(diagnostics, key=Diagnostic.sort_key)
    return Findings(target=target_name, counts=severities(in_order),
                    diagnostics=tuple(_findings(in_order, target_name)))


def severities(diagnostics: Iterable[Diagnostic]) -> Counts:
    """How many findings there are of each severity."""
    levels = Counter(one.level for one in diagnostics)
    return Counts(**{level.label: levels[level] for level in Severity})


def _findings(in_order: Iterable[Diagnostic], target: str) -> Iterator[Finding]:
    repeats: Counter[tuple[str, str]] = Counter()
    for one in in_order:
        place = (one.code, one.where.module)
        key = "\0".join((*place, target, str(repeats[place])))
        repeats[place] += 1
        yield Finding(
            code=one.code, name=one.name, severity=LEVELS[one.level], target=target,
            module=one.where.module, file=one.where.file, line=one.where.line,
            callers=tuple(Caller(file=call.file, line=call.line)
                          for call in one.where.callers) or None,
            message=one.message, values=plain(one.values), hint=one.help, notes=tuple(one.notes),
            fingerprint=hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32])
