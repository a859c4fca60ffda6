"""Networks of every kind from PyTorch to Lava: 0 differing spikes, and the page says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import on_lava

PAGE = Path(__file__).parents[2] / "docs" / "lava_runs.md"
MANY = [pytest.param(name, marks=pytest.mark.slow) if case.slow else name
        for name, case in on_lava.CASES.items()]


def test_the_page_lists_the_cases() -> None:
    rows = [text for text in PAGE.read_text().splitlines() if text.startswith("| ")][1:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(on_lava.CASES)
    assert all(row.endswith("| 0 |") for row in rows)
    assert PAGE.read_text().startswith(on_lava.HEADER)


@pytest.mark.lava
@pytest.mark.parametrize("name", MANY)
def test_deployed_spikes_equal_the_reference(name: str) -> None:
    assert on_lava.row(name) in PAGE.read_text().splitlines(), (
        "run python tests/zoo/on_lava.py > docs/lava_runs.md")
