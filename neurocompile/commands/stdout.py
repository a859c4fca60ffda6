"""Standard output holds results: whatever else is printed in the process goes to stderr."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


def claim_stdout() -> TextIO:
    """From now on only `sys.stdout` writes to the old standard output; file descriptor 1 is stderr.

    Returns a stream of its own to stderr: code that closes it closes nothing else. Where one of the
    two is closed, what would go there goes nowhere.
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
    return open(os.dup(descriptor), "w", encoding=None if like is None else like.encoding,
                errors="backslashreplace", buffering=1)
