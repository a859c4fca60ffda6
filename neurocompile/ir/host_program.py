"""Host programs: what follows the last neurons that fire, where it is no sum of their spikes.

The Graph's own operators behind those neurons, as an ONNX model that reads their spikes. Leaky
integrators, softmax, maxima over time: no business of a chip, and nothing to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.axes import Layout
from neurocompile.ir.operators import Array, Shape


@dataclass(frozen=True, eq=False)
class Feed:
    """A value that a program reads: what a population sends, or the data of an input."""

    value: str  # its name in the program
    source: str  # population or input
    tick: int | None  # the only tick that it holds, in an unrolled loop; None: all that there are
    layout: Layout  # its axes in the program
    dtype: np.dtype[np.generic]


@dataclass(frozen=True, eq=False)
class HostProgram:
    """An output that the host computes with an ONNX model, from what populations send.

    The model computes `batch` samples at a time, each by itself, in float32.
    """

    name: str  # of the output, in the program too
    number: int  # its place among the model's outputs
    shape: Shape  # of one sample, or of one of its ticks
    each_tick: bool  # whether there is a value per tick
    feeds: tuple[Feed, ...]
    layout: Layout  # of the output in the program
    n_ticks: int  # that it reads
    batch: int
    operators: int  # in the program
    model: bytes

    @property
    def sources(self) -> tuple[str, ...]:
        """The populations and inputs that it reads."""
        return tuple(dict.fromkeys(feed.source for feed in self.feeds))

    def answers(self, values: Array) -> NDArray[np.int64]:
        """Per sample the index of the largest value, over all ticks where each has its own.

        A first axis as long as there are ticks counts them: so records are stacked.
        """
        by_tick = self.each_tick or (len(self.shape) > 1 and self.shape[0] == self.n_ticks)
        totals = values.sum(axis=1) if by_tick else values
        answers: NDArray[np.int64] = totals.reshape(len(values), -1).argmax(1)
        return answers
