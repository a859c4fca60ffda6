"""Spike-driven Transformer V1 (Yao et al., NeurIPS 2023): masks for products, membrane residual.

Illegal: the attention multiplies spikes element by element, the stem max-pools spikes in stages
1 to 3 and currents in stage 4. The sum over tokens into a neuron is legal, and so is the head's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from examples.zoo.common import conv1_bn, conv_bn, lif, per_tick, repeat

INPUT = (3, 64, 64)  # of small()
# small(): 2 blocks, pooling in all stages
EXPECTED: dict[str, int] = {
    "NC121": 2 * 2,  # a block: k * v, q * kv
    "NC122": 3 + 1,  # stem: stages 1 to 3 pool spikes, stage 4 pools currents
}


class PatchSplitting(nn.Module):
    """Conv-BN-LIF-pool three times, conv-BN-pool, then y + BN(conv(LIF(y))): ends in currents."""

    def __init__(self, d: int, pooled: Sequence[bool], c_in: int = 3) -> None:
        super().__init__()
        widths = (c_in, d // 8, d // 4, d // 2, d)
        *convs, self.last = (conv_bn(a, b) for a, b in pairwise(widths))
        self.convs = nn.ModuleList(convs)
        *pools, self.last_pool = (
            nn.MaxPool2d(3, stride=2, padding=1) if pool else nn.Identity() for pool in pooled)
        self.pools = nn.ModuleList(pools)
        self.lifs = nn.ModuleList(lif() for _ in pools)
        self.rpe_lif, self.rpe = lif(), conv_bn(d, d)

    def forward(self, x: Tensor) -> Tensor:
        for conv, neuron, pool in zip(self.convs, self.lifs, self.pools, strict=True):
            x = neuron(per_tick(conv, x))
            x = per_tick(pool, x)  # NC122
        x = per_tick(self.last, x)
        x = per_tick(self.last_pool, x)  # NC122
        return x + per_tick(self.rpe, self.rpe_lif(x))


class SpikeDrivenAttention(nn.Module):
    """SDSA on currents [T, B, d, N]: q * LIF(sum over tokens of k * v)."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.lif = lif()
        self.q, self.k, self.v = (conv1_bn(d, d) for _ in range(3))
        self.q_lif, self.k_lif, self.v_lif = lif(), lif(), lif()
        self.kv_lif = lif(0.5)
        self.talking_heads = nn.Conv1d(8, 8, 1, bias=False)  # never called
        self.proj = conv1_bn(d, d, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif(x)
        q = self.q_lif(per_tick(self.q, x))
        k = self.k_lif(per_tick(self.k, x))
        v = self.v_lif(per_tick(self.v, x))
        kv = k * v  # NC121
        kv = self.kv_lif(kv.sum(-1, keepdim=True))
        y = q * kv  # NC121
        return per_tick(self.proj, y)


class Mlp(nn.Module):
    """LIF-conv-BN twice; hidden width ratio * d."""

    def __init__(self, d: int, ratio: int = 4) -> None:
        super().__init__()
        self.lif1, self.fc1 = lif(), conv1_bn(d, ratio * d, bias=True)
        self.lif2, self.fc2 = lif(), conv1_bn(ratio * d, d, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.fc1, self.lif1(x))
        return per_tick(self.fc2, self.lif2(x))


class Block(nn.Module):
    """x + attention(x), then x + mlp(x), on currents."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention, self.mlp = SpikeDrivenAttention(d), Mlp(d)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class SpikeDrivenTransformer(nn.Module):
    """Stem, blocks, and a linear head on a LIF of the mean over tokens; mean over ticks."""

    def __init__(self, depth: int, d: int, classes: int, T: int, pooled: Sequence[bool],
                 c_in: int = 3) -> None:
        super().__init__()
        self.T = T
        self.stem = PatchSplitting(d, pooled, c_in)
        self.blocks = nn.ModuleList(Block(d) for _ in range(depth))
        self.head_lif, self.head = lif(), nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(repeat(x, self.T)).flatten(-2)
        for block in self.blocks:
            x = block(x)
        return self.head(self.head_lif(x.mean(-1))).mean(0)


def cifar(depth: int, d: int, *, classes: int = 10, T: int = 4) -> SpikeDrivenTransformer:
    """SDT-depth-d for 32 x 32 images: stages 3 and 4 pool."""
    return SpikeDrivenTransformer(depth, d, classes, T, (False, False, True, True))


def imagenet(depth: int, d: int, *, classes: int = 1000, T: int = 4) -> SpikeDrivenTransformer:
    """SDT-depth-d for 224 x 224 images: all stages pool."""
    return SpikeDrivenTransformer(depth, d, classes, T, (True, True, True, True))


def small() -> SpikeDrivenTransformer:
    """Two blocks, 16 tokens, pooling in all stages."""
    return imagenet(2, 32, classes=10, T=2)


def cifar_2_256() -> SpikeDrivenTransformer:
    """SDT-2-256, 2.567 M parameters."""
    return cifar(2, 256)


def cifar_2_512() -> SpikeDrivenTransformer:
    """SDT-2-512, 10.234 M parameters."""
    return cifar(2, 512)


def imagenet_8_384() -> SpikeDrivenTransformer:
    """SDT-8-384, 16.817 M parameters."""
    return imagenet(8, 384)


def imagenet_8_512() -> SpikeDrivenTransformer:
    """SDT-8-512, 29.690 M parameters."""
    return imagenet(8, 512)


def imagenet_8_768() -> SpikeDrivenTransformer:
    """SDT-8-768, 66.339 M parameters."""
    return imagenet(8, 768)
