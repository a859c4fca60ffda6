"""Small models for TrueNorth, and what is fed into them."""

import torch
from spikingjelly.activation_based import neuron
from torch import nn

TICKS = 4


class Spiking(nn.Module):
    """Two layers of IF neurons on frames of spikes [T, B, 2, 6, 6]."""

    def __init__(self, decay: bool = False, groups: int = 2, width: int = 8,
                 soft: bool = True) -> None:
        super().__init__()
        torch.manual_seed(1)
        node = neuron.LIFNode if decay else neuron.IFNode
        self.conv, self.if1 = (nn.Conv2d(2, width, 3, padding=1),
                               node(step_mode="m", v_reset=None if soft else 0.0))
        self.mix, self.if2 = (nn.Conv2d(width, 6, 3, 3, groups=groups),
                              node(step_mode="m", v_reset=0.0))
        self.head = nn.Linear(24, 3)
        for layer in (self.conv, self.mix):
            nn.init.uniform_(layer.weight, -0.4, 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t, b = x.shape[:2]
        x = self.if1(self.conv(x.flatten(0, 1)).unflatten(0, (t, b)))
        x = self.if2(self.mix(x.flatten(0, 1)).unflatten(0, (t, b)))
        return self.head(x.flatten(2)).mean(0)


class OneTick(nn.Module):
    """Two layers over one tick, of images [B, 12]; with a stream that reaches both, if asked for."""

    def __init__(self, stream: bool = True) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.stream = stream
        self.a, self.lif1 = nn.Linear(12, 20), neuron.LIFNode(step_mode="m")
        self.b, self.lif2 = nn.Linear(20, 20), neuron.LIFNode(step_mode="m")
        for layer in (self.a, self.b):
            nn.init.uniform_(layer.weight, -1.5, 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        current = self.a(x.unsqueeze(0))
        total = self.b(self.lif1(current))
        return self.lif2(total + current if self.stream else total).mean(0)


def frames(count: int, seed: int = 0) -> torch.Tensor:
    """Spikes for `Spiking`: [T, count, 2, 6, 6]."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(TICKS, count, 2, 6, 6, generator=generator) < 0.4).float()


def bits(count: int, seed: int = 0) -> torch.Tensor:
    """Images of 0 and 1 for `OneTick`."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 12, generator=generator) < 0.5).float()
