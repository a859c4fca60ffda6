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


def cells(row: str) -> list[str]:
    return row.removeprefix("| ").removesuffix(" |").split(" | ")


def rows() -> dict[str, list[str]]:
    """The page's cells by network."""
    found = [cells(text) for text in PAGE.read_text().splitlines() if text.startswith("| ")]
    return {row[0]: row for row in found[1:]}


def test_the_page_lists_the_cases() -> None:
    assert list(rows()) == list(on_lava.CASES)
    assert {row[-1] for row in rows().values()} == {"0"}
    assert PAGE.read_text().startswith(on_lava.HEADER)


@pytest.mark.lava
@pytest.mark.parametrize("name", MANY)
def test_deployed_spikes_equal_the_reference(name: str) -> None:
    *structure, spikes, differences = cells(on_lava.row(name))
    assert differences == "0"
    assert [*structure, differences] == [*rows()[name][:-2], rows()[name][-1]], (
        "run python tests/zoo/on_lava.py > docs/lava_runs.md")
    assert spikes != "0"  # how many hangs on the last bits of a processor's float sums
