"""Files of bytes by key in the user's cache folder: bounded, each whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "NEUROCOMPILE_CACHE"  # another folder, or none at all
LIMIT = 1 << 30  # bytes of all entries
SHARE = 4  # an entry takes no more than this part of them
SUFFIX = ".capture"
_DIGEST = 64  # hexadecimal digits in front of an entry, and a line end


def cache_folder() -> Path | None:
    """Where this user's captures lie; it need not exist. None where VARIABLE is empty."""
    folder = os.environ.get(VARIABLE)
    if folder is not None:
        return Path(folder).absolute() if folder else None
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "neurocompile"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "neurocompile"


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of entries. What cannot be read or written is not there, and no error."""

    folder: Path
    limit: int = LIMIT

    def get(self, key: str) -> bytes | None:
        """The content of an entry, if it is as it was written."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        digest, content = data[:_DIGEST], memoryview(data)[_DIGEST + 1:]
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it is in use
        return bytes(content)

    def put(self, key: str, content: bytes) -> bool:
        """Keep a content; the entries that were used longest ago make place. Whether it is kept."""
        if len(content) > self.limit // SHARE:
            return False
        work = self.folder / f".{secrets.token_hex(8)}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with work.open("xb") as stream:
                    stream.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                work.replace(self._path(key))
            finally:
                work.unlink(missing_ok=True)
            self._shrink()
        except OSError:
            return False
        return True

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _shrink(self) -> None:
        """Remove the entries that were used longest ago until the rest is within the limit."""
        ages = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another process removed it
                status = path.stat()
                ages.append((status.st_mtime_ns, path, status.st_size))
        total = 0
        for _, path, size in sorted(ages, reverse=True):
            total += size
            if total > self.limit:
                path.unlink(missing_ok=True)
