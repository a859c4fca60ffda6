"""Whether a path is a file that can be read at all, and what is said when it is not."""

from __future__ import annotations

import stat
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, Location, UsageError

MAX_BYTES = 1 << 32


def check_regular(path: Path, kind: str = "a model") -> None:
    """Raise UsageError when the path is no regular file with content (NC003, NC004, NC007)."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(Diagnostic("NC007", values={
            "what": f"`{path}`", "reason": reason})) from None
    if not stat.S_ISREG(status.st_mode):
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise UsageError(corrupt(path, kind, f"it is {what}"))
    if status.st_size == 0:
        raise UsageError(corrupt(path, kind, "it is empty"))
    if status.st_size > MAX_BYTES:
        raise UsageError(too_large(path, status.st_size, MAX_BYTES))


def corrupt(path: Path, kind: str, reason: str) -> Diagnostic:
    """NC003 for a file."""
    lines = reason.strip().splitlines()
    return Diagnostic("NC003", Location(file=str(path)), {
        "file": str(path), "kind": kind, "reason": lines[0][:400] if lines else "it is damaged"})


def too_large(path: Path, size: int, limit: int) -> Diagnostic:
    """NC004 for a file."""
    return Diagnostic("NC004", Location(file=str(path)), {
        "file": str(path), "needed": size, "limit": limit})


def foreign(path: Path, kind: str) -> UsageError:
    """NC109 for a file."""
    return UsageError(Diagnostic("NC109", Location(file=str(path)), {
        "file": str(path), "kind": kind}))
