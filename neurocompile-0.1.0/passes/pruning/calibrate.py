"""Calibrate: which tokens and ticks carry the most spikes, on a sample.

The spike intensity value (SIV) of DSTSP (spatio-temporal pruning of SMixer, ICLR 2026) ranks the
ticks and tokens of a block's input X[t, n, c]: I_T[t] sums X over tokens and channels, I_S[n] over
ticks and channels. The paper ranks for each input anew, which no chip can do. Here both sums also
run over the samples, and X are the spikes of the populations that the first block starts with.
Ticks are ranked first; I_S is then taken of the network that has the kept ticks only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import InputKind, Network, Population
from neurocompile.ir.operators import Array
from neurocompile.passes.pruning.drop import only_sums, with_ticks
from neurocompile.passes.pruning.token_axis import Axes

Runner = Callable[[Network], Mapping[str, Array]]  # spikes [samples, ticks, neurons] by population


@dataclass(frozen=True, slots=True)
class Share:
    """What is kept along one axis: the numbers `kept` of `given`, with a share of all spikes."""

    kept: tuple[int, ...]
    given: int
    siv: float  # of the spike intensity value, 0..1

    @property
    def summary(self) -> str:
        """`12 of 16 (81.3 % of the spikes)`."""
        return f"{len(self.kept)} of {self.given} ({100 * self.siv:.1f} % of the spikes)"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a calibration decided; with it, a network is pruned again without a sample."""

    tokens: Share | None = None
    ticks: Share | None = None

    def to_json(self) -> dict[str, Any]:
        """In JSON's own types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Kept:
        """What `to_json` gave."""
        return cls(**{name: share and Share(tuple(share["kept"]), share["given"], share["siv"])
                      for name, share in data.items()})


def calibrate(network: Network, axes: Axes, tokens: float, steps: float, run: Runner) -> Kept:
    """The ticks, then the tokens, with the largest sums of spikes where the first block starts.

    An input without a time axis is the same in every tick, so the first ticks are kept.
    """
    first, ticks = _first(network, axes), None
    spikes = run(network)
    if steps:
        only_sums(network)
        values = sum((spikes[p.name].sum(axis=(0, 2), dtype=np.int64) for p in first), _none(
            network.n_ticks))
        timed = any(item.kind in (InputKind.ANALOG, InputKind.SPIKES) for item in network.inputs)
        ticks = _strongest(values, steps, ranked=timed)
        spikes = run(with_ticks(network, ticks.kept)) if tokens else spikes
    if not tokens:
        return Kept(None, ticks)
    length = axes[first[0].name].length
    values = sum((_by_token(spikes[p.name], axes, p) for p in first), _none(length))
    return Kept(_strongest(values, tokens), ticks)


def _none(length: int) -> NDArray[np.int64]:
    return np.zeros(length, np.int64)


def _by_token(spikes: Array, axes: Axes, population: Population) -> NDArray[np.int64]:
    axis = axes[population.name]
    counts = spikes.sum(axis=(0, 1), dtype=np.int64).reshape(axis.outer, axis.length, axis.inner)
    found: NDArray[np.int64] = counts.sum(axis=(0, 2))
    return found


def _first(network: Network, axes: Axes) -> list[Population]:
    """The populations with tokens that get none from others; without tokens, those behind inputs.

    In a loop the first one in order is taken.
    """
    inside = set(axes) or {p.name for p in network.populations}
    order = [p for p in network.order() if p.name in inside]
    found = [p for p in order if not any(
        q.source in inside for q in network.into(p.name) if q.delay == 0)]
    return found or order[:1]


def _strongest(values: NDArray[np.int64], share: float, ranked: bool = True) -> Share:
    """All but a share of the numbers, in order; at least one. Of equal ones the first is kept."""
    dropped = min(int(share * len(values) + 1e-9), len(values) - 1)
    order = np.argsort(-values, kind="stable") if ranked else np.arange(len(values))
    kept = np.sort(order[:len(values) - dropped])
    return Share(tuple(kept.tolist()), len(values), float(values[kept].sum() / max(values.sum(), 1)))
