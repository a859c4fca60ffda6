"""Reading a configuration: the nearest file, each key known, each mistake with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from neurocompile.capture.declaration import LAYOUTS, Declaration
from neurocompile.config.entries import Config, Ignore, ModelEntry
from neurocompile.config.table import Table, beside
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.families.table import declared_options
from neurocompile.formats.table import format_options
from neurocompile.input_sizes import InputSizes
from neurocompile.options import INPUT, Option
from neurocompile.rules import RULES
from neurocompile.toml_document import Key, TomlDocument, parse_toml, read_toml

NAMES = ("neurocompile.toml", "pyproject.toml")
KEYS = ("target", "models", "ignore", "baseline", "neurons")
MODEL_KEYS = ("entry", "args", "weights", "input", "sample", "ticks", "targets")
INPUT_KEYS = ("shape", "ticks")
IGNORE_KEYS = ("code", "module", "reason")
NEURON_KEYS = ("class", "equations", "layout", "reset", "start", "constants")
PROJECT_TABLE: Key = ("tool", "neurocompile")  # of pyproject.toml


def load_config(path: Path | None = None, start: Path | None = None) -> Config:
    """The configuration in `path`, else the nearest one at or above `start`, else an empty one.

    Raises UsageError: NC007 when `path` is no file, NC002 for an unknown key or a wrong type.
    """
    if path is not None:
        if "\0" in str(path) or not path.exists():
            raise UsageError(Diagnostic("NC007", values={
                "what": f"the configuration `{path}`", "reason": "no such file"}))
        return parse_config(parse_toml(read_toml(path), str(path)))
    for folder in _upwards((start or Path.cwd()).absolute()):
        for name in NAMES:
            file = folder / name
            if not file.is_file():
                continue
            document = parse_toml(read_toml(file), str(file))
            if name == NAMES[0] or _is_ours(document):
                return parse_config(document)
    return Config()


def _upwards(folder: Path) -> Iterable[Path]:
    return (folder, *folder.parents)


def _is_ours(document: TomlDocument) -> bool:
    """Whether a pyproject.toml has a table for us."""
    tool = document.data.get("tool")
    return isinstance(tool, dict) and "neurocompile" in tool


def parse_config(document: TomlDocument) -> Config:
    """The configuration in a file; unknown or wrongly typed keys are NC002 (UsageError)."""
    key: Key = ()
    data = document.data
    if Path(document.path).name == "pyproject.toml":
        key, tool = PROJECT_TABLE, data.get("tool", {})
        data = tool.get("neurocompile", {}) if isinstance(tool, dict) else tool
    table = Table(document, key, data, KEYS)
    keys = (*MODEL_KEYS, *(one.key for one in (*declared_options(), *format_options())))
    return Config(
        path=Path(document.path).absolute(),
        targets=tuple(_target(table, name) for name in table.texts("target")),
        models=tuple(_model(name, entry) for name, entry in table.named_tables("models", keys)),
        ignores=tuple(_ignores(table)), baseline=table.file("baseline"),
        neurons=dict(_neurons(table)))


def _target(table: Table, name: str) -> str:
    """A target's name; that of a file from the working directory on, where that can be said."""
    if not name.endswith(".toml"):
        return name
    file = beside(table.document, name)  # a build names it, so it must not depend on the machine
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _model(name: str, table: Table) -> ModelEntry:
    entry = table.text("entry")
    if entry is None and table.text("weights") is None:
        raise table.bad("entry", "missing")
    return ModelEntry(
        name=name, entry=entry, args=table.get("args", dict) or {},
        weights=table.file("weights"), input=_input(table), sample=table.file("sample"),
        ticks=table.ticks("ticks"),
        targets=tuple(_target(table, one) for one in table.texts("targets")),
        options=_options(table, declared_options()), formats=_options(table, format_options()))


def _options(table: Table, options: Iterable[Option]) -> dict[str, Any]:
    return {one.name: table.option(one) for one in options if one.key in table.data}


def _input(model: Table) -> InputSizes | None:
    """A text, or a table of the shape of one sample and tick, and of ticks in front of the samples."""
    value = model.data.get(INPUT.key)
    if value is None:
        return None
    if isinstance(value, str):
        text: InputSizes = model.option(INPUT)
        return text
    table = Table(model.document, (*model.key, INPUT.key), value, INPUT_KEYS)
    shape = table.get("shape", list)
    if shape is None:
        raise table.bad("shape", "missing")
    if not shape or not all(type(n) is int and n > 0 for n in shape):
        raise table.bad("shape", "expected positive whole numbers")
    ticks = table.ticks("ticks")
    form = InputSizes(tuple(shape)) if ticks is None else InputSizes((ticks, *shape), samples=1)
    try:
        INPUT.values.read(form)
    except ValueError as error:
        raise table.bad("shape", f"expected {error}") from None
    return form


def _ignores(table: Table) -> Iterator[Ignore]:
    for entry in table.listed_tables("ignore", IGNORE_KEYS):
        code, module, reason = (entry.text(key) for key in IGNORE_KEYS)
        if code is None or code not in RULES:
            raise entry.bad("code", "missing" if code is None else f"no rule `{code}`")
        if reason is None:
            raise entry.bad("reason", "missing: say why this finding may be ignored")
        yield Ignore(code, module or "*", reason)


def _neurons(table: Table) -> Iterator[tuple[str, Declaration]]:
    for entry in table.listed_tables("neurons", NEURON_KEYS):
        name, equations = entry.get("class", str), entry.get("equations", str)
        for key, value in (("class", name), ("equations", equations)):
            if not value:
                raise entry.bad(key, "missing")
        if name.count(":") != 1:
            raise entry.bad("class", "expected `pkg.mod:Class`")
        layout = entry.text("layout") or LAYOUTS[0]
        if layout not in LAYOUTS:
            raise entry.bad("layout", f"expected one of {', '.join(LAYOUTS)}")
        reset, constants = entry.data.get("reset", ()), entry.get("constants", dict) or {}
        for key, value in (("start", entry.data.get("start", 0.0)), *constants.items()):
            if type(value) not in (int, float, str):
                raise entry.bad(key if key == "start" else "constants",
                                "expected numbers, or names of attributes")
        yield name.replace(":", "."), Declaration(
            equations=equations, layout=layout,
            reset=reset if isinstance(reset, dict) else entry.texts("reset"),
            start=entry.data.get("start", 0.0), constants=constants)
