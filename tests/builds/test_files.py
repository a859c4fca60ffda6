"""Every document of a build of either family holds what its shipped schema says, and comes back.

`NEUROCOMPILE_UPDATE_GOLDEN=1 pytest tests/builds/test_files.py` writes the schemas, and the table
of `docs/build_files.md`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from neurocompile import cli
from neurocompile.builds.builder import BuildResult
from neurocompile.builds.directory import open_build
from neurocompile.builds.files import COMMANDS, FILES, ROUNDING, load_report, read_document, schemas
from neurocompile.builds.manifest import write_json, write_manifest
from neurocompile.diagnostics import UsageError
from neurocompile.families.table import sections_of
from neurocompile.report import html
from neurocompile.report.plain import to_json
from neurocompile.report.schema import schema_file
from tests.paths import DOCS, ROOT

SCHEMA_FILES = ROOT / "neurocompile/report/schemas"
DOCUMENTS = {one.name: one.document for one in FILES if one.document is not None}
TABLE = ("<!-- files: generated -->\n", "<!-- end -->")


def schema_of(kind: type) -> Any:
    return json.loads((resources.files("neurocompile.report") / "schemas" / schema_file(kind))
                      .read_text(encoding="utf-8"))


def test_shipped_schemas_are_those_of_the_dataclasses() -> None:
    texts = {name: json.dumps(schema, indent=1) + "\n" for name, schema in schemas().items()}
    if os.environ.get("NEUROCOMPILE_UPDATE_GOLDEN"):
        for file in SCHEMA_FILES.glob("*.json"):
            file.unlink()
        for name, text in texts.items():
            (SCHEMA_FILES / name).write_text(text, encoding="utf-8")
    assert {file.name: file.read_text(encoding="utf-8")
            for file in SCHEMA_FILES.glob("*.json")} == texts
    for schema in schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid_and_comes_back(either_build: BuildResult, name: str) -> None:
    kind = DOCUMENTS[name]
    text = (either_build.path / name).read_text(encoding="utf-8")
    jsonschema.validate(json.loads(text), schema_of(kind))
    document: object = read_document(either_build.path, name, kind)
    assert json.loads(json.dumps(to_json(document))) == json.loads(text)


def test_a_build_holds_these_files(either_build: BuildResult) -> None:
    assert {f"{path.name}/" if path.is_dir() else path.name
            for path in either_build.path.iterdir()} | {ROUNDING} == {one.name for one in FILES}
    assert (either_build.path / ROUNDING).exists() == bool(either_build.compilation.rounding)


def test_the_report_comes_back_without_compiling(either_build: BuildResult) -> None:
    """And the page is the same to the byte."""
    report, sections = load_report(open_build(either_build.path))
    assert report == either_build.report
    assert sections == sections_of(either_build.compilation.target)
    assert html.render(report, sections) == (either_build.path / "report.html").read_text(
        encoding="utf-8")


def _json(capsys: Any, *command: str) -> Any:
    cli.run(list(command))
    return json.loads(capsys.readouterr().out)


def test_what_commands_write_is_valid(either_build: BuildResult, unmeasured_build: BuildResult,
                                      truenorth_build: BuildResult, capsys: Any) -> None:
    build, other = os.fspath(either_build.path), os.fspath(unmeasured_build.path)
    report, difference, verify, check, findings, _ = COMMANDS.values()
    for kind, command in (
            (report, ("report", build)), (difference, ("report", "--diff", other, build)),
            (check, ("check", os.fspath(either_build.path / "model.onnx"), "-t", "loihi2"))):
        jsonschema.validate(_json(capsys, *command, "--format", "json"), schema_of(kind))
    item, = _json(capsys, "check", os.fspath(either_build.path / "model.onnx"), "-t", "truenorth",
                  "--format", "json")["checks"]
    jsonschema.validate(item, schema_of(findings))
    jsonschema.validate(_json(capsys, "verify", os.fspath(truenorth_build.path), "--samples", "1",
                              "--format", "json"), schema_of(verify))


def test_a_schema_refuses_what_is_wrong(loihi_build: BuildResult) -> None:
    kind = DOCUMENTS["resources.json"]
    document = json.loads((loihi_build.path / "resources.json").read_text())
    document["sections"]["what_if"]["changes"][0]["cores"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema_of(kind))


def rewrite(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change a document of a build, and its hash in the manifest."""
    build = open_build(folder)
    document = json.loads((folder / name).read_text())
    change(document)
    write_json(folder / name, document)
    (folder / "manifest.json").unlink()
    write_manifest(folder, build.manifest.provenance)


@pytest.mark.parametrize(("name", "change", "reason"), [
    ("resources.json", lambda d: d.update(schema="neurocompile/resources/1"),
     "`schema` is not one of 'neurocompile/resources/2': 'neurocompile/resources/1'"),
    ("resources.json", lambda d: d["target"].update(family="pdp11"), "no family `pdp11`"),
    ("resources.json", lambda d: d["cores"][0].pop("chip"), "`cores[0].chip` is missing"),
    ("resources.json", lambda d: d["sections"].update(x={}), "`sections.x` is not known"),
    ("resources.json", lambda d: d["sections"]["storage"].pop("weight_bits"),
     "of section `storage` `weight_bits` is missing"),
    ("fidelity.json", lambda d: d.update(extra=1), "`extra` is not known"),
    ("diagnostics.json", lambda d: d.update(diagnostics=3), "`diagnostics` is not a list: 3"),
])
def test_a_build_of_another_form_is_one_finding(
        loihi_build: BuildResult, tmp_path: Path, name: str, change: Callable[[Any], None],
        reason: str, capsys: Any) -> None:
    folder = tmp_path / "built"
    shutil.copytree(loihi_build.path, folder)
    rewrite(folder, name, change)
    assert cli.run(["report", os.fspath(folder)]) == 2
    error = capsys.readouterr().err
    assert error.count("error[") == 1
    assert "error[NC003]" in error
    assert reason in error
    assert "build it again" in error
    assert cli.run(["report", os.fspath(folder), "--format", "html"]) == 0  # as it was written


@pytest.mark.parametrize("change", [
    {"files": {"x": 1}}, {"files": {"x": {"sha256": 3}}}, {"tool": "me"}, {"extra": 1},
    {"options": 3}, {"unhashed": [3]}])
def test_a_manifest_of_another_form_is_one_finding(loihi_build: BuildResult, tmp_path: Path,
                                                   change: dict[str, Any]) -> None:
    document = json.loads((loihi_build.path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**document, **change}))
    with pytest.raises(UsageError, match="NC003"):
        open_build(tmp_path)


def test_a_document_that_is_no_json(loihi_build: BuildResult, tmp_path: Path) -> None:
    (tmp_path / "resources.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="NC003"):
        read_document(tmp_path, "resources.json", DOCUMENTS["resources.json"])
    with pytest.raises(UsageError, match="NC003"):
        read_document(tmp_path, "absent.json", DOCUMENTS["resources.json"])


def test_a_report_imports_nothing_that_compiles(either_build: BuildResult) -> None:
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "neurocompile", "report",
         os.fspath(either_build.path)], capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip().partition(".")[0]
             for line in process.stderr.splitlines()}
    assert "rich" in names
    assert not names & {"torch", "onnx", "onnx_ir", "numba", "scipy", "numpy", "jinja2"}


def test_a_provenance_without_a_sample(unmeasured_build: BuildResult) -> None:
    provenance = unmeasured_build.report.provenance
    assert [one.role for one in provenance.inputs] == []
    assert replace(provenance, model="x") != provenance


def table() -> str:
    """The files of a build and what commands write, with their schemas."""
    rows = ["| file | what it is | schema |", "|---|---|---|"]
    rows += [f"| `{one.name}` | {one.summary} | "
             f"{'' if one.document is None else f'`{schema_file(one.document)}`'} |"
             for one in FILES]
    rows += ["", "| command | schema |", "|---|---|"]
    rows += [f"| `{command}` | `{schema_file(kind)}` |" for command, kind in COMMANDS.items()]
    return "\n".join(rows) + "\n"


def test_the_page_of_the_documentation_names_every_file() -> None:
    path = DOCS / "build_files.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(TABLE[0])
    lines, _, after = rest.partition(TABLE[1])
    if os.environ.get("NEUROCOMPILE_UPDATE_GOLDEN"):
        path.write_text(f"{before}{TABLE[0]}{table()}{TABLE[1]}{after}", encoding="utf-8")
        return
    assert lines == table()
    for one in FILES:
        assert f"`{one.name}`" in before + after or one.document is None, one.name
