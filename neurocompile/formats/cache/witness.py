"""Which files this process reads, and whether it reaches beyond files: told by Python's audit."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

from neurocompile.formats.cache.installed import is_installed, source_of

BEYOND = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "subprocess.", "os.system",
          "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "pty.")
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

Signature = tuple[int, ...]  # of a file's state


class Witness:
    """What was read since it was made, by absolute path, with the state of each at that time."""

    def __init__(self) -> None:
        self.modules = frozenset(sys.modules)  # that were imported before
        self.environment = {  # before frameworks set their own; a shell sets `_` for each command
            name: value for name, value in os.environ.items() if name != "_"}
        self.files: dict[str, Signature | None] = {}  # None: there was none
        self.beyond: set[str] = set()  # events
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._note_open(*arguments[:3])
        elif event == "ctypes.dlopen":
            self._note_open(arguments[0], "rb", 0)
        elif event.startswith(BEYOND):
            self.beyond.add(event)

    def _note_open(self, path: Any, mode: Any, flags: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor
        writes = not {"r", "+"} & set(mode) if isinstance(mode, str) else bool(
            isinstance(flags, int) and flags & _WRITING)
        text = source_of(os.path.abspath(os.fsdecode(path)))
        if not writes and text not in self.files and not is_installed(text):
            self.files[text] = signature(text)


@functools.cache
def witness() -> Witness:
    """The one of this process: nobody can take an audit hook back."""
    return Witness()


def signature(path: str) -> Signature | None:
    """The state of a file: another one after any change; None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
