"""Spikformer (Zhou et al., ICLR 2023): spiking self-attention, integer (SEW-ADD) residual.

Illegal on event-driven chips: Q K^T and attention V multiply spikes by spikes, the stem max-pools
spikes, and the integer stream x + s enters linear layers.

The authors' ImageNet code computes k^T v first, an identical value, and uses Conv1d for Linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from examples.zoo.common import conv_bn, lif, linear_bn, per_tick, repeat

INPUT = (3, 16, 16)  # of small()
# small(): 2 blocks, patch 4
EXPECTED: dict[str, int] = {
    "NC120": 2 * 2,  # a block: q k^T, attn v
    "NC122": 2,  # stem: stages 3 and 4 pool spikes
    "NC125": 2 * 4,  # a block: q, k, v and fc1 read the sum of all branches so far
}


class PatchSplitting(nn.Module):
    """SPS: four stages conv-BN-LIF, some max-pooled, then x + LIF(BN(conv x)) as position."""

    def __init__(self, d: int, pooled: Sequence[bool], c_in: int = 3) -> None:
        super().__init__()
        widths = (c_in, d // 8, d // 4, d // 2, d)
        self.convs = nn.ModuleList(conv_bn(a, b) for a, b in pairwise(widths))
        self.lifs = nn.ModuleList(lif() for _ in pooled)
        self.pools = nn.ModuleList(
            nn.MaxPool2d(3, stride=2, padding=1) if pool else nn.Identity() for pool in pooled)
        self.rpe, self.rpe_lif = conv_bn(d, d), lif()

    def forward(self, x: Tensor) -> Tensor:
        for conv, neuron, pool in zip(self.convs, self.lifs, self.pools, strict=True):
            x = neuron(per_tick(conv, x))
            x = per_tick(pool, x)  # NC122
        return x + self.rpe_lif(per_tick(self.rpe, x))


class SelfAttention(nn.Module):
    """SSA on [T, B, N, d]: (q k^T) v of spikes with a constant scale and no softmax."""

    def __init__(self, d: int, heads: int, *, scale: float = 0.125, qkv_bias: bool = True) -> None:
        super().__init__()
        self.heads, self.scale = heads, scale
        self.q, self.k, self.v = (linear_bn(d, d, bias=qkv_bias) for _ in range(3))
        self.q_lif, self.k_lif, self.v_lif = lif(), lif(), lif()
        self.attn_lif = lif(0.5)
        self.proj, self.proj_lif = linear_bn(d, d), lif()

    def split(self, x: Tensor) -> Tensor:
        """[T, B, N, d] to [T, B, heads, N, d / heads]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        q = self.split(self.q_lif(per_tick(self.q, x)))  # NC125
        k = self.split(self.k_lif(per_tick(self.k, x)))  # NC125
        v = self.split(self.v_lif(per_tick(self.v, x)))  # NC125
        attn = (q @ k.transpose(-2, -1)) * self.scale  # NC120
        y = attn @ v  # NC120
        y = self.attn_lif(y.transpose(2, 3).flatten(-2))
        return self.proj_lif(per_tick(self.proj, y))


class Mlp(nn.Module):
    """Linear-BN-LIF twice; hidden width ratio * d."""

    def __init__(self, d: int, ratio: int = 4) -> None:
        super().__init__()
        self.fc1, self.lif1 = linear_bn(d, ratio * d), lif()
        self.fc2, self.lif2 = linear_bn(ratio * d, d), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif1(per_tick(self.fc1, x))  # NC125
        return self.lif2(per_tick(self.fc2, x))


class Block(nn.Module):
    """x + attention(x), then x + mlp(x); branches end in a LIF, so the stream is an integer."""

    def __init__(self, d: int, attention: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.attention, self.mlp = attention, mlp
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)  # never called, but published

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class Spikformer(nn.Module):
    """Stem, blocks on tokens, and a linear head on the mean over tokens and ticks.

    A static image [B, C, H, W] is repeated T times; T=None takes frames [T, B, C, H, W].
    """

    def __init__(self, d: int, classes: int, T: int | None, stem: nn.Module,
                 blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.T, self.stem = T, stem
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x if self.T is None else repeat(x, self.T))
        x = x.flatten(-2).transpose(-1, -2)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(2).mean(0))


def _blocks(depth: int, d: int, attention: Callable[[], nn.Module]) -> list[nn.Module]:
    return [Block(d, attention(), Mlp(d)) for _ in range(depth)]


def cifar(depth: int = 4, d: int = 384, heads: int = 12, *, classes: int = 10,
          T: int = 4) -> Spikformer:
    """Spikformer-depth-d for 32 x 32 images, patch 4."""
    stem = PatchSplitting(d, (False, False, True, True))
    return Spikformer(d, classes, T, stem, _blocks(depth, d, lambda: SelfAttention(d, heads)))


def dvs(depth: int = 2, d: int = 256, heads: int = 16, *, classes: int = 10) -> Spikformer:
    """Spikformer for frames [T, B, 2, 128, 128] of an event camera, patch 16."""
    def attention() -> nn.Module:
        return SelfAttention(d, heads, scale=0.25, qkv_bias=False)

    stem = PatchSplitting(d, (True, True, True, True), c_in=2)
    model = Spikformer(d, classes, None, stem, _blocks(depth, d, attention))
    model.pos_embed = nn.Parameter(torch.zeros(1, 64, d))  # never read, like the next line
    model.norm = nn.LayerNorm(d)
    return model


def imagenet(depth: int, d: int, heads: int, *, classes: int = 1000, T: int = 4) -> Spikformer:
    """Spikformer-depth-d for 224 x 224 images, patch 16."""
    def attention() -> nn.Module:
        return SelfAttention(d, heads, qkv_bias=False)

    stem = PatchSplitting(d, (True, True, True, True))
    return Spikformer(d, classes, T, stem, _blocks(depth, d, attention))


def small() -> Spikformer:
    """Two blocks, 16 tokens."""
    return cifar(2, 32, 4, T=2)


def cifar_4_256() -> Spikformer:
    """Spikformer-4-256, 4.159 M parameters."""
    return cifar(4, 256, 8)


def cifar_2_384() -> Spikformer:
    """Spikformer-2-384, 5.768 M parameters."""
    return cifar(2, 384)


def cifar_4_384() -> Spikformer:
    """Spikformer-4-384, 9.331 M parameters."""
    return cifar(4, 384)


def dvs_2_256() -> Spikformer:
    """Spikformer-2-256 for CIFAR10-DVS, 2.586 M parameters."""
    return dvs()


def imagenet_8_384() -> Spikformer:
    """Spikformer-8-384, 16.828 M parameters."""
    return imagenet(8, 384, 12)


def imagenet_6_512() -> Spikformer:
    """Spikformer-6-512, 23.386 M parameters."""
    return imagenet(6, 512, 8)


def imagenet_8_512() -> Spikformer:
    """Spikformer-8-512, 29.706 M parameters."""
    return imagenet(8, 512, 8)


def imagenet_10_512() -> Spikformer:
    """Spikformer-10-512, 36.026 M parameters."""
    return imagenet(10, 512, 8)


def imagenet_8_768(T: int = 4) -> Spikformer:
    """Spikformer-8-768, 66.363 M parameters."""
    return imagenet(8, 768, 12, T=T)
