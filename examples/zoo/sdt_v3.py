"""Spike-driven Transformer V3, E-SpikeFormer (Yao et al., TPAMI 2025): integer activations.

There is no time axis and no membrane: `MultiSpike` rounds a current to 0..4 quarters. Integers up
to 4 are claimed to unroll into 4 binary virtual steps at inference. neurocompile reads them as
neurons of several spikes a tick, which no chip's neuron is (NC201). `small_lif` puts LIF neurons in
their place and shows what remains illegal then: the spike products of stages 3 and 4.

Widths of the stages, and depthwise 3x3 instead of 7x7 in transformer blocks, are inferred from the
published parameter counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from examples.zoo.common import Spiking, conv1_bn, conv_bn, lif, per_tick, repeat

INPUT = (3, 64, 64)  # of small() and small_lif()
EXPECTED: dict[str, int] = {  # small()
    "NC201": 45,  # each MultiSpike
    "NC120": 2 * 2,  # as below
}
EXPECTED_LIF: dict[str, int] = {
    "NC120": 2 * 2,  # small_lif(), a transformer block: q k^T, attn v
}


class MultiSpike(nn.Module):
    """round(clamp(x, 0, levels)) / norm, half to even: no state, no threshold, no reset."""

    def __init__(self, levels: int = 4, norm: int = 4) -> None:
        super().__init__()
        self.levels, self.norm = levels, norm

    def forward(self, x: Tensor) -> Tensor:
        return torch.round(torch.clamp(x, 0, self.levels)) / self.norm  # NC201


class SepConv(nn.Module):
    """A neuron in front of each of 1x1, depthwise and 1x1 conv-BN; hidden width 2 d."""

    def __init__(self, d: int, kernel: int, spiking: Spiking) -> None:
        super().__init__()
        self.spike1, self.conv1 = spiking(), conv_bn(d, 2 * d, 1)
        self.spike2, self.conv2 = spiking(), conv_bn(2 * d, 2 * d, kernel, groups=2 * d)
        self.spike3, self.conv3 = spiking(), conv_bn(2 * d, d, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.conv1, self.spike1(x))
        x = per_tick(self.conv2, self.spike2(x))
        return per_tick(self.conv3, self.spike3(x))


class ConvBlock(nn.Module):
    """x + SepConv(x), then a 3x3, 3x3 MLP of ratio 4 with a shortcut, on currents."""

    def __init__(self, d: int, spiking: Spiking) -> None:
        super().__init__()
        self.mixer = SepConv(d, 7, spiking)
        self.spike1, self.conv1 = spiking(), conv_bn(d, 4 * d)
        self.spike2, self.conv2 = spiking(), conv_bn(4 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixer(x)
        y = per_tick(self.conv1, self.spike1(x))
        return x + per_tick(self.conv2, self.spike2(y))


class SelfAttention(nn.Module):
    """(q k^T) v * 2 / sqrt(d / heads) on currents [T, B, d, N]; v is four times as wide."""

    def __init__(self, d: int, heads: int, spiking: Spiking, ratio: int = 4) -> None:
        super().__init__()
        self.heads, self.scale = heads, 2 * (d // heads) ** -0.5
        self.spike = spiking()
        self.q, self.k, self.v = conv1_bn(d, d), conv1_bn(d, d), conv1_bn(d, ratio * d)
        self.q_spike, self.k_spike, self.v_spike = spiking(), spiking(), spiking()
        self.attn_spike = spiking()
        self.proj = conv1_bn(ratio * d, d)

    def split(self, x: Tensor) -> Tensor:
        """[T, B, c, N] to [T, B, heads, N, c / heads]."""
        return x.unflatten(2, (self.heads, -1)).transpose(-1, -2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.spike(x)
        q = self.split(self.q_spike(per_tick(self.q, x)))
        k = self.split(self.k_spike(per_tick(self.k, x)))
        v = self.split(self.v_spike(per_tick(self.v, x)))
        attn = q @ k.transpose(-2, -1)  # NC120
        y = (attn @ v) * self.scale  # NC120
        y = self.attn_spike(y.transpose(-1, -2).flatten(2, 3))
        return per_tick(self.proj, y)


class Mlp(nn.Module):
    """Neuron-conv-BN twice on tokens; hidden width 4 d."""

    def __init__(self, d: int, spiking: Spiking) -> None:
        super().__init__()
        self.spike1, self.fc1 = spiking(), conv1_bn(d, 4 * d, bias=True)
        self.spike2, self.fc2 = spiking(), conv1_bn(4 * d, d, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.fc1, self.spike1(x))
        return per_tick(self.fc2, self.spike2(x))


class Block(nn.Module):
    """x + SepConv(x), x + attention(x), x + mlp(x), on currents [T, B, d, H, W]."""

    def __init__(self, d: int, heads: int, spiking: Spiking) -> None:
        super().__init__()
        self.conv = SepConv(d, 3, spiking)
        self.attention, self.mlp = SelfAttention(d, heads, spiking), Mlp(d, spiking)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.conv(x)
        y = x.flatten(-2)
        y = y + self.attention(y)
        y = y + self.mlp(y)
        return y.unflatten(-1, x.shape[-2:])


class Downsampling(nn.Module):
    """A neuron (not in front of the image), then a strided conv-BN with bias."""

    def __init__(self, c_in: int, d: int, kernel: int, stride: int,
                 spiking: Spiking = nn.Identity) -> None:
        super().__init__()
        self.spike = spiking()
        self.conv = conv_bn(c_in, d, kernel, stride, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return per_tick(self.conv, self.spike(x))


class ESpikeFormer(nn.Module):
    """Convolution blocks at strides 2, 4 and 8, transformer blocks at 16 with two widths.

    `widths` are those of strides 4, 8, 16 and of the last blocks; stride 2 has half the first.
    With MultiSpike the T axis has length 1; `spiking` makes other neurons for it.
    """

    def __init__(self, widths: Sequence[int], blocks: tuple[int, int] = (6, 2), heads: int = 8,
                 classes: int = 1000, *, spiking: Spiking = MultiSpike,
                 head_spiking: Spiking = lambda: MultiSpike(norm=1), T: int = 1) -> None:
        super().__init__()
        self.T = T
        a, b, c, d = widths
        self.stages = nn.Sequential(
            Downsampling(3, a // 2, 7, 2), ConvBlock(a // 2, spiking),
            Downsampling(a // 2, a, 3, 2, spiking), ConvBlock(a, spiking),
            Downsampling(a, b, 3, 2, spiking), ConvBlock(b, spiking), ConvBlock(b, spiking),
            Downsampling(b, c, 3, 2, spiking),
            *(Block(c, heads, spiking) for _ in range(blocks[0])),
            Downsampling(c, d, 3, 1, spiking),
            *(Block(d, heads, spiking) for _ in range(blocks[1])))
        self.head_spike, self.head = head_spiking(), nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(repeat(x, self.T))
        x = self.head_spike(x.flatten(-2).mean(-1))
        return self.head(x).mean(0)


def small() -> ESpikeFormer:
    """Two transformer blocks on 16 tokens."""
    return ESpikeFormer((8, 16, 32, 48), (1, 1), 2, 10)


def small_lif() -> ESpikeFormer:
    """`small` with LIF neurons and two ticks: what the checker says of all but MultiSpike."""
    return ESpikeFormer((8, 16, 32, 48), (1, 1), 2, 10, spiking=lif, head_spiking=lif, T=2)


def imagenet_t() -> ESpikeFormer:
    """E-SpikeFormer-T, 2.702 M parameters."""
    return ESpikeFormer((24, 48, 96, 128))


def imagenet_s() -> ESpikeFormer:
    """E-SpikeFormer-S, 5.106 M parameters."""
    return ESpikeFormer((32, 64, 128, 192))


def imagenet_m() -> ESpikeFormer:
    """E-SpikeFormer-M, 10.023 M parameters."""
    return ESpikeFormer((48, 96, 192, 240))


def imagenet_l() -> ESpikeFormer:
    """E-SpikeFormer-L, 18.988 M parameters."""
    return ESpikeFormer((64, 128, 256, 360))
