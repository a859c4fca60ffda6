"""Spike-driven Transformer V2, Meta-SpikeFormer (Yao et al., ICLR 2024): membrane residual.

Illegal: the spiking self-attention of stages 3 and 4. All else is legal: strided convolutions
instead of pools, separable convolutions and RepConv without a neuron inside (they compose into
one synapse), currents that feed neurons only.

Widths of the stages are inferred from the published parameter counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from examples.zoo.common import conv1_bn, conv_bn, lif, per_tick, repeat

INPUT = (3, 64, 64)  # of small()
# small(): 1 + 1 transformer blocks
EXPECTED: dict[str, int] = {
    "NC120": 2 * 2,  # a transformer block: k^T v, q kv
}


def rep_conv(d: int) -> nn.Sequential:
    """1x1 conv, BN padded by BN(0), depthwise 3x3, 1x1, BN, and one more BN.

    Padding with zeros in front of the BN is the same at inference.
    """
    return nn.Sequential(
        nn.Conv2d(d, d, 1, bias=False), nn.ZeroPad2d(1), nn.BatchNorm2d(d),
        nn.Conv2d(d, d, 3, groups=d, bias=False), nn.Conv2d(d, d, 1, bias=False),
        nn.BatchNorm2d(d), nn.BatchNorm2d(d))


class SepConv(nn.Module):
    """LIF, 1x1 conv-BN, LIF, depthwise 7x7, 1x1 conv-BN; hidden width 2 d."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.lif1, self.conv1 = lif(), conv_bn(d, 2 * d, 1)
        self.lif2 = lif()
        self.conv2 = nn.Sequential(
            nn.Conv2d(2 * d, 2 * d, 7, padding=3, groups=2 * d, bias=False), *conv_bn(2 * d, d, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.conv1, self.lif1(x))
        return per_tick(self.conv2, self.lif2(x))


class ConvBlock(nn.Module):
    """x + SepConv(x), then a 3x3, 3x3 MLP of ratio 4 with a shortcut, on currents."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.mixer = SepConv(d)
        self.lif1, self.conv1 = lif(), conv_bn(d, 4 * d)
        self.lif2, self.conv2 = lif(), conv_bn(4 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixer(x)
        y = per_tick(self.conv1, self.lif1(x))
        return x + per_tick(self.conv2, self.lif2(y))


class SelfAttention(nn.Module):
    """SSA on currents [T, B, d, H, W]; q, k, v and the projection are RepConvs."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.lif = lif()
        self.q, self.k, self.v = (rep_conv(d) for _ in range(3))
        self.q_lif, self.k_lif, self.v_lif = lif(), lif(), lif()
        self.attn_lif = lif(0.5)
        self.proj = rep_conv(d)

    def split(self, x: Tensor) -> Tensor:
        """[T, B, d, H, W] to [T, B, heads, H * W, d / heads]."""
        return x.flatten(-2).unflatten(2, (self.heads, -1)).transpose(-1, -2)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        x = self.lif(x)
        q = self.split(self.q_lif(per_tick(self.q, x)))
        k = self.split(self.k_lif(per_tick(self.k, x)))
        v = self.split(self.v_lif(per_tick(self.v, x)))
        kv = k.transpose(-2, -1) @ v  # NC120
        y = (q @ kv) * 0.125  # NC120
        y = self.attn_lif(y.transpose(-1, -2).flatten(2, 3))
        return per_tick(self.proj, y.unflatten(-1, size))


class Mlp(nn.Module):
    """LIF-conv-BN twice on tokens; hidden width 4 d."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.lif1, self.fc1 = lif(), conv1_bn(d, 4 * d, bias=True)
        self.lif2, self.fc2 = lif(), conv1_bn(4 * d, d, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        y = per_tick(self.fc1, self.lif1(x.flatten(-2)))
        return per_tick(self.fc2, self.lif2(y)).unflatten(-1, x.shape[-2:])


class Block(nn.Module):
    """x + attention(x), then x + mlp(x), on currents."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.attention, self.mlp = SelfAttention(d, heads), Mlp(d)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class Downsampling(nn.Module):
    """LIF (not in front of the image), then a strided conv-BN with bias."""

    def __init__(self, c_in: int, d: int, kernel: int, stride: int, *, first: bool = False) -> None:
        super().__init__()
        self.lif = nn.Identity() if first else lif()
        self.conv = conv_bn(c_in, d, kernel, stride, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return per_tick(self.conv, self.lif(x))


class MetaSpikeFormer(nn.Module):
    """Convolution blocks at strides 2, 4 and 8, transformer blocks at 16 with two widths.

    `widths` are those of strides 4, 8, 16 and of the last blocks; stride 2 has half the first.
    """

    def __init__(self, widths: Sequence[int], blocks: tuple[int, int] = (6, 2), heads: int = 8,
                 classes: int = 1000, T: int = 1) -> None:
        super().__init__()
        self.T = T
        a, b, c, d = widths
        self.stages = nn.Sequential(
            Downsampling(3, a // 2, 7, 2, first=True), ConvBlock(a // 2),
            Downsampling(a // 2, a, 3, 2), ConvBlock(a),
            Downsampling(a, b, 3, 2), ConvBlock(b), ConvBlock(b),
            Downsampling(b, c, 3, 2), *(Block(c, heads) for _ in range(blocks[0])),
            Downsampling(c, d, 3, 1), *(Block(d, heads) for _ in range(blocks[1])))
        self.head_lif, self.head = lif(), nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(repeat(x, self.T))
        x = self.head_lif(x.flatten(-2).mean(-1))
        return self.head(x).mean(0)


def small() -> MetaSpikeFormer:
    """Two transformer blocks on 16 tokens."""
    return MetaSpikeFormer((8, 16, 32, 48), (1, 1), 2, 10, T=2)


def imagenet_8_384() -> MetaSpikeFormer:
    """Meta-SpikeFormer, 31.334 M parameters."""
    return MetaSpikeFormer((96, 192, 384, 480))


def imagenet_8_512() -> MetaSpikeFormer:
    """Meta-SpikeFormer, 55.350 M parameters."""
    return MetaSpikeFormer((128, 256, 512, 640))


def imagenet_8_768() -> MetaSpikeFormer:
    """Meta-SpikeFormer, 123.741 M parameters."""
    return MetaSpikeFormer((192, 384, 768, 960))
