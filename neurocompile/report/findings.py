"""Findings as text: full (after rustc's habits), one line each, JSON, or GitHub annotations.

Documents for other tools (SARIF and so on) are in modules of their own; see `documents`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, Location, Severity, natural, printable
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.documents import DOCUMENTS, document
from neurocompile.report.model_findings import ModelFindings
from neurocompile.report.plain import to_json

FORMATS = ("full", "concise", "json", "github", *DOCUMENTS)
MAX_SOURCE = 1 << 20  # larger files are not read for an excerpt
MAX_EXCERPT = 92  # characters of a source line
NAMED_REPEATS = 3  # that many repeats are listed; more become first ... last

_RESET = "\033[0m"
_STYLE = {
    "error": "\033[1;31m", "warning": "\033[1;33m", "note": "\033[1;36m",
    "gutter": "\033[1;34m", "bold": "\033[1m",
}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(diagnostics: Iterable[Diagnostic], fmt: str, color: bool = False, summary: str = "",
           target_name: str = "") -> str:
    """The findings in one of FORMATS, errors first, without a line break at the end.

    `summary` is the last line of the two formats for people. Raises ValueError for another format.
    """
    in_order = sorted(diagnostics, key=Diagnostic.sort_key)
    if fmt == "json":
        return json.dumps(to_json(findings_document(in_order, target_name)), indent=2)
    if fmt in DOCUMENTS:
        return document(fmt, [ModelFindings(model="", target=target_name,
                                            findings=tuple(in_order))])
    if fmt == "github":
        return "\n".join(_github(group) for group in fold(in_order))
    if fmt == "full":
        paint = _Paint(color)
        blocks = [_full(group, paint) for group in fold(in_order)]
        return "\n\n".join([*blocks, *([printable(summary)] if summary else [])])
    if fmt == "concise":
        paint = _Paint(color)
        lines = [_concise(one, paint) for one in in_order]
        return "\n".join([*lines, *([printable(summary)] if summary else [])])
    raise ValueError(f"{fmt!r} is none of {', '.join(FORMATS)}")


def fold(diagnostics: Iterable[Diagnostic]) -> list[list[Diagnostic]]:
    """Findings that only differ in numbers of their module (`block.0`, `block.1`) or message.

    The worst of each group comes first, the others by module.
    """
    groups: dict[tuple[object, ...], list[Diagnostic]] = {}
    for one in diagnostics:
        where = one.where
        key = (one.level, one.code, _pattern(where.module), where.file, where.line,
               _pattern(one.message), _pattern(one.help))
        groups.setdefault(key, []).append(one)
    return [_worst_first(group) for group in groups.values()]


def _worst_first(group: Iterable[Diagnostic]) -> list[Diagnostic]:
    in_order = sorted(group, key=lambda one: (natural(one.where.module), one.sort_key()))
    worst = max(range(len(in_order)), key=lambda k: tuple(in_order[k].measures.values()))
    return [in_order[worst], *in_order[:worst], *in_order[worst + 1:]]


def _pattern(text: str) -> str:
    return re.sub(r"\d[\d,.]*", "#", text)


def repeats(group: Sequence[Diagnostic]) -> str:
    """What the findings behind the first one are, in words; empty where there are none."""
    if len(group) == 1:
        return ""
    return ": ".join(text for text in (_names(group), ", ".join(_ranges(group))) if text)


def _ranges(group: Sequence[Diagnostic]) -> Iterator[str]:
    """The least and the most of each number in which the findings differ."""
    for name in group[0].measures:
        of_name = [one for one in group if name in one.measures]
        least, most = (choose(of_name, key=lambda one: one.measures[name]) for choose in (min, max))
        if least.text_of(name) != most.text_of(name):
            yield f"{name} {least.text_of(name)} to {most.text_of(name)}"


def calls(group: Sequence[Diagnostic]) -> list[str]:
    """The calls that led to the findings, in words, each once."""
    chains = list(dict.fromkeys(one.where.calls for one in group if one.where.callers))
    more = len(chains) - NAMED_REPEATS
    return [*chains[:NAMED_REPEATS], *([f"and from {more:,} other places"] if more > 0 else [])]


def _names(group: Sequence[Diagnostic]) -> str:
    rest = len(group) - 1
    names = list(dict.fromkeys(printable(one.where.module) for one in group[1:]))
    names = [name for name in names if name and name != printable(group[0].where.module)]
    if not names:
        return f"and {rest:,} more like it"
    if len(names) <= NAMED_REPEATS:
        text = f"and the same in {', '.join(names)}"
    else:
        text = f"and the same in {names[0]} ... {names[-1]}"
    return text if rest == len(names) <= NAMED_REPEATS else f"{text} ({rest:,} more)"


class _Paint:
    """Adds color, or not."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, style: str) -> str:
        return f"{_STYLE[style]}{text}{_RESET}" if self.color else text


def _full(group: Sequence[Diagnostic], paint: _Paint) -> str:
    one = group[0]
    level = one.level.label
    excerpt = source_line(one.where)
    number = str(one.where.line) if excerpt else ""
    margin = " " * max(len(number), 2)
    lines = [paint(f"{level}[{one.code}]", level) + paint(f": {one.message}", "bold")]
    place = printable(str(one.where))
    if place:
        lines.append(f"{margin}{paint('-->', 'gutter')} {place}")
    if excerpt:
        bar = paint("|", "gutter")
        margin_number = paint(number.rjust(len(margin)), "gutter")
        lines += [f"{margin} {bar}", f"{margin_number} {bar} {excerpt}", f"{margin} {bar}"]
    details = [*calls(group), *one.notes, repeats(group)]
    details = [printable(text) for text in details if text]
    details += [f"help: {printable(one.help)}", f"note: `neurocompile explain {one.code}`"]
    equals = paint("=", "gutter")
    return "\n".join([*lines, *(f"{margin} {equals} {text}" for text in details)])


def _concise(one: Diagnostic, paint: _Paint) -> str:
    where, level = one.where, one.level.label
    place = where.file and (f"{where.file}:{where.line}" if where.line else where.file)
    first = printable(place or where.module)
    parts = (f"in {printable(where.module)}" if place and where.module else "", where.calls)
    inside = f" ({', '.join(filter(None, parts))})" if any(parts) else ""
    return (f"{first}: " if first else "") + (
        f"{paint(f'{level}[{one.code}]', level)}: {one.message}{inside}")


def _github(group: Sequence[Diagnostic]) -> str:
    one = group[0]
    properties = {"title": f"neurocompile ({one.code})"}
    if one.where.file:
        properties["file"] = printable(one.where.file)
        if one.where.line:
            properties["line"] = str(one.where.line)
    message = "; ".join(filter(None, (one.message, *calls(group), repeats(group))))
    pairs = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_GITHUB[one.level]} {pairs}::{_data(message)}"


def _data(text: str) -> str:
    """Text as a workflow command's message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Text as a workflow command's property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def source_line(where: Location) -> str:
    """The line of source that a finding names; empty where it cannot be shown.

    Locations come from model files, so only Python files below the working directory are read.
    """
    if not where.file or not where.line or where.line < 1:
        return ""
    try:
        root = Path.cwd()
        path = (root / where.file).resolve()
        if (path.suffix != ".py" or not path.is_relative_to(root.resolve())
                or not path.is_file() or path.stat().st_size > MAX_SOURCE):
            return ""
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except (OSError, ValueError):  # ValueError: a null byte in the name
        return ""
    if where.line > len(lines):
        return ""
    text = printable(lines[where.line - 1].rstrip().expandtabs(4))
    return text if len(text) <= MAX_EXCERPT else text[:MAX_EXCERPT - 3] + "..."
