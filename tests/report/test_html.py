"""The HTML report: well formed, self-contained, safe against hostile names, small."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import jinja2
import pytest

from neurocompile.report import data, html

VOID = {"meta", "input", "br", "hr", "img", "link"}
MANIFEST = {"created": "2026-01-01T00:00:00Z", "options": {"seed": 0},
            "files": [{"path": "program/net.py", "sha256": "ab"}], "classes": ["a", "b"],
            "empty": [], "note": "<img src=x onerror=alert(1)>", "none": None}


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

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag):
        return "".join(text for name, text in self.texts if name == tag)


def render(compiled, found, verified=None, manifest=MANIFEST, resources=None):
    return html.render(resources or data.resources_json(compiled), data.mapping_json(compiled),
                       data.diagnostics_json(found, "loihi1"),
                       data.fidelity_json(compiled, verified), manifest)


@pytest.fixture
def text(compiled, found, verified):
    return render(compiled, found, verified)


@pytest.fixture
def page(text):
    return Page(text)


def test_deterministic(text, compiled, found, verified):
    assert text == render(compiled, found, verified)


def test_says_the_latency(page):
    assert "4 ticks per sample, latency 2 ticks" in page.text("p")


def test_needs_no_network(text, page):
    for _, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
    style = page.text("style")
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"https?:|//[a-z]", page.text("script").split("use strict", 1)[1])
    assert not page.all("link")
    assert not page.all("img")


def test_policy_allows_this_script_only(text, page):
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert len(script) == 1
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_names_stay_text(text, page, hostile):
    assert "<script>alert" not in text
    assert "alert(1)</script>" not in text
    assert "<img" not in text
    assert len(page.all("script")) == 2
    assert "</script><script>alert(1)</script>\\x1b[31m\\u202e" in page.text("th")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_data_is_json(page, compiled):
    block = next(text for tag, text in page.texts if tag == "script" and text.startswith("{"))
    held = json.loads(block)
    assert len(held["cores"]) == len(compiled.usage.cores)
    assert [r[0] for r in held["resources"]] == ["neurons", "input axons", "output axons",
                                                "synapse memory"]


def test_every_core_is_a_link_with_a_name_and_a_row(page, compiled):
    cells = [a for a in page.all("a") if "data-core" in a]
    rows = {tr["id"] for tr in page.all("tr") if "id" in tr}
    assert len(cells) == len(compiled.usage.cores)
    for cell in cells:
        assert re.match(r"core \d+ at \d+,\d+: .* %; holds ", cell["aria-label"])
        assert cell["href"][1:] in rows
    assert len(page.all("svg")) == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_tables_have_scopes(page):
    heads = page.all("th")
    assert heads
    assert all(th.get("scope") in ("row", "col") for th in heads)
    for a in (a for _, a in page.tags if "aria-labelledby" in a):
        assert a["aria-labelledby"] in {b.get("id") for _, b in page.tags}
    assert page.all("html")[0]["lang"] == "en"


def test_it_says_what_is_known(page):
    words = " ".join(text for _, text in page.texts)
    for expected in ("verified on 16 samples, 64 ticks, 500 spikes: 0 differences",
                     "nothing was proved for", "error NC120", "same largest output of",
                     "core.synapse_memory", "program/net.py", "a, b"):
        assert expected in words


def test_without_sample_verification_findings_manifest(unmeasured):
    words = " ".join(text for _, text in Page(render(unmeasured, [], manifest={})).texts)
    for expected in ("not verified", "None.", "No manifest.", "not measured"):
        assert expected in words


def test_accuracy(compiled):
    fidelity = {**data.fidelity_json(compiled), "accuracy": {"right": 31, "samples": 32}}
    text = html.render(data.resources_json(compiled), data.mapping_json(compiled),
                       data.diagnostics_json([], "loihi1"), fidelity, {})
    assert "right on 31 of 32 labeled samples" in text


def test_two_thousand_cores_stay_small(wide, compiled, found, verified):
    text = render(compiled, found, verified, resources=wide)
    assert len(text.encode()) < 2_000_000
    assert len([a for a in Page(text).all("a") if "data-core" in a]) == 2000


def test_missing_data_is_an_error(compiled):
    with pytest.raises(jinja2.UndefinedError):
        html.render(data.resources_json(compiled), {}, data.diagnostics_json([], ""),
                    data.fidelity_json(compiled), {})
