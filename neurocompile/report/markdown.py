"""Findings as Markdown, for job summaries and comments."""

from __future__ import annotations

import re
from collections.abc import Sequence

from neurocompile.diagnostics import Diagnostic, printable
from neurocompile.report.findings import calls, fold, repeats
from neurocompile.report.model_findings import ModelFindings

_ACTIVE = re.compile(r"([\\*_\[\]<>#@|~])")


def render(models: Sequence[ModelFindings]) -> str:
    """A heading, the summary and a table of the findings, for each model."""
    return "\n\n".join(_model(one) for one in models)


def _model(one: ModelFindings) -> str:
    parts = [f"### {text(one.title)}"]
    if one.summary:
        parts.append("  \n".join(text(line) for line in one.summary.split("\n")))
    groups = fold(sorted(one.findings, key=Diagnostic.sort_key))
    if groups:
        parts.append("\n".join((
            "| | code | where | finding | what to do |", "|---|---|---|---|---|",
            *(_row(group) for group in groups))))
    elif not one.summary:
        parts.append("no findings")
    return "\n\n".join(parts)


def _row(group: Sequence[Diagnostic]) -> str:
    one = group[0]
    message = "; ".join(map(text, filter(None, (one.message, *calls(group), repeats(group)))))
    return (f"| {one.level.label} | {one.code} | {text(str(one.where))} | {message} | "
            f"{text(one.help)} |")


def text(value: str) -> str:
    """Text that is shown as it is; paired backticks stay code."""
    parts = printable(value).split("`")
    if len(parts) % 2 == 0:
        return _ACTIVE.sub(r"\\\1", "'".join(parts))
    return "".join(f"`{part}`".replace("|", r"\|") if k % 2 and part else _ACTIVE.sub(r"\\\1", part)
                   for k, part in enumerate(parts))
