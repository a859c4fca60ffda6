"""A section as a stranger writes one: declared here, it is in every form of a report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from neurocompile import cli
from neurocompile.builds.builder import BuildResult
from neurocompile.families.compilation import Compilation
from neurocompile.families.loihi import sections as loihi_sections
from neurocompile.families.targets import load_target
from neurocompile.families.truenorth import sections as truenorth_sections
from neurocompile.report import sections as neutral_sections
from neurocompile.report.content import Column, Content, Table, sentences
from neurocompile.report.model.report import Report
from neurocompile.report.section import Record, View

KEY, TITLE = "largest", "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Largest:
    """The population with the most neurons."""

    name: str
    neurons: int


def largest(compilation: Compilation) -> Largest:
    one = max(compilation.network.populations, key=lambda p: p.size)
    return Largest(name=one.name, neurons=one.size)


def show(data: Largest, report: Report) -> Content:
    share = data.neurons / report.resources.totals.neurons
    return Content(
        lines=sentences(f"most neurons has `{data.name}`: {data.neurons}"),
        tables=(Table(title="largest of all", rows=((data.name, data.neurons, share),),
                      columns=(Column(title="name"), Column(title="size", form="count"),
                               Column(title="of all", form="percent"))),))


OWN = Record(key=KEY, title=TITLE, after="traffic", kind=Largest, record=largest, show=show)
NEUTRAL = View(key="inputs", title="inputs", show=lambda report: Content(lines=sentences(
    *(f"input `{one.name}` has {one.sources} sources" for one in report.resources.inputs))))


@pytest.fixture(params=[loihi_sections, truenorth_sections], ids=["loihi", "truenorth"])
def folder(request: pytest.FixtureRequest, build_small: Callable[..., BuildResult],
           monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A build with two more sections: one of the family, one of all."""
    monkeypatch.setattr(request.param, "SECTIONS", (*request.param.SECTIONS, OWN))
    monkeypatch.setattr(neutral_sections, "SECTIONS", (NEUTRAL, *neutral_sections.SECTIONS))
    name = "loihi2" if request.param is loihi_sections else "truenorth"
    build_small(load_target(name), tmp_path / "built", with_sample=False)
    return tmp_path / "built"


def run(capsys: Any, *command: str) -> str:
    assert cli.run(list(command)) == 0
    return str(capsys.readouterr().out)


def in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_it_is_in_its_place_everywhere(folder: Path, capsys: Any) -> None:
    """In `resources.json`, on the terminal, on the page and in JSON; nothing is compiled again."""
    sections = json.loads((folder / "resources.json").read_text())["sections"]
    assert sections[KEY] == {"name": "if1", "neurons": 288}
    text = run(capsys, "report", os.fspath(folder))
    assert in_order(text, "\ninputs        input `x` has 72 sources\n", "\nfindings ", "\ntraffic ",
                    "\nlargest       most neurons has `if1`: 288\n", "largest of all\n",
                    "name size of all\n", "if1   288 92.3 %", "\nreadouts ")
    page = run(capsys, "report", os.fspath(folder), "--format", "html")
    assert in_order(page, "<h2 id=\"inputs-title\">Inputs</h2>", ">Traffic</h2>", ">Largest</h2>",
                    "most neurons has <code>if1</code>: 288", "Largest of all",
                    "<td class=\"n\">92.3 %</td>", ">Readouts</h2>")
    document = json.loads(run(capsys, "report", os.fspath(folder), "--format", "json"))
    keys = [one["key"] for one in document["sections"]]
    assert keys[:2] == ["inputs", "findings"]
    assert keys[keys.index("traffic"):][:3] == ["traffic", KEY, "readouts"]
    one = document["sections"][keys.index(KEY)]
    assert one["lines"] == [{"text": "most neurons has `if1`: 288", "mood": ""}]
    assert one["tables"][0]["rows"] == [["if1", 288, 288 / 312]]


def test_without_it_the_build_is_another_versions(
        folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert cli.run(["report", os.fspath(folder)]) == 2
    assert "`sections.largest` is not known" in capsys.readouterr().err
