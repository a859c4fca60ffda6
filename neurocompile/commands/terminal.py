"""What all commands share: common options, progress on stderr, results on stdout."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from neurocompile.diagnostics import Diagnostic, Severity, UsageError

F = TypeVar("F", bound=Callable[..., Any])
SLOW = 2.0  # seconds from which a stage is reported where nobody watches
LONG, BEAT = 2.0, 1.0  # seconds from which a terminal shows those of the running stage, and how often


@dataclass
class Settings:
    """The common options, wherever on the command line they stood."""

    quiet: bool = False
    verbose: bool = False
    color: str = "auto"
    debug: bool = False
    config: Path | None = None
    fmt: str = "full"  # of findings; set by the commands that have the option
    results: TextIO = field(default_factory=lambda: sys.stdout)  # where results go, nothing else
    prints: TextIO = field(default_factory=lambda: sys.stderr)  # where all else is printed

    def colored(self, stream: Any) -> bool:
        """Whether to color what goes to a stream."""
        if self.color != "auto":
            return self.color == "always"
        return not os.environ.get("NO_COLOR") and bool(stream.isatty())


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, False):
        setattr(context.find_root().ensure_object(Settings), str(parameter.name), value)


def common(command: F) -> F:
    """The options that every command has. Results alone reach stdout while it runs."""
    @functools.wraps(command)
    def alone(*arguments: Any, **values: Any) -> Any:
        with contextlib.redirect_stdout(settings().prints):
            return command(*arguments, **values)

    with_options: Any = alone
    for option in reversed((
        click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_store,
                     help="No progress."),
        click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_store,
                     help="Report every stage."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), callback=_store,
                     expose_value=False, help="Color; NO_COLOR is respected."),
        click.option("--debug", is_flag=True, expose_value=False, callback=_store,
                     help="Show tracebacks."),
        click.option("--config", type=click.Path(path_type=Path), expose_value=False,
                     callback=_store, metavar="FILE",
                     help="Configuration; else neurocompile.toml or pyproject.toml above."),
    )):
        with_options = option(with_options)
    shared: F = with_options
    return shared


def settings() -> Settings:
    """The common options of the running command."""
    return click.get_current_context().find_root().ensure_object(Settings)


class Progress:
    """One stderr line per stage with its seconds: on a terminal, with -v, or when it was slow.

    On a terminal the line of the running stage counts its seconds.
    """

    def __init__(self) -> None:
        self.settings = settings()
        self.live = sys.stderr.isatty() and not self.settings.quiet
        self.stage = ""
        self.start = 0.0
        self._over = threading.Event()  # of the running stage
        self._terminal = threading.Lock()
        click.get_current_context().call_on_close(self._stop)

    def __call__(self, stage: str) -> None:
        self.end()
        self.stage, self.start = stage, time.monotonic()
        if self.live:
            self._write_line()
            self._over = threading.Event()
            threading.Thread(target=self._count, args=(self._over,), daemon=True).start()

    def end(self) -> None:
        """The running stage is over."""
        if not self.stage:
            return
        seconds, stage = time.monotonic() - self.start, self.stage
        self._stop()
        if self.live or (not self.settings.quiet and (self.settings.verbose or seconds > SLOW)):
            click.echo(f"neurocompile: {stage} {seconds:.1f} s", err=True)

    def say(self, text: str) -> None:
        """A line for the user that belongs to no stage."""
        with self._terminal:
            self._clear()
            if not self.settings.quiet:
                click.echo(f"neurocompile: {text}", err=True)
            if self.live and self.stage:
                self._write_line()

    def remark(self, text: str) -> None:
        """A line that only -v shows."""
        if self.settings.verbose:
            self.say(text)

    def _stop(self) -> None:
        """No stage is shown any more."""
        with self._terminal:
            self._over.set()
            if self.stage:
                self._clear()
            self.stage = ""

    def _count(self, over: threading.Event) -> None:
        """Show a stage's seconds until it is over."""
        while not over.wait(BEAT):
            with self._terminal:
                if not over.is_set() and time.monotonic() - self.start >= LONG:
                    self._clear()
                    self._write_line()

    def _write_line(self) -> None:
        seconds = time.monotonic() - self.start
        duration = f" {seconds:.0f} s" if seconds >= LONG else ""
        click.echo(f"neurocompile: {self.stage} ...{duration}", nl=False, err=True)

    def _clear(self) -> None:
        if self.live:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)


def show(text: str, output: Path | None = None) -> None:
    """Results to stdout, or to the file that was named. Raises UsageError (NC009)."""
    if output is None:
        try:
            click.echo(text, file=settings().results, color=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable("standard output", error) from None
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(f"`{output}`", error) from None


def _unwritable(output: str, error: OSError) -> UsageError:
    return UsageError(Diagnostic("NC009", values={
        "option": "--output", "value": output, "reason": error.strerror or str(error)}))


def visible(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What people are shown: notes only with -v."""
    return [d for d in findings if d.level > Severity.NOTE or settings().verbose]


def findings_text(diagnostics: Iterable[Diagnostic], fmt: str, summary: str = "", target: str = "",
                  stream: Any = None) -> str:
    """Findings as text, colored where stdout (or the stream) is a terminal."""
    from neurocompile.report import findings

    color = settings().colored(stream or settings().results)
    return findings.render(diagnostics, fmt, color, summary, target)
