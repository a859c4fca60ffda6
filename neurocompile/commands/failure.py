"""A command that fails before it has results still writes the document that it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from neurocompile.commands.terminal import findings_text, show
from neurocompile.commands.verdict import CheckResult, text
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.report.documents import DOCUMENTS

FOR_TOOLS = ("json", "github", *DOCUMENTS)  # formats that a program reads
COMMANDS = ("check", "build")  # that write findings in them


def bad_usage(group: click.Group, words: Sequence[str], reason: str) -> Diagnostic:
    """NC014: a command line that click refuses."""
    name, _ = _command(group, words)
    return Diagnostic("NC014", values={"command": name, "reason": reason.rstrip(".")})


def write_failure(group: click.Group, words: Sequence[str], diagnostics: Sequence[Diagnostic]
                  ) -> None:
    """The findings that end a command, in the format and the file that its words name.

    Nothing where they name no format for tools. What cannot be written is said on stderr.
    """
    name, options = _command(group, words)
    fmt = options.get("fmt")
    if name not in COMMANDS or fmt not in FOR_TOOLS:
        return
    if name == "build":
        show(findings_text(diagnostics, fmt))
        return
    names = [model for model in options.get("models") or () if not model.startswith("-")]
    if any(one.code == "NC014" for one in diagnostics) or not names:
        names = [""]
    results = [CheckResult(model=model, findings=tuple(diagnostics),
                           exit_code=UsageError.exit_code, size="not captured") for model in names]
    try:
        show(text(results, [one.verdict for one in results], fmt), options.get("output"))
    except UsageError as error:
        click.echo(f"neurocompile: {error}", err=True)


def _command(group: click.Group, words: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    """The name of the command in the words, and what can be read of its options."""
    name = next((word for word in words if word in group.list_commands(_context(group))), "")
    command = group.get_command(_context(group), name)
    if command is None:
        return "COMMAND", {}
    rest = list(words[list(words).index(name) + 1:])
    context = command.make_context(
        name, rest, _context(group), resilient_parsing=True, ignore_unknown_options=True,
        allow_extra_args=True)
    return name, context.params


def _context(group: click.Group) -> click.Context:
    return click.Context(group)
