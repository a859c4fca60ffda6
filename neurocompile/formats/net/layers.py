"""What a lava-dl `.net` file holds: a chain of layers of integer neurons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.regular import MAX_BYTES

Ints = NDArray[np.int64]
Shape = tuple[int, ...]
INPUT_WEIGHT, INPUT_BIAS = 64, 0  # of an input's neurons, where a file says nothing


@dataclass(frozen=True, slots=True)
class Cell:
    """A LOIHI or CUBA neuron: decays out of 4096, threshold mantissa (fires above it << 6)."""

    i_decay: int
    v_decay: int
    threshold: int


@dataclass(frozen=True, slots=True)
class InputLayer:
    """What comes in, (channels, height, width) or (neurons,); with a cell, `weight x + bias`."""

    shape: Shape
    cell: Cell | None
    weight: int = INPUT_WEIGHT
    bias: int = INPUT_BIAS


@dataclass(frozen=True, eq=False, kw_only=True)
class DenseLayer:
    """`weight[out, in]`, delays of the same shape, feedback `recurrent[out, out]`, `bias[out]`."""

    weight: Ints
    cell: Cell | None  # None: the sum of its current over all ticks is read
    bias: Ints | None = None
    delay: Ints | None = None
    recurrent: Ints | None = None

    @property
    def shape(self) -> Shape:
        """Neurons."""
        return (len(self.weight),)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvLayer:
    """A cross-correlation with zero padding into `shape`; `bias` broadcasts to `shape`."""

    shape: Shape
    weight: Ints  # [out, in / groups, height, width]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    bias: Ints | None
    cell: Cell


Layer = DenseLayer | ConvLayer


@dataclass(frozen=True, eq=False)
class NetFile:
    """A whole file. `ticks` per sample where it says.

    `layers` by their number in it, in order; the other numbers are the input's and flattenings'.
    """

    input: InputLayer
    layers: dict[int, Layer]
    ticks: int | None

    def check_size(self, path: Path, steps: int) -> None:
        """Raise UsageError (NC004) when so many ticks, of all samples, are too large to run."""
        neurons = math.prod(self.input.shape) + sum(
            math.prod(layer.shape) for layer in self.layers.values())
        if neurons * steps * 4 > MAX_BYTES:
            raise UsageError(Diagnostic("NC004", Location(file=str(path)), {
                "file": str(path), "needed": neurons * steps * 4, "limit": MAX_BYTES}))
