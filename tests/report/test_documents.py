"""SARIF, JUnit, GitLab, Markdown, and the shipped schema of diagnostics.json.

`sarif-2.1.0-rtm.5.json` is OASIS's schema of SARIF 2.1.0, as the npm package @microsoft/jest-sarif
1.0.0-beta.0 (MIT) holds it.
"""

from __future__ import annotations

import json
import re
import string
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from neurocompile.diagnostics import Call, Diagnostic, Location
from neurocompile.report import markdown
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.documents import DOCUMENTS, document
from neurocompile.report.model.findings import Counts
from neurocompile.report.model_findings import ModelFindings
from neurocompile.report.plain import to_json
from neurocompile.rules import RULES

HOSTILE = "a\x1b[2J\r\n::error::<b>|x` @all\u202e\ud800"
ANCHOR = Location(file="conf/neurocompile.toml", line=7)
SCHEMA = resources.files("neurocompile.report").joinpath("schemas/diagnostics-1.json")
SARIF = json.loads(Path(__file__).with_name("sarif-2.1.0-rtm.5.json").read_text())


def _sections() -> list[ModelFindings]:
    diagnostics = (
        Diagnostic("NC120", Location("block.0.attn", "src/my net.py", 3), {"op": "MatMul"},
                   notes=("left operand: Spike from q",)),
        Diagnostic("NC120", Location("block.1.attn", "src/my net.py", 3), {"op": "MatMul"}),
        Diagnostic("NC302", Location("fc"), {"projection": "a -> b", "share": 0.01, "bits": 8}),
        Diagnostic("NC120", Location("far", "/elsewhere/net.py", 3), {"op": "Einsum"}),
        Diagnostic("NC130"))
    return [_model("net", "loihi2", *diagnostics, summary="illegal\nstages: check"),
            _model("net", "loihi1", diagnostics[0]), _model("good", "loihi2")]


def _model(name: str, target: str, *findings: Diagnostic, summary: str = "",
           anchor: Location = ANCHOR) -> ModelFindings:
    return ModelFindings(model=name, target=target, findings=findings, anchor=anchor,
                         summary=summary)


def _sarif(sections: list[ModelFindings]) -> Any:
    data = json.loads(document("sarif", sections))
    jsonschema.validate(data, SARIF, cls=jsonschema.Draft4Validator)
    return data


def test_sarif_is_valid_and_located() -> None:
    (run,) = _sarif(_sections())["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["NC120", "NC130", "NC302"]
    assert len(run["results"]) == 6
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    places = {}
    for result in run["results"]:
        (place,) = result["locations"]
        names = [one["fullyQualifiedName"] for one in place.get("logicalLocations", ())]
        places["".join(names)] = (place["physicalLocation"]["artifactLocation"]["uri"],
                                  place["physicalLocation"]["region"]["startLine"])
    assert places == {
        "block.0.attn": ("src/my%20net.py", 3), "block.1.attn": ("src/my%20net.py", 3),
        "fc": ("conf/neurocompile.toml", 7), "far": ("conf/neurocompile.toml", 7),
        "": ("conf/neurocompile.toml", 7)}
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels == {"NC120": "error", "NC130": "error", "NC302": "warning"}


def test_fingerprints_stay_when_lines_move_and_tell_models_apart() -> None:
    def marks(model: str, line: int, target: str = "loihi2") -> list[str]:
        diagnostics = (Diagnostic("NC120", Location("m", "a.py", line), {"op": "MatMul"}),
                 Diagnostic("NC120", Location("m", "a.py", line + 1), {"op": "MatMul"}))
        (run,) = _sarif([_model(model, target, *diagnostics)])["runs"]
        return [one["partialFingerprints"]["neurocompile/v1"] for one in run["results"]]

    assert marks("a", 3) == marks("a", 90)
    assert len({*marks("a", 3), *marks("b", 3), *marks("a", 3, "loihi1")}) == 6


CALLS = (Call("src/my net.py", 9), Call("/elsewhere/run.py", 4), Call("main.py", 2))
IN_WORDS = "called from src/my net.py:9, /elsewhere/run.py:4, main.py:2"


def test_every_document_has_the_calls() -> None:
    finding = Diagnostic("NC120", Location("m", "src/a.py", 3, CALLS), {"op": "MatMul"})
    groups = [_model("net", "loihi2", finding)]
    ((result,),) = (run["results"] for run in _sarif(groups)["runs"])
    assert [(one["physicalLocation"]["artifactLocation"]["uri"],
             one["physicalLocation"]["region"]["startLine"], one["message"]["text"])
            for one in result["relatedLocations"]] == [
        ("src/my%20net.py", 9, "called from here"), ("main.py", 2, "called from here")]
    case = ElementTree.fromstring(document("junit", groups)).findtext(".//failure") or ""
    assert case.splitlines()[1] == IN_WORDS
    assert f"(in m, {IN_WORDS})" in json.loads(document("gitlab", groups))[0]["description"]
    assert IN_WORDS in document("markdown", groups)
    item = to_json(findings_document([finding], "loihi2"))["diagnostics"][0]
    assert item["callers"] == [{"file": call.file, "line": call.line} for call in CALLS]
    schema = json.loads(SCHEMA.read_text())
    assert set(item) == set(schema["$defs"]["Finding"]["properties"])
    jsonschema.validate(to_json(findings_document([finding], "loihi2")), schema)


def test_every_rule_is_a_valid_sarif_rule() -> None:
    def fields(text: str) -> dict[str, object]:
        return {name: "x" for _, name, _, _ in string.Formatter().parse(text) if name}

    diagnostics = tuple(Diagnostic(code, values=fields(rule.message), hint="do it")
                  for code, rule in RULES.items())
    (run,) = _sarif([_model("all", "loihi2", *diagnostics)])["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(RULES)


def test_junit_counts() -> None:
    root = ElementTree.fromstring(document("junit", _sections()))
    assert (root.get("tests"), root.get("failures")) == ("7", "5")
    suites = root.findall("testsuite")
    assert [s.get("name") for s in suites] == ["net on loihi2", "net on loihi1", "good on loihi2"]
    for suite in suites:
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert len({(c.get("classname"), c.get("name")) for c in cases}) == len(cases)
    assert "left operand: Spike from q" in str(suites[1].findtext("testcase/failure"))


def test_gitlab() -> None:
    items = json.loads(document("gitlab", _sections()))
    assert len({one["fingerprint"] for one in items}) == len(items) == 6
    assert {one["severity"] for one in items} == {"major", "minor"}
    assert items[1]["location"] == {"path": "src/my net.py", "lines": {"begin": 3}}
    assert all(not Path(one["location"]["path"]).is_absolute() for one in items)


MARKDOWN = """\
### net on loihi2

illegal  
stages: check

| | code | where | finding | what to do |
|---|---|---|---|---|
"""


def test_markdown() -> None:
    text = document("markdown", _sections())
    assert text.startswith(MARKDOWN)
    assert "| error | NC120 | src/my net.py:3  in block.0.attn | `MatMul` multiplies" in text
    assert "and the same in block.1.attn" in text
    assert text.endswith("### good on loihi2\n\nno findings")
    assert markdown.text("a `b|c` <d> |") == r"a `b\|c` \<d\> \|"
    assert markdown.text("odd ` <b>") == r"odd ' \<b\>"


@pytest.mark.parametrize("fmt", DOCUMENTS)
def test_hostile_names_stay_data(fmt: str) -> None:
    finding = Diagnostic("NC120", Location(HOSTILE, HOSTILE, 1, (Call(HOSTILE, 2),)),
                         {"op": HOSTILE}, hint=HOSTILE, notes=(HOSTILE,))
    text = document(fmt, [_model(HOSTILE, HOSTILE, finding, Diagnostic("NC130"),
                                 anchor=Location(file=HOSTILE))])
    assert all(c.isprintable() or c == "\n" for c in text)
    text.encode()
    assert not any(line.startswith("::error::") for line in text.split("\n"))
    if fmt == "junit":
        ElementTree.fromstring(text)
    elif fmt == "markdown":
        assert "<b>" not in re.sub("`[^`]*`", "", text)  # in code it is text
    else:
        json.loads(text)


def test_order_does_not_matter_and_nothing_is_a_document_too() -> None:
    sections = _sections()
    backwards = [replace(one, findings=one.findings[::-1]) for one in sections]
    for fmt in DOCUMENTS:
        assert document(fmt, sections) == document(fmt, backwards)
        assert document(fmt, [_model("m", "t")])
    with pytest.raises(ValueError, match="none of sarif"):
        document("xml", [])


def test_the_shipped_schema_holds_for_what_is_written(diagnostics: list[Diagnostic]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for some in (diagnostics, [], [Diagnostic("NC130")]):
        document = to_json(findings_document(some, "loihi2"))
        jsonschema.validate(document, schema)
        for item in document["diagnostics"]:  # no key without a description of its type
            assert set(item) | {"callers"} == set(schema["$defs"]["Finding"]["properties"])
    bad = to_json(findings_document(diagnostics, "loihi2"))
    bad["diagnostics"][0]["code"] = "X1"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema)


def test_findings_in_order_with_fingerprints(diagnostics: list[Diagnostic]) -> None:
    document = findings_document(diagnostics, "loihi2")
    assert document.counts == Counts(error=5, warning=1, note=0)
    items = document.diagnostics
    assert [d.severity for d in items] == ["error"] * 5 + ["warning"]
    assert items[-1].values == {"bits": 8, "projection": "a -> b", "share": 0.0104}
    assert len({d.fingerprint for d in items}) == len(items)
    assert document == findings_document(reversed(diagnostics), "loihi2")
    twice = findings_document([diagnostics[1], diagnostics[1]], "loihi2").diagnostics
    assert twice[0].fingerprint != twice[1].fingerprint
