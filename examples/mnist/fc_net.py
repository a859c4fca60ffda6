"""Fully connected spiking network for MNIST, written with snnTorch."""

from __future__ import annotations

import snntorch as snn
import torch
from torch import nn


class FcNet(nn.Module):
    """Two dense layers of leaky neurons; the image is fed as a constant current."""

    def __init__(self, T: int = 16, beta: float = 0.9) -> None:
        super().__init__()
        self.T = T
        self.fc1 = nn.Linear(784, 160)
        self.lif1 = snn.Leaky(beta=beta)
        self.fc2 = nn.Linear(160, 10)
        self.lif2 = snn.Leaky(beta=beta)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Output spike counts (B, 10) of images (B, 1, 28, 28)."""
        x = x.flatten(1)
        mem1 = self.lif1.reset_mem()
        mem2 = self.lif2.reset_mem()
        spikes = []
        for _ in range(self.T):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
        return torch.stack(spikes).sum(0)


def make() -> nn.Module:
    """The network of ``fc.pt``, untrained."""
    return FcNet()
