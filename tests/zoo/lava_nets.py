"""The networks of the table of Lava runs: untrained, and active in every population."""

from __future__ import annotations

import snntorch
import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from examples.zoo import ms_resnet, smixer, spikingformer, vgg
from examples.zoo.common import if_, lif, per_tick, repeat

IMAGE = (3, 16, 16)


def active(model: nn.Module, shift: float = 0.6) -> nn.Module:
    """BatchNorm randomized so that every layer fires, shifts up to `shift`; eval mode."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 1, 2)
            nn.init.uniform_(module.bias, -0.1, shift)
            module.running_var.fill_(0.1)
    return model.eval()


def lively(model: nn.Module) -> nn.Module:
    """`active`, for networks of many layers between the input and the last neuron."""
    return active(model, 1.5)


def spikingformer_mixing() -> nn.Module:
    """Spikingformer with a static token matrix for its attention, and mean pooling."""
    model = spikingformer.small()
    for k in (2, 3):
        model.tokenizer.pools[k] = nn.AvgPool2d(2)
    for block in model.blocks:
        block.attention = nn.Sequential(lif(), smixer.SMixer(32, 16))
        mix = block.attention[1].mix
        assert isinstance(mix, smixer.TokenMatrix)
        nn.init.uniform_(mix.weight, -0.3, 0.9)
    return model


def ms_resnet18() -> nn.Module:
    """MS-ResNet-18 of width 4: three stages begin with a projection of the membrane stream."""
    return ms_resnet.MSResNet((2, 2, 2, 2), T=2, width=4, classes=5, first_stride=1)


def vgg_of(pool: str) -> nn.Module:
    """VGG with dense layers that fire."""
    model = vgg.small(pool)
    nn.init.uniform_(model.fc1.weight, -0.1, 0.12)
    nn.init.uniform_(model.fc2.weight, -0.2, 0.3)
    return model


class Skips(nn.Module):
    """A chain of six layers; the last one also gets what skips one layer, and what skips five."""

    def __init__(self, T: int = 4) -> None:
        super().__init__()
        self.T = T
        self.convs = nn.ModuleList(nn.Sequential(
            nn.Conv2d(2 if k == 0 else 4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
            for k in range(7))
        self.sns = nn.ModuleList(if_() for _ in range(7))
        self.short, self.long = (nn.Conv2d(4, 4, 1, bias=False) for _ in range(2))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = repeat(x, self.T)
        spikes = []
        for conv, sn in zip(self.convs[:-1], self.sns[:-1], strict=True):
            x = sn(per_tick(conv, x))
            spikes.append(x)
        y = per_tick(self.convs[-1], x)
        y = y + per_tick(self.short, spikes[-2]) + per_tick(self.long, spikes[0])
        return self.head(self.sns[-1](y).mean((-2, -1)).mean(0))


class TwoInTwoOut(nn.Module):
    """An image and spike frames [B, T, ...] in; classes, and the spikes of each tick, out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.sn1 = nn.Conv2d(2, 4, 3, padding=1), lif()
        self.fc1, self.sn2 = nn.Linear(10, 16), if_()
        self.fc2, self.fc3, self.sn3 = nn.Linear(4 * 36, 12), nn.Linear(16, 12), lif()
        self.fc4, self.sn4 = nn.Linear(16, 6), lif(0.5)
        self.head = nn.Linear(12, 3)
        for layer in (self.fc1, self.fc2, self.fc3, self.fc4):
            nn.init.uniform_(layer.weight, -0.1, 0.4)

    def forward(self, image: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        frames = frames.transpose(0, 1)
        s1 = self.sn1(per_tick(self.conv, repeat(image, frames.shape[0])) * 4)
        s2 = self.sn2(self.fc1(frames))
        s3 = self.sn3(self.fc2(s1.flatten(2)) + self.fc3(s2))
        return self.head(s3).mean(0), self.sn4(self.fc4(s2))


class Groups(nn.Module):
    """Depthwise and grouped convolutions, strided and dilated, between ParametricLIF neurons."""

    def __init__(self, T: int = 4) -> None:
        super().__init__()
        self.T = T
        self.conv1 = nn.Conv2d(2, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.groups = nn.Conv2d(8, 6, 3, stride=2, groups=2, dilation=2)
        self.sns = nn.ModuleList(
            neuron.ParametricLIFNode(init_tau=tau, step_mode="m") for tau in (1.5, 2.0, 3.0))
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sns[0](per_tick(self.conv1, repeat(x, self.T)) * 4)
        x = self.sns[1](per_tick(self.depthwise, x) * 6 + 0.5)
        x = self.sns[2](per_tick(self.groups, x) * 6 + 1)
        return self.head(x.mean((-2, -1)).mean(0))


class RecurrentLeaky(nn.Module):
    """snnTorch's RLeaky, with feedback from all neurons to all, behind a Leaky."""

    def __init__(self, ticks: int = 6) -> None:
        super().__init__()
        self.ticks = ticks
        self.fc1, self.lif1 = nn.Linear(10, 20), snntorch.Leaky(beta=0.9, reset_mechanism="zero")
        self.fc2 = nn.Linear(20, 16)
        self.lif2 = snntorch.RLeaky(beta=0.8, linear_features=16, reset_mechanism="zero")
        nn.init.uniform_(self.fc1.weight, -0.1, 0.4)
        nn.init.uniform_(self.fc2.weight, -0.1, 0.4)

    def forward(self, x: Tensor) -> Tensor:
        mem1 = self.lif1.reset_mem()
        spk2, mem2 = self.lif2.init_rleaky()
        total = torch.zeros(len(x), 16)
        for _ in range(self.ticks):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), spk2, mem2)
            total = total + spk2
        return total
