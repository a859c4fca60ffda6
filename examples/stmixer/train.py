"""Train the networks on MNIST: ``python train.py stmixer``, ``stmixer_t4``, ``ms_resnet``.

``python train.py samples`` writes 32 test images. All images are upscaled to 32 x 32 pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "mnist"))

import nets
from training import Recipe, run

RECIPES = {
    "stmixer": Recipe(nets.stmixer, "model.pt", 10, 128, 3e-3, 0.0, shift=2),
    "stmixer_t4": Recipe(nets.stmixer_t4, "stmixer_t4.pt", 4, 128, 3e-3, 0.0, shift=2),
    "ms_resnet": Recipe(nets.ms_resnet, "ms_resnet.pt", 5, 128, 3e-3, 0.0, shift=2),
}


def upscaled(images: Tensor) -> Tensor:
    """MNIST's images [N, 1, 28, 28] as [N, 1, 32, 32], bilinear."""
    return F.interpolate(images, size=(32, 32), mode="bilinear")


if __name__ == "__main__":
    run(RECIPES, HERE, upscaled)
