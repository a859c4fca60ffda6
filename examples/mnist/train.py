"""Train the MNIST networks: ``python train.py conv``, ``fc`` or ``samples``."""

from __future__ import annotations

from pathlib import Path

import conv_net
import fc_net
from training import Recipe, run

RECIPES = {
    "conv": Recipe(conv_net.make, "model.pt", 7, 128, 3e-3, 0.0, shift=2),
    "fc": Recipe(fc_net.make, "fc.pt", 20, 128, 2e-3, 1e-4, shift=1),
}

if __name__ == "__main__":
    run(RECIPES, Path(__file__).resolve().parent)
