"""`neurocompile report`: a build's report again, without compiling, or two builds compared."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.terminal import common, settings, show
from neurocompile.diagnostics import Diagnostic, UsageError

if TYPE_CHECKING:
    from neurocompile.report.diff import BuildData

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
    from neurocompile.report import diff_text
    from neurocompile.report.diff import compare

    differences = compare(_data(old), _data(new), limit)
    if fmt == "json":
        show(json.dumps(differences, indent=1), output)
    else:
        render = diff_text.render_markdown if fmt == "markdown" else diff_text.render
        show(render(differences), output)
    return int(bool(differences["growth"]))


def _one(build: Path, fmt: str, output: Path | None) -> None:
    from neurocompile.builds.directory import open_build

    folder = open_build(build)
    if fmt in ("csv", "html"):
        name = "resources.csv" if fmt == "csv" else "report.html"
        show((folder / name).read_text(encoding="utf-8").rstrip("\n"), output)
        return
    resources, fidelity = _read(folder, "resources"), _read(folder, "fidelity")
    if fmt == "json":
        show(json.dumps({"schema": "neurocompile/report/1", "resources": resources,
                         "fidelity": fidelity, "diagnostics": _read(folder, "diagnostics")},
                        indent=1), output)
    else:
        from neurocompile.report import terminal

        width = min(shutil.get_terminal_size((100, 24)).columns, 100)
        color = output is None and settings().colored(sys.stdout)
        show(terminal.render(resources, fidelity, color, width), output)


def _data(build: Path) -> BuildData:
    from neurocompile.builds.directory import open_build
    from neurocompile.builds.manifest import read_manifest
    from neurocompile.report.diff import BuildData

    folder = open_build(build)
    return BuildData(_read(folder, "resources"), _read(folder, "fidelity"),
                     _read(folder, "diagnostics"), read_manifest(folder) or {})


def _read(folder: Path, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return data
