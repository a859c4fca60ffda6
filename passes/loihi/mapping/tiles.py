"""Tilings: boxes of equal size into which a population is cut where sources share lists.

All amounts of a box but its output axons are products over the axes, so that thousands of tilings
are compared without listing a synapse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Population, Projection
from neurocompile.ir.operators import Conv
from neurocompile.passes.loihi.resources import (
    Incoming,
    capacity,
    convolution,
    shared_bits,
    stencils,
)
from neurocompile.passes.placing.neuron_orders import tile_name
from neurocompile.target.loihi import LoihiTarget

MESSAGE_WEIGHT = 1e-3  # cores that one message is worth
MOST = 256  # tilings that are counted in full

Ints = NDArray[np.int64]


def tilings(population: Population, nets: Incoming, target: LoihiTarget,
            out_axons: Ints) -> Iterator[str]:
    """Orders of boxes with the least `cores + 1e-3 * messages` first.

    Their neurons, output axons, and the input axons and lists of convolutions keep the limits;
    what other projections take is not looked at. `out_axons`: those of each neuron.
    """
    shape, limits = population.shape, capacity(target)
    shared = [p for p, _ in nets.sources if p.encoding == "shared"]
    convs = [convolution(p) for p in shared]
    axes = [[_cut(length, tile, axis, convs) for tile in _lengths(length)]
            for axis, length in enumerate(shape)]
    grid = np.indices([len(cuts) for cuts in axes]).reshape(3, -1)
    neurons, cores = (np.prod([np.array([getattr(cut, what) for cut in cuts])[at]
                               for cuts, at in zip(axes, grid, strict=True)], axis=0)
                      for what in ("tile", "count"))
    most = sum((_product(axes, grid, "most", k) for k in range(len(convs))), np.zeros(1, np.int64))
    messages = sum((_product(axes, grid, "total", k) for k in range(len(convs))),
                   np.zeros(1, np.int64))
    fits = np.flatnonzero((neurons <= limits.neurons) & (most <= limits.input_axons))
    score = cores[fits] + MESSAGE_WEIGHT * messages[fits]
    volume = out_axons.reshape(shape)
    count = 0
    for best in fits[np.argsort(score, kind="stable")].tolist():
        cuts = [cuts[at] for cuts, at in zip(axes, grid[:, best].tolist(), strict=True)]
        tile = tuple(cut.tile for cut in cuts)
        if _largest_sum(volume, tile) > limits.output_axons:
            continue
        if _largest_lists(shared, shape, tile, target) <= limits.synapse_memory:
            yield tile_name(tile)
            count += 1
            if count == MOST:
                return


@dataclass(frozen=True, slots=True)
class _Cut:
    """One axis cut into pieces of one length; per convolution the inputs along the axis."""

    tile: int
    count: int  # pieces
    most: tuple[int, ...]  # inputs of the piece that sees most
    total: tuple[int, ...]  # inputs of all pieces


def _lengths(length: int) -> list[int]:
    """Lengths of pieces, one for each number of pieces."""
    return sorted({-(-length // pieces) for pieces in range(1, length + 1)})


def _spans(length: int, tile: int) -> list[tuple[int, int]]:
    return [(start, min(start + tile, length)) for start in range(0, length, tile)]


def _cut(length: int, tile: int, axis: int, convs: list[Conv]) -> _Cut:
    spans = _spans(length, tile)
    inputs = [[_inputs(conv, axis, *span) for span in spans] for conv in convs]
    return _Cut(tile, len(spans), tuple(map(max, inputs)), tuple(map(sum, inputs)))


def _inputs(conv: Conv, axis: int, start: int, stop: int) -> int:
    """Input channels, rows or columns that these outputs see."""
    if axis:
        taps = conv.taps(axis - 1)[start:stop]
        return len(set(taps[taps >= 0].tolist()))
    per_group = conv.out_shape[0] // conv.groups
    groups = (stop - 1) // per_group - start // per_group + 1
    return int(groups * conv.weight.shape[1])


def _product(axes: list[list[_Cut]], grid: Ints, what: str, number: int) -> Ints:
    """Of each tiling: the product over the axes of what one convolution has along them."""
    products: Ints = np.prod([np.array([getattr(cut, what)[number] for cut in cuts])[at]
                           for cuts, at in zip(axes, grid, strict=True)], axis=0)
    return products


def _largest_sum(volume: Ints, tile: tuple[int, ...]) -> int:
    """The largest sum over a box."""
    for axis, length in enumerate(tile):
        volume = np.add.reduceat(volume, np.arange(0, volume.shape[axis], length), axis=axis)
    return int(volume.max(initial=0))


def _largest_lists(shared: list[Projection], shape: tuple[int, ...], tile: tuple[int, ...],
                   target: LoihiTarget) -> int:
    """Bits of the lists on the core that takes most. Pieces that see alike are counted once."""
    pieces = []
    convs = [convolution(p) for p in shared]
    for axis, length in enumerate(tile):
        alike = {tuple(_kind(conv, axis, span) for conv in convs): span
                 for span in _spans(shape[axis], length)}
        pieces.append(list(alike.values()))
    return max(sum(shared_bits(p, box, target) for p in shared)
               for box in product(*pieces))


def _kind(conv: Conv, axis: int, span: tuple[int, int]) -> tuple[int, ...]:
    if axis:
        return tuple(stencils(conv, axis - 1, *span).tolist())
    channels = np.bincount(np.arange(*span) // (conv.out_shape[0] // conv.groups))
    return tuple(channels[channels > 0].tolist())
