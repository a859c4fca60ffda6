"""report.html: one file that needs no network, from what a build's documents hold."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup, escape

from neurocompile.diagnostics import printable
from neurocompile.report import chart, svg, sweep, words
from neurocompile.report.content import Amount, Cell, Column, Content, Name, Share
from neurocompile.report.model.findings import Finding
from neurocompile.report.model.report import Report
from neurocompile.report.model.resources import Resources
from neurocompile.report.model.sweep import SweepDocument
from neurocompile.report.plain import to_json
from neurocompile.report.section import Section

MAX_FINDINGS = 200
ALIKE = 2  # findings of one code that are shown unfolded
MAX_FACTS = 400  # rows of provenance
MAX_SLICES = 6  # of a core, in the table; the panel beside the grid lists all
OPEN_CORES = 64  # longer tables of cores start folded


def render(report: Report, sections: Sequence[Section]) -> str:
    """The page, from what a build's files hold, so nothing is compiled for it."""
    env = _environment()
    script = env.get_template("script.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    resources = report.resources
    return env.get_template("report.html.j2").render(
        r=resources, f=report.fidelity, d=report.findings, parts=list(_parts(report, sections)),
        script=Markup(script), script_hash=digest,
        style=Markup(env.get_template("style.css.j2").render()),
        chips=[(chip, count, Markup(text)) for chip, count, text in svg.grids(resources)],
        verdict=words.verdict(resources), size=words.size(resources),
        findings=_groups(report.findings.diagnostics[:MAX_FINDINGS]),
        facts=list(_facts(to_json(report.provenance)))[:MAX_FACTS], limits=_limits(resources),
        data=_data(resources))


def render_sweep(document: SweepDocument) -> str:
    """The page of a sweep: charts and tables, without a script."""
    env = _environment()
    return env.get_template("sweep.html.j2").render(
        heads=sweep.heads(document), content=sweep.content(document),
        charts=[(one, Markup(chart.chart_svg(one)), Markup(chart.legend(one)))
                for one in sweep.charts(document)],
        style=Markup("".join(env.get_template(name).render()
                             for name in ("style.css.j2", "chart.css.j2"))))


def _parts(report: Report, sections: Sequence[Section]) -> Iterator[tuple[Section, Content]]:
    """The sections that the page has, with what they say."""
    for section in sections:
        content = section.content(report)
        if content or section.template:
            yield section, content


def _environment() -> jinja2.Environment:
    """Every value is made printable and escaped; a missing one is an error."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("neurocompile.report"), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, finalize=_escapable)
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "sort_keys": True}
    env.filters.update(amount=words.amount, box=words.box, cell=_cell, code=_code,
                       percent=words.percent, heading=_heading)
    env.globals.update(plural=words.plural, alike=ALIKE, max_findings=MAX_FINDINGS,
                       max_slices=MAX_SLICES, open_cores=OPEN_CORES)
    return env


def _escapable(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _code(text: str) -> Markup:
    """Escaped text; what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(printable(text)))))


def _heading(title: str) -> str:
    return title[:1].upper() + title[1:]


def _cell(cell: Cell, column: Column, first: bool) -> Markup:
    """A cell of a table as an element; the first of a row is its header."""
    css = {"text": "m", "share": "", "core": ""}.get(column.form, "n")
    if isinstance(cell, Share):
        inner = _bar(cell)
    elif isinstance(cell, Amount):
        inner = escape(words.amount(cell.value, cell.unit))
    elif isinstance(cell, Name):
        return Markup('<th scope="row" class="name" title="{}">{}</th>').format(
            printable(cell.where), printable(cell.text))
    elif cell is None or isinstance(cell, str):
        inner = escape("-" if cell is None else printable(cell))
    elif column.form == "core":
        inner = Markup('<a href="#core-{0}">core {0}</a>').format(cell)
    else:
        inner = escape(words.value(cell, column.form))
    if first:
        return Markup('<th scope="row" class="name">{}</th>').format(inner)
    return Markup('<td class="{}">{}</td>' if css else "<td>{1}</td>").format(css, inner)


def _bar(share: Share) -> Markup:
    label = Markup(" <small>{}</small>").format(share.label) if share.label else ""
    return Markup(
        '<span class="share"><span class="bar" aria-hidden="true"><i style="--u:{:.3f}"></i></span>'
        "{}</span>{}").format(share.value, words.percent(share.value), label)


def _groups(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one severity and code together, in their order."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.severity, one.code), []).append(one)
    return list(groups.values())


def _data(resources: Resources) -> dict[str, Any]:
    """What the script shows of a core, as short as it can be: 2,000 of them stay small."""
    names = list(resources.totals.worst)
    index = {p.name: k for k, p in enumerate(resources.populations)}
    return {
        "resources": [[one.label, one.unit, one.limit, one.confidence]
                      for one in map(resources.resources.__getitem__, names)],
        "populations": [printable(name) for name in index],
        "cores": [[c.core, c.chip, c.x, c.y, [c.resources[name].amount for name in names],
                   [[index[s.population], s.start, s.stop, words.box(s)] for s in c.slices],
                   words.number(c.messages_sent), words.number(c.messages_received),
                   printable(c.role)] for c in resources.cores],
    }


def _limits(resources: Resources) -> list[tuple[str, Any]]:
    return [(f"{table}.{name}", limit) for table, rows in resources.limits.items()
            for name, limit in rows.items()]


def _facts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The provenance as rows: dotted key, value."""
    if isinstance(value, Mapping):
        for key in value:
            yield from _facts(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(v, (Mapping, list)) for v in value):
        for k, item in enumerate(value):
            yield from _facts(item, f"{path}[{k}]")
    elif isinstance(value, list):
        yield path, ", ".join(str(item) for item in value) or "none"
    else:
        yield path, "none" if value is None else str(value)
