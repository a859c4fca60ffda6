"""The terminal report: every form of a value, its width, its alphabet, its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from neurocompile.builds.builder import BuildResult
from neurocompile.families.table import sections_of
from neurocompile.report import terminal
from neurocompile.report.content import (
    Amount,
    Column,
    Content,
    Line,
    Name,
    Share,
    Table,
    sentences,
)
from neurocompile.report.model.report import Report
from neurocompile.report.section import Section, View
from tests.report.changes import HOSTILE

GOLDEN = Path(__file__).parent / "golden"
FULL = Share(value=0.96, label="synapse memory", short="synapses")
TABLE = Table(
    columns=(
        Column(title="population"), Column(title="shape", place="page"),
        Column(title="neurons", form="count"), Column(title="bits", form="count", place="wide"),
        Column(title="fullest core", form="share"), Column(title="core", form="core"),
        Column(title="used", form="amount"), Column(title="of it", form="percent"),
        Column(title="share", form="percent"), Column(title="rate", form="rate"),
        Column(title="load", form="number")),
    rows=(
        (Name(text="conv.lif", where="net.py:7"), "4x8x8", 12_345, 8, FULL, 1000,
         Amount(value=87 << 13, unit="bit"), 0.0001, Share(value=0.5, binds=True), 0.14063, 20.0),
        (Name(text=HOSTILE, where=""), "300", 3, None, "on the host", 2,
         Amount(value=1234, unit="axons"), None, Share(value=0.2), None, 0.123456),
        *((Name(text=f"row {k}", where=""), "1", k, k, Share(value=k / 10), k,
           Amount(value=k, unit="bit"), k / 10, Share(value=k / 10), k / 10, k)
          for k in range(3))), most=4, note="how to read it")
SECTIONS = (
    View(key="a", title="lines", show=lambda _: Content(lines=(
        *sentences("first", "a long second one, " * 9), Line(text=HOSTILE, mood="bad")))),
    View(key="b", title="more", show=lambda _: Content(lines=sentences("of `it`"), note="unseen")),
    View(key="c", title="table", show=lambda _: Content(tables=(TABLE,))),
    View(key="d", title="nothing", show=lambda _: Content()),
    View(key="e", title="both", show=lambda _: Content(lines=sentences("above"), tables=(
        replace(TABLE, title="named", rows=TABLE.rows[-1:]), replace(TABLE, place="page")))),
    View(key="f", title="last", show=lambda _: Content(lines=sentences("below"))),
)


@pytest.mark.parametrize("width", [80, 100])
def test_golden(loihi_report: Report, width: int, golden: Callable[[Path, str], None]) -> None:
    text = terminal.render(loihi_report, SECTIONS, width=width)
    head, _, rest = text.partition("\n\n")  # of a real network: not the same for ever
    assert head.startswith("loihi1: fits on ")
    golden(GOLDEN / f"terminal-{width}.txt", rest)


@pytest.mark.parametrize("width", [20, 80, 100, 300])
def test_fits_and_is_ascii(hostile_report: Report, wide_report: Report,
                           loihi_sections: tuple[Section, ...], width: int) -> None:
    for report in (hostile_report, wide_report):
        text = terminal.render(report, loihi_sections, width=width)
        assert text.isascii()
        assert max(map(len, text.split("\n"))) <= max(80, min(width, 100))
        assert all(c.isprintable() for line in text.split("\n") for c in line)


def test_both_families(either_build: BuildResult) -> None:
    """All sections in one order, each once; the accuracy with them."""
    report, sections = either_build.report, sections_of(either_build.compilation.target)
    text = terminal.render(report, sections)
    places = [text.index(f"\n{one.title} ") for one in sections if one.content(report).lines]
    assert places == sorted(places)
    assert len(places) >= 8
    assert "accuracy of the integer network: " in text
    assert "\n\n\n" not in text


def test_color_uses_escapes_and_boxes(hostile_report: Report,
                                      loihi_sections: tuple[Section, ...]) -> None:
    text = terminal.render(hostile_report, loihi_sections, color=True)
    assert "\033[" in text
    assert "█" in text
    assert "\033[31m\u202e" not in text


def test_long_tables_are_cut(wide_report: Report, loihi_sections: tuple[Section, ...]) -> None:
    text = terminal.render(wide_report, loihi_sections)
    assert "... 1,960 more; --format json has all" in text


def test_what_was_not_done_is_said(unmeasured_build: BuildResult,
                                   loihi_sections: tuple[Section, ...]) -> None:
    text = terminal.render(unmeasured_build.report, loihi_sections)
    assert "verification  not verified" in text
    assert "4 samples of the capture" in text
    assert "if every neuron spiked" in text
    assert "accuracy" not in text
