"""EQUATIONS.md against the golden vectors: spikes and states, bit for bit. Needs no framework."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurocompile.semantics.equations import Equations
from tests.frameworks.equations import RESULTS, blocks, evaluate
from tests.frameworks.golden import FOLDER, Case, load
from tests.frameworks.vectors_page import page

FILES = sorted(FOLDER.glob("*.npz"))
BLOCKS = blocks()


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def cases(request: pytest.FixtureRequest) -> list[Case]:
    path: Path = request.param
    return load(path)


def fires(case: Case) -> bool:
    """Leaky integrators emit their membrane instead."""
    return dict(BLOCKS[case.block])["s"] != "v"


def test_every_case_equals_its_block(cases: list[Case]) -> None:
    for case in cases:
        ticks = evaluate(BLOCKS[case.block], case)
        recording = {k: case.arrays[k] for k in RESULTS if k in case.arrays}
        assert set(recording) == set(ticks) - {"h"}, case.name
        for k, expected in recording.items():
            wrong = np.argwhere(ticks[k] != expected)
            assert not len(wrong), (case.name, case.block, k, len(wrong), wrong[0])


def test_every_neuron_fires_and_rests(cases: list[Case]) -> None:
    for case in cases:
        assert len(case.arrays["x"]) >= 300
        assert (case.arrays["x"] < 0).any(), case.name
        if fires(case):
            counts = (case.arrays["s"] != 0).sum(0)
            assert counts.min() > 0, case.name
            assert counts.max() < len(case.arrays["s"]), case.name


def test_thresholds_are_met_exactly(cases: list[Case]) -> None:
    """Every comparison of a framework: without this, > and >= would give the same spikes."""
    ties: dict[str, int] = {}
    for case in cases:
        if fires(case):
            comparison = dict(BLOCKS[case.block])["s"]
            h = evaluate(BLOCKS[case.block], case)["h"]
            hits = int((h == np.asarray(case.constants["v_th"], h.dtype)).sum())
            ties[comparison] = ties.get(comparison, 0) + hits
    assert all(ties.values()), ties


def test_recurrent_currents_follow_from_spikes(cases: list[Case]) -> None:
    """y of tick t is w_rec (and b_rec) applied to the output of tick t - 1."""
    for case in cases:
        if "y" in case.arrays:
            s, w = case.arrays["s"], case.arrays["w_rec"]
            before = np.vstack([np.zeros_like(s[:1]), s[:-1]])
            y = before @ w.T if w.ndim == 2 else before * w
            y = y + case.arrays.get("b_rec", np.float32(0))
            assert np.array_equal(y, case.arrays["y"]), case.name


def test_slayer_blocks_round_weights_and_delay_spikes() -> None:
    kinds = []
    for case in load(FOLDER / "lava-dl-0.6.0.npz"):
        if "input" not in case.arrays:
            continue
        kinds.append(case.cls.rsplit(".", 1)[-1])
        inputs, weight = case.arrays["input"], case.arrays["weight_used"]
        on_grid = np.clip(np.round(case.arrays["weight"] * 32) / 32, -4, 127 / 32)
        assert np.array_equal(weight, on_grid)
        assert not np.array_equal(weight, case.arrays["weight"])
        image = torch.from_numpy(inputs.reshape(len(inputs), *case.options["input_shape"]))
        if kinds[-1] == "Conv":
            x = torch.nn.functional.conv2d(image, torch.from_numpy(weight)).flatten(1)
        else:
            x = image @ torch.from_numpy(weight[..., 0, 0]).T
        assert np.array_equal(x.numpy(), case.arrays["x"])
        assert np.array_equal(case.arrays["output"][1:], case.arrays["s"][:-1])
        assert not case.arrays["output"][0].any()
    assert kinds == ["Dense", "Conv"]


def test_every_block_can_be_a_profile() -> None:
    for lines in BLOCKS.values():
        assert Equations("\n".join(f"{target} = {text}" for target, text in lines)).constants


def test_page_is_current() -> None:
    text = (FOLDER.parents[2] / "docs" / "golden_vectors.md").read_text(encoding="utf-8")
    assert text == page(), (
        "run python -m tests.frameworks.vectors_page > docs/golden_vectors.md")
    rows = [line for line in text.splitlines() if "." in line.split(" | ")[0]]
    assert sum(" | 0 of " in line for line in rows) > 280


def test_every_block_has_a_case() -> None:
    assert {case.block for path in FILES for case in load(path)} == set(BLOCKS)
