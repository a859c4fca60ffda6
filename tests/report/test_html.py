"""The HTML report: well formed, self-contained, safe against hostile names, small."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from neurocompile.builds.builder import BuildResult
from neurocompile.families.table import sections_of
from neurocompile.report import html
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.model.report import Report
from neurocompile.report.section import Section

VOID = {"meta", "input", "br", "hr", "img", "link"}

class Page(HTMLParser):
    """Tags with attributes, texts by tag; fails on a tag that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> str:
        return "".join(text for name, text in self.texts if name == tag)


@pytest.fixture(scope="module")
def text(hostile_report: Report, loihi_sections: tuple[Section, ...]) -> str:
    hostile = replace(hostile_report.provenance, options={
        "classes": ["a", "b"], "empty": [], "note": "<img src=x onerror=alert(1)>", "none": None})
    return html.render(replace(hostile_report, provenance=hostile), loihi_sections)


@pytest.fixture
def page(text: str) -> Page:
    return Page(text)


def test_deterministic(loihi_report: Report, loihi_sections: tuple[Section, ...]) -> None:
    assert html.render(loihi_report, loihi_sections) == html.render(loihi_report, loihi_sections)


def test_says_the_latency(page: Page) -> None:
    assert "4 ticks per sample, latency 2 ticks" in page.text("p")


def test_needs_no_network(text: str, page: Page) -> None:
    for _, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
    style = page.text("style")
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"https?:|//[a-z]", page.text("script").split("use strict", 1)[1])
    assert not page.all("link")
    assert not page.all("img")


def test_policy_allows_this_script_only(text: str, page: Page) -> None:
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv")) or ""
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert len(script) == 1
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_names_stay_text(text: str, page: Page) -> None:
    assert "<script>alert" not in text
    assert "alert(1)</script>" not in text
    assert "<img" not in text
    assert len(page.all("script")) == 2
    assert "</script><script>alert(1)</script>\\x1b[31m\\u202e" in page.text("th")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_data_is_json(page: Page, loihi_report: Report) -> None:
    block = next(text for tag, text in page.texts if tag == "script" and text.startswith("{"))
    data = json.loads(block)
    assert len(data["cores"]) == len(loihi_report.resources.cores)
    assert [r[0] for r in data["resources"]] == ["neurons", "input axons", "output axons",
                                                "synapse memory"]


def test_every_core_is_a_link_with_a_name_and_a_row(page: Page, loihi_report: Report) -> None:
    cells = [a for a in page.all("a") if "data-core" in a]
    rows = {tr["id"] for tr in page.all("tr") if "id" in tr}
    assert len(cells) == len(loihi_report.resources.cores) > 1
    for cell in cells:
        assert re.match(r"core \d+ at \d+,\d+: .* %; holds ", cell["aria-label"] or "")
        assert (cell["href"] or "")[1:] in rows
    assert len(page.all("svg")) == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_tables_have_scopes(page: Page) -> None:
    heads = page.all("th")
    assert heads
    assert all(th.get("scope") in ("row", "col") for th in heads)
    for a in (a for _, a in page.tags if "aria-labelledby" in a):
        assert a["aria-labelledby"] in {b.get("id") for _, b in page.tags}
    assert page.all("html")[0]["lang"] == "en"


def test_it_says_what_is_known(page: Page) -> None:
    words = " ".join(text for _, text in page.texts)
    for expected in ("verified on 16 samples, 64 ticks, 500 spikes: 0 differences",
                     "nothing was proved for", "error NC120", "same largest output of",
                     "core.synapse_memory", "frames.npz", "a, b",
                     "accuracy of the integer network: ", " of 12 labeled samples"):
        assert expected in words


def test_both_families(either_build: BuildResult) -> None:
    """All sections in one order; those that have nothing to say are not there."""
    sections = sections_of(either_build.compilation.target)
    titles = [text for tag, text in Page(html.render(either_build.report, sections)).texts
              if tag == "h2"]
    assert titles == [one.title[0].upper() + one.title[1:] for one in sections
                      if one.template or one.content(either_build.report)]
    assert ("Crossbars" in titles) == ("What if" not in titles)
    assert "Pruning" not in titles


def test_without_sample_verification_findings(unmeasured_build: BuildResult,
                                              loihi_sections: tuple[Section, ...]) -> None:
    report = replace(unmeasured_build.report, findings=findings_document([], "loihi1"))
    words = " ".join(text for _, text in Page(html.render(report, loihi_sections)).texts)
    for expected in ("not verified", "None.", "4 samples of the capture"):
        assert expected in words


def test_a_core_without_a_population_shows_its_role(loihi_report: Report,
                                                    loihi_sections: tuple[Section, ...]) -> None:
    first, *rest = loihi_report.resources.cores
    cores = (replace(first, slices=(), role="splitter of <if1>"), *rest)
    text = html.render(replace(loihi_report, resources=replace(
        loihi_report.resources, cores=cores)), loihi_sections)
    assert text.count("splitter of &lt;if1&gt;") == 2  # the grid's label and the table's row
    assert "splitter of <if1>" not in text


def test_two_thousand_cores_stay_small(wide_report: Report,
                                       loihi_sections: tuple[Section, ...]) -> None:
    text = html.render(wide_report, loihi_sections)
    assert len(text.encode()) < 2_000_000
    assert len([a for a in Page(text).all("a") if "data-core" in a]) == 2000
