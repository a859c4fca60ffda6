"""Files that commands write, each as a whole."""

from __future__ import annotations

import os
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, UsageError


def unwritable(output: Path, reason: str, hint: str = "") -> UsageError:
    """NC009 for the file of `--output`."""
    return UsageError(Diagnostic("NC009", values={
        "option": "--output", "value": f"`{output}`", "reason": reason}, hint=hint))


def write_output(path: Path, data: bytes) -> None:
    """Replace the file as a whole: a killed command leaves the old one.

    Raises UsageError (NC009) where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error.strerror or str(error)) from None
    finally:
        temporary.unlink(missing_ok=True)
