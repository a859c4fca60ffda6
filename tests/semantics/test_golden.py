"""Every recorded neuron of every framework, by its profile: in torch and in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.frameworks.golden import FOLDER
from tests.paths import DOCS
from tests.semantics import golden_neurons
from tests.semantics.golden_neurons import Row

PAGE = DOCS / "neurons.md"
FILES = sorted(FOLDER.glob("*.npz"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def rows(request: pytest.FixtureRequest) -> tuple[Row, ...]:
    path: Path = request.param
    return golden_neurons.rows(path)


def test_profiles_compute_what_the_framework_computed(rows: tuple[Row, ...]) -> None:
    runs = [row for row in rows if row.profile is not None]
    assert runs
    for row in runs:
        assert len(row.case.arrays["x"]) >= 300
        assert row.spikes is None or row.spikes > 100, row.case.name
        assert row.count >= 4 * row.case.arrays["x"].size, row.case.name
        assert row.different == 0, (row.case.name, row.profile)


def test_what_has_no_profile_says_why(rows: tuple[Row, ...]) -> None:
    for row in rows:
        assert (row.profile is None) == bool(row.reason), row.case.name


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == golden_neurons.page(), (
        "run python -m tests.semantics.golden_neurons > docs/neurons.md")
