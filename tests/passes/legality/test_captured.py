"""Captured PyTorch networks: every violation once, at its own line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

sj = pytest.importorskip("spikingjelly.activation_based.neuron")
snn = pytest.importorskip("snntorch")

from neurocompile.capture.torch_model import capture
from neurocompile.passes.legality import check_graph

HERE = Path(__file__)
T, B, C, N = 3, 2, 8, 16


def lif() -> nn.Module:
    return sj.LIFNode(tau=2.0, step_mode="m", detach_reset=True)


def line(mark: str) -> int:
    """The line of this file that ends in the comment `# mark`."""
    (number,) = [number for number, text in enumerate(HERE.read_text().splitlines(), 1)
                if text.rstrip().endswith(f"# {mark}")]
    return number


def findings(model: nn.Module, example: Tensor) -> list[tuple[str, str, int | None]]:
    diagnostics = check_graph(capture(model.eval(), example))
    return sorted((d.code, d.where.module, d.where.line) for d in diagnostics)


def positive(model: nn.Module) -> nn.Module:
    """The model with weights that make every neuron fire."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.0, 0.6)
    return model


class Stem(nn.Module):
    """An image to spikes [T, B, C, 4, 4], with or without max-pooling."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, C, 3, stride=1 if pooled else 2, padding=1, bias=False)
        self.bn, self.lif = nn.BatchNorm2d(C), lif()
        self.pool = nn.MaxPool2d(2) if pooled else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x.unsqueeze(0).repeat(T, 1, 1, 1, 1).flatten(0, 1)))
        x = self.lif(x.unflatten(0, (T, B))).flatten(0, 1)
        return self.pool(x).unflatten(0, (T, B))  # pool


class Attention(nn.Module):
    """Spiking self-attention with integer residual, as in Spikformer."""

    def __init__(self, right_first: bool = False) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(C, C, bias=False) for _ in range(3))
        self.q_lif, self.k_lif, self.v_lif, self.attn_lif = lif(), lif(), lif(), lif()
        self.proj, self.proj_lif = nn.Linear(C, C, bias=False), lif()
        self.right_first = right_first

    def heads(self, x: Tensor) -> Tensor:
        return x.reshape(T, B, N, 2, C // 2).permute(0, 1, 3, 2, 4).contiguous()

    def forward(self, x: Tensor) -> Tensor:
        q = self.heads(self.q_lif(self.q(x)))
        k = self.heads(self.k_lif(self.k(x)))
        v = self.heads(self.v_lif(self.v(x)))
        if self.right_first:
            kv = k.transpose(-2, -1) @ v  # kv
            y = (q @ kv) * 0.25  # q-kv
        else:
            attn = q @ k.transpose(-2, -1)  # qk
            y = (attn @ v) * 0.25  # av
        y = self.attn_lif(y.transpose(2, 3).reshape(T, B, N, C))
        return self.proj_lif(self.proj(y))


class Spikformer(nn.Module):
    def __init__(self, right_first: bool = False) -> None:
        super().__init__()
        self.stem, self.attn = Stem(pooled=True), Attention(right_first)
        self.fc1, self.lif1 = nn.Linear(C, C, bias=False), lif()
        self.head = nn.Linear(C, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(-2).transpose(-1, -2)
        x = x + self.attn(x)
        x = x + self.lif1(self.fc1(x))  # residual
        return self.head(x.mean(2)).mean(0)


class Mixer(nn.Module):
    """Token and channel mixing by static matrices, membrane shortcuts, an analog bypass."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.patch = Stem(pooled=False), nn.Conv2d(3, C, 2, stride=2, bias=False)
        self.conv, self.bn = nn.Conv2d(C, C, 1, bias=False), nn.BatchNorm2d(C)
        self.lifs = nn.ModuleList(lif() for _ in range(4))
        self.mix = nn.Parameter(torch.rand(2, N, N))
        self.bn1, self.bn2 = nn.BatchNorm1d(C), nn.BatchNorm1d(C)
        self.fc1, self.fc2 = nn.Linear(C, 2 * C, bias=False), nn.Linear(2 * C, C)
        self.head = nn.Linear(C, 5)

    def forward(self, x: Tensor) -> Tensor:
        bypass = self.patch(x).flatten(-2)
        x = self.bn(self.conv(self.stem(x).flatten(0, 1))).flatten(-2)
        x = x.unflatten(0, (T, B)) + bypass.unsqueeze(0)
        y = self.lifs[0](x).reshape(T, B, 2, C // 2, N).transpose(-1, -2)
        y = (self.mix @ y).transpose(-1, -2).reshape(T, B, C, N)
        x = x + self.bn1(y.flatten(0, 1)).reshape(T, B, C, N)
        y = self.lifs[1](self.fc1(self.lifs[2](x).transpose(-1, -2)))
        y = self.fc2(y).transpose(-1, -2).flatten(0, 1)
        x = x + self.bn2(y).reshape(T, B, C, N)
        return self.head(self.lifs[3](x).mean(-1)).mean(0)


class Loop(nn.Module):
    """snnTorch: a Python loop over ticks, states passed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 8), nn.Linear(8, 5)
        self.lif1, self.lif2 = snn.Leaky(beta=0.9), snn.Leaky(beta=0.8)

    def forward(self, x: Tensor) -> Tensor:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes = []
        for _ in range(T):
            s, mem1 = self.lif1(self.fc1(x), mem1)
            s, mem2 = self.lif2(self.between(self.fc2(s)), mem2)
            spikes.append(s)
        return torch.stack(spikes).sum(0)

    def between(self, x: Tensor) -> Tensor:
        return x


class LoopWithRelu(Loop):
    def between(self, x: Tensor) -> Tensor:
        return torch.relu(x)  # relu


class Sew(nn.Module):
    def __init__(self, connect: str) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(6, 6, bias=False) for _ in range(3))
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()
        self.connect = connect

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(self.fc1(x))
        t = self.lif2(self.fc2(s))
        if self.connect == "ADD":
            y = s + t
        elif self.connect == "AND":
            y = s * t  # and
        elif self.connect == "IAND":
            y = s * (1.0 - t)  # iand
        elif self.connect == "SDPA":
            q, k = s.unflatten(-1, (2, 3)), t.unflatten(-1, (2, 3))
            y = nn.functional.scaled_dot_product_attention(q, k, k).flatten(-2)  # sdpa
        elif self.connect == "pool":
            y = s + nn.functional.adaptive_avg_pool1d(t, 1)
            return self.lif3(y).mean(0)
        else:
            y = s.mean(0, keepdim=True).repeat(T, 1, 1)  # time
        return self.lif3(self.fc3(y)).mean(0)  # fc3


def test_spikformer() -> None:
    illegal = findings(positive(Spikformer()), torch.rand(B, 3, 8, 8))
    assert [(code, where) for code, _, where in illegal] == [
        ("NC120", line("qk")), ("NC120", line("av")), ("NC122", line("pool")),
        ("NC125", line("residual"))]


def test_right_first_attention() -> None:
    illegal = findings(positive(Spikformer(right_first=True)), torch.rand(B, 3, 8, 8))
    assert [(code, where) for code, _, where in illegal if code == "NC120"] == [
        ("NC120", line("kv")), ("NC120", line("q-kv"))]


def test_mixer_is_legal() -> None:
    assert findings(positive(Mixer()), torch.rand(B, 3, 8, 8)) == []


def test_loop_is_legal() -> None:
    assert findings(positive(Loop()), torch.rand(B, 6)) == []


def test_loop_with_relu() -> None:
    illegal = findings(positive(LoopWithRelu()), torch.rand(B, 6))
    assert [(code, where) for code, _, where in illegal] == [("NC123", line("relu"))]


def test_scaled_dot_product_attention() -> None:
    illegal = findings(positive(Sew("SDPA")), torch.rand(T, B, 6))
    assert [(code, where) for code, _, where in illegal] == [
        ("NC120", line("sdpa")), ("NC123", line("sdpa"))]


def test_adaptive_pool_is_legal() -> None:
    assert findings(positive(Sew("pool")), torch.rand(T, B, 6)) == []


@pytest.mark.parametrize(("connect", "code", "mark"), [
    ("ADD", "NC125", "fc3"), ("AND", "NC121", "and"), ("IAND", "NC121", "iand"),
    ("mean over time", "NC126", "time")])
def test_sew(connect: str, code: str, mark: str) -> None:
    illegal = findings(positive(Sew(connect)), torch.rand(T, B, 6))
    assert [(code, where) for code, _, where in illegal] == [(code, line(mark))]
