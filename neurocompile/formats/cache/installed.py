"""What is installed: it is known by its version, while the user's own files are known by content."""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

import neurocompile

_PATHS = ("stdlib", "platstdlib", "purelib", "platlib")
_SYSTEM = ("/proc", "/sys", "/dev")
_SUFFIXES = tuple(importlib.machinery.all_suffixes())


@functools.cache
def _folders() -> tuple[str, ...]:
    """Where Python and installed packages lie, with a separator behind."""
    ours = Path(neurocompile.__file__).parent
    own = [ours, *(path.resolve() for path in ours.iterdir() if path.is_dir())]
    paths = [*(sysconfig.get_path(name) for name in _PATHS), *site.getsitepackages(),
             site.getusersitepackages(), *map(str, own), *_SYSTEM]
    return tuple({os.path.join(form, "") for path in paths
                  for form in (os.path.abspath(path), os.path.realpath(path))})


def is_installed(path: str) -> bool:
    """Whether an absolute path belongs to Python, to a package, to us or to the system."""
    return path.startswith(_folders()) or os.path.realpath(path).startswith(_folders())


def source_of(path: str) -> str:
    """The source of a file in `__pycache__`, which Python compares with it; else the path."""
    try:
        return importlib.util.source_from_cache(path) if path.endswith(".pyc") else path
    except ValueError:
        return path


def versions() -> dict[str, object]:
    """Of Python, this machine, neurocompile's own code, and every distribution on `sys.path`."""
    return {
        "python": sys.version, "flags": str(sys.flags), "machine": list(os.uname()),
        "neurocompile": neurocompile.__version__, "code": _own_code(),
        "distributions": sorted(_distributions(sys.path))}


def _own_code() -> str:
    """A hash of all that this package holds."""
    total = hashlib.sha256()
    for folder, folders, files in os.walk(Path(neurocompile.__file__).parent, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            total.update(name.encode())
            total.update(hashlib.sha256(Path(folder, name).read_bytes()).digest())
    return total.hexdigest()


def _distributions(folders: Iterable[str]) -> Iterable[tuple[str, int]]:
    """Name with version, and the time of installation, of what these folders hold."""
    for folder in dict.fromkeys(map(os.path.realpath, folders)):
        if os.path.isdir(folder) and is_installed(os.path.join(folder, "")):
            with os.scandir(folder) as entries:
                yield from ((entry.name, entry.stat().st_mtime_ns) for entry in entries
                            if entry.name.endswith((".dist-info", ".egg-info", ".egg-link", ".pth")))


def importable(folder: str) -> list[str]:
    """The modules and packages that an import finds in a folder: one more could hide another."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith(_SUFFIXES)
                          or any(os.path.exists(os.path.join(entry.path, f"__init__{suffix}"))
                                 for suffix in _SUFFIXES))
    except OSError:
        return []
