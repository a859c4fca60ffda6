"""Whether an integer network's numbers are those of a float network, times one scale a population."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurocompile.ir.network import InputKind, Network, Population, Projection
from neurocompile.training.slots import Doubles, synapses_slot, weights_as

_NEAR = 1e-9  # relative: what float64 leaves of a division by a threshold


@dataclass(frozen=True, eq=False)
class Comparison:
    """One population in floats and in integers."""

    population: str
    weights: int  # distinct weights of its synapses
    rounded: int  # of them, those that are not the float weight times the scale
    bias_rounded: bool
    scale: Doubles  # [neurons] integers per float unit; 1 where it has no weights

    @property
    def exact(self) -> bool:
        """Whether nothing was rounded."""
        return not self.rounded and not self.bias_rounded


def comparisons(floating: Network, integers: Network, unit: int) -> Iterator[Comparison]:
    """All populations that get spikes; `unit`: what of v a whole number of current is."""
    by_slot = {synapses_slot(p): p for p in floating.projections}
    for population in integers.populations:
        pairs = [(by_slot[synapses_slot(p)], p) for p in integers.into(population.name)]
        if not pairs:
            continue
        scale = _scale(pairs, population.size)
        rounded = sum(_count_rounded(before, after, scale) for before, after in pairs)
        ones = any(item.kind is InputKind.ONE and item.name == p.source
                   for item in floating.inputs for p in floating.into(population.name))
        yield Comparison(
            population.name, sum(p.operator.weights.size for _, p in pairs), rounded,
            not ones and _bias_is_rounded(floating.population(population.name), population,
                                          scale * unit), scale)


def _scale(pairs: list[tuple[Projection, Projection]], size: int) -> Doubles:
    """Integers per float unit of each neuron, from its largest weight."""
    largest, scale = np.zeros(size), np.ones(size)
    for before, after in pairs:
        weights = weights_as(before.operator, after.operator)
        if weights is None:
            continue
        integers = after.operator.weights.reshape(-1) * 2.0**after.exponent
        ratio = np.abs(integers).sum() / max(float(np.abs(weights).sum()), 1e-300)
        if np.all(_near(integers, weights * ratio)):  # one for all neurons, the usual case
            peak = np.full(size, np.abs(weights).max(initial=0.0))
            own = np.full(size, ratio)
        else:
            peak, own = _by_neuron(before, after)
        better = peak > largest
        largest[better], scale[better] = peak[better], own[better]
    return scale


def _by_neuron(before: Projection, after: Projection) -> tuple[Doubles, Doubles]:
    """Per neuron its largest weight, and the integers per float unit of all of them."""
    floats, integers = np.abs(before.operator.matrix()), np.abs(after.operator.matrix())
    sums = np.asarray(floats.sum(axis=1), np.float64).reshape(-1)
    whole = np.asarray(integers.sum(axis=1), np.float64).reshape(-1) * 2.0**after.exponent
    peak = np.asarray(floats.max(axis=1).toarray(), np.float64).reshape(-1)
    return peak, whole / np.where(sums > 0, sums, 1.0)


def _count_rounded(before: Projection, after: Projection, scale: Doubles) -> int:
    """The weights that are no whole numbers at the scale, or other ones."""
    if len(np.unique(scale)) == 1:
        weights = weights_as(before.operator, after.operator)
        if weights is None:
            return int(after.operator.weights.size)
        integers = after.operator.weights.reshape(-1) * 2.0**after.exponent
        alike = _near(integers, weights * scale[0]) & ((integers != 0) == (weights != 0))
        return int(np.count_nonzero(~alike))
    difference = before.operator.times(scale).matrix() - after.operator.matrix() * (
        2.0**after.exponent)
    largest = float(np.abs(after.operator.weights).max(initial=0)) * 2.0**after.exponent
    return int(np.count_nonzero(np.abs(difference.data) > _NEAR * max(largest, 1)))


def _bias_is_rounded(before: Population, after: Population, unit: Doubles) -> bool:
    """Whether a constant current is another one; one that the threshold absorbs is none."""
    if after.bias is None or before.bias is None:
        return False
    exact = np.asarray(before.bias.mantissa, np.float64) * unit
    return not np.all(_near(np.asarray(after.bias.value, np.float64), exact))


def _near(integers: Doubles, exact: Doubles) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.abs(integers - exact) <= _NEAR * np.maximum(np.abs(integers), 1)
