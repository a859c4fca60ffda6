"""SpikingJelly's zoo, every version in a process of its own: captured, replayed equal, active."""

from __future__ import annotations

import pytest

from tests.frameworks.zoo import VERSIONS, Result, results, row
from tests.paths import DOCS

PAGE = DOCS / "zoo_capture.md"


@pytest.fixture(scope="module", params=VERSIONS)
def zoo(request: pytest.FixtureRequest) -> list[Result]:
    return results(request.param)


@pytest.mark.frameworks
def test_every_network_is_captured_and_replayed_equal(zoo: list[Result]) -> None:
    assert len(zoo) >= 5
    assert {result.name: result.verdict for result in zoo if result.verdict != "equal"} == {}
    assert all(result.spikes > 1000 and result.neurons >= 4 for result in zoo)


@pytest.mark.frameworks
def test_page_is_current(zoo: list[Result]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [row(result) for result in zoo if row(result) not in text] == []


def test_page_has_at_least_25_equal_networks() -> None:
    rows = PAGE.read_text(encoding="utf-8").splitlines()
    assert sum(line.endswith("| equal |") for line in rows) >= 25
