"""A command that fails early still writes the document that it was asked for."""

from __future__ import annotations

import json
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import neurocompile
from neurocompile import cli
from neurocompile.commands.failure import FOR_TOOLS
from tests.commands.command_line import run
from tests.commands.project_files import DIAGNOSTICS

FAULTS = {  # what is wrong in a command line, and its code
    "-t loihi3": "NC001", "-t loihi2 --bogus 3": "NC014", "-t loihi2 --ticks many": "NC014",
    "-t loihi2 --weight-bits 99": "NC009", "-t loihi2 --config none.toml": "NC007",
    "": "NC014", "-t": "NC014"}
SCHEMA = Path(neurocompile.__file__).parent / "report/schemas/check-1.json"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a target."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neurocompile.toml").write_text("")
    return tmp_path


@pytest.mark.parametrize(("command", "fault"), [
    (command, fault) for command in ("check", "build") for fault in FAULTS
    if (command, fault) != ("check", "")])  # what holds on any chip is checked then
def test_json_says_why(here: Path, capsys: Any, command: str, fault: str) -> None:
    out, err = run(capsys, f"{command} net.onnx --format json {fault}", 2)
    document = json.loads(out)
    if command == "check":
        jsonschema.validate(document, json.loads(SCHEMA.read_text()))
        document, = document["checks"]
        assert document["verdict"] == "not checked"
    jsonschema.validate(document, json.loads(DIAGNOSTICS.read_text()))
    finding, = document["diagnostics"]
    assert finding["code"] == FAULTS[fault]
    assert err  # for people, as ever


@pytest.mark.parametrize("fmt", FOR_TOOLS)
def test_the_file_is_written(here: Path, capsys: Any, fmt: str) -> None:
    out, _ = run(capsys, f"check a.onnx b.onnx -o found.txt --format {fmt} -t loihi3", 2)
    text = (here / "found.txt").read_text()
    assert out == ""
    assert "NC001" in text or "unknown-target" in text
    if fmt == "junit":
        root = xml.etree.ElementTree.fromstring(text)
        assert [suite.get("name") for suite in root] == ["a.onnx", "b.onnx"]
    if fmt == "sarif":
        results = json.loads(text)["runs"][0]["results"]
        assert [one["ruleId"] for one in results] == ["NC001", "NC001"]


def test_a_file_that_cannot_be_written_is_told(here: Path, capsys: Any) -> None:
    _, err = run(capsys, "check a.onnx -o none/found.txt --format sarif -t loihi3", 2)
    assert "NC001" in err
    assert "none/found.txt" in err


def test_formats_for_people_are_as_they_were(here: Path, capsys: Any) -> None:
    out, err = run(capsys, "check a.onnx --format concise -t loihi3", 2)
    assert out == ""
    assert err.count("NC001") == 2  # the finding, and its page
    for words in (["chek", "--format", "json"], ["--format", "json"]):
        assert cli.run(words) == 2
        assert capsys.readouterr().out == ""


def test_a_bug_of_ours_is_in_the_document(here: Path, capsys: Any,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("neurocompile.commands.check.load_config", bug)
    out, err = run(capsys, "check a.onnx --format json", 3)
    finding, = json.loads(out)["checks"][0]["diagnostics"]
    assert finding["code"] == "NC902"
    Path(err.split("is in `")[1].split("`")[0]).unlink()
