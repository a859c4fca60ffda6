"""Progress on a terminal: the line of the running stage counts its seconds."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr

import click
import pytest

from neurocompile.commands import terminal
from neurocompile.commands.terminal import Progress, Settings

PATIENCE = 20.0  # seconds that a test waits for a line


class _Terminal(io.StringIO):
    """Keeps what it is screenful."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    """A terminal for stderr, with seconds that pass quickly."""
    monkeypatch.setattr(terminal, "BEAT", 0.005)
    return _Terminal()


@contextmanager
def _command(stderr: io.StringIO) -> Iterator[None]:
    with redirect_stderr(stderr), click.Context(click.Command("build"), obj=Settings()):
        yield


def _wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_a_long_stage_shows_its_seconds(screen: _Terminal,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "LONG", 0.05)
    with _command(screen):
        progress = Progress()
        progress("capture")
        assert screen.getvalue() == "neurocompile: capture ..."
        assert _wait_for(lambda: "neurocompile: capture ... 0 s" in screen.getvalue())
        progress("check")
        assert _wait_for(lambda: "neurocompile: check ... 0 s" in screen.getvalue())
        progress.end()
    lines = [text for text in screen.getvalue().replace("\r\x1b[K", "\n").split("\n") if text]
    assert lines[-1].startswith("neurocompile: check ")
    assert any(text.startswith("neurocompile: capture 0.") for text in lines)


def test_a_short_stage_shows_none(screen: _Terminal) -> None:
    with _command(screen):
        progress = Progress()
        progress("capture")
        time.sleep(0.05)
        progress.end()
    screenful = screen.getvalue()
    assert screenful.startswith("neurocompile: capture ...\r\x1b[Kneurocompile: capture 0.")
    assert screenful.count("capture") == 2


def _begin_and_fail() -> None:
    Progress()("capture")
    raise ValueError("refused")


def test_nothing_is_counted_after_a_failure(screen: _Terminal,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "LONG", 0.0)
    with pytest.raises(ValueError, match="refused"), _command(screen):
        _begin_and_fail()
    screenful = screen.getvalue()
    assert screenful.endswith("\r\x1b[K")
    time.sleep(0.05)
    assert screen.getvalue() == screenful


def test_elsewhere_nothing_is_shown_of_a_running_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "LONG", 0.0)
    monkeypatch.setattr(terminal, "BEAT", 0.005)
    stderr = io.StringIO()
    with _command(stderr):
        progress = Progress()
        progress("capture")
        time.sleep(0.05)
        progress.end()
    assert not stderr.getvalue()
