"""Two builds compared: what grew, what is new or gone, and what cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neurocompile import cli
from neurocompile.builds.builder import BuildResult
from neurocompile.diagnostics import Diagnostic
from neurocompile.options import Options
from neurocompile.report import diff_text
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.diff import compare
from neurocompile.report.model.diff import (
    FactChange,
    NumberChange,
    PopulationDiff,
    ValueChange,
)
from neurocompile.report.model.findings import Finding
from neurocompile.report.model.report import Report
from neurocompile.report.plain import to_json
from neurocompile.target.loihi import LoihiTarget
from tests.report.changes import rename


def change(report: Report, **changes: Any) -> Report:
    """The report with other resources."""
    return replace(report, resources=replace(report.resources, **changes))


@pytest.fixture
def old(loihi_report: Report, diagnostics: list[Diagnostic]) -> Report:
    return replace(loihi_report, findings=findings_document(diagnostics, "loihi1"))


@pytest.fixture
def new(old: Report, diagnostics: list[Diagnostic]) -> Report:
    """Six bits, three times the cores, one population gone, one new, other findings."""
    first, second = old.resources.populations
    again = [replace(diagnostics[1], where=replace(diagnostics[1].where, line=99)), *diagnostics[2:]]
    fresh = replace(diagnostics[1], where=replace(diagnostics[1].where, module="fresh"))
    report = change(
        old, totals=replace(old.resources.totals, cores=3 * old.resources.totals.cores),
        populations=(replace(second, cores=13, weight_bits=6),
                     replace(second, name="extra|one", neurons=1234)))
    assert first.name == "if1"
    return replace(
        report, findings=findings_document([*again, fresh], "loihi1"),
        provenance=replace(old.provenance, options={**old.provenance.options, "weight_bits": 6}),
        fidelity=replace(old.fidelity, accuracy=None, verification=replace(
            old.fidelity.verification, status="not verified")))


def rows(table: Iterable[NumberChange]) -> dict[str, tuple[float, float, float | None]]:
    return {row.name: (row.old, row.new, row.percent) for row in table}


def resources_of(findings: Iterable[Finding]) -> list[str]:
    return [one.values["resource"] for one in findings]


def test_what_changed(old: Report, new: Report) -> None:
    diff, n, population = compare(old, new), old.resources.totals.cores, old.resources.populations[1]
    assert rows(diff.totals)["cores"] == (n, 3 * n, 200.0)
    assert rows(diff.totals)["neurons"] == (312, 312, None)
    assert diff.origin == (FactChange(name="option weight_bits", old=8, new=6),)
    assert diff.populations.differing == (PopulationDiff(name="if2", values={
        "cores": ValueChange(old=population.cores, new=13),
        "weight_bits": ValueChange(old=8, new=6)}),)
    assert [p.name for p in diff.populations.new] == ["extra|one"]
    assert [p.name for p in diff.populations.only_old] == ["if1"]
    assert old.fidelity.accuracy is not None
    assert {r.name: (r.old, r.new) for r in diff.results} == {
        "accuracy": (f"{old.fidelity.accuracy.right} of 12", None),
        "verification": ("verified", "not verified")}
    assert diff.growth == ()
    json.dumps(to_json(diff), allow_nan=False)


def test_a_finding_whose_line_moved_is_neither_new_nor_gone(old: Report, new: Report) -> None:
    findings = compare(old, new).findings
    assert [(one.code, one.module) for one in findings.new] == [("NC120", "fresh")]
    assert [(one.code, one.module) for one in findings.only_old] == [("NC302", "fc")]


def test_equal_builds(old: Report) -> None:
    diff = compare(old, old, limit=0)
    assert diff.growth == ()
    for text in (diff_text.render(diff), diff_text.render_markdown(diff)):
        assert text.endswith(diff_text.SAME)
        assert len(text.splitlines()) == 3


def test_growth(old: Report, new: Report) -> None:
    assert resources_of(compare(old, new, 199).growth) == ["cores"]
    assert compare(old, new, 200).growth == ()
    assert compare(new, old, 0).growth == ()


def with_messages(report: Report, **messages: float) -> Report:
    traffic = report.resources.traffic
    return change(report, traffic=replace(
        traffic, messages=replace(traffic.messages, **messages)))


def test_growth_from_zero_is_over_any_limit(old: Report, new: Report) -> None:
    assert old.resources.traffic.messages.between_chips == 0
    growth = compare(old, with_messages(new, between_chips=3.0), 1000).growth
    assert resources_of(growth) == ["messages between chips"]


def test_measured_traffic_is_not_compared_with_unmeasured(
        old: Report, unmeasured_build: BuildResult) -> None:
    diff = compare(old, replace(old, resources=unmeasured_build.report.resources), 0)
    assert diff.traffic is None
    assert diff.populations.differing == ()
    assert diff.growth == ()
    assert "traffic is not compared" in diff_text.render(diff)


def test_measured_traffic_and_rates_are_compared(old: Report) -> None:
    messages, (first, second) = old.resources.traffic.messages, old.resources.populations
    louder = with_messages(change(old, populations=(first, replace(second, rate=0.5))),
                           between_cores=2 * messages.between_cores)
    diff = compare(old, louder, 99)
    assert diff.traffic is not None
    assert rows(diff.traffic)["messages between cores"][2] == 100
    assert resources_of(diff.growth) == ["messages between cores"]
    assert diff.populations.differing == (PopulationDiff(
        name="if2", values={"rate": ValueChange(old=second.rate, new=0.5)}),)


def test_text_is_plain_and_says_all(old: Report, new: Report) -> None:
    text = diff_text.render(compare(old, new, 10))
    assert text.isascii()
    assert text.startswith("small.onnx on loihi1\n")
    for words in ("+200.0 %", "new population `extra|one`: 1,234 neurons", "new error[NC120]",
                 "gone population `if1`", "gone warning[NC302]", "error[NC023]: cores grew from ",
                 "; at most 10"):
        assert words in text


def test_markdown_keeps_its_columns(old: Report, new: Report) -> None:
    text = diff_text.render_markdown(compare(rename(old, "if2", "a|b"),
                                             rename(new, "if2", "a|b"), 10))
    n = old.resources.totals.cores
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert f"| cores | {n} | {3 * n} | +200.0 % |" in tables
    assert r"new population `extra\|one`" in text
    assert any(line.startswith(r"| a\|b | ") for line in tables)
    assert all(line.replace(r"\|", "").count("|") in (4, 5) for line in tables)


def test_many_populations_are_cut(old: Report) -> None:
    some = tuple(replace(old.resources.populations[1], name=f"p{k}") for k in range(50))
    many = change(old, populations=some)
    more = change(old, populations=tuple(replace(p, cores=p.cores + 1) for p in some))
    text = diff_text.render(compare(many, more))
    assert "p39 " in text
    assert "p40 " not in text
    assert "10 more populations changed" in text
    fresh = compare(old, many)
    assert "new: 10 more populations" in diff_text.render(fresh)


def test_the_command(loihi_build: BuildResult, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                     small_loihi_target: LoihiTarget, build_small: Callable[..., BuildResult]) -> None:
    build_small(small_loihi_target, tmp_path / "six", options=Options(weight_bits=6))
    both = ["report", "--diff", str(tmp_path / "six"), str(loihi_build.path)]
    assert cli.run(both) == 0
    text = capsys.readouterr().out
    assert "option weight_bits" in text
    same = [str(loihi_build.path)] * 2
    assert cli.run(["report", "--diff", *same, "--fail-on-growth", "0"]) == 0
    assert diff_text.SAME in capsys.readouterr().out
    assert cli.run([*both, "--fail-on-growth", "0", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["growth"][0]["code"] == "NC023"
    assert cli.run([*both, "--format", "markdown", "-o", str(tmp_path / "x.md")]) == 0
    assert (tmp_path / "x.md").read_text().startswith("### small.onnx on loihi1")


@pytest.mark.parametrize(("arguments", "message"), [
    ("", "`BUILD`"), ("a --diff a b", "`BUILD`"), ("a --fail-on-growth 5", "--fail-on-growth"),
    ("a --format markdown", "markdown"), ("--diff a b --format csv", "csv"),
    ("--diff a b", "NC007"),
])
def test_unusable_arguments(arguments: str, message: str, capsys: pytest.CaptureFixture[str],
                            tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["report", *arguments.split()]) == 2
    assert message in capsys.readouterr().err
