"""A table of a configuration file: every key is known, every value of its type."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.options import Option
from neurocompile.toml_document import Key, TomlDocument, key_text

MAX_TICKS = 100_000
_KINDS = {str: "a string", int: "a whole number", list: "a list", dict: "a table"}


class Table:
    """A table whose keys are all known; a mistake is NC002 (UsageError) with key and line."""

    def __init__(self, document: TomlDocument, key: Key, data: Any, keys: Sequence[str],
                 number: int | None = None) -> None:
        """`number`: which table of an array it is."""
        self.document, self.key, self.data, self.number = document, key, data, number
        if not isinstance(data, dict):
            raise document.bad(key, "expected a table")
        for name in data:
            if name not in keys:
                close = difflib.get_close_matches(name[:100], keys, n=1, cutoff=0.6)
                hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(keys)}"
                raise self.bad(name, f"unknown key; {hint}")

    def bad(self, name: str, error: str) -> UsageError:
        """NC002 at a key of this table."""
        key = (*self.key, name)
        text = key_text(key if self.number is None else (
            *self.key[:-1], f"{self.key[-1]}[{self.number}]", name))
        return UsageError(Diagnostic("NC002", self.document.where(key), {
            "path": self.document.path, "key": text, "error": error}))

    def get(self, name: str, kind: type) -> Any:
        """The value at a key, None where it is absent."""
        value = self.data.get(name)
        if value is not None and type(value) is not kind:
            raise self.bad(name, f"expected {_KINDS[kind]}")
        return value

    def text(self, name: str) -> str | None:
        """A string that is not empty and can be printed; None where it is absent."""
        value: str | None = self.get(name, str)
        if value is not None and not (value and value.isprintable()):
            raise self.bad(name, "expected printable characters")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A string or a list of strings."""
        value = self.data.get(name, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise self.bad(name, "expected a string or a list of strings")
        if not all(text and text.isprintable() for text in values):
            raise self.bad(name, "expected printable characters")
        return tuple(values)

    def option(self, option: Option) -> Any:
        """The value of a declared option."""
        try:
            return option.values.read(self.data[option.key])
        except ValueError as error:
            raise self.bad(option.key, f"expected {error}") from None

    def ticks(self, name: str) -> int | None:
        """A number of ticks."""
        value: int | None = self.get(name, int)
        if value is not None and not 0 < value <= MAX_TICKS:
            raise self.bad(name, f"expected a whole number from 1 to {MAX_TICKS:,}")
        return value

    def file(self, name: str) -> Path | None:
        """A path, relative to the configuration file."""
        value = self.text(name)
        return None if value is None else beside(self.document, value)

    def table(self, name: str, keys: Sequence[str]) -> Table | None:
        """The table at a key, None where it is absent."""
        data = self.data.get(name)
        return None if data is None else Table(self.document, (*self.key, name), data, keys)

    def named_tables(self, name: str, keys: Sequence[str]) -> Iterator[tuple[str, Table]]:
        """Named tables below a key."""
        for title, data in (self.get(name, dict) or {}).items():
            if not (title and title.isprintable()):
                raise self.bad(name, "expected names of printable characters")
            yield title, Table(self.document, (*self.key, name, title), data, keys)

    def listed_tables(self, name: str, keys: Sequence[str]) -> Iterator[Table]:
        """The tables of an array."""
        for number, data in enumerate(self.get(name, list) or []):
            yield Table(self.document, (*self.key, name), data, keys, number)


def beside(document: TomlDocument, path: str) -> Path:
    """A path that a file names, relative to it."""
    return Path(os.path.abspath(Path(document.path).absolute().parent / path))
