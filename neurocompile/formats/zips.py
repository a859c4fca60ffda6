"""Zip archives that strangers wrote: looked at by their table, before a member is read."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path, PurePosixPath

from neurocompile.diagnostics import UsageError
from neurocompile.formats.regular import check_regular, corrupt, too_large

MAX_TABLE = 16 << 20  # bytes of a central directory, some 100,000 members
FREE = 256 << 20  # bytes that compressed members may expand to in any case
RATIO = 64  # and beyond that, so many times the file's size
_TAIL = (1 << 16) + 22 + 20 + 56  # the end records and the longest comment
ENCRYPTION = 1  # bit of a member's flags


def members(path: Path, kind: str, packed: bool = False) -> list[zipfile.ZipInfo]:
    """The members of an archive whose table is sound: each name once, none leads outside.

    Members are stored as they are; with `packed` they may be deflated. Raises UsageError: NC003 for
    a damaged archive, encrypted members, strange or repeated names; NC004 when there are too many
    members or they would expand to more than the file may hold.
    """
    check_regular(path)
    table = _table_size(path)
    if table > MAX_TABLE:
        raise UsageError(too_large(path, table, MAX_TABLE))
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
        raise UsageError(corrupt(path, kind, str(error))) from None
    reason = _reason(entries, packed)
    if reason is not None:
        raise UsageError(corrupt(path, kind, reason))
    size, total = path.stat().st_size, sum(member.file_size for member in entries)
    limit = max(FREE, RATIO * size) if packed else size
    if total > limit:
        raise UsageError(too_large(path, total, limit))
    return entries


def _table_size(path: Path) -> int:
    """Bytes of the central directory, as the records at the file's end give it; 0 without one."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _TAIL))
        tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or end + 22 > len(tail):
        return 0
    table = int.from_bytes(tail[end + 12:end + 16], "little")
    if end >= 76 and tail[end - 20:end - 16] == b"PK\6\7" and tail[end - 76:end - 72] == b"PK\6\6":
        table = max(table * (table != 0xFFFFFFFF),
                    int.from_bytes(tail[end - 36:end - 28], "little"))
    return table


def _reason(entries: list[zipfile.ZipInfo], packed: bool) -> str | None:
    names = [member.filename for member in entries]
    if len(set(names)) != len(names):
        return "it has two members of one name"
    for member in entries:
        name = member.filename
        parts = PurePosixPath(name).parts
        if not name.isprintable() or "\\" in name or name.startswith("/") or ".." in parts:
            return f"its member `{name[:100]}` has a name that leads elsewhere"
        if member.flag_bits & ENCRYPTION:
            return f"its member `{name[:100]}` is encrypted"
        if member.compress_type != zipfile.ZIP_STORED and not (
                packed and member.compress_type == zipfile.ZIP_DEFLATED):
            return f"its member `{name[:100]}` is compressed; torch writes none that is"
    return None
