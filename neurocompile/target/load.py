"""Reading targets: TOML files against the tables that a family's type of target declares.

The families are the caller's: every function takes the types of targets by the name of a family.
"""

from __future__ import annotations

import difflib
import importlib.resources
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.target.base import Quantity, Range, Section, Target, ranges, sections
from neurocompile.toml_document import Key, TomlDocument, key_text, parse_toml, read_toml

CONFIDENCE = ("published", "inferred", "assumed")
LENGTHS = {"name": 100, "description": 1000, "unit": 40, "source": 1000}
SHORT = 100  # characters of other texts
HUGE = 128  # bits of a number that is not written out

TargetTypes = Mapping[str, type[Target]]


def known_targets() -> list[str]:
    """Names of the targets that ship with neurocompile, sorted."""
    folder = importlib.resources.files("neurocompile.targets")
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def load_target(name: str, target_types: TargetTypes) -> Target:
    """The target of that name, or of the TOML file at that path.

    Raises UsageError: NC001 when there is none, NC002 and NC010 when the file is no target.
    """
    if name.endswith(".toml") and os.path.exists(name):
        return parse_target(read_toml(Path(name)), name, target_types)
    names = known_targets()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
        raise UsageError(Diagnostic("NC001", values={
            "name": name, "known": names, "close": close[0] if close else names[0]}))
    return parse_target(_package_text(name), _package_path(name), target_types)


def parse_target(text: str, path: str, target_types: TargetTypes) -> Target:
    """A Target from TOML text.

    `extends` names a target that ships with neurocompile, whose numbers hold where the file gives
    none. Raises UsageError for the first thing that is wrong: NC002 for unknown, missing or wrongly
    typed keys, NC010 for a number out of its range.
    """
    document = parse_toml(text, path)
    data = _tables(document)
    name, family, description = (_text(document, (key,), data.pop(key, None))
                                 for key in ("name", "family", "description"))
    target_type = target_types.get(family)
    if target_type is None:
        raise document.bad(("family",), f"expected one of {', '.join(target_types)}")
    declarations = sections(target_type)
    _check_keys(document, (), data, [section.name for section in declarations])
    tables = {section.name: _content(document, section, data.get(section.name, {}))
              for section in declarations if section.name in data or not section.optional}
    target = target_type(name=name, family=family, description=description, path=path, **tables)
    quantities = dict(target.quantities())
    for key, limits in target.relations():
        _check_range(document, tuple(key.split(".")), quantities[key], limits)
    return target


def _package_text(name: str) -> str:
    resource = importlib.resources.files("neurocompile.targets") / f"{name}.toml"
    return resource.read_text(encoding="utf-8")


def _package_path(name: str) -> str:
    return f"targets/{name}.toml"


def _tables(document: TomlDocument) -> dict[str, Any]:
    """What a file says, over what the target that it extends says."""
    data = dict(document.data)
    schema, name = data.pop("schema", None), data.pop("extends", None)
    if type(schema) is not int or schema != 1:
        raise document.bad(("schema",), "expected 1")
    if name is None:
        return data
    if name not in known_targets():
        raise document.bad(("extends",), f"expected one of {', '.join(known_targets())}")
    base = _tables(parse_toml(_package_text(name), _package_path(name)))
    for key, value in data.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        base[key] = base[key] | value if both else value
    return base


def _content(document: TomlDocument, section: Section, table: Any) -> Any:
    key = (section.name,)
    if not section.by_source:
        return _table(document, key, section.table, table)
    if not isinstance(table, dict) or not table:
        raise document.bad(key, "expected a table by source")
    for source in table:
        if not re.fullmatch(r"[\w-]{1,100}", source, re.ASCII):
            raise document.bad((*key, source), "expected up to 100 letters, digits, - and _")
    return {source: _table(document, (*key, source), section.table, one)
            for source, one in table.items()}


def _table(document: TomlDocument, key: Key, table_type: type, table: Any) -> Any:
    by_name = ranges(table_type)
    _check_keys(document, key, table, by_name)
    missing = next((name for name in by_name if name not in table), None)
    if missing is not None:
        raise document.bad((*key, missing), "missing")
    return table_type(**{name: _quantity(document, (*key, name), table[name], limits)
                         for name, limits in by_name.items()})


def _check_keys(document: TomlDocument, key: Key, table: Any, names: Iterable[str]) -> None:
    """Raise UsageError (NC002) for what is no table, or has another key than these."""
    if not isinstance(table, dict):
        raise document.bad(key, f"expected a table, not {_kind(table)}")
    for name in table:
        if name not in names:
            close = difflib.get_close_matches(name[:100], names, n=1)
            raise document.bad((*key, name), "unknown key" + (
                f"; did you mean `{close[0]}`?" if close else ""))


def _quantity(document: TomlDocument, key: Key, entry: Any, limits: Range) -> Quantity:
    names = [f.name for f in fields(Quantity)]
    if not isinstance(entry, dict) or set(entry) != set(names):
        raise document.bad(key, f"expected a table with {', '.join(names)}")
    if type(entry["value"]) is not int:
        raise document.bad((*key, "value"), f"expected a whole number, not {_kind(entry['value'])}")
    for name in ("unit", "source", "confidence"):
        _text(document, (*key, name), entry[name])
    if entry["confidence"] not in CONFIDENCE:
        raise document.bad((*key, "confidence"), f"expected one of {', '.join(CONFIDENCE)}")
    quantity = Quantity(**entry)
    _check_range(document, key, quantity, limits)
    return quantity


def _text(document: TomlDocument, key: Key, value: Any) -> str:
    name = key[-1]
    if not isinstance(value, str):
        raise document.bad(key, "missing" if value is None else
                           f"expected a string, not {_kind(value)}")
    if len(value) > LENGTHS.get(name, SHORT):
        raise document.bad(key, f"longer than {LENGTHS.get(name, SHORT):,} characters")
    if not value and name != "unit":
        raise document.bad(key, "empty")
    if not value.isprintable():
        raise document.bad(key, "expected printable characters only")
    return value


def _kind(value: Any) -> str:
    """A value of another type than expected, in words."""
    if isinstance(value, bool | float):
        return str(value).lower()
    words = {int: "a number", str: "a string", list: "an array", dict: "a table"}
    return words.get(type(value), "a date or time")


def _check_range(document: TomlDocument, key: Key, quantity: Quantity, limits: Range) -> None:
    """Raise UsageError (NC010) for a number out of its range."""
    value, unit = quantity.value, quantity.unit
    if value in limits:
        return
    size = value.bit_length()
    amount = value if size <= HUGE else f"about {'-' if value < 0 else ''}2^{size}"
    raise UsageError(Diagnostic("NC010", document.where((*key, "value")), {
        "path": document.path, "key": key_text(key), "unit": unit, "low": limits.low,
        "high": limits.high, "allowed": limits.describe(unit),
        "value": amount}))
