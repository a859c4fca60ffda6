"""From what the user names (a file, a factory) to a Graph, running no code from a model file."""

from __future__ import annotations

import difflib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.format import Say
from neurocompile.formats.regular import check_regular, foreign
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.table import FOREIGN, format_of, readable
from neurocompile.formats.weights import read_entry

if TYPE_CHECKING:
    from neurocompile.formats.samples import Sample


def _silent(_: str) -> None:
    return None


def load_model(request: Request, sample: Sample | None = None, say: Say = _silent) -> Capture:
    """The Graph of the model that is named: a file of a format in the table, or `pkg.mod:factory`.

    `say` is told whose code runs. Raises UsageError for everything that cannot be read,
    FindingsError from capture.
    """
    quiet_triton()
    path = Path(request.spec)
    if not os.path.exists(path):  # False too for what is no path at all
        if ":" in request.spec:
            return read_entry(request, sample, say)
        raise _absent(request.spec)
    check_regular(path)
    one = format_of(path)
    if one is None or one.read is None:
        raise foreign(path, FOREIGN.get(path.suffix, f"a `{path.suffix}` file"))
    return one.read(request, sample, one.options(request.options), say)


def quiet_triton() -> None:
    """torch says on stderr that Triton is not there; nothing here needs it."""
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)


def _absent(spec: str) -> UsageError:
    """NC007, with the file of nearly that name that could be read."""
    path = Path(spec)
    folder = path.parent if os.path.isdir(path.parent) else Path()
    close = difflib.get_close_matches(path.name, _readable_in(folder), n=1)
    hint = f"; did you mean `{folder / close[0]}`?" if close else ""
    return UsageError(Diagnostic("NC007", values={
        "what": f"the model `{spec}`", "reason": f"no such file{hint}"}))


def _readable_in(folder: Path) -> list[str]:
    """The names of files whose format is read."""
    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix in readable())
    except OSError:
        return []
