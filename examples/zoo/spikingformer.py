"""Spikingformer (Zhou et al., arXiv 2304.11954): neurons first, membrane residual.

The stream of currents feeds only neurons and the head, which is legal by linearity; the spike
products and the max-pools of spikes are not.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from examples.zoo.common import conv1_bn, conv_bn, lif, per_tick, repeat

INPUT = (3, 16, 16)  # of small()
# small(): 2 blocks, patch 4
EXPECTED: dict[str, int] = {
    "NC120": 2 * 2,  # a block: q k^T, attn v
    "NC122": 2,  # tokenizer: stages 3 and 4 pool spikes
}


class Tokenizer(nn.Module):
    """Conv-BN, then four stages LIF, max-pool if `pooled`, conv-BN: ends in currents."""

    def __init__(self, d: int, pooled: Sequence[bool], c_in: int = 3) -> None:
        super().__init__()
        self.first = conv_bn(c_in, d // 8)
        self.lifs = nn.ModuleList(lif() for _ in pooled)
        self.pools = nn.ModuleList(
            nn.MaxPool2d(3, stride=2, padding=1) if pool else nn.Identity() for pool in pooled)
        self.convs = nn.ModuleList((
            conv_bn(d // 8, d // 4), conv_bn(d // 4, d // 2), conv_bn(d // 2, d), conv_bn(d, d)))

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.first, x)
        for neuron, pool, conv in zip(self.lifs, self.pools, self.convs, strict=True):
            x = per_tick(pool, neuron(x))  # NC122
            x = per_tick(conv, x)
        return x


class SelfAttention(nn.Module):
    """SSA on currents [T, B, d, N]: a LIF in front, a conv-BN behind."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.lif = lif()
        self.q, self.k, self.v = (conv1_bn(d, d) for _ in range(3))
        self.q_lif, self.k_lif, self.v_lif = lif(), lif(), lif()
        self.attn_lif = lif(0.5)
        self.proj = conv1_bn(d, d, bias=True)

    def split(self, x: Tensor) -> Tensor:
        """[T, B, d, N] to [T, B, heads, N, d / heads]."""
        return x.unflatten(2, (self.heads, -1)).transpose(-1, -2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif(x)
        q = self.split(self.q_lif(per_tick(self.q, x)))
        k = self.split(self.k_lif(per_tick(self.k, x)))
        v = self.split(self.v_lif(per_tick(self.v, x)))
        attn = q @ k.transpose(-2, -1)  # NC120
        y = (attn @ v) * 0.125  # NC120
        y = self.attn_lif(y.transpose(-1, -2).flatten(2, 3))
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

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.attention, self.mlp = SelfAttention(d, heads), Mlp(d)
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)  # never called

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class Spikingformer(nn.Module):
    """Tokenizer, blocks, and a linear head on the mean current over tokens and ticks.

    A static image [B, C, H, W] is repeated T times; T=None takes frames [T, B, C, H, W].
    """

    def __init__(self, depth: int, d: int, heads: int, classes: int, T: int | None,
                 pooled: Sequence[bool], c_in: int = 3) -> None:
        super().__init__()
        self.T = T
        self.tokenizer = Tokenizer(d, pooled, c_in)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(depth))
        self.head = nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tokenizer(x if self.T is None else repeat(x, self.T)).flatten(-2)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(-1).mean(0))


def cifar(depth: int = 4, d: int = 384, heads: int = 12, *, classes: int = 10,
          T: int = 4) -> Spikingformer:
    """Spikingformer-depth-d for 32 x 32 images, patch 4."""
    return Spikingformer(depth, d, heads, classes, T, (False, False, True, True))


def imagenet(depth: int, d: int, heads: int, *, classes: int = 1000, T: int = 4) -> Spikingformer:
    """Spikingformer-depth-d for 224 x 224 images, patch 16."""
    return Spikingformer(depth, d, heads, classes, T, (True, True, True, True))


def small() -> Spikingformer:
    """Two blocks, 16 tokens."""
    return cifar(2, 32, 4, T=2)


def cifar_4_256() -> Spikingformer:
    """Spikingformer-4-256, 4.156 M parameters."""
    return cifar(4, 256, 8)


def cifar_2_384() -> Spikingformer:
    """Spikingformer-2-384, 5.766 M parameters."""
    return cifar(2, 384)


def cifar_4_384() -> Spikingformer:
    """Spikingformer-4-384, 9.326 M parameters."""
    return cifar(4, 384)


def dvs_2_256() -> Spikingformer:
    """Spikingformer-2-256 for CIFAR10-DVS frames, 2.569 M parameters."""
    return Spikingformer(2, 256, 16, 10, None, (True, True, True, True), c_in=2)


def imagenet_8_384() -> Spikingformer:
    """Spikingformer-8-384, 16.828 M parameters."""
    return imagenet(8, 384, 12)


def imagenet_8_512() -> Spikingformer:
    """Spikingformer-8-512, 29.706 M parameters."""
    return imagenet(8, 512, 8)


def imagenet_8_768() -> Spikingformer:
    """Spikingformer-8-768, 66.363 M parameters."""
    return imagenet(8, 768, 12)
