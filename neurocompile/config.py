"""Configuration: `[tool.neurocompile]` of pyproject.toml, or neurocompile.toml with the same keys."""

from __future__ import annotations

import difflib
import fnmatch
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from neurocompile.capture.declaration import Declaration
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.families.table import declared_options
from neurocompile.options import Option
from neurocompile.rules import RULES

NAMES = ("neurocompile.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class InputShape:
    """The shape of one sample and tick; `ticks` where the input has a time axis (in front)."""

    shape: tuple[int, ...]
    ticks: int | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the project. Paths are absolute; None: not configured."""

    name: str
    entry: str | None = None  # pkg.mod:factory
    args: Mapping[str, Any] = field(default_factory=dict)  # keyword arguments of the factory
    weights: Path | None = None
    input: InputShape | None = None
    sample: Path | None = None
    ticks: int | None = None  # for models that compute one tick per call
    targets: tuple[str, ...] = ()  # empty: the project's
    options: Mapping[str, Any] = field(default_factory=dict)  # declared ones that are set, by name


@dataclass(frozen=True, slots=True)
class Ignore:
    """Findings to leave out; `module` is a pattern such as `head.*`."""

    code: str
    module: str
    reason: str

    def matches(self, finding: Diagnostic) -> bool:
        """Whether the finding has this code and lies in a module of this pattern."""
        module = finding.where.module or str(finding.values.get("module", ""))
        return finding.code == self.code and fnmatch.fnmatchcase(module, self.module)


@dataclass(frozen=True, slots=True)
class Config:
    """The project's configuration; `path` is None when there is none."""

    path: Path | None = None
    targets: tuple[str, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    baseline: Path | None = None  # findings that are known and do not count
    neurons: Mapping[str, Declaration] = field(default_factory=dict)  # by class, `pkg.mod.Name`

    def entry_for(self, model: str) -> ModelEntry | None:
        """The entry of that name, of that `pkg.mod:factory`, or whose weights are that file."""
        for entry in self.models:
            if model in (entry.name, entry.entry):
                return entry
            if entry.weights is not None and Path(os.path.abspath(model)) == entry.weights:
                return entry
        return None


def load_config(path: Path | None = None, start: Path | None = None) -> Config:
    """The configuration in `path`, else the nearest one at or above `start`, else an empty one.

    Raises UsageError: NC007 when `path` is no file, NC002 for an unknown key or a wrong type.
    """
    if path is not None:
        if not path.is_file():
            raise UsageError(Diagnostic("NC007", values={
                "what": f"the configuration `{path}`", "reason": "no such file"}))
        return parse_config(_toml(path), path)
    for folder in _upwards((start or Path.cwd()).absolute()):
        for name in NAMES:
            file = folder / name
            if not file.is_file():
                continue
            data = _toml(file)
            if name == NAMES[0] or "neurocompile" in data.get("tool", {}):
                return parse_config(data, file)
    return Config()


def _upwards(folder: Path) -> Iterable[Path]:
    return (folder, *folder.parents)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(_bad(path, "(file)", str(error))) from None


def parse_config(data: dict[str, Any], path: Path) -> Config:
    """The configuration in a parsed file; unknown or wrongly typed keys are NC002."""
    prefix = ""
    if path.name == "pyproject.toml":
        data, prefix = data.get("tool", {}).get("neurocompile", {}), "tool.neurocompile."
    table = _Table(path, prefix, data, ("target", "models", "ignore", "baseline", "neurons"))
    targets = tuple(_target(name, path) for name in table.texts("target"))
    keys = (*_MODEL_KEYS, *(one.key for one in declared_options()))
    models = tuple(_model(name, entry) for name, entry in table.tables("models", keys))
    return Config(path.absolute(), targets, models, tuple(_ignores(table)),
                  table.file("baseline"), dict(_neurons(table)))


def _target(name: str, path: Path) -> str:
    if not name.endswith(".toml"):
        return name
    file = _beside(path, name)  # a build names it, so it must not depend on the machine
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _beside(path: Path, name: str) -> Path:
    """A path that a file names, relative to it."""
    return Path(os.path.abspath(path.absolute().parent / name))


_MODEL_KEYS = tuple(f.name for f in fields(ModelEntry) if f.name not in ("name", "options"))


def _model(name: str, table: _Table) -> ModelEntry:
    if table.get("entry", str) is None and table.get("weights", str) is None:
        raise UsageError(table.bad("entry", "missing"))
    return ModelEntry(
        name=name, entry=table.get("entry", str), args=table.get("args", dict) or {},
        weights=table.file("weights"), input=_input(table), sample=table.file("sample"),
        ticks=table.number("ticks"),
        targets=tuple(_target(one, table.path) for one in table.texts("targets")),
        options={one.name: table.option(one) for one in declared_options()
                 if one.key in table.data})


def _input(model: _Table) -> InputShape | None:
    data = model.get("input", dict)
    if data is None:
        return None
    table = _Table(model.path, f"{model.prefix}input.", data, ("shape", "ticks"))
    shape = table.get("shape", list)
    if shape is None:
        raise UsageError(table.bad("shape", "missing"))
    if not shape or not all(type(n) is int and n > 0 for n in shape):
        raise UsageError(table.bad("shape", "expected positive whole numbers"))
    return InputShape(tuple(shape), table.number("ticks"))


def _ignores(table: _Table) -> Iterable[Ignore]:
    keys = ("code", "module", "reason")
    for number, data in enumerate(table.get("ignore", list) or []):
        entry = _Table(table.path, f"{table.prefix}ignore[{number}].", data, keys)
        code, module, reason = (entry.get(key, str) for key in keys)
        if not reason:
            raise UsageError(entry.bad("reason", "missing: say why this finding may be ignored"))
        if code not in RULES:
            raise UsageError(entry.bad("code", f"no rule `{code}`"))
        yield Ignore(code, module or "*", reason)


_NEURON_KEYS = ("class", "equations", "layout", "reset", "start", "constants")


def _neurons(table: _Table) -> Iterable[tuple[str, Declaration]]:
    for number, data in enumerate(table.get("neurons", list) or []):
        entry = _Table(table.path, f"{table.prefix}neurons[{number}].", data, _NEURON_KEYS)
        name, equations = entry.get("class", str), entry.get("equations", str)
        for key, value in (("class", name), ("equations", equations)):
            if not value:
                raise UsageError(entry.bad(key, "missing"))
        if name.count(":") != 1:
            raise UsageError(entry.bad("class", "expected `pkg.mod:Class`"))
        reset = entry.data.get("reset", ())
        yield name.replace(":", "."), Declaration(
            equations, entry.get("layout", str) or "ticks",
            reset if isinstance(reset, dict) else entry.texts("reset"),
            entry.data.get("start", 0.0), entry.get("constants", dict) or {})


class _Table:
    """A TOML table whose keys are all known."""

    def __init__(self, path: Path, prefix: str, data: Any, known: tuple[str, ...]) -> None:
        self.path, self.prefix, self.data = path, prefix, data
        if not isinstance(data, dict):
            raise UsageError(_bad(path, prefix.rstrip("."), "expected a table"))
        for key in data:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
                hint = (f"did you mean `{close[0]}`?" if close
                        else f"known: {', '.join(known)}")
                raise UsageError(self.bad(key, f"unknown key; {hint}"))

    def bad(self, key: str, error: str) -> Diagnostic:
        """An error at a key of this table."""
        return _bad(self.path, f"{self.prefix}{key}", error)

    def get(self, key: str, kind: type) -> Any:
        """The value at a key, None where it is absent."""
        value = self.data.get(key)
        if value is not None and type(value) is not kind:
            names = {str: "a string", int: "a whole number", list: "a list", dict: "a table"}
            raise UsageError(self.bad(key, f"expected {names[kind]}"))
        return value

    def option(self, option: Option) -> Any:
        """The value of a declared option."""
        try:
            return option.values.read(self.data[option.key])
        except ValueError as error:
            raise UsageError(self.bad(option.key, f"expected {error}")) from None

    def number(self, key: str) -> int | None:
        """A positive whole number."""
        value: int | None = self.get(key, int)
        if value is not None and value < 1:
            raise UsageError(self.bad(key, "expected a positive number"))
        return value

    def file(self, key: str) -> Path | None:
        """A path, relative to the configuration file."""
        value = self.get(key, str)
        return None if value is None else _beside(self.path, value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A string or a list of strings."""
        value = self.data.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise UsageError(self.bad(key, "expected a string or a list of strings"))
        return tuple(values)

    def tables(self, key: str, known: tuple[str, ...]) -> Iterable[tuple[str, _Table]]:
        """Named tables below a key."""
        for name, data in (self.get(key, dict) or {}).items():
            yield name, _Table(self.path, f"{self.prefix}{key}.{name}.", data, known)


def _bad(path: Path, key: str, error: str) -> Diagnostic:
    return Diagnostic("NC002", Location(file=str(path)), {
        "path": str(path), "key": key, "error": error})


def unused_ignores(config: Config, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """NC012 for every ignore that matches none of the findings of all models."""
    everything = list(findings)
    file = None if config.path is None else os.path.relpath(config.path)
    return [Diagnostic("NC012", Location(file=file), {
        "code": ignore.code, "module": ignore.module})
        for ignore in config.ignores if not any(ignore.matches(one) for one in everything)]
