"""STMixer (NeurIPS 2024): spiking token mixing by static matrices, for event-driven chips.

Tensors are (T, B, C, N) with N tokens, images (T, B, C, H, W). The stream between the blocks is a
membrane current: it reaches neurons and the head only.

Neurons. T = 1: fires at x >= 1, no state; an `IFNode` of threshold 1 from rest. T > 1:
v <- v / 2 + x, fires at v >= 1, reset to 0; a `LIFNode` with tau 2 and `decay_input=False`, bit
for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn
from torch.nn import functional as F

from examples.zoo.common import conv1_bn, conv_bn, if_, per_tick, repeat
from neurocompile.nn import TokenMixer

INPUT = (3, 16, 16)  # of small()
EXPECTED: dict[str, int] = {}
EXPECTED_T2: dict[str, int] = {}


def spiking(T: int) -> nn.Module:
    """The neuron of STMixer."""
    if T == 1:
        return if_()
    return neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=1.0, v_reset=0.0,
                          detach_reset=True, step_mode="m")


class IPSPS(nn.Module):
    """Strided convolutions instead of pooling, and an analog bypass of an eighth of the channels.

    An image of side S becomes (S / 2^downsample)^2 tokens.
    """

    def __init__(self, channels: int, width: int, downsample: int, T: int) -> None:
        super().__init__()
        widths = [channels, width // 8, width // 4, width // 2, width, width * 7 // 8]
        strides = [1] * (5 - downsample) + [2] * downsample
        self.convs = nn.ModuleList(
            conv_bn(a, b, stride=s)
            for a, b, s in zip(widths[:-1], widths[1:], strides, strict=True))
        self.lifs = nn.ModuleList(spiking(T) for _ in range(4))
        patch = 2**downsample
        self.bypass = nn.Sequential(
            nn.Conv2d(channels, width // 8, patch, patch, bias=False), nn.BatchNorm2d(width // 8))

    def forward(self, x: Tensor) -> Tensor:
        bypass = per_tick(self.bypass, x)
        for conv, lif in zip(self.convs, self.lifs, strict=False):
            x = lif(per_tick(conv, x))
        return torch.cat([bypass, per_tick(self.convs[-1], x)], 2).flatten(3)


class TokenMixing(nn.Module):
    """Channels, tokens, channels: two linear maps around the token matrices."""

    def __init__(self, width: int, heads: int, tokens: int, T: int) -> None:
        super().__init__()
        self.lif1, self.fc1 = spiking(T), conv1_bn(width, width)
        self.lif2, self.mix = spiking(T), TokenMixer(tokens, heads, "CN")
        self.lif3, self.fc2 = spiking(T), conv1_bn(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif2(per_tick(self.fc1, self.lif1(x)))
        return per_tick(self.fc2, self.lif3(self.mix(x)))


class FeedForward(nn.Module):
    """Two linear maps of the channels, `ratio` times wider between them."""

    def __init__(self, width: int, ratio: int, T: int) -> None:
        super().__init__()
        self.lif1, self.fc1 = spiking(T), conv1_bn(width, ratio * width)
        self.lif2, self.fc2 = spiking(T), conv1_bn(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif2(per_tick(self.fc1, self.lif1(x)))
        return per_tick(self.fc2, x)


class Block(nn.Module):
    """Token mixing and feed-forward, each with a membrane shortcut."""

    def __init__(self, width: int, heads: int, tokens: int, ratio: int, T: int) -> None:
        super().__init__()
        self.mixing = TokenMixing(width, heads, tokens, T)
        self.mlp = FeedForward(width, ratio, T)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixing(x)
        return x + self.mlp(x)


class AnnMixer(nn.Module):
    """A block of the surrogate module: GELU where the network has neurons."""

    def __init__(self, width: int, heads: int, tokens: int, ratio: int = 4) -> None:
        super().__init__()
        self.fc1, self.fc2 = conv1_bn(width, width), conv1_bn(width, width)
        self.mix = TokenMixer(tokens, heads, "CN")
        self.up, self.down = conv1_bn(width, ratio * width), conv1_bn(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(F.gelu(per_tick(self.fc1, F.gelu(x))))
        x = x + per_tick(self.fc2, F.gelu(y))
        y = F.gelu(per_tick(self.up, F.gelu(x)))
        return x + per_tick(self.down, y)


class SurrogateHead(nn.Module):
    """SML: an analog classifier on the stream's mean over time; for training only."""

    def __init__(self, width: int, heads: int, tokens: int, classes: int, depth: int = 1) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(AnnMixer(width, heads, tokens) for _ in range(depth)))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x.mean(0, keepdim=True))[0].mean(-1))


class STMixer(nn.Module):
    """STMixer-depth-width-heads: stem, blocks, linear head on the mean of the membrane stream.

    Images (B, C, S, S) are repeated `T` times; event frames come as (T, B, C, S, S). With
    `sml`, a training call returns a list: the logits, then those of the surrogate heads behind the
    stem and behind each second block.
    """

    def __init__(self, depth: int, width: int, heads: int, classes: int, image: int,
                 channels: int = 3, downsample: int = 4, ratio: int = 4, T: int = 1,
                 sml: bool = False) -> None:
        super().__init__()
        self.T = T
        tokens = (image // 2**downsample) ** 2
        self.stem = IPSPS(channels, width, downsample, T)
        self.blocks = nn.ModuleList(
            Block(width, heads, tokens, ratio, T) for _ in range(depth))
        self.head = nn.Linear(width, classes)
        self.sml = nn.ModuleList(
            SurrogateHead(width, heads, tokens, classes)
            for _ in range((1 + depth // 2) if sml else 0))

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        if x.ndim == 4:
            x = repeat(x, self.T)
        x = self.stem(x)
        taps = [x]
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number % 2 == 0:
                taps.append(x)
        logits = self.head(x.mean(-1)).mean(0)
        if not (self.training and len(self.sml)):
            return logits
        return [logits, *(head(tap) for head, tap in zip(self.sml, taps, strict=True))]


def sml_loss(outputs: Sequence[Tensor], labels: Tensor, temperature: float = 3.0) -> Tensor:
    """0.667 of the mean cross entropy, 0.333 of the symmetric KL between main and other heads.

    In each direction of the KL the target is detached.
    """
    hard = torch.stack([F.cross_entropy(logits, labels) for logits in outputs]).mean()
    main, *others = [F.log_softmax(logits / temperature, -1) for logits in outputs]
    soft = torch.stack([
        (F.kl_div(main, other.detach(), reduction="batchmean", log_target=True)
         + F.kl_div(other, main.detach(), reduction="batchmean", log_target=True)) / 2
        for other in others]).mean()
    return 0.333 * soft + 0.667 * hard


def cifar100(depth: int = 10, width: int = 384, heads: int = 16, T: int = 1,
             sml: bool = False) -> STMixer:
    """STMixer-10-384-16 for CIFAR-100: 17.531 M parameters."""
    return STMixer(depth, width, heads, 100, 32, downsample=2, T=T, sml=sml)


def imagenet(depth: int = 8, width: int = 768, heads: int = 32, T: int = 1,
             sml: bool = False) -> STMixer:
    """STMixer-8-768-32 for ImageNet at 224 px: 66.085 M parameters."""
    return STMixer(depth, width, heads, 1000, 224, T=T, sml=sml)


def dvs(image: int = 128, T: int = 10) -> STMixer:
    """STMixer-2-256-16 for CIFAR10-DVS: 2.373 M parameters at 128 px."""
    return STMixer(2, 256, 16, 10, image, channels=2, T=T)


def small(T: int = 1) -> STMixer:
    """STMixer-2-32-4 for images of 16 px."""
    return STMixer(2, 32, 4, 5, 16, downsample=2, ratio=2, T=T)


def small_t2() -> STMixer:
    """The same over two ticks."""
    return small(2)
