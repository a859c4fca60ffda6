"""Dataclasses as JSON's own values, and back: both follow the fields and their types.

A field's key in JSON is its name, or that of a `Key` in its annotation. A field whose default is None is left out
where it is None; every other field is always there, so a reader misses nothing in silence.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeVar

D = TypeVar("D")
SCALARS: Mapping[type, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Key:
    """In a field's annotation: its key in JSON, where that is another than its name."""

    name: str


@dataclass(frozen=True, slots=True)
class JsonField:
    """One field of a dataclass, as JSON has it."""

    name: str  # of the attribute
    key: str
    hint: Any  # its type
    optional: bool  # left out where it is None


@functools.cache
def json_fields(kind: type) -> tuple[JsonField, ...]:
    """The fields of a dataclass in their order."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple(JsonField(
        name=f.name, key=_key(hints[f.name]) or f.name, hint=hints[f.name],
        optional=f.default is None) for f in dataclasses.fields(kind))


def _key(hint: Any) -> str:
    """What the annotation says; empty where it says nothing."""
    if typing.get_origin(hint) is not Annotated:
        return ""
    return next((one.name for one in typing.get_args(hint) if isinstance(one, Key)), "")


def to_json(value: Any) -> Any:
    """A dataclass, or what one holds, in JSON's own types; mappings keep their order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.key: to_json(item) for f in json_fields(type(value))
                if not ((item := getattr(value, f.name)) is None and f.optional)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[D], value: object) -> D:
    """The dataclass that `to_json` made this of.

    Strict: raises ValueError, which names the place, for a key that is missing or one too many,
    and for a value of another type.
    """
    result: D = _read(kind, value, "")
    return result


def _read(hint: Any, value: Any, path: str) -> Any:
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    if hint is Any:
        return value
    if hint in SCALARS:
        return _scalar(hint, value, path)
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast(type, hint), value, path)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(arguments, value, path)
    if origin is Literal:
        if not any(value == one and type(value) is type(one) for one in arguments):
            raise _mismatch(path, f"one of {', '.join(map(repr, arguments))}", value)
        return value
    if origin is tuple:
        return tuple(_items(arguments, value, path))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise _mismatch(path, "an object", value)
        return {name: _read(arguments[1], item, f"{path}.{name}")
                for name, item in value.items()}
    raise TypeError(f"a field of type {hint} has no form in JSON")


def _scalar(kind: type, value: Any, path: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _mismatch(path, SCALARS[kind], value)
    return value


def _dataclass(kind: type, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _mismatch(path, "an object", value)
    hints = json_fields(kind)
    extra = sorted(set(value) - {f.key for f in hints})
    if extra:
        raise ValueError(f"`{_at(path, str(extra[0])[:40])}` is not known")
    missing = [f.key for f in hints if f.key not in value and not f.optional]
    if missing:
        raise ValueError(f"`{_at(path, missing[0])}` is missing")
    return kind(**{f.name: _read(f.hint, value[f.key], _at(path, f.key))
                   for f in hints if f.key in value})


def _one_of(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    """The value by the first of these types that reads it."""
    if value is None and types.NoneType in kinds:
        return None
    rest = [kind for kind in kinds if kind is not types.NoneType]
    for kind in rest[:-1]:
        try:
            return _read(kind, value, path)
        except ValueError:
            continue
    return _read(rest[-1], value, path)


def _items(kinds: tuple[Any, ...], value: Any, path: str) -> Iterator[Any]:
    if not isinstance(value, list):
        raise _mismatch(path, "a list", value)
    if kinds[-1:] == (Ellipsis,):
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise _mismatch(path, f"a list of {len(kinds)}", value)
    for number, (kind, item) in enumerate(zip(kinds, value, strict=True)):
        yield _read(kind, item, f"{path}[{number}]")


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _mismatch(path: str, expected: str, value: Any) -> ValueError:
    text = repr(value)
    return ValueError(f"`{path or 'all of it'}` is not {expected}: "
                      f"{text if len(text) <= 40 else text[:37] + '...'}")


def plain(value: object) -> Any:
    """Any value in JSON's own types, mappings sorted; what JSON lacks becomes text."""
    if hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in sorted(
            value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.as_posix() if isinstance(value, PurePath) else str(value)
