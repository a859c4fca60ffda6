"""The files of a build: what each is, and how its documents are read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from neurocompile.builds.directory import Build
from neurocompile.builds.manifest import MANIFEST
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.families.table import FAMILIES, sections_of_family
from neurocompile.report.model.check import CheckDocument
from neurocompile.report.model.diff import Diff
from neurocompile.report.model.fidelity import FidelityReport
from neurocompile.report.model.findings import Findings
from neurocompile.report.model.layout import Layout
from neurocompile.report.model.manifest import Manifest
from neurocompile.report.model.report import Report, ReportDocument
from neurocompile.report.model.resources import Resources
from neurocompile.report.model.sweep import SweepDocument
from neurocompile.report.model.trace import Trace
from neurocompile.report.model.verify import VerifyDocument
from neurocompile.report.plain import from_json
from neurocompile.report.schema import Schema, document_schema, schema_file
from neurocompile.report.section import Section, read_records

D = TypeVar("D")
ROUNDING = "rounding.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFile:
    """A file of a build, or a folder."""

    name: str
    summary: str
    document: type | None = None  # what it holds, where it is JSON with a schema


FILES = (
    BuildFile(name="program/", summary="what is deployed; absent after `--stop-after place`"),
    BuildFile(name="model.onnx", summary="the captured graph, which any ONNX runtime runs"),
    BuildFile(name="target.toml", summary="the target, with every number's source"),
    BuildFile(name=ROUNDING, summary="what rounding decided on a sample; absent without one"),
    BuildFile(name="report.html", summary="the report as a page that needs no network"),
    BuildFile(name="resources.csv", summary="one row per core and resource, for spreadsheets"),
    BuildFile(name="resources.json", document=Resources,
              summary="what the mapping takes: per core, per population, in all"),
    BuildFile(name="mapping.json", document=Layout, summary="which neurons sit on which core"),
    BuildFile(name="fidelity.json", document=FidelityReport,
              summary="what quantization changed, verification, accuracy"),
    BuildFile(name="diagnostics.json", document=Findings, summary="the findings"),
    BuildFile(name="trace.json", document=Trace,
              summary="options and stages with their seconds: it differs from run to run"),
    BuildFile(name=MANIFEST, document=Manifest,
              summary="what the build was made from, and the hash of every file"),
)
COMMANDS: Mapping[str, type] = {  # what commands write as JSON
    "neurocompile report BUILD --format json": ReportDocument,
    "neurocompile report --diff OLD NEW --format json": Diff,
    "neurocompile verify BUILD --format json": VerifyDocument,
    "neurocompile check MODEL --format json": CheckDocument,
    "neurocompile build MODEL --format json": Findings,
    "neurocompile sweep MODEL --format json": SweepDocument,
}


def schemas() -> dict[str, Schema]:
    """The JSON Schema of every document, by file name."""
    documents = [*(one.document for one in FILES if one.document is not None), *COMMANDS.values()]
    return {schema_file(kind): document_schema(kind, _open_fields(kind)) for kind in documents}


def _open_fields(kind: type) -> dict[str, dict[str, type]]:
    """What the families' sections keep in resources.json."""
    if kind is not Resources:
        return {}
    sections = [one for family in FAMILIES.values() for one in sections_of_family(family)]
    return {"sections": {one.key: one.kind for one in sections if one.kind is not None}}


def load_report(build: Build) -> tuple[Report, tuple[Section, ...]]:
    """The report of an opened build and its sections, without compiling.

    Raises UsageError (NC003) for a build that another version wrote in another form.
    """
    folder = build.folder
    resources = read_document(folder, "resources.json", Resources)
    family = FAMILIES.get(resources.target.family)
    if family is None:
        raise _unreadable(folder / "resources.json", f"no family `{resources.target.family[:40]}`")
    sections = sections_of_family(family)
    try:
        records = read_records(sections, resources.sections)
    except ValueError as error:
        raise _unreadable(folder / "resources.json", str(error)) from None
    return Report(
        resources=resources, records=records, provenance=build.manifest.provenance,
        fidelity=read_document(folder, "fidelity.json", FidelityReport),
        findings=read_document(folder, "diagnostics.json", Findings)), sections


def read_document(folder: Path, name: str, kind: type[D]) -> D:
    """A document of an opened build. Raises UsageError (NC003) where it has another form."""
    path = folder / name
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
        return from_json(kind, value)
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from None


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC003", Location(file=str(path)), {
        "file": str(path), "kind": "a build of this version", "reason": reason},
        hint="show it with the neurocompile that wrote it, or build it again"))
