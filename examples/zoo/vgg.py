"""Spiking VGG-11 and VGG-16 (ICLR 2015) with BatchNorm, pooled by max, mean or stride.

Neurons: `IFNode`, v <- v + x, fires at v >= 1, reset to 0. Pooling acts on spikes.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from examples.zoo.common import conv_bn, if_, per_tick, repeat

INPUT = (3, 16, 16)  # of small()
EXPECTED: dict[str, int] = {"NC122": 2}  # a pool each stage
EXPECTED_AVERAGE: dict[str, int] = {}
EXPECTED_STRIDED: dict[str, int] = {}

STAGES = {  # output channels of the convolutions, stage by stage
    "vgg11": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    "vgg16": ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
}
POOLS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class Stage(nn.Module):
    """Convolutions with neurons, then half the side by `pool`: max, average or strided.

    "strided": the stage's last convolution has stride 2 and there is no pooling.
    """

    def __init__(self, inputs: int, widths: Sequence[int], pool: str) -> None:
        super().__init__()
        strides = [1] * (len(widths) - 1) + [2 if pool == "strided" else 1]
        self.convs = nn.ModuleList(
            conv_bn(a, b, stride=stride, bias=True)
            for a, b, stride in zip((inputs, *widths[:-1]), widths, strides, strict=True))
        self.sns = nn.ModuleList(if_() for _ in widths)
        self.pool = POOLS[pool](2) if pool in POOLS else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for conv, sn in zip(self.convs, self.sns, strict=True):
            x = sn(per_tick(conv, x))
        return per_tick(self.pool, x)  # NC122 (small)


class VGG(nn.Module):
    """Stages, two hidden dense layers with neurons, linear head; mean over time."""

    def __init__(self, stages: Sequence[Sequence[int]], pool: str, image: int, hidden: int,
                 classes: int, T: int) -> None:
        super().__init__()
        self.T = T
        widths = [3, *(stage[-1] for stage in stages)]
        self.stages = nn.Sequential(
            *(Stage(inputs, stage, pool) for inputs, stage in zip(widths, stages, strict=False)))
        features = widths[-1] * (image >> len(stages)) ** 2
        self.fc1, self.sn1 = nn.Linear(features, hidden), if_()
        self.fc2, self.sn2 = nn.Linear(hidden, hidden), if_()
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(repeat(x, self.T)).flatten(2)
        x = self.sn2(self.fc2(self.sn1(self.fc1(x))))
        return self.head(x).mean(0)


def vgg11(pool: str = "max") -> VGG:
    """Spiking VGG-11 for ImageNet: 132.869 M parameters, as torchvision's vgg11_bn."""
    return VGG(STAGES["vgg11"], pool, 224, 4096, 1000, T=4)


def vgg16(pool: str = "max") -> VGG:
    """Spiking VGG-16 for ImageNet: 138.366 M parameters, as torchvision's vgg16_bn."""
    return VGG(STAGES["vgg16"], pool, 224, 4096, 1000, T=4)


def small(pool: str = "max") -> VGG:
    """Two stages of 8 and 16 channels, two ticks."""
    return VGG(((8,), (16, 16)), pool, 16, 24, 5, T=2)


def small_average() -> VGG:
    """The same with average pooling."""
    return small("average")


def small_strided() -> VGG:
    """The same with strided convolutions."""
    return small("strided")
