"""Convolutional spiking network for MNIST, written with SpikingJelly."""

from __future__ import annotations

import torch
from spikingjelly.activation_based import layer, neuron, surrogate
from torch import nn


def _lif() -> nn.Module:
    """LIF neuron with v[t] = v[t-1] + (x[t] - v[t-1]) / 2 and reset to zero."""
    lif: nn.Module = neuron.LIFNode(
        tau=2.0,
        decay_input=True,
        v_threshold=1.0,
        v_reset=0.0,
        surrogate_function=surrogate.ATan(),
        detach_reset=True,
        step_mode="m",
    )
    return lif


class ConvNet(nn.Module):
    """Two convolutions and two dense layers; the image is fed as a constant current."""

    def __init__(self, T: int = 8) -> None:
        super().__init__()
        self.T = T
        self.conv1 = layer.Conv2d(
            1, 16, kernel_size=3, stride=2, padding=1, bias=False, step_mode="m"
        )
        self.bn1 = layer.BatchNorm2d(16, step_mode="m")
        self.lif1 = _lif()
        self.conv2 = layer.Conv2d(
            16, 20, kernel_size=3, stride=1, padding=1, bias=False, step_mode="m"
        )
        self.bn2 = layer.BatchNorm2d(20, step_mode="m")
        self.lif2 = _lif()
        self.pool = layer.AvgPool2d(2, step_mode="m")
        self.flatten = layer.Flatten(step_mode="m")
        self.fc = layer.Linear(20 * 7 * 7, 208, bias=False, step_mode="m")
        self.lif3 = _lif()
        self.head = nn.Linear(208, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (B, 10) of images (B, 1, 28, 28): the mean of the head over all ticks."""
        x = x.unsqueeze(0).repeat(self.T, 1, 1, 1, 1)
        x = self.lif1(self.bn1(self.conv1(x)))
        x = self.lif2(self.bn2(self.conv2(x)))
        x = self.flatten(self.pool(x))
        x = self.lif3(self.fc(x))
        x = self.head(x)
        return x.mean(0)


def make() -> nn.Module:
    """The network of ``model.pt``, untrained."""
    return ConvNet()
