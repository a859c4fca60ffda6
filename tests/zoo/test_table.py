"""The page of verdicts is what the zoo gives now."""

from __future__ import annotations

import pytest

pytest.importorskip("spikingjelly.activation_based.neuron")

from examples.zoo import table
from tests.paths import DOCS

PAGE = DOCS / "legality.md"


def test_every_architecture_has_rows() -> None:
    text = PAGE.read_text()
    assert [name for name in table.architectures() if f"\n| {name} | tick |" not in text] == []


@pytest.mark.slow
def test_rows_of_one_architecture_are_current() -> None:
    text = PAGE.read_text()
    assert [row for row in table.rows("vgg") if row not in text] == []


@pytest.mark.slow
def test_page_is_current() -> None:
    assert PAGE.read_text() == table.page(), (
        "run python -m examples.zoo.table > docs/legality.md")
