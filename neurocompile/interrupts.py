"""A real interrupt (Ctrl-C, SIGTERM), told apart from a KeyboardInterrupt that user code raises."""

from __future__ import annotations

from typing import Any


class Interruption(KeyboardInterrupt):
    """Whoever runs the command wants it to stop."""


def interrupt(*_: Any) -> None:
    """A signal handler. Raises Interruption."""
    raise Interruption
