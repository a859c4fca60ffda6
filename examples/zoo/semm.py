"""SEMM (Zhou et al., NeurIPS 2024): spiking experts mixture, here on Spikformer.

Attention (EMSA) and MLP (EMSP) become experts with spiking routers. Besides what is illegal in
Spikformer, the router's gates and the product of the two halves in EMSP multiply spikes.

Written from the re-implementation in STEP, not from official code; its defects (scrambled router
axes, fixed T and image size) are left out. No official parameter count is known.
"""

from __future__ import annotations

from torch import Tensor, nn

from examples.zoo.common import conv_bn, lif, linear_bn, per_tick
from examples.zoo.spikformer import Block, PatchSplitting, Spikformer

INPUT = (3, 16, 16)  # of small()
PARTS_FROM = ("spikformer",)  # the stem, with its findings
# small(): 2 blocks of 2 experts, patch 4
EXPECTED: dict[str, int] = {
    "NC120": 2 * 2 * 2,  # an expert: q k^T, attn v
    "NC121": 2 * 2,  # a block: the router's gates (one line for all experts), the halves in EMSP
    "NC122": 2,  # stem: stages 3 and 4 pool spikes
    "NC125": 2 * (2 + 5),  # a block: q of 2 experts; k, v, router, fc1; the mixture into proj
}


class Expert(nn.Module):
    """LIF(0.125 (q k^T) v) with its own q."""

    def __init__(self, d: int, d_expert: int) -> None:
        super().__init__()
        self.q, self.q_lif = linear_bn(d, d_expert), lif()
        self.lif = lif()

    def forward(self, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q = self.q_lif(per_tick(self.q, x))  # NC125
        attn = q @ k.transpose(-2, -1)  # NC120
        y = attn @ v  # NC120
        return self.lif(y * 0.125)


class Attention(nn.Module):
    """EMSA on [T, B, N, d]: k and v shared, experts gated by a spiking router for each token."""

    def __init__(self, d: int, d_expert: int, experts: int) -> None:
        super().__init__()
        self.k, self.k_lif = linear_bn(d, d_expert), lif()
        self.v, self.v_lif = linear_bn(d, d), lif()
        self.experts = nn.ModuleList(Expert(d, d_expert) for _ in range(experts))
        self.router, self.router_lif = linear_bn(d, experts), lif()
        self.proj, self.proj_lif = linear_bn(d, d), lif()

    def forward(self, x: Tensor) -> Tensor:
        k = self.k_lif(per_tick(self.k, x))  # NC125
        v = self.v_lif(per_tick(self.v, x))  # NC125
        gates = self.router_lif(per_tick(self.router, x)).unbind(-1)  # NC125
        experts = [expert(x, k, v) for expert in self.experts]
        mixture = [gate.unsqueeze(-1) * y for gate, y in zip(gates, experts, strict=True)]  # NC121
        y = sum(mixture[1:], start=mixture[0])
        return self.proj_lif(per_tick(self.proj, y))  # NC125


class Perceptron(nn.Module):
    """EMSP: the hidden layer in two halves, a depthwise 3x3 conv of one masks the other."""

    def __init__(self, d: int, side: int, ratio: int = 4) -> None:
        super().__init__()
        half = ratio * d // 2
        self.side = side
        self.fc1, self.lif1 = linear_bn(d, ratio * d), lif()
        self.conv, self.conv_lif = conv_bn(half, half, groups=half), lif()
        self.fc2, self.lif2 = linear_bn(half, d), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif1(per_tick(self.fc1, x))  # NC125
        one, two = x.chunk(2, dim=-1)
        one = one.transpose(-1, -2).unflatten(-1, (self.side, self.side))
        one = self.conv_lif(per_tick(self.conv, one)).flatten(-2).transpose(-1, -2)
        x = one * two  # NC121
        return self.lif2(per_tick(self.fc2, x))


def cifar(depth: int, d: int, d_expert: int, experts: int = 4, side: int = 8, *,
          classes: int = 10, T: int = 4) -> Spikformer:
    """SEMM-Spikformer for images of 4 * side pixels, patch 4."""
    blocks = [Block(d, Attention(d, d_expert, experts), Perceptron(d, side)) for _ in range(depth)]
    return Spikformer(d, classes, T, PatchSplitting(d, (False, False, True, True)), blocks)


def small() -> Spikformer:
    """Two blocks of two experts, 16 tokens."""
    return cifar(2, 32, 8, 2, 4, T=2)


def cifar_4_384() -> Spikformer:
    """SEMM-Spikformer-4-384, four experts of width 96."""
    return cifar(4, 384, 96)
