"""The build directory: published as a whole or not at all, and used only as it was written.

A build is written into a hidden sibling `.NAME.tmp-PID-...` and then exchanged with what stands at
NAME by one system call (renameat2 with RENAME_EXCHANGE, or a plain rename where nothing stands
there): whenever the process is killed, NAME is the whole old build or the whole new one. Where the
file system cannot exchange, the old build is first moved to `.NAME.old`; a kill between the two
renames leaves no NAME, and whoever opens or writes NAME next moves the old one back. A lock that
the kernel frees with its process keeps writers apart; its holder removes what dead ones left.
Not covered: a power loss before the disk has written its cache.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neurocompile.builds.manifest import (
    MANIFEST,
    check_files,
    foreign_files,
    load_manifest,
    read_manifest,
)
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.report.model.manifest import Manifest

AT_FDCWD, RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def new_build(out: Path, force: bool = False) -> Iterator[Path]:
    """An empty folder that becomes `out` when the block ends; it must then hold a manifest.

    Raises UsageError (NC006) when `out` cannot be one, is another's, or is being written. With
    `force`, a foreign file or folder is moved aside, never deleted. An error in the block leaves
    `out` as it was, and nothing beside it.
    """
    out = _resolve(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _lock(out):
            _recover(out)
            _collect(out)
            check_replaceable(out, force)
            folder = out.parent / f".{out.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
            folder.mkdir()
            try:
                yield folder
                if not (folder / MANIFEST).is_file():
                    raise UsageError(_unusable(out, "the build has no manifest"))
                _publish(folder, out, force)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(_unusable(out, f"{reason} ({error.filename})" if error.filename
                                   else reason)) from error


def check_replaceable(out: Path, force: bool = False) -> None:
    """Raise UsageError (NC006) when a build must not be put at `out`."""
    out = _resolve(out)
    if not out.is_symlink() and not out.exists():
        return
    if out.is_symlink():
        raise UsageError(_unusable(out, "it is a symbolic link"))
    for place, name in ((Path.cwd(), "the working directory"), (Path.home(), "your home")):
        if place.resolve().is_relative_to(out):
            raise UsageError(_unusable(out, f"{name} is inside it" if place != out
                                       else f"it is {name}"))
    if force:
        return
    if not out.is_dir():
        raise UsageError(_unusable(out, "it is a file"))
    if read_manifest(out) is None:
        if any(out.iterdir()):
            raise UsageError(_unusable(out, "it holds files, and no manifest of neurocompile"))
        return
    foreign = foreign_files(out)
    if foreign:
        raise UsageError(_unusable(out, f"it holds files that neurocompile did not write "
                                        f"(`{foreign[0]}`)"))


def _resolve(out: Path) -> Path:
    """Absolute, with the links of its parents followed, its own not."""
    absolute = Path(os.path.abspath(out))
    return absolute.parent.resolve() / absolute.name if absolute.name else absolute


def _unusable(out: Path, reason: str) -> Diagnostic:
    return Diagnostic("NC006", values={"path": str(out), "reason": reason})


@contextlib.contextmanager
def _lock(out: Path) -> Iterator[None]:
    """Hold `.NAME.lock`, which names the owner. The kernel frees it when its owner dies."""
    path = out.parent / f".{out.name}.lock"
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                break
            os.close(descriptor)  # its owner removed the file between our two calls
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace") or "unknown"
            os.close(descriptor)
            raise UsageError(Diagnostic(
                "NC006", values={"path": str(out), "reason": f"process {owner} is writing it"},
                hint="wait for it, or name another directory with -o")) from None
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    by_descriptor = os.fstat(descriptor)
    try:
        by_path = path.lstat()
    except FileNotFoundError:
        return False
    return (by_descriptor.st_dev, by_descriptor.st_ino) == (by_path.st_dev, by_path.st_ino)


def _old(out: Path) -> Path:
    return out.parent / f".{out.name}.old"


def _recover(out: Path) -> None:
    """Move the old build back when a kill left none at `out`; only without RENAME_EXCHANGE."""
    old = _old(out)
    if old.is_dir() and not old.is_symlink() and read_manifest(old) is not None:
        if out.exists():
            shutil.rmtree(old)
        else:
            old.rename(out)


def _collect(out: Path) -> None:
    """Remove temporary folders of dead writers; the lock's holder is the only living one."""
    pattern = re.compile(re.escape(f".{out.name}.tmp-") + r"\d+-[0-9a-f]{8}")
    for entry in os.scandir(out.parent):
        if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)


def _publish(folder: Path, out: Path, force: bool) -> None:
    check_replaceable(out, force)  # again: minutes may have passed
    _sync(folder)
    if force and out.exists() and _is_foreign(out):
        out.rename(_aside(out))
    if not out.exists():
        folder.rename(out)
    elif not exchange(folder, out):
        old = _old(out)
        out.rename(old)
        folder.rename(out)
        shutil.rmtree(old)


def _is_foreign(out: Path) -> bool:
    if not out.is_dir():
        return True
    if read_manifest(out) is None:
        return any(out.iterdir())
    return bool(foreign_files(out))


def _aside(out: Path) -> Path:
    """A free name beside `out` for what --force replaces."""
    number = 1
    while os.path.lexists(out.parent / f"{out.name}.replaced-{number}"):
        number += 1
    return out.parent / f"{out.name}.replaced-{number}"


def _sync(folder: Path) -> None:
    """Have the files written before the rename makes them visible."""
    for parent, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(parent, name), os.O_RDONLY | os.O_NOFOLLOW)
            try:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)


def exchange(first: Path, second: Path) -> bool:
    """Swap two paths in one step. False where the system or the file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if renameat2(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second),
                 RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(second))


@dataclass(frozen=True, slots=True)
class Build:
    """A build that is whole and as it was written."""

    folder: Path
    manifest: Manifest


def open_build(path: Path) -> Build:
    """The build at a path; recovers an old one after a kill.

    Raises UsageError: NC007 when there is none, NC003 for one that this version cannot read, NC704
    for what does not match its manifest.
    """
    out = _resolve(path)
    if not out.exists() and _old(out).is_dir():
        with _lock(out):
            _recover(out)
    manifest = load_manifest(out)
    if manifest is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"a build in `{path}`", "reason": "it has no manifest of neurocompile"}))
    check_files(out, manifest)
    return Build(out, manifest)
