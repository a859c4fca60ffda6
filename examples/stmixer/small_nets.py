"""The trained networks of this folder: small sizes of `examples/zoo`'s architectures for MNIST."""

from __future__ import annotations

import sys
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the repository, for `examples.zoo`

from examples.zoo.ms_resnet import MSResNet
from examples.zoo.stmixer import STMixer


def upscale(images: Tensor) -> Tensor:
    """MNIST's images [N, 1, 28, 28] as [N, 1, 32, 32], bilinear: what the networks see."""
    return F.interpolate(images, size=(32, 32), mode="bilinear")


def stmixer(T: int = 1) -> STMixer:
    """STMixer-2-64-4 for images of 32 px: 4 x 4 tokens, 143,810 parameters."""
    return STMixer(2, 64, 4, 10, 32, channels=1, downsample=3, ratio=4, T=T)


def ms_resnet() -> MSResNet:
    """Two stages of 16 and 32 channels over four ticks; a projection shortcut between them."""
    return MSResNet((1, 1), T=4, width=16, classes=10, first_stride=1, channels=1)
