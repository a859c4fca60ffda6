"""What a section says: lines and tables as plain values, which every renderer shows in its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mood = Literal["", "good", "warn", "bad"]
Form = Literal["text", "count", "number", "percent", "rate", "share", "amount", "core"]
Place = Literal["everywhere", "wide", "page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence; what stands between backticks is code."""

    text: str
    mood: Mood = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name, and where in the user's code it comes from."""

    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a limit, and of which."""

    value: float
    label: str = ""  # the resource; empty where the row says it
    short: str = ""  # the same for narrow tables
    binds: bool = False  # whether it is the largest share of its row


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """An amount with its unit; bits are shown in bytes."""

    value: int
    unit: str


Cell = str | int | float | None | Name | Share | Amount  # None: a dash


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, and how its values are shown."""

    title: str
    form: Form = "text"
    place: Place = "everywhere"  # "wide": not on a terminal of 80 columns; "page": on no terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table. Each row has a value for every column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""  # where it is not the section's
    note: str = ""  # how to read it; not on a terminal
    place: Place = "everywhere"
    most: int | None = None  # rows that a terminal shows; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Lines first, then tables, then a note; a section without content is not shown."""

    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""  # not on a terminal

    def __bool__(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.lines or self.tables)


def sentences(*texts: str, mood: Mood = "") -> tuple[Line, ...]:
    """Lines of these texts, without the empty ones."""
    return tuple(Line(text=text, mood=mood) for text in texts if text)
