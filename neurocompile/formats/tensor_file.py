"""safetensors files: a header of JSON, then dense little-endian tensors without gaps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import UsageError
from neurocompile.formats.regular import check_regular, corrupt

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
         "BOOL": 1}
NUMPY = {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1"}
_KIND = "safetensors"
_ALIGNMENT = 8  # of the first tensor


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a tensor lies in the file, by bytes."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    count: int


@dataclass(frozen=True, eq=False)
class TensorFile:
    """A whole file whose header fits its bytes."""

    data: bytearray
    entries: Mapping[str, Entry]
    metadata: Mapping[str, Any]

    def array(self, name: str) -> NDArray[Any]:
        """A copy of an integer or boolean tensor. Raises KeyError where there is none of them."""
        entry = self.entries[name]
        flat = np.frombuffer(self.data, NUMPY[entry.dtype], entry.count, entry.start)
        return flat.reshape(entry.shape).copy()


def read_tensors(path: Path) -> TensorFile:
    """The file, its header checked for duplicates, overlaps and holes.

    Raises UsageError: NC003 where it is damaged, NC004 or NC007 where it is no file to read.
    """
    check_regular(path, _KIND)
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise UsageError(corrupt(path, _KIND, "its header is longer than the file"))
    try:
        header = json.loads(data[8:8 + length], object_pairs_hook=_unique)
        metadata = header.pop("__metadata__", None) or {}
        rows = sorted((*entry["data_offsets"], name, entry["dtype"], tuple(entry["shape"]))
                       for name, entry in header.items())
        return TensorFile(data, _entries(rows, 8 + length, len(data)), metadata)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(corrupt(path, _KIND, f"bad header: {error}")) from None


def _entries(rows: list[tuple[int, int, str, str, tuple[int, ...]]], base: int,
             end: int) -> dict[str, Entry]:
    position, entries = 0, {}
    for start, stop, name, dtype, shape in rows:
        if type(start) is not int or type(stop) is not int:
            raise ValueError(f"`{name}` has the offsets {start}, {stop}")
        if start != position or stop < start or base + stop > end:
            raise ValueError(f"`{name}` overlaps its neighbor or leaves a hole")
        count = 1
        for n in shape:
            if type(n) is not int or n < 0:
                raise ValueError(f"`{name}` has the shape {shape}")
            count *= n
        if count * SIZES[dtype] != stop - start:
            raise ValueError(f"`{name}` has {stop - start} B for the shape {shape} of {dtype}")
        entries[name] = Entry(dtype, shape, base + start, count)
        position = stop
    if base + position != end:
        raise ValueError("bytes follow the last tensor")
    return entries


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("two entries of one name")
    return result


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]],
                  metadata: Mapping[str, str]) -> None:
    """Integer and boolean arrays by name; equal arrays and metadata give equal bytes."""
    names = {np.dtype(code): name for name, code in NUMPY.items()}
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    position = 0
    for name, array in sorted(arrays.items()):
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [position, position + array.nbytes]}
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for _, array in sorted(arrays.items()):
            stream.write(np.ascontiguousarray(array).tobytes())
