"""SEW-ResNet (NeurIPS 2021): residual blocks that join spikes by ADD, AND or IAND.

Neurons: v <- v + x, fires at v >= 1, reset to 0; `IFNode`, bit for bit. The first convolution
acts once on the image, before it is repeated over time.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from examples.zoo.common import conv_bn, if_, per_tick, repeat

INPUT = (3, 16, 16)  # of small()
EXPECTED: dict[str, int] = {
    "NC122": 1,  # the stem pools spikes
    "NC125": 3 + 1,  # blocks 1 to 3: the first convolution; block 2: its shortcut's
}
EXPECTED_AND: dict[str, int] = {
    "NC121": 3,  # blocks 0 to 2; no neuron follows block 3, so its product is the host's
    "NC122": 1,
}
EXPECTED_IAND = EXPECTED_AND


class Shortcut(nn.Module):
    """Spikes of the block's input; a 1x1 convolution and a neuron where shapes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.changes = stride != 1 or inputs != outputs
        if self.changes:
            self.conv, self.sn = conv_bn(inputs, outputs, 1, stride), if_()

    def forward(self, x: Tensor) -> Tensor:
        if not self.changes:
            return x
        return self.sn(per_tick(self.conv, x))  # NC125 (small)


class Join(nn.Module):
    """The element-wise function of a block's output and its shortcut."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, out: Tensor, identity: Tensor) -> Tensor:
        if self.how == "ADD":
            return out + identity
        if self.how == "AND":
            return out * identity  # NC121 (small_and)
        return identity * (1.0 - out)  # NC121 (small_iand)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, each with a neuron, then the join."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, how: str) -> None:
        super().__init__()
        self.conv1, self.sn1 = conv_bn(inputs, width, 3, stride), if_()
        self.conv2, self.sn2 = conv_bn(width, width), if_()
        self.shortcut, self.join = Shortcut(inputs, width, stride), Join(how)

    def forward(self, x: Tensor) -> Tensor:
        y = self.sn1(per_tick(self.conv1, x))  # NC125 (small)
        y = self.sn2(per_tick(self.conv2, y))
        return self.join(y, self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, each with a neuron, then the join."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, how: str) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.sn1 = conv_bn(inputs, width, 1), if_()
        self.conv2, self.sn2 = conv_bn(width, width, 3, stride), if_()
        self.conv3, self.sn3 = conv_bn(width, outputs, 1), if_()
        self.shortcut, self.join = Shortcut(inputs, outputs, stride), Join(how)

    def forward(self, x: Tensor) -> Tensor:
        y = self.sn1(per_tick(self.conv1, x))
        y = self.sn2(per_tick(self.conv2, y))
        y = self.sn3(per_tick(self.conv3, y))
        return self.join(y, self.shortcut(x))


class SEWResNet(nn.Module):
    """Stem with max-pool on spikes, stages of blocks, mean over space and time, linear head."""

    def __init__(self, block: type[BasicBlock | Bottleneck], depths: Sequence[int],
                 how: str = "ADD", T: int = 4, width: int = 64, classes: int = 1000) -> None:
        super().__init__()
        self.T = T
        self.conv, self.sn = conv_bn(3, width, 7, 2), if_()
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks: list[nn.Module] = []
        inputs = width
        for stage, depth in enumerate(depths):
            for number in range(depth):
                stride = 2 if stage and number == 0 else 1
                blocks.append(block(inputs, width << stage, stride, how))
                inputs = (width << stage) * block.expansion
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sn(repeat(self.conv(x), self.T))
        x = per_tick(self.pool, x)  # NC122
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((-2, -1)).mean(0))


def resnet18(how: str = "ADD") -> SEWResNet:
    """SEW-ResNet-18 for ImageNet: 11.690 M parameters."""
    return SEWResNet(BasicBlock, (2, 2, 2, 2), how)


def resnet34(how: str = "ADD") -> SEWResNet:
    """SEW-ResNet-34 for ImageNet: 21.798 M parameters."""
    return SEWResNet(BasicBlock, (3, 4, 6, 3), how)


def resnet50(how: str = "ADD") -> SEWResNet:
    """SEW-ResNet-50 for ImageNet: 25.557 M parameters."""
    return SEWResNet(Bottleneck, (3, 4, 6, 3), how)


def small(how: str = "ADD") -> SEWResNet:
    """Two stages of two blocks, 8 and 16 channels, two ticks."""
    return SEWResNet(BasicBlock, (2, 2), how, T=2, width=8, classes=5)


def small_and() -> SEWResNet:
    """The same with AND."""
    return small("AND")


def small_iand() -> SEWResNet:
    """The same with IAND."""
    return small("IAND")
