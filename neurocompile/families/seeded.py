"""Inputs that stand in for a sample: seeded, in the inputs' ranges, such that a network is active."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurocompile.backends.synchronous import Executor, Run
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array

SEED = 0
SAMPLES = 4
DENSITIES = (0.5, 0.2, 1.0, 0.05)  # shares of the elements that are not 0, tried in this order


def active_inputs(floating: Network, count: int = SAMPLES) -> tuple[dict[str, Array], Run]:
    """So many samples on which most populations of a float network fire, and what it does on them.

    The first density on which all fire is taken, else the first one with the most.
    """
    executor, most = Executor(floating), -1
    for density in DENSITIES:
        inputs = seeded_inputs(floating, density, count)
        run = executor.run(inputs)
        active = sum(bool(train.any()) for train in run.spikes.values())
        if active > most:
            most, best = active, (inputs, run)
        if active == len(run.spikes):
            break
    return best


def seeded_inputs(network: Network, density: float, count: int = SAMPLES) -> dict[str, Array]:
    """Values for all inputs: of so many elements one of its range or levels, 0 of the others."""
    random = np.random.default_rng(SEED)
    return {item.name: _values(item, network.n_ticks, density, count, random)
            for item in network.inputs if item.kind is not InputKind.ONE}


def _values(item: Input, n_ticks: int, density: float, count: int,
            random: np.random.Generator) -> Array:
    time = () if item.kind is InputKind.STATIC else (len(item.ticks) or n_ticks,)
    shape = (count, *time, *item.shape)
    there = random.random(shape) < density
    if item.kind is InputKind.SPIKES:
        return (there * random.integers(1, item.levels + 1, shape)).astype(np.float32)
    values = item.low + random.random(shape) * (item.high - item.low)
    silent = min(max(0.0, item.low), item.high)
    return np.where(there, values, silent).astype(np.float32)


def is_active(spikes: Mapping[str, Array]) -> bool:
    """Whether every population fires."""
    return all(bool(train.any()) for train in spikes.values())
