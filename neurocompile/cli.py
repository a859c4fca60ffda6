"""The command line. The only module that exits: 0 ok, 1 findings, 2 unusable input, 3 a bug."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Any

import click

import neurocompile
from neurocompile.commands.terminal import Settings, findings_text
from neurocompile.diagnostics import Diagnostic, FindingsError, NeurocompileError

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
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal need not be UTF-8
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    settings = Settings()
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        with commands.make_context("neurocompile", words, obj=settings) as context:
            return int(commands.invoke(context) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except NeurocompileError as error:
        if settings.debug:
            traceback.print_exc()
        _show(error, settings)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("neurocompile: interrupted", err=True)
        return INTERRUPT
    except BrokenPipeError:  # `neurocompile rules | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        click.echo("neurocompile: out of memory", err=True)
        return UNUSABLE
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets one line
        if settings.debug:
            traceback.print_exc()
        _show(NeurocompileError(_crash(error)), settings)
        return INTERNAL


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _show(error: NeurocompileError, settings: Settings) -> None:
    """Findings are results, all else is a message."""
    stream = sys.stdout if isinstance(error, FindingsError) else sys.stderr
    with click.Context(commands, obj=settings):
        fmt = settings.fmt if stream is sys.stdout else "full"
        text = findings_text(error.diagnostics, fmt, stream=stream)
    click.echo(text, file=stream, color=True)


def _crash(error: Exception) -> Diagnostic:
    """NC902, with the traceback in a file."""
    handle, path = tempfile.mkstemp(prefix="neurocompile-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"neurocompile {neurocompile.__version__}, Python {sys.version}\n"
                     f"{sys.argv}\n\n{traceback.format_exc()}")
    lines = str(error).splitlines()
    summary = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
    return Diagnostic("NC902", values={"error": summary, "path": path})
