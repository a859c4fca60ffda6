"""report.html: one file that needs no network, from the plain data of a build."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import jinja2
from markupsafe import Markup, escape

from neurocompile.diagnostics import printable
from neurocompile.report import svg, words

Data = Mapping[str, Any]
MAX_FINDINGS = 200
ALIKE = 2  # findings of one code that are shown unfolded
MAX_FACTS = 400  # rows of provenance
MAX_SLICES = 6  # of a core, in the table; the panel beside the grid lists all
OPEN_CORES = 64  # longer tables of cores start folded


def render(resources: Data, mapping: Data, diagnostics: Data, fidelity: Data,
           manifest: Data) -> str:
    """The page. All arguments are what the build's JSON files hold, so no recompile is needed."""
    env = _environment()
    script = env.get_template("script.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return env.get_template("report.html.j2").render(
        r=resources, m=mapping, d=diagnostics, f=fidelity,
        script=Markup(script), script_hash=digest, style=Markup(_style(env)),
        chips=[(chip, used, Markup(text)) for chip, used, text in svg.grids(resources)],
        verdict=words.verdict(resources), size=words.size(resources),
        binding=[*words.proof(resources), *words.binding(resources),
                 *words.configurations(resources)],
        traffic=words.traffic(resources),
        streams=words.streams(resources), units=list(resources["totals"]["worst"]),
        crossbars=words.crossbars(resources),
        what_if=words.what_if(resources), estimates=words.estimates(resources),
        readouts=words.readouts(resources),
        pruning=words.pruning(resources),
        fidelity=words.fidelity(fidelity), accuracy=words.accuracy(fidelity),
        verification=words.verification(fidelity),
        unproved=words.unproved(fidelity), agreement=_agreement(fidelity),
        findings=_grouped(diagnostics["diagnostics"][:MAX_FINDINGS]), alike=ALIKE,
        facts=list(_facts(manifest))[:MAX_FACTS], data=_data(resources), limits=_limits(resources),
        max_findings=MAX_FINDINGS, max_slices=MAX_SLICES, open_cores=OPEN_CORES)


def _environment() -> jinja2.Environment:
    """Every value is made printable and escaped; a missing one is an error."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("neurocompile.report"), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, finalize=_shown)
    env.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "sort_keys": True}
    env.filters.update(percent=words.percent, number=words.number, shape=words.shape,
                       box=words.box, amount=words.amount, code=_code)
    env.globals.update(labels=words.LABELS, short=words.SHORT, plural=words.plural)
    return env


def _shown(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _code(text: str) -> Markup:
    """Escaped text; what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(printable(text)))))


def _style(env: jinja2.Environment) -> str:
    return env.get_template("style.css.j2").render()


def _grouped(findings: Sequence[Data]) -> list[list[Data]]:
    """Findings of one code together, in their order."""
    return [list(group) for _, group in groupby(findings, key=itemgetter("code"))]


def _agreement(fidelity: Data) -> dict[str, Data]:
    return {p["name"]: p for p in fidelity["quantization"]["populations"]}


def _data(resources: Data) -> dict[str, Any]:
    """What the script shows of a core, as short as it can be: 2,000 of them stay small."""
    core_limits, units = resources["limits"]["core"], list(resources["totals"]["worst"])
    names = [p["name"] for p in resources["populations"]]
    index = {name: k for k, name in enumerate(names)}
    return {
        "resources": [[words.LABELS[name], core_limits[name]["unit"], core_limits[name]["value"],
                       core_limits[name]["confidence"]] for name in units],
        "populations": [printable(name) for name in names],
        "cores": [[c["core"], c["chip"], c["x"], c["y"],
                   [c["resources"][name]["used"] for name in units],
                   [[index[s["population"]], s["start"], s["stop"], words.box(s)]
                    for s in c["slices"]],
                   words.number(c["messages_sent"]), words.number(c["messages_received"]),
                   printable(c.get("role", ""))]
                  for c in resources["cores"]],
    }


def _limits(resources: Data) -> list[tuple[str, Data]]:
    return [(f"{table}.{name}", limit) for table, rows in resources["limits"].items()
            for name, limit in rows.items()]


def _facts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The manifest as rows: dotted key, value."""
    if isinstance(value, Mapping):
        for key in value:
            yield from _facts(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, list)) for v in value):
        for k, item in enumerate(value):
            yield from _facts(item, f"{path}[{k}]")
    elif isinstance(value, (list, tuple)):
        yield path, ", ".join(str(item) for item in value) or "none"
    else:
        yield path, "none" if value is None else str(value)
