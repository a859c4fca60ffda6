"""The networks made for TrueNorth: ternary, built from their folder, right, and exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import neurocompile
from neurocompile.capture.factory import make_model
from neurocompile.config import load_config
from neurocompile.families.truenorth.compilation import TrueNorthCompilation
from tests.paths import EXAMPLES

FOLDER = EXAMPLES / "mnist_truenorth"
ENTRIES = {entry.name: entry for entry in load_config(FOLDER / "neurocompile.toml").models}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_built_right_and_exact(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    assert entry.entry is not None
    assert entry.weights is not None
    assert entry.sample is not None
    model, _ = make_model(entry.entry, entry.args, [FOLDER])
    model.load_state_dict(torch.load(entry.weights, weights_only=True))
    with np.load(entry.sample) as sample:
        example = torch.as_tensor(sample["x"][:4], dtype=torch.float32).movedim(1, 0)
    result = neurocompile.build(model.eval(), tmp_path / "build", example, target="truenorth",
                                sample=entry.sample, verify_samples=16)
    compilation = result.compilation
    assert isinstance(compilation, TrueNorthCompilation)
    assert not any(p.on_host for p in compilation.network.populations)
    assert result.verification.differences == 0
    assert result.verification.samples == 16
    assert min(p.spikes for p in result.verification.populations) > 500
    assert result.accuracy.right >= 30
    assert compilation.cores.reload == (compilation.network.n_ticks > 1)
    assert sum(row.axons_per_input == 2 for row in compilation.legalization.rows) >= 4


@pytest.mark.parametrize("name", ENTRIES)
def test_checkpoints_are_ternary_and_small(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.weights is not None
    assert entry.weights.stat().st_size < 2**20
    state = torch.load(entry.weights, weights_only=True)
    layers = [v for k, v in state.items() if k.endswith("weight") and v.ndim > 2]
    assert len(layers) >= 4
    for weight in layers:
        assert set(np.unique(weight.numpy())) == {-1.0, 0.0, 1.0}
