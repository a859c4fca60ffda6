"""EQUATIONS.md against the golden vectors: spikes and states, bit for bit. Needs no framework."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from equations import RESULTS, blocks, evaluate
from golden import FOLDER, Case, load

FILES = sorted(FOLDER.glob("*.npz"))
BLOCKS = blocks()


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def cases(request: pytest.FixtureRequest) -> list[Case]:
    path: Path = request.param
    return load(path)


def test_every_case_equals_its_block(cases: list[Case]) -> None:
    for case in cases:
        found = evaluate(BLOCKS[case.block], case)
        stored = {k: case.arrays[k] for k in RESULTS if k in case.arrays}
        assert set(stored) == {k for k in RESULTS if k in found}, case.name
        for k, expected in stored.items():
            wrong = np.argwhere(found[k] != expected)
            assert not len(wrong), (case.name, case.block, k, len(wrong), wrong[0])


def test_every_neuron_fires_and_rests(cases: list[Case]) -> None:
    for case in cases:
        assert len(case.arrays["x"]) >= 300
        assert (case.arrays["x"] < 0).any(), case.name
        if "s" in case.arrays:
            fired = (case.arrays["s"] != 0).sum(0)
            assert fired.min() > 0, case.name
            assert fired.max() < len(case.arrays["s"]), case.name


def test_thresholds_are_met_exactly(cases: list[Case]) -> None:
    """Every comparison of a framework: without this, > and >= would give the same spikes."""
    met: dict[str, int] = {}
    for case in cases:
        if "s" in case.arrays:
            fires = dict(BLOCKS[case.block])["s"]
            h = evaluate(BLOCKS[case.block], case)["h"]
            hits = int((h == np.asarray(case.constants["v_th"], h.dtype)).sum())
            met[fires] = met.get(fires, 0) + hits
    assert all(met.values()), met


def test_every_block_has_a_case() -> None:
    assert {case.block for path in FILES for case in load(path)} == set(BLOCKS)
