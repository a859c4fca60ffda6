"""The command line. The only module that exits: 0 ok, 1 findings, 2 unusable input, 3 a bug."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from typing import TextIO

import click

import neurocompile
from neurocompile.commands.failure import bad_usage, write_failure
from neurocompile.commands.stdout import claim_stdout
from neurocompile.commands.terminal import Settings, findings_text
from neurocompile.diagnostics import Diagnostic, FindingsError, NeurocompileError
from neurocompile.interrupts import interrupt

COMMANDS = {
    "check": "check", "build": "build", "verify": "verify", "report": "report", "sweep": "sweep",
    "explain": "catalog", "rules": "catalog", "targets": "catalog", "export": "export",
    "quantize": "training", "tune": "training", "ranc": "ranc", "schema": "schema", "doctor": "doctor",
}
UNUSABLE, INTERNAL, INTERRUPT = 2, 3, 130


class Commands(click.Group):
    """Commands in the order of use; a module is imported when its command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"neurocompile.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(neurocompile.__version__, prog_name="neurocompile")
def commands() -> None:
    """Compile trained PyTorch spiking networks to neuromorphic chips, exact to the spike."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, interrupt)
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.simplefilter("default")  # a warning stops no command
    prints = claim_stdout()
    code = _flush(run(arguments, prints))
    sys.stdout = prints  # what is printed at exit is no result
    sys.exit(code)


def _flush(code: int) -> int:
    """The exit code, once all results are written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            click.echo(f"neurocompile: results are lost: {error.strerror}", err=True)
            return UNUSABLE
    return code


def _discard(stream: TextIO) -> None:
    """What is written to the stream from now on, and what it still holds, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def run(arguments: Sequence[str] | None = None, prints: TextIO | None = None) -> int:
    """Run the command line; the exit code.

    Results go to stdout. `prints`: where all else that is printed goes; else to stderr.
    """
    settings = Settings(results=sys.stdout, prints=prints or sys.stderr)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with commands.make_context("neurocompile", words, obj=settings) as context:
            return int(commands.invoke(context) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        with click.Context(commands, obj=settings):
            write_failure(commands, words, [bad_usage(commands, words, error.format_message())])
        return error.exit_code
    except NeurocompileError as error:
        if settings.debug:
            traceback.print_exc()
        _show(words, error, settings)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("neurocompile: interrupted", err=True)
        return INTERRUPT
    except BrokenPipeError:  # `neurocompile rules | head`
        _discard(settings.results)
        return 0
    except MemoryError:
        click.echo("neurocompile: out of memory", err=True)
        return UNUSABLE
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets one line
        if settings.debug:
            traceback.print_exc()
        _show(words, NeurocompileError(_crash(error)), settings)
        return INTERNAL


def _show(words: Sequence[str], error: NeurocompileError, settings: Settings) -> None:
    """Findings are results; all else is a message, and a document where one was asked for."""
    findings = isinstance(error, FindingsError)
    stream = settings.results if findings else sys.stderr
    with click.Context(commands, obj=settings):
        text = findings_text(error.diagnostics, settings.fmt if findings else "full", stream=stream)
        click.echo(text, file=stream, color=True)
        if not findings:
            write_failure(commands, words, error.diagnostics)


def _crash(error: Exception) -> Diagnostic:
    """NC902, with the traceback in a file."""
    handle, path = tempfile.mkstemp(prefix="neurocompile-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"neurocompile {neurocompile.__version__}, Python {sys.version}\n"
                     f"{sys.argv}\n\n{traceback.format_exc()}")
    lines = str(error).splitlines()
    summary = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
    return Diagnostic("NC902", values={"error": summary, "path": path})
