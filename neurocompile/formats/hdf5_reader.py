"""Groups of an HDF5 file whose members are read by name: groups, whole numbers, words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.hdf5 import Hdf5File

MAX_RANK, MAX_WORD = 6, 64


class Group:
    """A group. All methods raise UsageError: NC003 for what is not as asked, NC004 for sizes."""

    def __init__(self, file: Hdf5File, raw: h5py.Group) -> None:
        self.file, self.raw, self.where = file, raw, str(raw.name)
        self.groups: dict[str, Group] = {}

    @cached_property
    def _members(self) -> dict[str, h5py.Group | h5py.Dataset]:
        return self.file.children(self.raw)

    def fail(self, reason: str) -> NoReturn:
        """NC003."""
        raise self.file.bad(f"{self.where}: {reason}")

    def large(self, size: int, limit: int) -> NoReturn:
        """NC004."""
        raise UsageError(Diagnostic("NC004", Location(file=str(self.file.path)), {
            "file": str(self.file.path), "needed": size, "limit": limit}))

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self, most: int) -> list[str]:
        """Its members."""
        if len(self.raw) > most:
            self.fail(f"it has {len(self.raw):,} members")
        return list(self._members)

    def only(self, *members: str, unknown: Callable[[Group, str], NoReturn] | None = None) -> None:
        """Fail, or call `unknown`, for a member of another name."""
        for name in self.names(1000):
            if name not in members:
                if unknown is not None:
                    unknown(self, name)
                self.fail(f"`{name}` is no part of {self.file.kind}")

    def is_group(self, name: str) -> bool:
        """Whether a member is a group."""
        return isinstance(self._members.get(name), h5py.Group)

    def group(self, name: str) -> Group:
        """A group in it."""
        member = self._members.get(name)
        if not isinstance(member, h5py.Group):
            self.fail(f"`{name}` is no group" if member is not None else f"`{name}` is missing")
        return self.groups.setdefault(name, Group(self.file, member))

    def size_of(self, name: str) -> tuple[int, ...]:
        """An array's shape."""
        return tuple(int(n) for n in self._dataset(name).shape)

    def integers(self, name: str, low: int, high: int, most: int | None = None
                 ) -> NDArray[np.int64]:
        """An array of whole numbers, whatever type they are stored in; at most `most` of them."""
        dataset = self._dataset(name)
        if dataset.size == 0 or (most is not None and dataset.size > most):
            self.fail(f"`{name}` has the shape {dataset.shape}")
        values = self.file.numbers(dataset)
        floats = values.astype(np.float64)
        wrong = ~((floats >= low) & (floats <= high))
        if wrong.any():
            self.fail(f"`{name}` holds {values[wrong].flat[0]}, not {low} to {high}")
        if np.any(floats != np.rint(floats)):
            self.fail(f"`{name}` holds fractions")
        return floats.astype(np.int64)

    def number(self, name: str, low: int, high: int) -> int:
        """One whole number."""
        return int(self.integers(name, low, high, most=1).reshape(-1)[0])

    def word(self, name: str) -> str:
        """One short text."""
        dataset = self._dataset(name)
        if dataset.size != 1:
            self.fail(f"`{name}` has the shape {dataset.shape}")
        word, = self.file.texts(dataset)
        if len(word) > MAX_WORD or not word.isascii():
            self.fail(f"`{name}` is no word")
        return word

    def _dataset(self, name: str) -> h5py.Dataset:
        dataset = self._members.get(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            self.fail(f"`{name}` is no array" if dataset is not None else f"`{name}` is missing")
        if dataset.ndim > MAX_RANK:
            self.fail(f"`{name}` has {dataset.ndim} axes")
        return dataset
