"""Spikformer V2 (Zhou et al., arXiv 2401.02020): a convolutional stem without max-pools.

No official code was published. Stated in the abstract: spiking self-attention as in Spikformer, and
a Spiking Convolutional Stem (SCS) with supplementary convolutional layers in the place of SPS.

Assumed here: each of the four stages of the SCS is a 2x2 conv of stride 2 and a 3x3, 3x3 MLP of
ratio 4, all followed by BN and LIF; its residual is the integer sum of the rest of the network;
there is no position branch and no dead LayerNorm. The 16-layer network of width 768 then has the
172 M parameters of the abstract.

Illegal: the spike products, and the integer stream that enters convolutions and linear layers.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from examples.zoo.common import conv_bn, lif, per_tick
from examples.zoo.spikformer import Mlp, SelfAttention, Spikformer

INPUT = (3, 64, 64)  # of small()
PARTS_FROM = ("spikformer",)  # attention and MLP, with their findings
# small(): 2 blocks
EXPECTED: dict[str, int] = {
    "NC120": 2 * 2,  # a block: q k^T, attn v
    "NC125": 3 + 2 * 4,  # stem: the strided conv of stages 2 to 4; a block: q, k, v, fc1
}


class Stage(nn.Module):
    """Strided conv-BN-LIF, then x + LIF(BN(conv(LIF(BN(conv x))))) through width 4 d."""

    def __init__(self, c_in: int, d: int) -> None:
        super().__init__()
        self.down, self.down_lif = conv_bn(c_in, d, 2, 2), lif()
        self.conv1, self.lif1 = conv_bn(d, 4 * d), lif()
        self.conv2, self.lif2 = conv_bn(4 * d, d), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = self.down_lif(per_tick(self.down, x))  # NC125
        y = self.lif1(per_tick(self.conv1, x))
        return x + self.lif2(per_tick(self.conv2, y))


class Block(nn.Module):
    """x + attention(x), then x + mlp(x), on an integer stream; no LayerNorm."""

    def __init__(self, d: int, attention: nn.Module) -> None:
        super().__init__()
        self.attention, self.mlp = attention, Mlp(d)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


def stem(d: int, c_in: int = 3) -> nn.Sequential:
    """The SCS: four stages, patch 16."""
    widths = (c_in, d // 8, d // 4, d // 2, d)
    return nn.Sequential(*(Stage(a, b) for a, b in pairwise(widths)))


def imagenet(depth: int, d: int, heads: int, *, classes: int = 1000, T: int = 4) -> Spikformer:
    """Spikformer V2-depth-d for 224 x 224 images, patch 16."""
    blocks = [Block(d, SelfAttention(d, heads, qkv_bias=False)) for _ in range(depth)]
    return Spikformer(d, classes, T, stem(d), blocks)


def small() -> Spikformer:
    """Two blocks, 16 tokens."""
    return imagenet(2, 32, 4, classes=10, T=2)


def imagenet_8_384() -> Spikformer:
    """Spikformer V2-8-384."""
    return imagenet(8, 384, 12)


def imagenet_8_512() -> Spikformer:
    """Spikformer V2-8-512."""
    return imagenet(8, 512, 8)


def imagenet_16_768() -> Spikformer:
    """Spikformer V2-16-768, published with 172 M parameters and T = 1."""
    return imagenet(16, 768, 12, T=1)
