"""`neurocompile report`: a build's report again, without compiling."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from neurocompile.commands.terminal import common, settings, show


@click.command(short_help="Show the report of a build.")
@click.argument("build", metavar="BUILD", type=click.Path(path_type=Path))
@click.option("--format", "fmt", type=click.Choice(["term", "json", "html", "csv"]),
              default="term", help="How the report is written.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the report there.")
@common
def report(build: Path, fmt: str, output: Path | None) -> int:
    """Show the report of BUILD: cores, what binds, fidelity."""
    from neurocompile.build_directory import open_build

    folder = open_build(build)
    if fmt == "csv":
        show((folder / "resources.csv").read_text(encoding="utf-8").rstrip("\n"), output)
        return 0
    resources, fidelity = _read(folder, "resources"), _read(folder, "fidelity")
    if fmt == "json":
        show(json.dumps({"schema": "neurocompile/report/1", "resources": resources,
                         "fidelity": fidelity, "diagnostics": _read(folder, "diagnostics")},
                        indent=1), output)
    elif fmt == "html":
        show((folder / "report.html").read_text(encoding="utf-8").rstrip("\n"), output)
    else:
        from neurocompile.report import terminal

        width = min(shutil.get_terminal_size((100, 24)).columns, 100)
        color = output is None and settings().colored(sys.stdout)
        show(terminal.render(resources, fidelity, color, width), output)
    return 0


def _read(folder: Path, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return data
