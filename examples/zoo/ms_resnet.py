"""MS-ResNet (IEEE TNNLS 2024): residual blocks whose shortcut carries the membrane current.

Neurons: v <- v / 4 + x, fires at v > 0.5 (strictly), reset to 0. A `LIFNode` with tau 4/3 and
`decay_input=False` computes v - v / tau + x, which rounds v / 4 differently in the last bit; its
threshold is the next float32 above 0.5, because it fires at v >= threshold.

tdBN is BatchNorm over batch, time and space with initial weight 0.5: BatchNorm2d on ticks and
samples together, as below, in eval mode and in its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from examples.zoo.common import conv_bn, per_tick, repeat

INPUT = (3, 16, 16)  # of small()
EXPECTED: dict[str, int] = {"NC124": 1}  # the projection in front of the second stage
EXPECTED_IDENTITY: dict[str, int] = {}
ABOVE_HALF = float(np.nextafter(np.float32(0.5), np.float32(1)))


def spiking() -> nn.Module:
    """The neuron of MS-ResNet."""
    return neuron.LIFNode(tau=4 / 3, decay_input=False, v_threshold=ABOVE_HALF, v_reset=0.0,
                          step_mode="m")


def conv_tdbn(inputs: int, outputs: int, kernel: int = 3, stride: int = 1,
              weight: float = 0.5) -> nn.Module:
    """A convolution without bias and tdBN of that initial weight."""
    layers = conv_bn(inputs, outputs, kernel, stride)
    nn.init.constant_(layers[1].weight, weight)  # type: ignore[arg-type]
    return layers


class Block(nn.Module):
    """Two convolutions behind neurons, and the shortcut of the membrane stream.

    Where shapes differ the shortcut is a 1x1 convolution of the stream, not of spikes.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.sn1, self.conv1 = spiking(), conv_tdbn(inputs, width, 3, stride)
        self.sn2, self.conv2 = spiking(), conv_tdbn(width, width, weight=0.0)
        changes = stride != 1 or inputs != width
        self.projection = conv_tdbn(inputs, width, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = per_tick(self.conv1, self.sn1(x))
        y = per_tick(self.conv2, self.sn2(y))
        shortcut = per_tick(self.projection, x)  # NC124 (small)
        return y + shortcut


class MSResNet(nn.Module):
    """Stem without pooling, stages of blocks, a neuron, mean over space and time, linear head.

    The published parameter counts need a projection in the first stage: its first block has
    stride 2, in place of max-pooling.
    """

    def __init__(self, depths: Sequence[int], T: int = 6, width: int = 64,
                 classes: int = 1000, first_stride: int = 2, channels: int = 3) -> None:
        super().__init__()
        self.T = T
        self.stem = conv_tdbn(channels, width, 7, 2)
        blocks: list[nn.Module] = []
        inputs = width
        for stage, depth in enumerate(depths):
            for number in range(depth):
                stride = (2 if stage else first_stride) if number == 0 else 1
                blocks.append(Block(inputs, width << stage, stride))
                inputs = width << stage
        self.blocks = nn.ModuleList(blocks)
        self.sn = spiking()
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.stem, repeat(x, self.T))
        for block in self.blocks:
            x = block(x)
        return self.head(self.sn(x).mean((-2, -1)).mean(0))


def resnet18() -> MSResNet:
    """MS-ResNet-18 for ImageNet: 11.694 M parameters."""
    return MSResNet((2, 2, 2, 2))


def resnet34() -> MSResNet:
    """MS-ResNet-34 for ImageNet: 21.802 M parameters."""
    return MSResNet((3, 4, 6, 3))


def small() -> MSResNet:
    """Two stages, 8 and 16 channels, two ticks.

    The first projection sees the image's current alone and is legal; the second is not.
    """
    return MSResNet((2, 1), T=2, width=8, classes=5)


def small_identity() -> MSResNet:
    """Two blocks of equal width: every shortcut is the identity."""
    return MSResNet((2,), T=2, width=8, classes=5, first_stride=1)
