"""Sections in their order, and what they keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from neurocompile.families.table import FAMILIES, sections_of_family
from neurocompile.report import sections
from neurocompile.report.content import Content, sentences
from neurocompile.report.model.report import Report
from neurocompile.report.section import Record, View, in_order, read_records, records, texts


@dataclass(frozen=True)
class Number:
    """A number."""

    n: int


def view(key: str, after: str = "") -> View:
    return View(key=key, title=key, show=lambda _: Content(), after=after)


RECORD = Record(key="r", title="r", kind=Number, after="a",
                record=lambda compilation: compilation and Number(compilation),
                show=lambda number, _: Content(lines=sentences(str(number.n))))


def test_own_sections_stand_behind_those_that_they_name() -> None:
    order = in_order([view("a"), view("b")], [view("x", "a"), view("y", "x"), view("z")])
    assert [one.key for one in order] == ["a", "x", "y", "b", "z"]


@pytest.mark.parametrize(("own", "reason"), [
    (view("a"), "two sections `a`"), (view("x", "c"), "no section `c` for `x` to stand behind")])
def test_a_key_is_there_once(own: View, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        in_order([view("a")], [own])


def test_what_is_kept_comes_back() -> None:
    both = (view("a"), RECORD)
    assert records(both, 7) == {"r": Number(7)}
    assert records(both, None) == {}
    assert read_records(both, {"r": {"n": 7}}) == {"r": Number(7)}
    with pytest.raises(ValueError, match=r"`sections\.a` is not known"):
        read_records(both, {"a": {}})
    with pytest.raises(ValueError, match="of section `r` `n` is not a whole number"):
        read_records(both, {"r": {"n": "7"}})


def test_a_section_without_data_says_nothing(loihi_report: Report) -> None:
    report = replace(loihi_report, records={"r": Number(7)})
    assert [one.key for one in texts((view("a"), RECORD), report)] == ["r"]
    assert not RECORD.content(replace(report, records={}))


@pytest.mark.parametrize("name", FAMILIES)
def test_titles_fit_beside_their_lines(name: str) -> None:
    order = sections_of_family(FAMILIES[name])
    assert [one for one in order if one in sections.SECTIONS] == list(sections.SECTIONS)
    for one in order:
        assert len(one.title) <= 12
        assert one.title == one.title.lower()
