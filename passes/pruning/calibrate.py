"""Calibrate: which tokens and ticks carry the most spikes, on a sample.

The spike intensity value (SIV) of DSTSP (spatio-temporal pruning of SMixer, ICLR 2026) ranks the
ticks and tokens of a block's input X[t, n, c]: I_T[t] sums X over tokens and channels, I_S[n] over
ticks and channels. The paper ranks for each input anew, which no chip can do. Here both sums also
run over the samples, and X are the spikes of the populations that the first block starts with.
Ticks are ranked first; I_S is then taken of the network that has the kept ticks only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import InputKind, Network, Population
from neurocompile.ir.operators import Array
from neurocompile.passes.pruning.drop import only_sums, with_ticks
from neurocompile.passes.pruning.token_axis import TokenAxes

Runner = Callable[[Network], Mapping[str, Array]]  # spikes [samples, ticks, neurons] by population


@dataclass(frozen=True, slots=True)
class AxisSelection:
    """What is kept along one axis: these numbers of its length, with a share of all spikes."""

    numbers: tuple[int, ...]
    length: int
    siv: float  # of the spike intensity value, 0..1

    @property
    def summary(self) -> str:
        """`12 of 16 (81.3 % of the spikes)`."""
        return f"{len(self.numbers)} of {self.length} ({100 * self.siv:.1f} % of the spikes)"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a calibration decided; with it, a network is pruned again without a sample."""

    tokens: AxisSelection | None = None
    ticks: AxisSelection | None = None


def calibrate(network: Network, axes: TokenAxes, tokens: float, steps: float, run: Runner
              ) -> Selection:
    """The ticks, then the tokens, with the largest sums of spikes where the first block starts.

    An input without a time axis is the same in every tick, so the first ticks are kept.
    """
    first, ticks = _first(network, axes), None
    spikes = run(network)
    if steps:
        only_sums(network)
        values = sum((spikes[p.name].sum(axis=(0, 2), dtype=np.int64) for p in first), _none(
            network.n_ticks))
        has_time = any(item.kind in (InputKind.ANALOG, InputKind.SPIKES) for item in network.inputs)
        ticks = _strongest(values, steps, by_rank=has_time)
        spikes = run(with_ticks(network, ticks.numbers)) if tokens else spikes
    if not tokens:
        return Selection(None, ticks)
    length = axes[first[0].name].length
    values = sum((_by_token(spikes[p.name], axes, p) for p in first), _none(length))
    return Selection(_strongest(values, tokens), ticks)


def _none(length: int) -> NDArray[np.int64]:
    return np.zeros(length, np.int64)


def _by_token(spikes: Array, axes: TokenAxes, population: Population) -> NDArray[np.int64]:
    axis = axes[population.name]
    counts = spikes.sum(axis=(0, 1), dtype=np.int64).reshape(axis.outer, axis.length, axis.inner)
    by_token: NDArray[np.int64] = counts.sum(axis=(0, 2))
    return by_token


def _first(network: Network, axes: TokenAxes) -> list[Population]:
    """The populations with tokens that get none from others; without tokens, those behind inputs.

    In a loop the first one in order is taken.
    """
    inside = set(axes) or {p.name for p in network.populations}
    order = [p for p in network.order() if p.name in inside]
    starts = [p for p in order if not any(
        q.source in inside for q in network.into(p.name) if q.delay == 0)]
    return starts or order[:1]


def _strongest(values: NDArray[np.int64], share: float, by_rank: bool = True
               ) -> AxisSelection:
    """All but a share of the numbers, in order; at least one. Of equal ones the first is kept."""
    n_dropped = min(int(share * len(values) + 1e-9), len(values) - 1)
    order = np.argsort(-values, kind="stable") if by_rank else np.arange(len(values))
    strongest = np.sort(order[:len(values) - n_dropped])
    siv = values[strongest].sum() / max(values.sum(), 1)
    return AxisSelection(tuple(strongest.tolist()), len(values), float(siv))
