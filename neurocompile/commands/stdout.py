"""Standard output holds results: whatever else is printed in the process goes to stderr."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


class _Stays(io.TextIOWrapper):
    """A stream that nobody closes: what prints to it later is not ours to stop."""

    def close(self) -> None:
        """Write what it holds."""
        self.flush()


def claim_stdout() -> TextIO:
    """From now on only `sys.stdout` writes to the old standard output; file descriptor 1 is stderr.

    Returns a stream to stderr for all other prints. Where one of the two is closed, what would go
    there goes nowhere.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")  # a terminal need not be UTF-8
    errors = _stream(nowhere if sys.stderr is None else 2, sys.stderr)
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.stdout = _stream(nowhere if sys.stdout is None else 1, sys.stdout)
    os.dup2(errors.fileno(), 1)
    return errors


def _stream(descriptor: int, like: TextIO | None) -> TextIO:
    """A stream of its own to where a descriptor leads."""
    return _Stays(os.fdopen(os.dup(descriptor), "wb"), line_buffering=True,
                  encoding=None if like is None else like.encoding, errors="backslashreplace")
