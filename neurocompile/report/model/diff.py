"""What `neurocompile report --diff OLD NEW --format json` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from neurocompile.report.model.findings import Finding
from neurocompile.report.plain import Key
from neurocompile.report.schema import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildName:
    """A build."""

    model: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildNames:
    """The two builds."""

    old: BuildName
    new: BuildName


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """A number of both builds."""

    name: str
    old: float
    new: float
    percent: float | None  # null from zero, and where nothing changed


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """Values that are not the same; null where a build has none."""

    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FactChange(ValueChange):
    """A fact that is not the same in both builds."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationSize:
    """A population that only one of the builds has."""

    name: str
    neurons: Count
    synapses: Count
    cores: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationDiff:
    """What is not the same of a population of both builds."""

    name: str
    values: Mapping[str, ValueChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationDiffs:
    """Populations, matched by name."""

    new: tuple[PopulationSize, ...]
    only_old: Annotated[tuple[PopulationSize, ...], Key("gone")]
    differing: Annotated[tuple[PopulationDiff, ...], Key("changed")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDiffs:
    """Findings, matched by code and module, so that lines may move."""

    new: tuple[Finding, ...]
    only_old: Annotated[tuple[Finding, ...], Key("gone")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What differs between two builds."""

    schema: Literal["neurocompile/diff/1"] = "neurocompile/diff/1"
    builds: BuildNames
    origin: Annotated[tuple[FactChange, ...], Key("given")]  # model, target, limits, options, versions
    totals: tuple[NumberChange, ...]
    traffic: tuple[NumberChange, ...] | None  # null where it was measured in one build only
    results: tuple[FactChange, ...]  # accuracy and verification
    populations: PopulationDiffs
    findings: FindingDiffs
    growth: tuple[Finding, ...]  # NC023 for what grew by more than the limit
