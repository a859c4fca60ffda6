"""Sections of a report, as values: what they are made from, and what they say.

A `View` reads what the documents of a build hold anyway. A `Record` keeps something of the
compilation in resources.json, so that a build is shown again without compiling. A renderer takes
one tuple of them, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from neurocompile.report.content import Content
from neurocompile.report.model.report import Report, SectionText
from neurocompile.report.plain import from_json

D = TypeVar("D")


class Section(Protocol):
    """One part of a report."""

    @property
    def key(self) -> str:
        """Its name in JSON and in addresses: "what_if"."""

    @property
    def title(self) -> str:
        """Its heading, in lower case; at most 12 characters fit beside its lines."""

    @property
    def after(self) -> str:
        """Of a family's section: the key of the one that it stands behind; empty: at the end."""

    @property
    def template(self) -> str:
        """What shows it on the page where that is more than lines and tables; else empty."""

    @property
    def kind(self) -> type | None:
        """What it keeps of a compilation: a dataclass; None where it keeps nothing."""

    def of(self, compilation: Any) -> object | None:
        """What it keeps; None where there is nothing to keep."""

    def content(self, report: Report) -> Content:
        """What it says; empty where it has nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A section that reads the documents of a build."""

    key: str
    title: str
    show: Callable[[Report], Content]
    after: str = ""
    template: str = ""

    @property
    def kind(self) -> None:
        """It keeps nothing."""

    def of(self, compilation: Any) -> None:
        """See `kind`."""

    def content(self, report: Report) -> Content:
        """See `Section.content`."""
        return self.show(report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Generic[D]):
    """A section that keeps a dataclass of the compilation."""

    key: str
    title: str
    kind: type[D]
    record: Callable[[Any], D | None]
    show: Callable[[D, Report], Content]
    after: str = ""
    template: str = ""

    def of(self, compilation: Any) -> D | None:
        """See `Section.of`."""
        return self.record(compilation)

    def content(self, report: Report) -> Content:
        """See `Section.content`."""
        data: D | None = report.records.get(self.key)
        return Content() if data is None else self.show(data, report)


def in_order(neutral: Iterable[Section], own: Iterable[Section]) -> tuple[Section, ...]:
    """All sections: a family's own stand behind those that they name.

    Raises ValueError for a key that two have, or that none has.
    """
    result = list(neutral)
    for section in own:
        keys = [one.key for one in result]
        if section.key in keys:
            raise ValueError(f"two sections `{section.key}`")
        if section.after and section.after not in keys:
            raise ValueError(f"no section `{section.after}` for `{section.key}` to stand behind")
        place = keys.index(section.after) + 1 if section.after else len(keys)
        result.insert(place, section)
    return tuple(result)


def records(sections: Sequence[Section], compilation: Any) -> dict[str, Any]:
    """What the sections keep of a compilation, by key."""
    return {one.key: data for one in sections if (data := one.of(compilation)) is not None}


def read_records(sections: Sequence[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    """What the sections kept, from resources.json.

    Raises ValueError for a section that there is not, and for what it did not keep so.
    """
    kinds = {one.key: one.kind for one in sections if one.kind is not None}
    result: dict[str, Any] = {}
    for key, value in values.items():
        if key not in kinds:
            raise ValueError(f"`sections.{key}` is not known")
        try:
            result[key] = from_json(kinds[key], value)
        except ValueError as error:
            raise ValueError(f"of section `{key}` {error}") from None
    return result


def texts(sections: Sequence[Section], report: Report) -> Iterator[SectionText]:
    """What the sections say, in order, without those that say nothing."""
    for one in sections:
        content = one.content(report)
        if content:
            yield SectionText(key=one.key, title=one.title, lines=content.lines,
                              tables=content.tables, note=content.note)
