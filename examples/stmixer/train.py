"""Train the networks on MNIST: ``python train.py stmixer``, ``stmixer-t4`` or ``ms-resnet``.

``python train.py samples`` writes 32 test images. All images are upscaled to 32 x 32 pixels.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import small_nets

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "mnist"))

from training import Recipe, run

RECIPES = {
    "stmixer": Recipe(small_nets.stmixer, "model.pt", 10, 128, 3e-3, 0.0, shift=2),
    "stmixer-t4": Recipe(
        partial(small_nets.stmixer, T=4), "t4.pt", 1, 128, 1e-3, 0.0, shift=2, start="model.pt"),
    "ms-resnet": Recipe(small_nets.ms_resnet, "ms_resnet.pt", 5, 128, 3e-3, 0.0, shift=2),
}

if __name__ == "__main__":
    run(RECIPES, HERE, small_nets.upscale)
