"""A comparison of two builds as text or Markdown, from its document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurocompile.diagnostics import printable
from neurocompile.report import markdown, words
from neurocompile.report.model.diff import Diff, NumberChange, PopulationSize

Row = tuple[str, ...]
MAX_POPULATIONS = 40  # of each kind; JSON has all
SAME = "nothing that is compared has changed"


def render(diff: Diff) -> str:
    """Plain ASCII text without a line break at the end."""
    parts = [_head(diff), *(f"{title}\n{_text_table(head, rows)}"
                            for title, head, rows in _tables(diff))]
    lines = list(_lines(diff))
    if lines:
        parts.append("\n".join(lines))
    if len(parts) == 1:
        parts.append(SAME)
    return _plain("\n\n".join(parts))


def render_markdown(diff: Diff) -> str:
    """For job summaries and comments."""
    parts = [f"### {markdown.text(_head(diff))}"]
    parts += [f"**{title}**\n\n{_markdown_table(head, rows)}"
              for title, head, rows in _tables(diff)]
    lines = [f"* {markdown.text(line)}" for line in _lines(diff)]
    if lines:
        parts.append("\n".join(lines))
    return "\n\n".join(parts if len(parts) > 1 else [*parts, SAME])


def _plain(text: str) -> str:
    """ASCII only; line breaks stay."""
    return "\n".join(line.rstrip().encode("ascii", "backslashreplace").decode("ascii")
                     for line in text.split("\n"))


def _head(diff: Diff) -> str:
    names = [printable(f"{one.model} on {one.target}")
             for one in (diff.builds.old, diff.builds.new)]
    return names[0] if names[0] == names[1] else " -> ".join(names)


def _tables(diff: Diff) -> Iterator[tuple[str, Row, list[Row]]]:
    """Title, titles of columns, rows; of rows only those that changed."""
    change = ("", "old", "new", "change")
    for title, rows in (("totals", diff.totals), ("traffic per tick", diff.traffic or ())):
        differing: list[Row] = [
            (row.name, words.number(row.old), words.number(row.new), _percent(row))
            for row in rows if row.old != row.new]
        if differing:
            yield title, change, differing
    for title, facts in (("given", diff.origin), ("results", diff.results)):
        if facts:
            yield title, change[:3], [(printable(row.name), _value(row.old), _value(row.new))
                                      for row in facts]
    populations: list[Row] = [
        (printable(p.name), key.replace("_", " "), _value(value.old), _value(value.new))
        for p in diff.populations.differing[:MAX_POPULATIONS]
        for key, value in p.values.items()]
    if populations:
        yield "populations", ("population", "of it", "old", "new"), populations


def _lines(diff: Diff) -> Iterator[str]:
    """Populations and findings that are new or gone; what grew too much."""
    if diff.traffic is None:
        yield "traffic is not compared: it was measured in one of the builds only"
    rest = len(diff.populations.differing) - MAX_POPULATIONS
    if rest > 0:
        yield f"{words.plural(rest, 'more population')} changed; --format json has all"
    yield from _sizes("new", diff.populations.new)
    yield from _sizes("gone", diff.populations.only_old)
    for which, findings in (("new", diff.findings.new), ("gone", diff.findings.only_old)):
        for one in findings:
            yield f"{which} {one.severity}[{one.code}]: {printable(one.message)}"
    for one in diff.growth:
        yield f"{one.severity}[{one.code}]: {one.message}"


def _sizes(which: str, populations: Sequence[PopulationSize]) -> Iterator[str]:
    """Populations that one build has alone."""
    for p in populations[:MAX_POPULATIONS]:
        yield (f"{which} population `{printable(p.name)}`: {words.plural(p.neurons, 'neuron')}, "
               f"{words.plural(p.synapses, 'synapse')}, {words.plural(p.cores, 'core')}")
    if len(populations) > MAX_POPULATIONS:
        yield f"{which}: {words.plural(len(populations) - MAX_POPULATIONS, 'more population')}"


def _percent(row: NumberChange) -> str:
    return "-" if row.percent is None else f"{row.percent:+.1f} %"


def _value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return words.number(value)
    return printable(str(value).replace("_", " "))


def _text_table(head: Row, rows: Sequence[Row]) -> str:
    """Columns of equal width; all but the first are aligned right."""
    table = [head, *rows]
    widths = [max(len(row[k]) for row in table) for k in range(len(head))]
    return "\n".join("  " + "  ".join(
        cell.ljust(width) if k == 0 else cell.rjust(width)
        for k, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in table)


def _markdown_table(head: Row, rows: Sequence[Row]) -> str:
    lines = ["| " + " | ".join(map(markdown.text, row)) + " |" for row in (head, *rows)]
    rule = "|---" + "|---:" * (len(head) - 1) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
