"""What a configuration says, as values."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurocompile.capture.declaration import Declaration
from neurocompile.diagnostics import Diagnostic, Location
from neurocompile.input_sizes import InputSizes


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model of the project. Paths are absolute; None: not configured."""

    name: str
    entry: str | None = None  # pkg.mod:factory
    args: Mapping[str, Any] = field(default_factory=dict)  # keyword arguments of the factory
    weights: Path | None = None
    input: InputSizes | None = None
    sample: Path | None = None
    ticks: int | None = None  # for models that compute one tick per call
    targets: tuple[str, ...] = ()  # empty: the project's
    options: Mapping[str, Any] = field(default_factory=dict)  # declared ones that are set, by name
    formats: Mapping[str, Any] = field(default_factory=dict)  # options of formats, likewise


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


@dataclass(frozen=True, slots=True, kw_only=True)
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


def unused_ignores(config: Config, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """NC012 for every ignore that matches none of the findings of all models."""
    everything = list(findings)
    file = None if config.path is None else os.path.relpath(config.path)
    return [Diagnostic("NC012", Location(file=file), {
        "code": ignore.code, "module": ignore.module})
        for ignore in config.ignores if not any(ignore.matches(one) for one in everything)]
