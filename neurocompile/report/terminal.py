"""The resource report on a terminal: at most 100 columns, plain ASCII without color."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.content import Amount, Cell, Column, Content, Name, Share, Table
from neurocompile.report.model.report import Report
from neurocompile.report.section import Section

if TYPE_CHECKING:  # rich takes 60 ms to import
    from rich.table import Table as Grid
    from rich.text import Text

PLAIN_BOX = "    \n    \n -- \n" + "    \n" * 5  # as rich wants it: a rule below the titles
WIDTH, LEAST, WIDE = 100, 80, 96  # columns: at most, at least, and where all of a table has room
TITLE = 12  # columns of a section's title
BAR = 8  # characters
STYLES = {"": "", "good": "green", "warn": "yellow", "bad": "bold red"}
WIDTHS = ("share", "core", "count", "number", "percent", "rate", "amount")  # are not broken


def render(report: Report, sections: Sequence[Section], color: bool = False,
           width: int = WIDTH) -> str:
    """The report as text of 80 to 100 columns, without a line break at the end.

    With color it also uses box-drawing characters; without, everything is ASCII.
    """
    return contents((words.verdict(report.resources), words.size(report.resources)),
                    [(one.title, one.content(report)) for one in sections], color, width)


def contents(heads: tuple[str, str], parts: Iterable[tuple[str, Content]], color: bool = False,
             width: int = WIDTH) -> str:
    """Two lines, the first a verdict, then each title with what stands under it; see `render`."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=max(LEAST, min(width, WIDTH)), force_terminal=color,
                      no_color=not color, color_system="standard" if color else None,
                      markup=False, highlight=False, emoji=False, legacy_windows=False,
                      _environ={})
    console.print(_text(heads[0], "bold green"))
    console.print(_text(heads[1]))
    console.print()
    for title, content in parts:
        for block in _blocks(title, content, color, console.width):
            console.print(*block, sep="\n")
    lines = (line.rstrip() for line in out.getvalue().split("\n"))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip("\n")
    return text if color else text.encode("ascii", "backslashreplace").decode("ascii")


def _blocks(title: str, content: Content, color: bool, width: int
            ) -> Iterator[tuple[Grid | Text, ...]]:
    """The lines beside the title, then the tables with a blank line around each."""
    from rich.text import Text

    blank = Text()
    if content.lines:
        yield (_sentences(title, content),)
    for table in content.tables:
        if table.place == "everywhere":
            yield blank, _grid(table, table.title or title, color, width), blank
            rest = len(table.rows) - (table.most or len(table.rows))
            if rest > 0:
                yield _text(f"... {rest:,} more; --format json has all", "dim"), blank


def _sentences(title: str, content: Content) -> Grid:
    from rich.table import Table as Grid

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(width=TITLE)
    grid.add_column()
    for k, line in enumerate(content.lines):
        grid.add_row(_text(title if k == 0 else "", "bold"), _text(line.text, STYLES[line.mood]))
    return grid


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(text), style)


def _grid(table: Table, title: str, color: bool, width: int) -> Grid:
    from rich.box import Box
    from rich.table import Table as Grid

    wide = width >= WIDE
    columns = [(k, column) for k, column in enumerate(table.columns)
               if column.place == "everywhere" or (wide and column.place == "wide")]
    grid = Grid(box=Box(PLAIN_BOX.replace("-", "─" if color else "-"), ascii=not color),
                padding=0, pad_edge=False, show_edge=False, header_style="bold", title=title,
                title_justify="left", title_style="bold")
    for _, column in columns:
        grid.add_column(_text(column.title), no_wrap=column.form in WIDTHS, overflow="fold",
                        justify="left" if column.form in ("text", "share") else "right")
    rows = table.rows[:table.most]
    names = [row[0].text for row in rows if isinstance(row[0], Name)]
    grid.columns[0].min_width = min(TITLE, max(map(len, names), default=0))
    for row in rows:
        grid.add_row(*(_cell(row[k], column, color, wide) for k, column in columns))
    return grid


def _cell(cell: Cell, column: Column, color: bool, wide: bool) -> Text:
    if cell is None:
        return _text("-")
    if isinstance(cell, Share):
        if column.form == "share":
            return _bar(cell, color, BAR if wide or not cell.label else 0)
        return _text(f"{'*' if cell.binds else ''}{100 * cell.value:.0f} %",
                     "bold" if cell.binds else "")
    if isinstance(cell, Amount):
        return _text(words.amount(cell.value, cell.unit))
    if isinstance(cell, Name):
        return _text(cell.text)
    if isinstance(cell, str):
        return _text(cell, "dim" if column.form == "share" else "")
    return _text(words.value(cell, column.form))


def _bar(share: Share, color: bool, cells: int) -> Text:
    """A bar, a percentage and the resource; marked where the limit is near."""
    from rich.text import Text

    full = min(cells, int(share.value * cells + 0.5))
    on, off = ("█", "░") if color else ("#", ".")
    bar = on * full + off * (cells - full) + " " * bool(cells)
    style = "yellow" if share.value >= words.BINDS else "green"
    label = f" {share.short or share.label}" if share.label else ""
    return Text.assemble((bar, style), f"{100 * share.value:3.0f} %{label}")
