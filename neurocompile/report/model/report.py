"""A report: what a build's files hold, and what its sections say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from neurocompile.report.content import Content
from neurocompile.report.model.fidelity import FidelityReport
from neurocompile.report.model.findings import Findings
from neurocompile.report.model.manifest import Provenance
from neurocompile.report.model.resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What sections read: the documents of a build, and what sections keep of the compilation."""

    resources: Resources
    fidelity: FidelityReport
    findings: Findings
    provenance: Provenance
    records: Mapping[str, Any] = field(default_factory=dict)  # dataclasses by a section's key


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionText(Content):
    """A section of a report, as a terminal and the page show it."""

    key: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """What `neurocompile report --format json` writes."""

    schema: Literal["neurocompile/report/2"] = "neurocompile/report/2"
    sections: tuple[SectionText, ...]  # in the order of the report
    resources: Resources
    fidelity: FidelityReport
    diagnostics: Findings
