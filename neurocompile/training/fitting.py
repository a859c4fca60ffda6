"""Numbers on a grid that a target holds: the finest binary grid whose integers round nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Network
from neurocompile.training.exactness import comparisons
from neurocompile.training.grids import Grid, on_chip, tensors_in
from neurocompile.training.layers import Layers, Part
from neurocompile.training.slots import Doubles, Slot
from neurocompile.training.template import Floats, Template

_COARSENINGS = 24  # octaves that a grid is coarsened by, at most
_OVERFLOWS = ("NC303", "NC305", "NC306")  # what a coarser grid mends


@dataclass(frozen=True, eq=False, kw_only=True)
class Chip:
    """What a target makes of float networks."""

    quantize: Callable[[Network], Network]
    unit: int  # what of v a whole number of synaptic current is


@dataclass(frozen=True, eq=False)
class Fit:
    """A model's numbers on a grid, and the network of them in floats and in integers."""

    values: Mapping[str, Floats]  # all tensors
    weight_grid: Grid
    addition_grid: Grid
    floating: Network
    integers: Network
    inexact: tuple[str, ...]  # populations that no grid makes exact


def fit(layers: Layers, template: Template, chip: Chip, grids: tuple[Grid, Grid],
        rows: tuple[Doubles, Doubles]) -> Fit:
    """The numbers on the grids, coarsened until the target's integers round nothing.

    Raises FindingsError where the target has no integers for the network at all.
    """
    coarsenings: dict[str, int] = {}
    while True:
        values = layers.values(grids[0].nearest(layers.weights, rows[0]),
                               grids[1].nearest(layers.additions, rows[1]))
        floating = template.network(values)
        try:
            integers = chip.quantize(floating)
        except FindingsError as error:
            inexact = sorted({d.where.module for d in error.diagnostics if d.code in _OVERFLOWS})
            if not _room(inexact, coarsenings):
                raise
        else:
            inexact = [one.population for one in comparisons(floating, integers, chip.unit)
                       if not one.exact]
            if not _room(inexact, coarsenings):
                return Fit(values, *grids, floating, integers, tuple(inexact))
        for name in inexact:
            coarsenings[name] = coarsenings.get(name, 0) + 1
            grids = _coarser(layers, grids, name)


def _room(inexact: Iterable[str], coarsenings: Mapping[str, int]) -> bool:
    """Whether any population may still get a coarser grid."""
    return any(coarsenings.get(name, 0) < _COARSENINGS for name in inexact)


def _coarser(layers: Layers, grids: tuple[Grid, Grid], population: str) -> tuple[Grid, Grid]:
    """Coarser grids for a population: of its biases while they are the finest, else of weights."""
    weights = _groups(layers.weights, grids[0], population, layers.network)
    additions = _groups(layers.additions, grids[1], population, layers.network)
    finest = min(weights, key=weights.__getitem__, default=None)
    bias = min(additions, key=additions.__getitem__, default=None)
    if bias is not None and (finest is None or additions[bias] < weights[finest]):
        return grids[0], grids[1].coarser(bias)
    if finest is None:
        return grids
    return grids[0].coarser(finest), grids[1]


def _groups(part: Part, grid: Grid, population: str, network: Network) -> dict[int, float]:
    """The groups of a grid that reach a population, with the largest step of a slot that is theirs."""
    steps: dict[int, float] = {}
    for slot, one in part.slots():
        if slot.target != population or not (on_chip(slot, network) or slot.part == "bias"):
            continue
        factor = float(one.factors.max(initial=0.0))
        for name in tensors_in(part, one):
            group = grid.group(name)
            if group is not None:
                steps[group] = grid.steps[group] * factor
    return steps


def slots_of(layers: Layers, populations: Iterable[str]) -> list[Slot]:
    """The slots of synapses into these populations."""
    return [slot for slot, _ in layers.weights.slots()
            if slot.target in populations and on_chip(slot, layers.network)]
