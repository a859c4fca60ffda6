"""Small charts as inline SVG: lines over a number, each mark with a name of its own.

Lines differ by dashes and by the form of their marks, not by color alone. Colors come from the page's
style sheet; nothing depends on a script.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from neurocompile.diagnostics import printable

WIDTH, HEIGHT = 420, 280
LEFT_MARGIN, RIGHT_MARGIN, TOP_MARGIN, BOTTOM_MARGIN = 62, 14, 14, 44  # around the axes
TICKS = 5  # of an axis, about
FORMS = 6  # of marks and dashes
ROOM = 0.06  # of an axis, beyond the outermost values
_LEAST_SPAN = 0.005  # of an axis, of its largest value: equal ones lie in its middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of a line."""

    x: float
    y: float
    name: str  # what it is, for screen readers and as a tip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Marks of one kind; without `joins` nothing leads from one to the next."""

    name: str
    marks: tuple[Mark, ...]
    joins: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines over one number."""

    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    level: tuple[str, float] | None = None  # a value to compare with, and its name


@dataclass(frozen=True, slots=True)
class _Axis:
    """Numbers onto a stretch of the picture."""

    low: float
    high: float
    start: float  # where `low` lies
    length: float  # to where `high` lies; negative: upward
    step: float  # between ticks, at least

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * self.length, 1)

    def ticks(self) -> list[float]:
        """Round numbers within it."""
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / TICKS))
        step *= next(n for n in (1, 2, 5, 10) if (self.high - self.low) / (step * n) <= TICKS + 1)
        step = max(step, self.step)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def chart_svg(chart: Chart) -> str:
    """The chart as an SVG element, with its title as its name."""
    marks = [mark for line in chart.lines for mark in line.marks]
    levels = [] if chart.level is None else [chart.level[1]]
    x = _axis([mark.x for mark in marks], LEFT_MARGIN, WIDTH - LEFT_MARGIN - RIGHT_MARGIN)
    y = _axis([*(mark.y for mark in marks), *levels], HEIGHT - BOTTOM_MARGIN, TOP_MARGIN + BOTTOM_MARGIN - HEIGHT)
    parts = [*_grid(chart, x, y), *_level(chart, y)]
    for number, line in enumerate(chart.lines):
        parts += _line(line, number % FORMS, x, y)
    title = escape(printable(f"{chart.title}: {chart.y_title} by {chart.x_title}"))
    return (f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">\n'
            + "\n".join(parts) + "\n</svg>")


def legend(chart: Chart) -> str:
    """Names of the lines, each with its dashes and mark."""
    entries = []
    for number, line in enumerate(chart.lines):
        form = number % FORMS
        stroke = '<path class="line" d="M0 6h28"/>' if line.joins else ""
        entries.append(f'<li><svg class="chart key f{form}" viewBox="0 0 28 12" aria-hidden="true">'
                       f"{stroke}{_mark(form, 14, 6)}</svg>{escape(printable(line.name))}</li>")
    return f'<ul class="legend">{"".join(entries)}</ul>'


def _axis(values: Sequence[float], start: float, length: float) -> _Axis:
    low, high = min(values, default=0.0), max(values, default=1.0)
    span = max(high - low, abs(high) * _LEAST_SPAN, 1e-9)
    room = (1 + 2 * ROOM) * span / 2
    whole = all(value == int(value) for value in values)
    return _Axis((low + high) / 2 - room, (low + high) / 2 + room, start, length, float(whole))


def _grid(chart: Chart, x: _Axis, y: _Axis) -> list[str]:
    bottom, right = HEIGHT - BOTTOM_MARGIN, WIDTH - RIGHT_MARGIN
    parts = [f'<path class="axis" d="M{LEFT_MARGIN} {TOP_MARGIN}V{bottom}H{right}"/>']
    for value in y.ticks():
        parts.append(f'<path class="grid" d="M{LEFT_MARGIN} {y(value)}H{right}"/>'
                     f'<text class="y" x="{LEFT_MARGIN - 6}" y="{y(value)}">{_number(value)}</text>')
    parts += [f'<text x="{x(value)}" y="{bottom + 14}">{_number(value)}</text>' for value in x.ticks()]
    middle = (TOP_MARGIN + bottom) / 2
    return [*parts, f'<text x="{(LEFT_MARGIN + right) / 2}" y="{HEIGHT - 10}">{escape(chart.x_title)}</text>',
            (f'<text x="12" y="{middle}" transform="rotate(-90 12 {middle})">'
            f"{escape(chart.y_title)}</text>")]


def _level(chart: Chart, y: _Axis) -> list[str]:
    if chart.level is None:
        return []
    name, value = chart.level
    return [(f'<path class="level" d="M{LEFT_MARGIN} {y(value)}H{WIDTH - RIGHT_MARGIN}"/>'
            f'<text class="at" x="{WIDTH - RIGHT_MARGIN}" y="{y(value) - 7}">{escape(printable(name))}</text>')]


def _line(line: Line, form: int, x: _Axis, y: _Axis) -> list[str]:
    marks = sorted(line.marks, key=lambda mark: mark.x)
    way = "L".join(f"{x(mark.x)} {y(mark.y)}" for mark in marks)
    joins = line.joins and len(marks) > 1
    return [f'<g class="f{form}">', *([f'<path class="line" d="M{way}"/>'] if joins else []),
            *(f"<g>{_title(mark)}{_mark(form, x(mark.x), y(mark.y))}</g>" for mark in marks), "</g>"]


def _title(mark: Mark) -> str:
    return f"<title>{escape(printable(mark.name))}</title>"


def _mark(form: int, x: float, y: float) -> str:
    """A disc, a square, a triangle, a diamond, a triangle on its head, a cross."""
    path = {0: f"M{x - 4} {y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", 1: f"M{x - 4} {y - 4}h8v8h-8z",
            2: f"M{x} {y - 5}l5 9h-10z", 3: f"M{x} {y - 5}l5 5l-5 5l-5 -5z",
            4: f"M{x} {y + 5}l5 -9h-10z", 5: f"M{x - 4} {y - 4}l8 8m0 -8l-8 8"}[form]
    return f'<path class="mark" d="{path}"/>'


def _number(value: float) -> str:
    """As short as the axis needs it."""
    return f"{round(value, 9):,.10g}"
