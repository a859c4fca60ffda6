"""Networks made for TrueNorth: ternary weights, groups of at most 128 inputs, neurons without leak.

Both get MNIST's images as spikes, one frame per tick: pixels above a threshold that rises from tick
to tick. Weighted layers of their files hold -1, 0 and 1; a BatchNorm gives each channel its scale.
"""

from __future__ import annotations

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor, nn

from neurocompile.nn import TokenMixer

TICKS = 4  # of the convolutional network
CLASSES = 10


def frames(images: Tensor, ticks: int) -> Tensor:
    """Images [N, 1, H, W] in 0..1 as spikes [ticks, N, 1, H, W]: above (t + 1) / (ticks + 1)."""
    levels = torch.arange(1, ticks + 1) / (ticks + 1)
    return (images > levels.reshape(-1, 1, 1, 1, 1)).to(torch.float32)


def if_neuron(soft: bool = True) -> nn.Module:
    """IF with threshold 1: reset by subtraction, or to zero."""
    node: nn.Module = neuron.IFNode(
        v_threshold=1.0, v_reset=None if soft else 0.0, surrogate_function=surrogate.ATan(),
        detach_reset=True, step_mode="m")
    return node


def per_tick(layer: nn.Module, x: Tensor) -> Tensor:
    """A layer of [N, ...] applied to [T, B, ...]."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    """A convolution without bias and its BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out))


def pointwise_bn(c_in: int, c_out: int) -> nn.Sequential:
    """A linear map of the channels of [N, C, tokens] and its BatchNorm."""
    return nn.Sequential(nn.Conv1d(c_in, c_out, 1, bias=False), nn.BatchNorm1d(c_out))


class ConvNet(nn.Module):
    """Four grouped convolutions of IF neurons; 20 neurons vote for each class.

    Fan-in: 9, 72, 72 and 112. The last layer sees a whole 4 x 4 map of 7 channels per group.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.if1 = conv_bn(1, 16, 3, 2), if_neuron()
        self.conv2, self.if2 = conv_bn(16, 56, 3, 2, groups=2), if_neuron()
        self.conv3, self.if3 = conv_bn(56, 112, 3, 2, groups=7), if_neuron()
        self.votes = nn.Sequential(
            nn.Conv2d(112, 320, 4, groups=16, bias=False), nn.BatchNorm2d(320))
        self.if4 = if_neuron()

    def forward(self, x: Tensor) -> Tensor:
        """Votes (B, 10) for frames (T, B, 1, 28, 28): spikes of each class over all ticks."""
        x = self.if1(per_tick(self.conv1, x))
        x = self.if2(per_tick(self.conv2, x))
        x = self.if3(per_tick(self.conv3, x))
        x = self.if4(per_tick(self.votes, x)).flatten(2)
        return x.unflatten(2, (-1, CLASSES)).mean(2).mean(0)


class MixerNet(nn.Module):
    """A small STMixer over one tick: stem of convolutions, one block with membrane shortcuts.

    16 tokens of 48 channels. The head on the mean of the stream stays with the host.
    """

    def __init__(self, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.conv1, self.if1 = conv_bn(1, 16, 3, 2), if_neuron(soft=False)
        self.conv2, self.if2 = conv_bn(16, width, 3, 2, groups=2), if_neuron(soft=False)
        self.conv3 = conv_bn(width, width, 3, 2, groups=width // 8)
        self.if3, self.fc1 = if_neuron(soft=False), pointwise_bn(width, width)
        self.if4, self.mix = if_neuron(soft=False), TokenMixer(16, heads, "CN")
        self.norm = nn.BatchNorm1d(width)
        self.if5, self.fc2 = if_neuron(soft=False), pointwise_bn(width, width)
        self.if6, self.up = if_neuron(soft=False), pointwise_bn(width, 2 * width)
        self.if7, self.down = if_neuron(soft=False), pointwise_bn(2 * width, width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) for frames (1, B, 1, 28, 28)."""
        x = self.if1(per_tick(self.conv1, x))
        x = self.if2(per_tick(self.conv2, x))
        x = per_tick(self.conv3, x).flatten(3)
        y = self.if4(per_tick(self.fc1, self.if3(x)))
        y = self.if5(per_tick(self.norm, self.mix(y)))
        x = x + per_tick(self.fc2, y)
        y = self.if7(per_tick(self.up, self.if6(x)))
        x = x + per_tick(self.down, y)
        return self.head(x.mean(-1)).mean(0)
