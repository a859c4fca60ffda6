"""The Schedule: when, on a chip, each population computes a tick of the model.

In PyTorch all populations compute the same tick at once; on a chip each hop takes one step. A
population of depth d computes model tick t of sample s in chip step `s * n_ticks + t + d + 1`
(steps count from 1). Its state is cleared in the step where a sample's tick 0 reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurocompile.ir.network import Projection


@dataclass(frozen=True, eq=False)
class Schedule:
    """Depths of inputs (always 0), of host populations (0) and of populations on chip."""

    depth: Mapping[str, int]
    n_ticks: int

    def chip_delay(self, projection: Projection) -> int:
        """Steps from the source's spike to its arrival; 1 is the ordinary next step."""
        return self.depth[projection.target] - self.depth[projection.source] + projection.delay

    @property
    def latency(self) -> int:
        """Steps by which the deepest population lags the input."""
        return max(self.depth.values(), default=0)

    def steps(self, n_samples: int) -> int:
        """Chip steps until the last tick of the last sample has left every population."""
        return n_samples * self.n_ticks + self.latency
