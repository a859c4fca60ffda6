"""Inputs for golden vectors: exact hits of thresholds, rest, negative stretches, noise."""

from __future__ import annotations

import numpy as np
import torch

STEPS, NEURONS = 300, 8
LEVELS = (-0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0)  # multiples of 1/4: sums meet 1 exactly
CHANCES = (0.1, 0.1, 0.3, 0.15, 0.15, 0.1, 0.05, 0.05)


def drive(scale: float = 1.0, first: float = 0.5, seed: int = 0) -> torch.Tensor:
    """float32 [STEPS, NEURONS]: LEVELS in the first half of the neurons, noise in the second.

    Times `scale`. The first tick of the first half is `first`: give what meets the threshold from
    rest. Ticks 60 to 79 are silent, ticks 120 to 129 negative.
    """
    rng = np.random.default_rng(seed)
    half = NEURONS // 2
    dyadic = rng.choice(LEVELS, p=CHANCES, size=(STEPS, half))
    noise = np.round(rng.normal(0.3, 0.8, size=(STEPS, NEURONS - half)) * 256) / 256
    x = np.concatenate([dyadic, noise], 1).astype(np.float32)
    x[60:80] = 0.0
    x[120:130] = -np.abs(x[120:130])
    stimulus = torch.from_numpy(x) * scale
    stimulus[0, :half] = first
    return stimulus


def recurrent_weights(size: int = NEURONS, seed: int = 1) -> torch.Tensor:
    """float32 [size, size], multiples of 1/16: sums over 0/1 spikes are exact in any order."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy((rng.integers(-6, 6, size=(size, size)) / 16).astype(np.float32))
