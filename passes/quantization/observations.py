"""What a float network did on samples: scales, ranges and rounding are measured on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Projection
from neurocompile.ir.operators import Array


@dataclass(frozen=True, eq=False)
class Observations:
    """A float network's run on samples.

    `messages` holds what inputs and populations send by name, [samples, ticks, sources]; of a static
    input one tick. `peaks` are the largest |v| of populations that decide a spike, in float units.
    `without_ties` are populations that fire, and whose potentials do not lie on the threshold.
    """

    messages: Mapping[str, Array]
    peaks: Mapping[str, float]
    without_ties: frozenset[str] = frozenset()

    def power(self, source: str) -> float:
        """The mean square of what a source sends in a tick."""
        return float(np.square(self.messages[source], dtype=np.float64).mean())

    def rate(self, population: str) -> float:
        """Spikes per tick of the neuron that a spike is of, on average over all spikes."""
        rates = (self.messages[population] != 0).mean(axis=(0, 1))
        return float((rates**2).sum() / rates.sum()) if rates.any() else 0.0

    def largest_current(self, projections: Sequence[Projection],
                        bias: Array | float) -> float:
        """The largest magnitude of what projections from inputs and a bias deliver in a tick."""
        total: NDArray[np.float64] = np.asarray(bias, np.float64)
        for projection in projections:
            x = np.asarray(self.messages[projection.source], np.float64)
            sums = projection.operator.apply(x.reshape(-1, x.shape[-1]))
            total = total + sums.reshape(*x.shape[:2], -1)
        return float(np.abs(total).max(initial=0.0))
