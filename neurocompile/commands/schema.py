"""`neurocompile schema`: the JSON Schemas of what neurocompile reads and writes."""

from __future__ import annotations

import difflib
import importlib.resources
import json
from pathlib import Path

import click

from neurocompile.commands.terminal import common, show
from neurocompile.config.schema import configuration_schema
from neurocompile.diagnostics import Diagnostic, UsageError

CONFIGURATION = "configuration"


def schema_names() -> list[str]:
    """The schemas that there are: of the configuration, and of the files of a build."""
    folder = importlib.resources.files("neurocompile.report") / "schemas"
    files = (file.name for file in folder.iterdir())
    return [CONFIGURATION, *sorted(name.removesuffix(".json") for name in files)]


@click.command(short_help="Show a JSON Schema: of neurocompile.toml, of a build's files.")
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the schema there.")
@common
def schema(name: str | None, output: Path | None) -> int:
    """Show the JSON Schema of NAME; without NAME, which there are.

    `configuration` is that of neurocompile.toml: editors complete keys with it, and check values.
    """
    names = schema_names()
    if name is None:
        show("\n".join(names), output)
        return 0
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise UsageError(Diagnostic("NC009", values={
            "option": "NAME", "value": f"`{name}`",
            "reason": f"there are {', '.join(names)}"}, hint=(
                f"did you mean `{close[0]}`?" if close else None)))
    if name == CONFIGURATION:
        show(json.dumps(configuration_schema(), indent=1), output)
        return 0
    file = importlib.resources.files("neurocompile.report") / "schemas" / f"{name}.json"
    show(file.read_text(encoding="utf-8").rstrip("\n"), output)
    return 0
