"""Targets as data: a machine's tables of numbers, each with its unit, source and range.

A family's target is a frozen dataclass below `Target` whose fields are tables: frozen dataclasses
of `Quantity`, `... | None` where a file may leave one out, `Mapping[str, ...]` where it names
several. `Annotated[Quantity, Range(low, high)]` is a number with a range of its own. What a file
holds is read off these types.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

MAX_CORES = 1 << 20  # of a system; placing takes time and memory by the chips that it fills
_MIN, _MAX = "_min", "_max"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a chip with its unit, where it is stated, and how far to trust it."""

    value: int
    unit: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a quantity, both ends included, and where it comes from."""

    low: int
    high: int
    reason: str = ""

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def describe(self, unit: str) -> str:
        """The range in words."""
        ends = f"{self.low:,}" if self.low == self.high else f"{self.low:,} to {self.high:,}"
        return f"{ends} {unit}".rstrip() + (f" ({self.reason})" if self.reason else "")


ANY = Range(-(1 << 53), 1 << 53)  # of a quantity that declares none
Grid = Annotated[Quantity, Range(1, 1 << 16)]  # placing on a chip of so many cores takes 0.4 s


@dataclass(frozen=True, slots=True)
class ChipLimits:
    """What a chip holds, its cores and their grid, and the grid of chips on the board."""

    cores: Grid
    grid_width: Grid  # cores per mesh row
    chips: Grid  # chips of the largest system we place on
    board_width: Grid  # chips per row of the board


@dataclass(frozen=True, slots=True, kw_only=True)
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
        for prefix, table in self._tables():
            for f in fields(table):
                yield f"{prefix}.{f.name}", getattr(table, f.name)

    def relations(self) -> Iterator[tuple[str, Range]]:
        """Ranges that follow from other numbers, by key: a family adds its own to these."""
        cores, chips = self.chip.cores.value, self.chip.chips.value
        yield "chip.grid_width", Range(1, cores, f"`chip.cores` is {cores:,}")
        yield "chip.board_width", Range(1, chips, f"`chip.chips` is {chips:,}")
        yield "chip.chips", Range(1, MAX_CORES // cores, f"{MAX_CORES:,} cores in all")
        for prefix, table in self._tables():
            limits = ranges(type(table))
            for key in limits:
                least = key.removesuffix(_MAX) + _MIN
                if key.endswith(_MAX) and least in limits:
                    low = getattr(table, least).value
                    yield f"{prefix}.{key}", Range(
                        low, limits[key].high, f"`{least}` is {low:,}")

    def _tables(self) -> Iterator[tuple[str, Any]]:
        """The tables that are there, by TOML key."""
        for section in sections(type(self)):
            content = getattr(self, section.name)
            if section.by_source:
                yield from ((f"{section.name}.{source}", one) for source, one in content.items())
            elif content is not None:
                yield section.name, content


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a type of target."""

    name: str
    table: type
    optional: bool = False
    by_source: bool = False  # a table of such tables


def sections(target_type: type[Target]) -> tuple[Section, ...]:
    """The tables of a type of target. Raises TypeError for a field of another type."""
    hints = get_type_hints(target_type)
    return tuple(_section(f.name, hints[f.name]) for f in fields(target_type)
                 if hints[f.name] is not str)


def _section(name: str, hint: Any) -> Section:
    optional, by_source = get_origin(hint) in (Union, types.UnionType), False
    if optional:
        hint, = (one for one in get_args(hint) if one is not type(None))
    elif get_origin(hint) is not None and issubclass(get_origin(hint), Mapping):
        by_source, hint = True, get_args(hint)[1]
    if not is_dataclass(hint) or not isinstance(hint, type):
        raise TypeError(f"the field {name} of a target is no table: {hint}")
    return Section(name, hint, optional, by_source)


def ranges(table: type) -> Mapping[str, Range]:
    """The range of each quantity of a table. Raises TypeError for a field of another type."""
    hints = get_type_hints(table, include_extras=True)
    return {f.name: _range(f.name, hints[f.name]) for f in fields(table)}


def _range(name: str, hint: Any) -> Range:
    declarations = [one for one in get_args(hint)[1:] if isinstance(one, Range)]
    if Quantity not in (hint, *get_args(hint)[:1]):
        raise TypeError(f"the field {name} of a target's table is no Quantity: {hint}")
    return declarations[0] if declarations else ANY
