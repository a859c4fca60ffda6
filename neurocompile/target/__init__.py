"""Targets are data: chip descriptions read from TOML, each number with unit and source."""

from __future__ import annotations

import difflib
import importlib.resources
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.target.tables import (
    ChipLimits,
    CoreLimits,
    CrossbarCosts,
    CrossbarLimits,
    CrossbarNeuron,
    ListAccounting,
    NeuronFormat,
    OperationCosts,
    Quantity,
    SynapseFormat,
)

CONFIDENCE = ("published", "inferred", "assumed")


@dataclass(frozen=True, slots=True)
class Target:
    """A machine as data. `path` is the TOML file that a finding names."""

    name: str
    family: str
    description: str
    path: str
    chip: ChipLimits

    @property
    def total_cores(self) -> int:
        """Cores of the largest system that it describes."""
        return self.chip.cores.value * self.chip.chips.value

    def quantities(self) -> Iterator[tuple[str, Quantity]]:
        """Every number with its TOML key, in the file's order."""
        for table in TABLES[type(self)]:
            section = getattr(self, table)
            named = {f"{table}.{name}": one for name, one in section.items()} if (
                table in _NAMED) else {table: section}
            for prefix, one in named.items():
                for f in fields(one) if one is not None else ():
                    yield f"{prefix}.{f.name}", getattr(one, f.name)


@dataclass(frozen=True, slots=True)
class LoihiTarget(Target):
    """A machine of Loihi chips: synapse lists in each core's memory."""

    core: CoreLimits
    synapse: SynapseFormat
    accounting: Mapping[str, ListAccounting]  # by source; the largest count holds
    neuron: NeuronFormat
    costs: OperationCosts | None = None  # None: nothing is published


@dataclass(frozen=True, slots=True)
class TrueNorthTarget(Target):
    """A machine of TrueNorth chips: a binary crossbar in each core."""

    core: CrossbarLimits
    neuron: CrossbarNeuron
    costs: CrossbarCosts | None = None


TABLES: dict[type[Target], dict[str, type]] = {
    LoihiTarget: {"chip": ChipLimits, "core": CoreLimits, "synapse": SynapseFormat,
                  "accounting": ListAccounting, "neuron": NeuronFormat, "costs": OperationCosts},
    TrueNorthTarget: {"chip": ChipLimits, "core": CrossbarLimits, "neuron": CrossbarNeuron,
                      "costs": CrossbarCosts},
}
FAMILIES: dict[str, type[Target]] = {
    "loihi1": LoihiTarget, "loihi2": LoihiTarget, "truenorth": TrueNorthTarget,
}
_OPTIONAL = ("costs",)
_NAMED = ("accounting",)  # tables of tables


def known_targets() -> list[str]:
    """Names of the targets that ship with neurocompile, sorted."""
    folder = importlib.resources.files("neurocompile.targets")
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def load_target(name: str) -> Target:
    """The target of that name, or of the TOML file at that path.

    Raises UsageError (NC001) when there is none, (NC002) when the file is not a target.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(Diagnostic("NC001", values=_unknown(name)))
        return parse_target(path.read_text(encoding="utf-8"), str(path))
    if name not in known_targets():
        raise UsageError(Diagnostic("NC001", values=_unknown(name)))
    return parse_target(_shipped(name), f"targets/{name}.toml")


def _shipped(name: str) -> str:
    resource = importlib.resources.files("neurocompile.targets") / f"{name}.toml"
    return resource.read_text(encoding="utf-8")


def _unknown(name: str) -> dict[str, object]:
    known = known_targets()
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return {"name": name, "known": known, "close": close[0] if close else known[0]}


def parse_target(text: str, path: str) -> Target:
    """A Target from TOML text; unknown, missing or wrongly typed keys are NC002.

    `extends` names a target that ships with neurocompile, whose numbers are taken where the file
    gives none.
    """
    data = _tables(text, path)
    for key in ("name", "family", "description"):
        if not isinstance(data.get(key), str):
            raise UsageError(_bad(path, key, "expected a string"))
    family = FAMILIES.get(data["family"])
    if family is None:
        raise UsageError(_bad(path, "family", f"expected one of {', '.join(FAMILIES)}"))
    tables = TABLES[family]
    unknown = sorted(set(data) - set(tables) - {"name", "family", "description"})
    if unknown:
        raise UsageError(_bad(path, unknown[0], "unknown key"))
    sections: dict[str, Any] = {
        t: (_named if t in _NAMED else _section)(cls, data.get(t, {}), t, path)
        for t, cls in tables.items() if t in data or t not in _OPTIONAL}
    return family(data["name"], data["family"], data["description"], path, **sections)


def _tables(text: str, path: str) -> dict[str, Any]:
    """What a file says, over what the target that it extends says."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_bad(path, "(file)", str(error))) from None
    if data.pop("schema", None) != 1:
        raise UsageError(_bad(path, "schema", "expected 1"))
    extended = data.pop("extends", None)
    if extended is None:
        return data
    if extended not in known_targets():
        raise UsageError(_bad(path, "extends", f"one of {', '.join(known_targets())}"))
    base = _tables(_shipped(extended), f"targets/{extended}.toml")
    for key, value in data.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        base[key] = base[key] | value if both else value
    return base


def _section(cls: type, table: dict[str, Any], name: str, path: str) -> Any:
    wanted = [f.name for f in fields(cls)]
    unknown = sorted(set(table) - set(wanted))
    if unknown:
        raise UsageError(_bad(path, f"{name}.{unknown[0]}", "unknown key"))
    missing = [key for key in wanted if key not in table]
    if missing:
        raise UsageError(_bad(path, f"{name}.{missing[0]}", "missing"))
    return cls(**{key: _quantity(table[key], f"{name}.{key}", path) for key in wanted})


def _named(cls: type, table: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    if not isinstance(table, dict) or not table:
        raise UsageError(_bad(path, name, "expected a table by source"))
    for key, one in table.items():
        if not isinstance(one, dict):
            raise UsageError(_bad(path, f"{name}.{key}", "expected a table"))
        if not re.fullmatch(r"[\w-]+", key, re.ASCII):
            raise UsageError(_bad(path, f"{name}.{key}", "expected letters, digits, - and _"))
    return {key: _section(cls, one, f"{name}.{key}", path) for key, one in table.items()}


def _quantity(entry: Any, key: str, path: str) -> Quantity:
    shape = {"value": int, "unit": str, "source": str, "confidence": str}
    if not isinstance(entry, dict) or set(entry) != set(shape):
        raise UsageError(_bad(path, key, f"expected a table with {', '.join(shape)}"))
    for part, kind in shape.items():
        if not isinstance(entry[part], kind) or isinstance(entry[part], bool):
            raise UsageError(_bad(path, f"{key}.{part}", f"expected {kind.__name__}"))
    if entry["confidence"] not in CONFIDENCE:
        raise UsageError(_bad(path, f"{key}.confidence", f"one of {', '.join(CONFIDENCE)}"))
    return Quantity(**entry)


def _bad(path: str, key: str, error: str) -> Diagnostic:
    return Diagnostic("NC002", Location(file=path), {"path": path, "key": key, "error": error})
