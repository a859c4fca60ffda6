"""The trained STMixers and the MS-ResNet: built from their folder, right, and exact on Lava."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import neurocompile
from neurocompile.builds.builder import BuildResult
from neurocompile.capture.factory import make_model
from neurocompile.config import ModelEntry, load_config
from neurocompile.options import Options
from tests.paths import EXAMPLES

FOLDER = EXAMPLES / "stmixer"
ENTRIES = {entry.name: entry for entry in load_config(FOLDER / "neurocompile.toml").models}
SAMPLES = 2


def checkpoint_model(entry: ModelEntry) -> torch.nn.Module:
    assert entry.entry is not None
    assert entry.weights is not None
    model, _ = make_model(entry.entry, entry.args, [FOLDER])
    model.load_state_dict(torch.load(entry.weights, weights_only=True))
    return model.eval()


def build(name: str, out: Path, verify_samples: int) -> BuildResult:
    entry = ENTRIES[name]
    assert entry.sample is not None
    return neurocompile.build(
        checkpoint_model(entry), out, sample=entry.sample, verify_samples=verify_samples,
        options=Options(allow=("residual-distribution",) if name == "ms-resnet" else ()))


def assert_right(result: BuildResult) -> None:
    """The integer network knows 31 of the 32 samples at least."""
    assert result.accuracy is not None
    assert (result.accuracy.right, result.accuracy.samples) >= (31, 32)


def assert_exact(result: BuildResult) -> None:
    """Every spike on Lava is the reference's, and every population fires."""
    assert result.verification is not None
    assert (result.verification.differences, result.verification.samples) == (0, SAMPLES)
    assert [p.name for p in result.verification.populations if not p.spikes] == []


def test_one_tick(tmp_path: Path) -> None:
    assert_right(build("stmixer", tmp_path / "build", 0))


@pytest.mark.lava
@pytest.mark.slow
@pytest.mark.parametrize("name", ENTRIES)
def test_on_lava(name: str, tmp_path: Path) -> None:
    result = build(name, tmp_path / "build", SAMPLES)
    assert_right(result)
    assert_exact(result)


def test_checkpoints_are_small() -> None:
    for entry in ENTRIES.values():
        assert entry.weights is not None
        assert entry.weights.stat().st_size < 2**20
