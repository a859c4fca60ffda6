"""mapping.json: what sits where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from neurocompile.report.model.traffic import Routes
from neurocompile.report.schema import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationOrder:
    """How a population's neurons are numbered for slices."""

    neurons: Count
    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePlace:
    """Positions start..stop - 1 of a population's order."""

    population: str
    order: str
    start: Count
    stop: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePlace:
    """A core: where it is, and what it holds."""

    core: Count  # its number
    chip: Count
    x: Count  # column and row in the chip's mesh
    y: Count
    slices: tuple[SlicePlace, ...]
    usage: Mapping[str, int]  # what it takes, by resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which neurons sit on which core, where the core is, and the traffic between the cores."""

    schema: Literal["neurocompile/mapping/1"] = "neurocompile/mapping/1"
    target: str
    populations: Mapping[str, PopulationOrder]
    cores: tuple[CorePlace, ...]
    routing: Routes
