"""`neurocompile report`: a build's report again, without compiling, or two builds compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocompile.commands.terminal import common, settings, show
from neurocompile.diagnostics import Diagnostic, UsageError

if TYPE_CHECKING:
    from neurocompile.report.model.report import Report
    from neurocompile.report.section import Section

FORMATS = ("term", "json", "html", "csv", "markdown")
OF_ONE, OF_TWO = ("term", "json", "html", "csv"), ("term", "json", "markdown")


@click.command(short_help="Show the report of a build, or compare two.")
@click.argument("build", metavar="[BUILD]", type=click.Path(path_type=Path), required=False)
@click.option("--diff", nargs=2, type=click.Path(path_type=Path), metavar="OLD NEW",
              help="Compare two builds.")
@click.option("--fail-on-growth", "limit", type=click.FloatRange(0), metavar="PERCENT",
              help="With --diff: exit 1 when anything grew by more.")
@click.option("--format", "fmt", type=click.Choice(FORMATS), default="term",
              help="How the report is written; markdown is for --diff.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the report there.")
@common
def report(build: Path | None, diff: tuple[Path, Path] | None, limit: float | None, fmt: str,
           output: Path | None) -> int:
    """Show the report of BUILD: cores, what binds, fidelity.

    With --diff it is what two builds differ in: totals, traffic, populations, findings.
    """
    _check(build, diff, limit, fmt)
    if diff is not None:
        return _diff(*diff, limit, fmt, output)
    if build is not None:
        _one(build, fmt, output)
    return 0


def _check(build: Path | None, diff: tuple[Path, Path] | None, limit: float | None,
           fmt: str) -> None:
    """Raise UsageError (NC009) for options that do not go together."""
    wrong, formats = None, OF_ONE if diff is None else OF_TWO
    if (build is None) == (diff is None):
        wrong = ("BUILD", "missing" if build is None else f"`{build}`",
                 "give either one build or --diff with two")
    elif limit is not None and diff is None:
        wrong = ("--fail-on-growth", f"{limit:g}", "it needs --diff")
    elif fmt not in formats:
        of = "one build" if diff is None else "--diff"
        wrong = ("--format", f"`{fmt}`", f"{of} has {', '.join(formats)}")
    if wrong is not None:
        raise UsageError(Diagnostic("NC009", values=dict(
            zip(("option", "value", "reason"), wrong, strict=True))))


def _diff(old: Path, new: Path, limit: float | None, fmt: str, output: Path | None) -> int:
    """Show what differs; 1 when something grew by more than the limit."""
    from neurocompile.builds.directory import open_build
    from neurocompile.builds.files import load_report
    from neurocompile.report import diff_text
    from neurocompile.report.diff import compare
    from neurocompile.report.plain import to_json

    before, after = (load_report(open_build(path))[0] for path in (old, new))
    difference = compare(before, after, limit)
    if fmt == "json":
        show(json.dumps(to_json(difference), indent=1), output)
    else:
        render = diff_text.render_markdown if fmt == "markdown" else diff_text.render
        show(render(difference), output)
    return int(bool(difference.growth))


def _one(build: Path, fmt: str, output: Path | None) -> None:
    from neurocompile.builds.directory import open_build
    from neurocompile.builds.files import load_report

    whole = open_build(build)
    if fmt in ("csv", "html"):
        name = "resources.csv" if fmt == "csv" else "report.html"
        show((whole.folder / name).read_text(encoding="utf-8").rstrip("\n"), output)
        return
    report, sections = load_report(whole)
    if fmt == "json":
        show(json.dumps(_document(report, sections), indent=1), output)
    else:
        from neurocompile.report import terminal

        width = min(shutil.get_terminal_size((100, 24)).columns, 100)
        color = output is None and settings().colored(settings().results)
        show(terminal.render(report, sections, color, width), output)


def _document(report: Report, sections: Sequence[Section]) -> object:
    """What the sections say, then the documents that they read."""
    from neurocompile.report.model.report import ReportDocument
    from neurocompile.report.plain import to_json
    from neurocompile.report.section import texts

    return to_json(ReportDocument(
        sections=tuple(texts(sections, report)), resources=report.resources,
        fidelity=report.fidelity, diagnostics=report.findings))
