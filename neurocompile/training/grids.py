"""Binary grids: whole steps of a power of two, which PyTorch's float32 and a chip both hold exactly.

Sums of such numbers are exact in float32, so that a potential that reaches its threshold there
reaches it on the chip. Tensors whose numbers meet in one projection share a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np

from neurocompile.ir.network import InputKind, Network
from neurocompile.training.layers import Layers, Part
from neurocompile.training.slots import Doubles, Slot
from neurocompile.training.trace import Sum, Trace

Levels = Callable[[Doubles], tuple[int, int]]  # of weights: the lowest and highest whole step
OCTAVES = 4  # octaves below the step that clips nothing: tried, the squared error decides
BIAS_STEPS = 10  # octaves: a bias is first in steps of 2**-10 thresholds or less
ANALOG = (InputKind.STATIC, InputKind.ANALOG)


@dataclass(frozen=True, eq=False)
class Grid:
    """The steps of a part's numbers; a step of 0: not rounded but to float32."""

    tensors: tuple[frozenset[str], ...]  # those that share a step
    steps: tuple[float, ...]
    low: tuple[float, ...]  # whole steps
    high: tuple[float, ...]

    def nearest(self, part: Part, row: Doubles) -> Doubles:
        """A row of numbers on the grid."""
        result: Doubles = row.astype(np.float32).astype(np.float64)
        for names, step, low, high in zip(self.tensors, self.steps, self.low, self.high,
                                          strict=True):
            for name in names if step else ():
                where = part.numbering.of_tensor(name)
                result[where] = np.clip(np.rint(row[where] / step), low, high) * step
        return result

    def limits(self, part: Part) -> tuple[Doubles, Doubles, Doubles]:
        """Step, lowest and highest whole step of each number of the part's row."""
        size = part.numbering.size
        step, low, high = np.zeros(size), np.full(size, -np.inf), np.full(size, np.inf)
        for names, *values in zip(self.tensors, self.steps, self.low, self.high, strict=True):
            for name in names:
                where = part.numbering.of_tensor(name)
                step[where], low[where], high[where] = values
        return step, low, high

    def coarser(self, group: int) -> Grid:
        """The grid with twice the step of a group."""
        return replace(self, steps=tuple(
            step * (2 if at == group else 1) for at, step in enumerate(self.steps)))

    def group(self, name: str) -> int | None:
        """The group of a tensor that is rounded."""
        return next((at for at, names in enumerate(self.tensors)
                     if name in names and self.steps[at]), None)


def weight_grid(layers: Layers, levels: Levels) -> Grid:
    """The grid of the tensors whose numbers a chip's synapses hold, by least squared error."""
    part = layers.weights
    uses = {slot: one for slot, one in part.slots() if on_chip(slot, layers.network)}
    return _grid(part, uses, lambda row, one: _best_step(row, *levels(one.values(part.row))))


def addition_grid(layers: Layers, levels: Levels, on_encoders: Collection[str]) -> Grid:
    """The grid of biases of populations whose constant currents no encoder computes.

    Those that pass a synaptic current are weights of a source that always spikes.
    """
    part, neurons = layers.additions, {p.name: p.floating for p in layers.network.populations}
    uses = {slot: one for slot, one in part.slots()
            if slot.part in ("bias", "synapses") and slot.target not in on_encoders}

    def step(row: Doubles, one: Trace | Sum, slot: Slot) -> tuple[float, float, float]:
        if slot.part == "synapses":
            return _best_step(row, *levels(one.values(part.row)))
        unit = abs(neurons[slot.target].v_th) * 2.0**-BIAS_STEPS
        return 2.0 ** math.floor(math.log2(unit)), -math.inf, math.inf

    by_trace = {id(one): slot for slot, one in uses.items()}
    return _grid(part, uses, lambda row, one: step(row, one, by_trace[id(one)]))


def _grid(part: Part, uses: Mapping[Slot, Trace | Sum],
          step: Callable[[Doubles, Trace | Sum], tuple[float, float, float]]) -> Grid:
    graph = nx.Graph()
    for slot, one in uses.items():
        graph.add_edges_from((slot, name) for name in tensors_in(part, one))
    groups, limits = [], []
    for names in sorted(nx.connected_components(graph), key=lambda group: sorted(map(str, group))):
        tensors = sorted(name for name in names if isinstance(name, str))
        row = np.concatenate([part.row[part.numbering.of_tensor(n)] for n in tensors])
        own = [step(row, one) for slot, one in uses.items() if slot in names]
        groups.append(frozenset(tensors))
        limits.append((min(s for s, _, _ in own), max(low for _, low, _ in own),
                       min(high for *_, high in own)))
    steps, low, high = zip(*limits, strict=True) if limits else ((), (), ())
    return Grid(tuple(groups), steps, low, high)


def tensors_in(part: Part, one: Trace | Sum) -> Iterator[str]:
    """The tensors of a trace's numbers."""
    numbering = part.numbering
    names, starts = list(numbering.starts), np.array(list(numbering.starts.values()))
    places = np.unique(np.searchsorted(starts, one.numbers, side="right") - 1)
    return (names[place] for place in places)


def on_chip(slot: Slot, network: Network) -> bool:
    """Whether a slot's weights are a chip's synapses: not of an analog input, nor of a readout."""
    return slot.part == "synapses" and all(
        item.kind not in ANALOG for item in network.inputs if item.name == slot.source)


def _best_step(row: Doubles, low: int, high: int) -> tuple[float, float, float]:
    """The power of two of the least squared error, and the range in whole steps."""
    reach = max(float(row.max(initial=0.0)) / max(high, 1), float(-row.min(initial=0.0)) / max(
        -low, 1), 2.0**-60)
    first = math.ceil(math.log2(reach))
    trials = [2.0 ** (first - octave) for octave in range(OCTAVES)]
    errors = [float(((np.clip(np.rint(row / s), low, high) * s - row) ** 2).sum()) for s in trials]
    return trials[int(np.argmin(errors))], low, high
