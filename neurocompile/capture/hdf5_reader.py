"""HDF5 files that strangers wrote: plain groups and arrays inside the file, sizes checked first.

Links out of the file, soft links, virtual, external, compressed and unwritten datasets are
refused, so that what is read is never larger than the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

from neurocompile.capture.checkpoint import check_regular, corrupt
from neurocompile.diagnostics import Diagnostic, Location, UsageError

MAX_RANK, MAX_TEXT = 6, 64


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Group]:
    """The file's root. Inside, what h5py raises for a damaged file becomes UsageError (NC003)."""
    check_regular(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield Group(file, path, kind, "/", _Budget(path.stat().st_size))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError) as error:
        raise UsageError(corrupt(path, kind, str(error.args[0] if error.args else error))) from None


@dataclass
class _Budget:
    """Bytes that may still be read: a file cannot hold more than its size, but link it often."""

    left: int


@dataclass(frozen=True)
class Group:
    """A group of the file. All methods raise UsageError: NC003, or NC004 for a size."""

    raw: h5py.Group
    path: Path
    kind: str  # of the file, in words
    where: str  # in the file
    budget: _Budget = field(repr=False)

    def fail(self, reason: str) -> NoReturn:
        """NC003."""
        raise UsageError(corrupt(self.path, self.kind, f"{self.where}: {reason}"))

    def large(self, needed: int, limit: int) -> NoReturn:
        """NC004."""
        raise UsageError(Diagnostic("NC004", Location(file=str(self.path)), {
            "file": str(self.path), "needed": needed, "limit": limit}))

    def __contains__(self, name: str) -> bool:
        return name in self.raw.keys()  # noqa: SIM118 - `in` itself would follow a link

    def names(self, most: int) -> list[str]:
        """Its members."""
        if len(self.raw) > most:
            self.fail(f"it has {len(self.raw):,} members")
        return list(self.raw)

    def only(self, *known: str, unknown: Callable[[Group, str], NoReturn] | None = None) -> None:
        """Fail, or call `unknown`, for a member of another name."""
        for name in self.names(1000):
            if name not in known:
                if unknown is not None:
                    unknown(self, name)
                self.fail(f"`{name}` is no part of {self.kind}")

    def is_group(self, name: str) -> bool:
        """Whether a member is a group."""
        return isinstance(self._member(name), h5py.Group)

    def group(self, name: str) -> Group:
        """A group in it."""
        member = self._member(name)
        if not isinstance(member, h5py.Group):
            self.fail(f"`{name}` is no group")
        return Group(member, self.path, self.kind, f"{self.where.rstrip('/')}/{name}", self.budget)

    def size_of(self, name: str) -> tuple[int, ...]:
        """An array's shape."""
        return tuple(int(n) for n in self._dataset(name).shape)

    def integers(self, name: str, low: int, high: int, most: int | None = None
                 ) -> NDArray[np.int64]:
        """An array of whole numbers, whatever type they are stored in; at most `most` of them."""
        dataset = self._dataset(name)
        if dataset.dtype.kind not in "biuf" or dataset.dtype.itemsize > 8:
            self.fail(f"`{name}` is of type {dataset.dtype}, no numbers")
        if dataset.size == 0 or (most is not None and dataset.size > most):
            self.fail(f"`{name}` has the shape {dataset.shape}")
        self._charge(dataset, name)
        values = np.asarray(dataset[()])
        floats = values.astype(np.float64)
        if not np.all((floats >= low) & (floats <= high)):
            self.fail(f"`{name}` holds {_first(values, floats, low, high)}, not {low} to {high}")
        if np.any(floats != np.rint(floats)):
            self.fail(f"`{name}` holds fractions")
        return floats.astype(np.int64)

    def number(self, name: str, low: int, high: int) -> int:
        """One whole number."""
        return int(self.integers(name, low, high, most=1).reshape(-1)[0])

    def text(self, name: str) -> str:
        """One word."""
        dataset = self._dataset(name)
        if h5py.check_string_dtype(dataset.dtype) is None or dataset.size != 1:
            self.fail(f"`{name}` is no text")
        self._charge(dataset, name)
        value = np.asarray(dataset[()]).reshape(-1)[0]
        word = bytes(value).decode("ascii") if isinstance(value, bytes) else str(value)
        if len(word) > MAX_TEXT:
            self.fail(f"`{name}` is a text of {len(word):,} letters")
        return word

    def _member(self, name: str) -> h5py.Group | h5py.Dataset:
        if name not in self:
            self.fail(f"`{name}` is missing")
        if not isinstance(self.raw.get(name, getlink=True), h5py.HardLink):
            self.fail(f"`{name}` is a link to somewhere else")
        return self.raw[name]

    def _dataset(self, name: str) -> h5py.Dataset:
        dataset = self._member(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            self.fail(f"`{name}` is no array")
        if dataset.is_virtual or dataset.external:
            self.fail(f"`{name}` lies in another file")
        if dataset.ndim > MAX_RANK:
            self.fail(f"`{name}` has {dataset.ndim} axes")
        return dataset

    def _charge(self, dataset: h5py.Dataset, name: str) -> None:
        """What is read must lie in the file as it is."""
        needed, held = math.prod(dataset.shape) * dataset.dtype.itemsize, (
            dataset.id.get_storage_size())
        if needed > held or needed > self.budget.left:
            self.large(needed, min(held, self.budget.left))
        if dataset.id.get_create_plist().get_nfilters():
            self.fail(f"`{name}` is packed by a filter; lava-dl writes none")
        self.budget.left -= needed


def _first(values: NDArray[np.generic], floats: NDArray[np.float64], low: int, high: int) -> object:
    return values.reshape(-1)[np.flatnonzero(~((floats >= low) & (floats <= high)))[0]]
