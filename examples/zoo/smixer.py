"""SMixer and DSTSP (ICLR 2026): self-attention replaced by one static matrix over tokens.

SMixer(X) = SN(W X), W in R^(N x N), in the place of SSA ("->M") in three hosts: a Spikformer-V2-,
a QKFormer- and an SDT-V3-like network. Only the attention is replaced, so a host's own masks,
pools and integer residuals stay.

The paper's text does not say whether V and per-head matrices stay; here V stays (a linear map and
its neuron in front of W), W is one matrix, and a neuron and a projection follow. Spikformer V2 has
no published code: a stem of strided convolutions and membrane shortcuts are our choice.

DSTSP drops tokens and ticks of low activity (SIV: sums of spikes). The paper sorts them for each
input, which no static synapse does. The legal form keeps a fixed set of tokens, chosen from
calibration data, with W's rows and columns cut to it. Softmatch, the merging of dropped tokens, is
not published and left out.

Tensors are (T, B, C, N), maps (T, B, C, H, W). Neurons: `LIFNode`, tau 2, threshold 1, reset to 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from examples.zoo.common import Spiking, conv1_bn, conv_bn, lif, per_tick, repeat
from neurocompile.nn import TokenMixer

INPUT = (3, 16, 16)  # of small()
EXPECTED: dict[str, int] = {}
EXPECTED_DSTSP: dict[str, int] = {
    "NC120": 2,  # each block's matrix is cut for each input
    "NC126": 1,  # scores add up the spikes of all ticks
    "NC127": 1,  # top-k
}
EXPECTED_DSTSP_STATIC: dict[str, int] = {}
EXPECTED_QKFORMER: dict[str, int] = {
    "NC121": 1,  # token attention masks k
    "NC122": 2,  # a patch embedding each: an analog pool
    "NC125": 2 + 3 + 2,  # second patch embedding; q, k, fc of stage 1; v, fc of stage 2
}
EXPECTED_SDT_V3: dict[str, int] = {}
EXPECTED_SDT_V3_INTEGER: dict[str, int] = {"NC201": 10}  # several spikes a tick, each


class TokenMatrix(TokenMixer):
    """One matrix over tokens for all channels, y[c, n] = sum over m of W[n, m] x[c, m].

    `tokens`: indices of those that go on, [count], or [B, count] by sample; W is cut to them.
    """

    def __init__(self, tokens: int) -> None:
        super().__init__(tokens, layout="CN")

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        if tokens is None:
            return super().forward(x)
        weight = self.weight[0][tokens.unsqueeze(-1), tokens.unsqueeze(-2)]
        return torch.matmul(x, weight.transpose(-2, -1))  # NC120 (small_dstsp)


class SMixer(nn.Module):
    """Channels, tokens, channels on a map or on tokens; the input is spikes.

    `last`: makes the neuron behind the projection, in networks that join spikes.
    """

    def __init__(self, width: int, tokens: int, spiking: Spiking = lif,
                 last: Spiking = nn.Identity) -> None:
        super().__init__()
        self.v, self.v_lif = conv1_bn(width, width), spiking()
        self.mix, self.lif = TokenMatrix(tokens), spiking()
        self.proj, self.last = conv1_bn(width, width), last()

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        v = self.v_lif(per_tick(self.v, x))  # NC125 (small_qkformer)
        y = self.lif(self.mix(v, tokens))
        return self.last(per_tick(self.proj, y))


class Block(nn.Module):
    """SMixer and a feed-forward part, each behind a neuron and with a membrane shortcut."""

    def __init__(self, width: int, tokens: int, ratio: int = 4, spiking: Spiking = lif) -> None:
        super().__init__()
        self.lif1, self.mixer = spiking(), SMixer(width, tokens, spiking)
        self.lif2, self.up = spiking(), conv1_bn(width, ratio * width)
        self.lif3, self.down = spiking(), conv1_bn(ratio * width, width)

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        x = x + self.mixer(self.lif1(x), tokens)
        y = self.lif3(per_tick(self.up, self.lif2(x)))
        return x + per_tick(self.down, y)


class Stem(nn.Module):
    """Four strided convolutions, neurons between them; the output is a membrane current."""

    def __init__(self, width: int, downsample: int) -> None:
        super().__init__()
        widths = [3, width // 8, width // 4, width // 2, width]
        strides = [1] * (4 - downsample) + [2] * downsample
        self.convs = nn.ModuleList(
            conv_bn(a, b, stride=s)
            for a, b, s in zip(widths[:-1], widths[1:], strides, strict=True))
        self.lifs = nn.ModuleList(lif() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for conv, spiking in zip(self.convs, self.lifs, strict=False):
            x = spiking(per_tick(conv, x))
        return per_tick(self.convs[-1], x)


class KeepDynamic(nn.Module):
    """DSSP: of each input, the tokens with the most spikes. Not event-driven."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, spikes: Tensor) -> Tensor:
        scores = spikes.sum((0, 2))  # NC126 (small_dstsp)
        return scores.topk(self.count).indices.sort().values  # NC127 (small_dstsp)


class SMixerV2(nn.Module):
    """Spikformer-V2-like: strided stem, blocks with SMixer, linear head on the membrane's mean.

    Behind the stem only some `tokens` go on: those of these indices, or for each input that many.
    """

    def __init__(self, depth: int, width: int, classes: int, image: int, downsample: int = 4,
                 ratio: int = 4, T: int = 1, tokens: int | Sequence[int] | None = None) -> None:
        super().__init__()
        self.T = T
        size = (image // 2**downsample) ** 2
        self.stem = Stem(width, downsample)
        self.stem_lif = lif()
        self.embed = conv1_bn(width, width)
        self.prune = KeepDynamic(tokens) if isinstance(tokens, int) else None
        chosen_by_input = tokens is None or isinstance(tokens, int)
        self.register_buffer("tokens", None if chosen_by_input else torch.tensor(tokens))
        self.blocks = nn.ModuleList(Block(width, size, ratio) for _ in range(depth))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(repeat(x, self.T)).flatten(3)
        x = self.stem_lif(x)
        tokens: Tensor | None = self.tokens  # type: ignore[assignment]
        if self.prune is not None:
            tokens = self.prune(x)
            x = x.gather(-1, tokens[None, :, None].expand(*x.shape[:3], -1))
        elif tokens is not None:
            x = x[..., tokens]
        x = per_tick(self.embed, x)
        for block in self.blocks:
            x = block(x, tokens)
        return self.head(x.mean(-1)).mean(0)


class PatchEmbed(nn.Module):
    """QKFormer's stage entry: convolutions around an analog max-pool, and a spiking shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.pool = conv_bn(inputs, outputs), nn.MaxPool2d(3, 2, 1)
        self.lif1, self.conv2, self.lif2 = lif(), conv_bn(outputs, outputs), lif()
        self.shortcut, self.lif3 = conv_bn(inputs, outputs, 1, 2), lif()

    def forward(self, x: Tensor) -> Tensor:
        y = per_tick(self.conv1, x)  # NC125 (small_qkformer)
        y = self.lif1(per_tick(self.pool, y))  # NC122 (small_qkformer)
        y = self.lif2(per_tick(self.conv2, y))
        return y + self.lif3(per_tick(self.shortcut, x))  # NC125 (small_qkformer)


class TokenQK(nn.Module):
    """QKFormer's token attention: a head's sum of q over channels makes a mask of k."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.q_lif, self.k, self.k_lif = conv1_bn(width, width), lif(), conv1_bn(
            width, width), lif()
        self.mask_lif = lif(0.5)
        self.proj, self.proj_lif = conv1_bn(width, width), lif()

    def forward(self, x: Tensor) -> Tensor:
        q = self.q_lif(per_tick(self.q, x))  # NC125 (small_qkformer)
        k = self.k_lif(per_tick(self.k, x))  # NC125 (small_qkformer)
        q, k = (spikes.unflatten(2, (self.heads, -1)) for spikes in (q, k))
        mask = self.mask_lif(q.sum(3, keepdim=True))
        y = (mask * k).flatten(2, 3)  # NC121 (small_qkformer)
        return self.proj_lif(per_tick(self.proj, y))


class JoiningBlock(nn.Module):
    """Attention or SMixer and a feed-forward part whose output spikes are added to the input's."""

    def __init__(self, attention: nn.Module, width: int, ratio: int) -> None:
        super().__init__()
        self.attention = attention
        self.up, self.lif1 = conv1_bn(width, ratio * width), lif()
        self.down, self.lif2 = conv1_bn(ratio * width, width), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        y = self.lif1(per_tick(self.up, x))  # NC125 (small_qkformer)
        return x + self.lif2(per_tick(self.down, y))


class SMixerQKFormer(nn.Module):
    """QKFormer-like: a stage of token attention, then a stage whose SSA is an SMixer."""

    def __init__(self, width: int, heads: int, classes: int, image: int, ratio: int = 4,
                 T: int = 1) -> None:
        super().__init__()
        self.T, half = T, width // 2
        tokens = (image // 8) ** 2
        self.conv, self.lif = conv_bn(3, half // 2, 3, 2), lif()
        self.embed1, self.embed2 = PatchEmbed(half // 2, half), PatchEmbed(half, width)
        self.stage1 = JoiningBlock(TokenQK(half, heads), half, ratio)
        self.stage2 = JoiningBlock(SMixer(width, tokens, last=lif), width, ratio)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif(per_tick(self.conv, repeat(x, self.T)))
        x = self.embed1(x)
        x = self.stage1(x.flatten(3)).unflatten(3, x.shape[3:])
        x = self.stage2(self.embed2(x).flatten(3))
        return self.head(x.mean(-1)).mean(0)


class IntegerSpike(nn.Module):
    """SDT V3's neuron: round(clamp(x, 0, 4)) / 4, without state."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(0, 4).round() / 4  # NC201 (small_sdt_v3_integer)


def virtual() -> nn.Module:
    """A binary neuron that takes an integer spike's place over four virtual ticks.

    The paper unrolls an integer up to 4 into 4 binary ticks: a soft-reset `IFNode` fires as often
    as its summed input has whole thresholds, up to the rounding of a half and to what arrives
    after its last tick.
    """
    return neuron.IFNode(v_threshold=1.0, v_reset=None, detach_reset=True, step_mode="m")


class SeparableConv(nn.Module):
    """SDT V3's SepConv_Spike: 1x1, depthwise 3x3 and 1x1 convolutions, a neuron before each."""

    def __init__(self, width: int, spiking: Spiking) -> None:
        super().__init__()
        self.lif1, self.up = spiking(), conv_bn(width, 2 * width, 1)
        self.lif2, self.depth = spiking(), conv_bn(2 * width, 2 * width, groups=2 * width)
        self.lif3, self.down = spiking(), conv_bn(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.up, self.lif1(x))
        x = per_tick(self.depth, self.lif2(x))
        return per_tick(self.down, self.lif3(x))


class SMixerSDTV3(nn.Module):
    """SDT-V3-like: a separable-convolution block, then blocks with SMixer; membrane shortcuts."""

    def __init__(self, depth: int, width: int, classes: int, image: int, ratio: int = 4,
                 T: int = 4, spiking: Spiking = virtual) -> None:
        super().__init__()
        self.T = T
        self.stem, self.separable = conv_bn(3, width // 2, 3, 2), SeparableConv(
            width // 2, spiking)
        self.lif, self.down = spiking(), conv_bn(width // 2, width, 3, 2)
        tokens = (image // 4) ** 2
        self.blocks = nn.ModuleList(Block(width, tokens, ratio, spiking) for _ in range(depth))
        self.head_lif, self.head = spiking(), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.stem, repeat(x, self.T))
        x = x + self.separable(x)
        x = per_tick(self.down, self.lif(x)).flatten(3)
        for block in self.blocks:
            x = block(x)
        return self.head(self.head_lif(x).mean(-1)).mean(0)


def imagenet(depth: int = 8, width: int = 512) -> SMixerV2:
    """SpikformerV2->M 8-512 for ImageNet at 224 px, T = 1."""
    return SMixerV2(depth, width, 1000, 224)


def imagenet_dstsp(tokens: Sequence[int], depth: int = 8, width: int = 512) -> SMixerV2:
    """The same with these of its 196 tokens, static form; the paper drops 30 %."""
    return SMixerV2(depth, width, 1000, 224, tokens=tokens)


def small() -> SMixerV2:
    """Plain SMixer: two blocks of width 32, 16 px, two ticks."""
    return SMixerV2(2, 32, 5, 16, downsample=2, ratio=2, T=2)


def small_dstsp() -> SMixerV2:
    """Eleven of 16 tokens, chosen for each input."""
    return SMixerV2(2, 32, 5, 16, downsample=2, ratio=2, T=2, tokens=11)


def small_dstsp_static() -> SMixerV2:
    """Eleven of 16 tokens, a fixed set."""
    tokens = (0, 1, 2, 4, 5, 6, 8, 9, 10, 13, 15)
    return SMixerV2(2, 32, 5, 16, downsample=2, ratio=2, T=2, tokens=tokens)


def small_qkformer() -> SMixerQKFormer:
    """QKFormer->M of width 32, 16 px, two ticks."""
    return SMixerQKFormer(32, 4, 5, 16, ratio=2, T=2)


def small_sdt_v3() -> SMixerSDTV3:
    """SDT-V3->M with binary neurons over four virtual ticks."""
    return SMixerSDTV3(1, 32, 5, 16, ratio=2)


def small_sdt_v3_integer() -> SMixerSDTV3:
    """SDT-V3->M with its integer neurons."""
    return SMixerSDTV3(1, 32, 5, 16, ratio=2, T=1, spiking=IntegerSpike)
