"""Imports of the user's own modules that fail: nothing of theirs is to be installed."""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from neurocompile.capture.frames import is_user_code, raised_at
from neurocompile.diagnostics import Diagnostic, UsageError

CLOSE = 0.8  # likeness of names from which on one is taken for a misspelled other


def import_failure(name: str, error: ModuleNotFoundError, folders: Sequence[Path]) -> UsageError:
    """What to say of a module that the import of `name` did not find, at the line that asks for it.

    NC007 for a module of the user's own: one in a package of theirs, one that lies beside the code
    that asks for it, one of nearly that name. NC602 for any other, which can be installed.
    """
    missing = str(error.name)
    where = raised_at(error)
    reason = _own(missing, [*_folders_of(error, folders), *folders])
    if reason:
        return UsageError(Diagnostic("NC007", where, {
            "what": f"the module `{missing}`", "reason": f"`{name}` imports it, and {reason}"}))
    return UsageError(Diagnostic("NC602", where, {
        "what": f"`{name}`", "package": missing.partition(".")[0]}))


def _own(missing: str, folders: Sequence[Path]) -> str:
    """Why a module is the user's own, and what is wrong with its name; empty where it is not."""
    top, *inner = missing.split(".")
    package = sys.modules.get(top)
    if inner and package is not None and _is_users(package):
        return f"`{top}`, a package of yours, has no such module"
    near = dict.fromkeys(path for folder in folders for path in _modules(folder))
    exact = next((path for path in near if path.stem == top), None)
    if exact is not None:
        return f"`{_short(exact)}` is not on the path: import it as a part of its package, or run " \
               f"in `{_short(exact.parent)}`"
    close = difflib.get_close_matches(top, [path.stem for path in near], n=1, cutoff=CLOSE)
    return f"there is none; did you mean `{close[0]}`?" if close else ""


def _is_users(package: ModuleType) -> bool:
    places = [package.__file__] if getattr(package, "__file__", None) else list(
        getattr(package, "__path__", ()))
    return any(is_user_code(str(place)) for place in places)


def _folders_of(error: BaseException, project: Sequence[Path]) -> Iterator[Path]:
    """The folders of the project's code that an error passed through, and those above them."""
    for frame in traceback.extract_tb(error.__traceback__):
        if is_user_code(frame.filename):
            for folder in Path(frame.filename).resolve().parents[:2]:
                if any(folder.is_relative_to(root.resolve()) for root in project):
                    yield folder


def _modules(folder: Path) -> Iterator[Path]:
    """The modules and packages in a folder."""
    try:
        yield from (path for path in sorted(folder.iterdir()) if path.suffix == ".py" or (
            path.is_dir() and path.name.isidentifier() and any(path.glob("*.py"))))
    except OSError:
        return


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name
