"""TOML files of users: read whole, in bounded time, with the line of every key."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocompile.diagnostics import Diagnostic, Location, UsageError

MAX_BYTES = 1 << 18
MAX_DEPTH = 32  # of tables and arrays in each other, and of the parts of a key
MAX_DIGITS = 1000
FILE = "(file)"  # stands for a key where all of a file is wrong
MAX_KEY = 80  # characters of a key in a finding

Key = tuple[str, ...]

_TOKEN = re.compile(r"""
    \#[^\n]*
  | (?P<text>\"{3}(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5} | '{3}(?:[^']|'{1,2}(?!'))*+'{3,5})
  | (?P<open>\"{3}|'{3})
  | (?P<part>"(?:[^"\\\n]|\\.)*+" | '[^'\n]*' | [^\s\#"'\[\]{}=,.]+)
  | (?P<mark>[\[\]{}=,.\n])
""", re.VERBOSE | re.DOTALL)
_LINE = re.compile(r"at line (\d+)")


@dataclass(frozen=True, slots=True)
class TomlDocument:
    """A TOML text, its tables, and the file that findings name."""

    path: str
    text: str
    data: dict[str, Any]

    def line(self, key: Key) -> int:
        """The line of a key; of the table that it would stand in where it does not; else 1."""
        lines = key_lines(self.text)
        return next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)

    def where(self, key: Key) -> Location:
        """The place of a key."""
        return Location(file=self.path, line=self.line(key))

    def bad(self, key: Key, error: str) -> UsageError:
        """NC002 at a key."""
        return UsageError(Diagnostic("NC002", self.where(key), {
            "path": self.path, "key": key_text(key), "error": error}))


def key_text(key: Key) -> str:
    """A key as messages name it."""
    text = ".".join(key)
    return text if len(text) <= MAX_KEY else text[:MAX_KEY - 3] + "..."


def read_toml(path: Path) -> str:
    """The text of a TOML file.

    Raises UsageError (NC002) for what is no regular file, cannot be read, is longer than MAX_BYTES
    or is not UTF-8.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _bad_file(path, "it is a directory" if stat.S_ISDIR(status.st_mode)
                            else "it is a device, pipe or socket")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _bad_file(path, getattr(error, "strerror", None) or str(error)) from None
    if len(content) > MAX_BYTES:
        raise _bad_file(path, f"it is longer than {MAX_BYTES:,} B")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _bad_file(path, f"byte {content[error.start]:#04x} is not UTF-8", line) from None


def parse_toml(text: str, path: str) -> TomlDocument:
    """The tables of a text. Raises UsageError (NC002) where it is not TOML or nested too deeply."""
    if text.startswith("\ufeff"):
        raise _bad_file(path, "it begins with a byte order mark", 1)
    _check_tokens(text, path)
    try:
        return TomlDocument(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        match = _LINE.search(str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        raise _bad_file(path, str(error), line) from None


def key_lines(text: str) -> dict[Key, int]:
    """The line of every key and table of a valid text; of an array's, the first of each name."""
    lines: dict[Key, int] = {}
    table: Key = ()  # of the last header
    around: list[tuple[str, Key]] = []  # the brackets that are open in a value, with their keys
    parts: Key = ()
    value = False
    for token, line in _tokens(text):
        base = around[-1][1] if around else table
        if token in ("[", "{") and (value or around):
            around.append((token, base + parts))
            parts, value = (), token == "["
        elif token in ("]", "}") and around:
            around.pop()
            parts, value = (), True
        elif token == "]":
            table = parts
            _enter(lines, (), parts, line)
        elif token == "=":
            _enter(lines, base, parts, line)
            value = True
        elif token in (",", "\n") and (token == "," or not around):
            parts, value = (), bool(around) and around[-1][0] == "["
        elif token not in ("[", ".", "\n", ",") and not value:
            parts = (*parts, _part(token))
    return lines


def _enter(lines: dict[Key, int], base: Key, parts: Key, line: int) -> None:
    for n in range(1, len(parts) + 1):
        lines.setdefault(base + parts[:n], line)


def _part(token: str) -> str:
    """A part of a key without its quotes."""
    if token[0] == '"' and "\\" in token:
        return str(tomllib.loads(f"part = {token}")["part"])
    return token[1:-1] if token[0] in "\"'" else token


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Tokens that are no comments with their lines; none after a string without an end."""
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "open":
            return
        if match.lastgroup is not None:
            yield match[0], line
        line += match[0].count("\n")


def _check_tokens(text: str, path: str) -> None:
    """Raise UsageError (NC002) for what a parser takes very long for, or gives up at."""
    depth = dots = 0
    for token, line in _tokens(text):
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        dots = dots + 1 if token == "." else 0 if token in ("\n", "=", ",") else dots
        if max(depth, dots) > MAX_DEPTH:
            raise _bad_file(path, f"more than {MAX_DEPTH} tables in each other", line)
        if len(token) > MAX_DIGITS and token[0] in "+-0123456789":
            raise _bad_file(path, f"a number of more than {MAX_DIGITS:,} digits", line)


def _bad_file(path: Path | str, error: str, line: int | None = None) -> UsageError:
    return UsageError(Diagnostic("NC002", Location(file=str(path), line=line), {
        "path": str(path), "key": FILE, "error": error}))
