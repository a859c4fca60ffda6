"""Charts: every mark is in the picture and has a name, and lines differ without color."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from neurocompile.report.chart import (
    BOTTOM_MARGIN,
    HEIGHT,
    LEFT_MARGIN,
    RIGHT_MARGIN,
    TOP_MARGIN,
    WIDTH,
    Chart,
    Line,
    Mark,
    chart_svg,
    legend,
)

NUMBERS = st.floats(-1e9, 1e9) | st.integers(0, 20).map(float)


def chart_of(*lines: Line, level: tuple[str, float] | None = None) -> Chart:
    return Chart(title="a chart", x_title="bits", y_title="cores", lines=lines, level=level)


def line(*values: tuple[float, float], name: str = "one", joins: bool = True) -> Line:
    return Line(name=name, joins=joins, marks=tuple(
        Mark(x=x, y=y, name=f"{x}: {y}") for x, y in values))


def starts(svg: str) -> list[tuple[float, float]]:
    """Where discs are."""
    return [(float(x) + 4, float(y)) for x, y in re.findall(
        r'class="mark" d="M(\S+) (\S+)a4', svg)]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_all_marks_are_between_the_axes_in_their_order(values: list[tuple[float, float]]) -> None:
    svg = chart_svg(chart_of(line(*values)))
    ET.fromstring(svg)
    places = starts(svg)
    assert len(places) == len(values)
    for x, y in places:
        assert LEFT_MARGIN <= x <= WIDTH - RIGHT_MARGIN
        assert TOP_MARGIN <= y <= HEIGHT - BOTTOM_MARGIN
    for (x, y), (a, b) in zip(sorted(values, key=lambda v: v[0]), places, strict=True):
        for (z, w), (c, d) in zip(sorted(values, key=lambda v: v[0]), places, strict=True):
            assert (x <= z) <= (a <= c)
            assert (y <= w) <= (b >= d)


def test_ticks_are_round_and_whole_where_values_are() -> None:
    svg = chart_svg(chart_of(line((2, 1), (8, 3))))
    assert re.findall(r'class="y"[^>]*>([^<]*)<', svg) == ["1", "2", "3"]
    svg = chart_svg(chart_of(line((2, 97.21), (8, 98.4))))
    assert re.findall(r'class="y"[^>]*>([^<]*)<', svg) == [
        "97.5", "98"]


def test_lines_differ_in_dashes_and_marks() -> None:
    one = chart_of(line((1, 1), (2, 2)), line((1, 2), (2, 1), name="<other>", joins=False),
                   level=("float & co", 1.5))
    svg, names = chart_svg(one), legend(one)
    assert svg.count('class="line"') == 1
    assert (svg.count('<g class="f0">'), svg.count('<g class="f1">')) == (1, 1)
    assert "float &amp; co" in svg
    assert "&lt;other&gt;" in names
    assert names.count('class="line"') == 1
    assert len(set(re.findall(r'class="mark" d="([^"]*)"', names))) == 2
    ET.fromstring(names)


def test_every_mark_is_named() -> None:
    svg = chart_svg(chart_of(line((1, 1), (2, 2))))
    assert re.findall("<title>(.*?)</title>", svg) == ["1: 1", "2: 2"]
    assert 'role="img" aria-label="a chart: cores by bits"' in svg
