"""`neurocompile quantize` and `tune` as typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurocompile.formats.checkpoint import load_checkpoint, state_dict
from tests.commands.command_line import run
from tests.training.networks import frames

NET = """
from spikingjelly.activation_based import neuron
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(12, 16), nn.Linear(16, 4)
        self.n1, self.n2 = neuron.IFNode(step_mode="m"), neuron.IFNode(step_mode="m")
        for layer in (self.fc1, self.fc2):
            nn.init.uniform_(layer.weight, -0.4, 0.7)

    def forward(self, x):
        return self.n2(self.fc2(self.n1(self.fc1(x)))).sum(0)
"""
CONFIG = """
target = "loihi2"
[models.small]
entry = "training_net:Small"
input = { shape = [12], ticks = 4 }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, its configuration, and labeled samples."""
    (tmp_path / "training_net.py").write_text(NET)
    (tmp_path / "neurocompile.toml").write_text(CONFIG)
    x = frames((12,), samples=20)
    np.savez(tmp_path / "s.npz", x=x, y=np.arange(20) % 4)
    np.savez(tmp_path / "unlabeled.npz", x=x)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_quantize_writes_what_pytorch_loads(project: Path, capsys: pytest.CaptureFixture[str]
                                            ) -> None:
    out, _ = run(capsys, "quantize small --sample s.npz --weight-bits 4 -o grid.safetensors -q")
    assert out.startswith("wrote grid.safetensors: 2 of 2 layers on the grid\n")
    assert "256 weights are exactly the integers of loihi2" in out
    spikes = int(out.rsplit("integers: 0 of ")[1].split()[0].replace(",", ""))
    assert spikes > 100
    path = project / "grid.safetensors"
    tensors = state_dict(path, load_checkpoint(path))
    step = 2.0 ** int(out.split("fc1.weight")[1].split("2^")[1].split(",")[0])
    steps = tensors["fc1.weight"] / step
    assert torch.equal(steps, steps.round())
    assert steps.abs().max() <= 8


def test_tune_says_every_epoch(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "tune small --data s.npz --epochs 2 --batch 5 -o tuned.pt -q")
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["epoch 0/2", "epoch 1/2", "epoch 2/2"]
    best = max(line.split(", ")[1] for line in lines[:3])
    assert lines[3] == f"the integer network of these weights: {best.removesuffix(' in integers')}"
    assert (project / "tuned.pt").is_file()


@pytest.mark.parametrize(("command", "text"), [
    ("quantize small --sample s.npz -o grid.onnx", "NC009"),
    ("quantize small --sample s.npz -o none/grid.pt", "NC009"),
    ("quantize s.npz --sample s.npz -t loihi2 -o grid.pt", "NC007"),
    ("tune small --data unlabeled.npz -o grid.pt", "NC008"),
    ("tune small --data s.npz -o grid.pt --device cuda", "NC009")])
def test_what_cannot_be_used_is_said(
        project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        command: str, text: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    _, err = run(capsys, f"{command} -q", 2)
    assert text in err
