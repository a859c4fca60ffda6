"""The road as a user walks it: an illegal block accused line by line, MNIST cleared."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.paths import EXAMPLES

MNIST = EXAMPLES / "mnist"

BLOCK = '''
import torch
from spikingjelly.activation_based import neuron
from torch import nn


def lif(v_threshold=1.0):
    return neuron.LIFNode(tau=2.0, v_threshold=v_threshold, step_mode="m")


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q, self.k, self.v, self.proj = (nn.Linear(dim, dim) for _ in range(4))
        self.q_lif, self.k_lif, self.v_lif, self.proj_lif = lif(), lif(), lif(), lif()
        self.attn_lif = lif(0.5)

    def forward(self, x):
        q = self.q_lif(self.q(x))  # NC125: the integer stream reaches three synapses
        k = self.k_lif(self.k(x))  # NC125
        v = self.v_lif(self.v(x))  # NC125
        attn = q @ k.transpose(-2, -1)  # NC120
        x = self.attn_lif(attn @ v * 0.125)  # NC120
        return self.proj_lif(self.proj(x))


class Block(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.conv, self.lif = nn.Conv2d(3, dim, 3, padding=1), lif()
        self.pool = nn.MaxPool2d(2)
        self.pos, self.pos_lif = nn.Linear(dim, dim), lif()
        self.attn = Attention(dim)
        self.fc1, self.lif1 = nn.Linear(dim, dim), lif()
        self.head = nn.Linear(dim, 4)

    def forward(self, x):
        x = self.conv(x).unsqueeze(0).repeat(2, 1, 1, 1, 1)
        x = self.lif(x)
        t, b = x.shape[:2]
        x = self.pool(x.flatten(0, 1))  # NC122
        x = x.flatten(2).transpose(1, 2).reshape(t, b, 16, 16)
        x = x + self.pos_lif(self.pos(x))
        x = x + self.attn(x)
        x = x + self.lif1(self.fc1(x))  # NC125
        return self.head(x.mean(2)).mean(0)


def make():
    torch.manual_seed(0)
    return Block()
'''


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "neurocompile", *arguments], cwd=cwd, check=False,
                          capture_output=True, text=True)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("block")
    (folder / "spikformer_block.py").write_text(BLOCK)
    return folder


def expected() -> Counter[tuple[str, int]]:
    return Counter((code, number) for number, line in enumerate(BLOCK.splitlines(), 1)
                   for code in re.findall(r"# (NC\d+)", line))


def test_every_violation_of_a_spikformer_block_is_found_once(block: Path) -> None:
    process = run("check", "spikformer_block:make", "-t", "loihi2", "--input-shape", "3,8,8",
               "--format", "json", cwd=block)
    assert process.returncode == 1, process.stderr
    items = json.loads(process.stdout)["checks"][0]["diagnostics"]
    counts = Counter((i["code"], i["line"]) for i in items if i["severity"] == "error")
    assert counts == expected()
    assert {i["file"] for i in items if i["severity"] == "error"} == {"spikformer_block.py"}
    assert sum(counts.values()) == 7


def test_the_same_in_text_names_lines_and_fixes(block: Path) -> None:
    process = run("check", "spikformer_block:make", "--target", "loihi2", "--input-shape", "3,8,8",
               cwd=block)
    assert process.returncode == 1
    for code, line in expected():
        assert f"[{code}]" in process.stdout
        assert f"spikformer_block.py:{line}" in process.stdout
    assert "help:" in process.stdout
    assert "Traceback" not in process.stdout + process.stderr


@pytest.mark.parametrize("model", ["conv", "fc"])
def test_the_mnist_networks_are_cleared(model: str) -> None:
    process = run("check", model, "--format", "json", cwd=MNIST)
    assert process.returncode == 0, process.stdout
    items = json.loads(process.stdout)["checks"][0]["diagnostics"]
    assert not [i for i in items if i["severity"] == "error"]
    assert not [i for i in items if i["code"].startswith("NC1") and i["severity"] != "note"]


@pytest.mark.lava
def test_build_as_typed_in_the_readme(tmp_path: Path) -> None:
    process = run("build", "model.pt", "--target", "loihi2", "-o", str(tmp_path / "b"), cwd=MNIST)
    assert process.returncode == 0, process.stderr
    assert re.search(r"verified on 4 samples, 32 ticks, [\d,]+ spikes: 0 differences", process.stdout)
    names = {p.name for p in (tmp_path / "b").iterdir()}
    assert {"manifest.json", "program", "mapping.json", "diagnostics.json", "resources.json",
            "resources.csv", "report.html", "trace.json"} <= names
