"""Two builds compared: what grew, what is new or gone, and what cannot be compared."""

import copy
import json
from dataclasses import replace

import pytest

from neurocompile import cli
from neurocompile.builds.directory import new_build
from neurocompile.builds.manifest import write_json, write_manifest
from neurocompile.report import data, diff_text
from neurocompile.report.diff import BuildData, compare

MANIFEST = {"model": "net.onnx", "options": {"weight_bits": 8}, "tool": {"version": "0.1.0"},
            "inputs": [{"role": "graph", "name": "net.onnx", "sha256": "ab" * 32}]}


@pytest.fixture
def old(compiled, found, verified):
    fidelity = {**data.fidelity_json(compiled, verified), "accuracy": {"right": 9, "samples": 10}}
    return BuildData(data.resources_json(compiled), fidelity,
                     data.diagnostics_json(found, "loihi1"), MANIFEST)


@pytest.fixture
def new(old, compiled, found, hostile):
    """Six bits, 20 instead of 8 cores, one population gone, one new, other findings."""
    resources = copy.deepcopy(old.resources)
    resources["totals"]["cores"] = 20
    head = next(p for p in resources["populations"] if p["name"] == "head")
    head["cores"], head["weight_bits"] = 13, 6
    resources["populations"] = [*(p for p in resources["populations"] if p["name"] != "coder"),
                                {**head, "name": "extra|one", "neurons": 1234}]
    again = [replace(found[1], where=replace(found[1].where, line=99)), *found[2:]]
    more = [*again, replace(found[1], where=replace(found[1].where, module="fresh"))]
    return BuildData(resources, data.fidelity_json(compiled), data.diagnostics_json(more, "loihi1"),
                     {**MANIFEST, "options": {"weight_bits": 6}})


def rows(table):
    return {row["name"]: (row["old"], row["new"], row["percent"]) for row in table}


def test_what_changed(old, new, hostile):
    diff = compare(old, new)
    assert rows(diff["totals"])["cores"] == (8, 20, 150.0)
    assert rows(diff["totals"])["neurons"] == (566, 566, None)
    assert diff["given"] == [{"name": "option weight_bits", "old": 8, "new": 6}]
    assert diff["populations"]["changed"] == [{"name": "head", "values": {
        "cores": {"old": 1, "new": 13}, "weight_bits": {"old": 8, "new": 6}}}]
    assert [p["name"] for p in diff["populations"]["new"]] == ["extra|one"]
    assert [p["name"] for p in diff["populations"]["gone"]] == ["coder"]
    assert {r["name"]: (r["old"], r["new"]) for r in diff["results"]} == {
        "accuracy": ("9 of 10", None), "verification": ("verified", "not verified")}
    assert diff["growth"] == []
    json.dumps(diff, allow_nan=False)


def test_a_finding_whose_line_moved_is_neither_new_nor_gone(old, new):
    found = compare(old, new)["findings"]
    assert [(one["code"], one["module"]) for one in found["new"]] == [("NC120", "fresh")]
    assert [(one["code"], one["module"]) for one in found["gone"]] == [("NC302", "fc")]


def test_equal_builds(old):
    diff = compare(old, old, limit=0)
    assert diff["growth"] == []
    for text in (diff_text.render(diff), diff_text.render_markdown(diff)):
        assert text.endswith(diff_text.SAME)
        assert len(text.splitlines()) == 3


def test_growth(old, new):
    assert [d["values"]["resource"] for d in compare(old, new, 149)["growth"]] == ["cores"]
    assert compare(old, new, 150)["growth"] == []
    assert compare(new, old, 0)["growth"] == []


def test_growth_from_zero_is_over_any_limit(old, new):
    new.resources["traffic"]["messages"]["between_chips"] = 3.0
    assert old.resources["traffic"]["messages"]["between_chips"] == 0
    grown = compare(old, new, 1000)["growth"]
    assert [d["values"]["resource"] for d in grown] == ["messages between chips"]


def test_measured_traffic_is_not_compared_with_unmeasured(old, unmeasured):
    other = replace(old, resources=data.resources_json(unmeasured))
    diff = compare(old, other, 0)
    assert diff["traffic"] is None
    assert diff["populations"]["changed"] == []
    assert diff["growth"] == []
    assert "traffic is not compared" in diff_text.render(diff)


def test_measured_traffic_and_rates_are_compared(old):
    resources = copy.deepcopy(old.resources)
    resources["traffic"]["messages"]["between_cores"] *= 2
    resources["populations"][1]["rate"] = 0.5
    diff = compare(old, replace(old, resources=resources), 99)
    assert rows(diff["traffic"])["messages between cores"][2] == 100
    assert [d["values"]["resource"] for d in diff["growth"]] == ["messages between cores"]
    assert diff["populations"]["changed"] == [
        {"name": "conv.lif", "values": {"rate": {"old": 0.140625, "new": 0.5}}}]


def test_text_is_plain_and_says_all(old, new):
    text = diff_text.render(compare(old, new, 10))
    assert text.isascii()
    assert text.startswith("net.onnx on loihi1\n")
    for told in ("+150.0 %", "new population `extra|one`: 1,234 neurons", "new error[NC120]",
                 "gone population `coder`", "gone warning[NC302]",
                 "error[NC023]: cores grew from 8 to 20; at most 10"):
        assert told in text


def test_markdown_keeps_its_columns(old, new):
    new.resources["populations"][0]["name"] = "a|b"
    old.resources["populations"][1]["name"] = "a|b"
    text = diff_text.render_markdown(compare(old, new, 10))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert "| cores | 8 | 20 | +150.0 % |" in tables
    assert r"new population `extra\|one`" in text
    assert all(line.replace(r"\|", "").count("|") in (4, 5) for line in tables)


def test_many_populations_are_cut(old):
    resources = copy.deepcopy(old.resources)
    resources["populations"] = [{**resources["populations"][1], "name": f"p{k}"}
                                for k in range(50)]
    changed = copy.deepcopy(resources)
    for p in changed["populations"]:
        p["cores"] += 1
    told = diff_text.render(compare(replace(old, resources=resources),
                                    replace(old, resources=changed)))
    assert "p39 " in told
    assert "p40 " not in told
    assert "10 more populations changed" in told
    fresh = compare(old, replace(old, resources=resources))
    assert "new: 10 more populations" in diff_text.render(fresh)


def write(folder, build):
    with new_build(folder) as made:
        for name in ("resources", "fidelity", "diagnostics"):
            write_json(made / f"{name}.json", getattr(build, name))
        write_manifest(made, dict(build.manifest))


def test_the_command(old, new, tmp_path, capsys):
    write(tmp_path / "old", old)
    write(tmp_path / "new", new)
    both = ["report", "--diff", str(tmp_path / "old"), str(tmp_path / "new")]
    assert cli.run(both) == 0
    assert "+150.0 %" in capsys.readouterr().out
    assert cli.run([*both, "--fail-on-growth", "200"]) == 0
    capsys.readouterr()
    assert cli.run([*both, "--fail-on-growth", "5", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["growth"][0]["code"] == "NC023"
    assert cli.run([*both, "--format", "markdown", "-o", str(tmp_path / "x.md")]) == 0
    assert (tmp_path / "x.md").read_text().startswith("### net.onnx on loihi1")


@pytest.mark.parametrize(("arguments", "told"), [
    ("", "`BUILD`"), ("a --diff a b", "`BUILD`"), ("a --fail-on-growth 5", "--fail-on-growth"),
    ("a --format markdown", "markdown"), ("--diff a b --format csv", "csv"),
    ("--diff a b", "NC007"),
])
def test_unusable_arguments(arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["report", *arguments.split()]) == 2
    assert told in capsys.readouterr().err
