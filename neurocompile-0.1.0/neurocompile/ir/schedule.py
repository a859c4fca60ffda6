"""The Schedule: when, on a chip, each population computes a tick of the model.

In PyTorch all populations compute the same tick at once; on a chip each hop takes one step. A
population of depth d computes model tick t of sample s in chip step `s * n_ticks + t + d + 1`
(steps count from 1). Its state is cleared in the step where a sample's tick 0 reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from neurocompile.ir.network import InputKind, Network, Projection


@dataclass(frozen=True, eq=False)
class Schedule:
    """Depths of inputs (always 0), of host populations (0) and of populations on chip."""

    depth: Mapping[str, int]
    n_ticks: int

    def waits(self, network: Network) -> Iterator[tuple[Projection, int]]:
        """Projections onto the chip, and the steps beyond the next one that their spikes wait.

        Below 0 they cannot arrive in time. What spikes in every step need not wait.
        """
        always = {item.name for item in network.inputs if item.kind is InputKind.ONE}
        on_host = {p.name for p in network.populations if p.on_host}
        for p in network.projections:
            if p.target not in on_host:
                constant = p.source in always and p.delay == 0
                yield p, 0 if constant else (
                    self.depth[p.target] - self.depth[p.source] + p.delay - 1)

    @property
    def latency(self) -> int:
        """Steps by which the deepest population lags the input."""
        return max(self.depth.values(), default=0)

    def steps(self, n_samples: int) -> int:
        """Chip steps until the last tick of the last sample has left every population."""
        return n_samples * self.n_ticks + self.latency
