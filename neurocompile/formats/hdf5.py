"""Reads of HDF5 files that strangers wrote: nothing outside the file, sizes before allocation.

Only groups, plain numbers and text are read. Compressed chunks are unpacked here and not by the
HDF5 library, whose gzip filter unpacks whatever a chunk holds, however large.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.regular import check_regular, corrupt

MAX_BYTES = 1 << 32  # of all data sets, unpacked
ALWAYS_BYTES = 1 << 26  # unpacked bytes that any file may have
MAX_RATIO = 256  # unpacked bytes per byte of a larger file; trained weights stay below 10
MAX_OBJECTS = 100_000
MAX_TEXT = 1 << 24
_PIPELINES: tuple[tuple[int, ...], ...] = (
    (), (h5py.h5z.FILTER_DEFLATE,), (h5py.h5z.FILTER_SHUFFLE,),
    (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE))


@contextmanager
def open_hdf5(path: Path, kind: str) -> Iterator[Hdf5File]:
    """The file, for reading. Everything that the HDF5 library raises becomes NC003.

    Raises UsageError: NC003 for a damaged file or one that uses what is not read, NC004 for sizes.
    """
    check_regular(path)
    try:
        with h5py.File(path, "r") as file:
            yield Hdf5File(path, kind, file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise UsageError(corrupt(path, kind, str(error) or type(error).__name__)) from None


class Hdf5File:
    """An open file and what has been read of it so far."""

    def __init__(self, path: Path, kind: str, root: h5py.Group) -> None:
        self.path, self.kind, self.root = path, kind, root
        self.size = path.stat().st_size
        self._addresses: set[int] = {h5py.h5o.get_info(root.id).addr}
        self._objects = self._bytes = self._text = 0

    def bad(self, reason: str) -> UsageError:
        """NC003 for this file."""
        return UsageError(corrupt(self.path, self.kind, reason))

    def _claim(self, size: int) -> None:
        self._bytes += size
        limit = min(MAX_BYTES, max(ALWAYS_BYTES, MAX_RATIO * self.size))
        if self._bytes > limit:
            raise UsageError(Diagnostic("NC004", Location(file=str(self.path)), {
                "file": str(self.path), "needed": self._bytes, "limit": limit}))

    def children(self, group: h5py.Group) -> dict[str, h5py.Group | h5py.Dataset]:
        """Members by name. An object can be reached once: no links, no loops."""
        members: dict[str, h5py.Group | h5py.Dataset] = {}
        self._objects += len(group)
        if self._objects > MAX_OBJECTS:
            raise self.bad(f"it has more than {MAX_OBJECTS:,} members")
        for name in group:
            if not isinstance(name, str):
                raise self.bad(f"`{group.name}` has a member whose name is no text")
            full = f"{group.name.rstrip('/')}/{name}"
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise self.bad(f"`{full}` is a link, not stored data")
            child = group[name]
            if not isinstance(child, h5py.Group | h5py.Dataset):
                raise self.bad(f"`{full}` is neither a group nor a data set")
            address = h5py.h5o.get_info(child.id).addr
            if address in self._addresses:
                raise self.bad(f"`{full}` is stored data of another name as well: a link or a loop")
            self._addresses.add(address)
            members[name] = child
        return members

    def numbers(self, data: h5py.Dataset) -> NDArray[Any]:
        """The integers, floats or truth values of a data set, in native byte order."""
        kind = data.dtype
        plain = kind.kind in "biuf" and kind.itemsize <= 8 and h5py.h5t.py_create(kind).equal(
            data.id.get_type())
        if not plain:
            raise self.bad(f"`{data.name}` holds {kind}, not plain numbers")
        self._check_storage(data)
        size = math.prod(data.shape) * kind.itemsize
        self._claim(size)
        if data.chunks is None:
            storage = data.id.get_storage_size()
            if storage != size:
                raise self.bad(f"`{data.name}` claims {size:,} B and stores {storage:,} B")
            array = np.asarray(data[()])
        else:
            array = self._unpack(data)
        return array.astype(kind.newbyteorder("="), copy=False)

    def _check_storage(self, data: h5py.Dataset) -> None:
        """All data lies in this file, packed by nothing but gzip and shuffle."""
        layout = data.id.get_create_plist()
        filters = tuple(layout.get_filter(i)[0] for i in range(layout.get_nfilters()))
        if data.shape is None:
            raise self.bad(f"`{data.name}` is empty")
        if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count():
            raise self.bad(f"`{data.name}` is made of data of other files (virtual or external)")
        if filters not in _PIPELINES:
            raise self.bad(f"`{data.name}` is packed by other filters than gzip and shuffle")

    def _unpack(self, data: h5py.Dataset) -> NDArray[Any]:
        """A chunked data set, chunk by chunk."""
        shape, chunk, kind = data.shape, data.chunks, data.dtype
        array = np.zeros(shape, kind)
        if not array.size:
            return array
        expected = math.prod(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        if any(c > n for n, c in zip(shape, chunk, strict=True)):
            raise self.bad(f"`{data.name}` of shape {shape} has chunks of {chunk}")
        masks: dict[tuple[int, ...], int] = {}

        def note(info: Any) -> bool | None:
            masks[tuple(info.chunk_offset)] = info.filter_mask
            return True if len(masks) > expected else None  # ends the iteration
        data.id.chunk_iter(note)
        aligned = all(o % c == 0 and o < n for offset in masks
                      for o, c, n in zip(offset, chunk, shape, strict=True))
        if len(masks) != expected or not aligned or any(masks.values()):
            raise self.bad(f"`{data.name}` does not store all of its {expected:,} chunks")
        layout = data.id.get_create_plist()
        filters = [layout.get_filter(i)[0] for i in range(layout.get_nfilters())]
        for offset in masks:
            block = self._chunk(data, offset, filters).reshape(chunk)
            place = tuple(slice(o, o + c) for o, c in zip(offset, chunk, strict=True))
            target = array[place]
            target[...] = block[tuple(slice(0, n) for n in target.shape)]
        return array

    def _chunk(self, data: h5py.Dataset, offset: tuple[int, ...], filters: list[int]
               ) -> NDArray[Any]:
        """The numbers of one chunk, flat; unpacked up to the size that its shape says."""
        size = math.prod(data.chunks) * data.dtype.itemsize
        _, content = data.id.read_direct_chunk(offset)
        raw = bytes(content)
        if h5py.h5z.FILTER_DEFLATE in filters:
            stream = zlib.decompressobj()
            try:
                raw = stream.decompress(raw, size + 1)
            except zlib.error as error:
                raise self.bad(f"`{data.name}` cannot be unpacked: {error}") from None
        if len(raw) != size:
            raise self.bad(f"a chunk of `{data.name}` does not hold the {size:,} B that its shape "
                           "needs")
        if h5py.h5z.FILTER_SHUFFLE in filters:
            raw = np.frombuffer(raw, np.uint8).reshape(data.dtype.itemsize, -1).T.tobytes()
        return np.frombuffer(raw, data.dtype)

    def texts(self, data: h5py.Dataset) -> tuple[str, ...]:
        """The texts of a data set, in C order."""
        if h5py.check_string_dtype(data.dtype) is None:
            raise self.bad(f"`{data.name}` holds {data.dtype}, not text")
        self._check_storage(data)
        count = math.prod(data.shape)
        if data.chunks is not None or count > MAX_OBJECTS:
            raise self.bad(f"`{data.name}` holds {count:,} texts, or packs them")
        self._claim(count * data.dtype.itemsize)
        return tuple(self._text_of(data, raw) for raw in self._raw_texts(data))

    def _raw_texts(self, data: h5py.Dataset) -> Iterator[bytes]:
        """Few at a time: many entries can name the same long text."""
        if not data.shape:
            yield np.asarray(data[()], object).item()
            return
        per_row = max(1, math.prod(data.shape[1:]))
        rows = max(1, ALWAYS_BYTES // (per_row * self.size))
        for start in range(0, data.shape[0], rows):
            yield from data[start:start + rows].reshape(-1)

    def _text_of(self, data: h5py.Dataset, raw: Any) -> str:
        self._text += len(raw)
        if self._text > MAX_TEXT:
            raise self.bad(f"it holds more than {MAX_TEXT:,} B of text")
        try:
            return bytes(raw).decode()
        except UnicodeDecodeError:
            raise self.bad(f"`{data.name}` is no UTF-8 text") from None
