"""Whether an integer network's numbers are those of a float network, times one scale a population."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from neurocompile.ir.network import InputKind, Network, Population, Projection
from neurocompile.training.slots import Doubles, synapses_slot, weights_as

_NEAR = 1e-9  # relative: what float64 leaves of a division by a threshold


@dataclass(frozen=True, eq=False)
class Comparison:
    """One population in floats and in integers."""

    population: str
    weights: int  # distinct weights of its synapses
    weights_rounded: int  # of them, those that are not the float weight times the scale
    bias_rounded: bool
    scale: Doubles  # [neurons] integers per float unit; 1 where it has no weights

    @property
    def exact(self) -> bool:
        """Whether nothing was rounded."""
        return not self.weights_rounded and not self.bias_rounded


def comparisons(floating: Network, integers: Network, unit: int) -> Iterator[Comparison]:
    """All populations that get spikes; `unit`: what of v a whole number of current is."""
    by_slot = {synapses_slot(p): p for p in floating.projections}
    ones = {p.target for p in floating.projections for item in floating.inputs
            if item.kind is InputKind.ONE and item.name == p.source}
    for population in integers.populations:
        pairs = [(by_slot[synapses_slot(p)], p) for p in integers.into(population.name)]
        if not pairs:
            continue
        count, scale = _at_one_scale(pairs, population.size)
        if count:  # or each neuron has its own
            fewer, own = _at_own_scales(pairs, population.size)
            count, scale = (fewer, own) if fewer < count else (count, scale)
        before = floating.population(population.name)
        yield Comparison(
            population.name, sum(p.operator.weights.size for _, p in pairs), count,
            population.name not in ones and _bias_is_rounded(before, population, scale * unit),
            scale)


Pairs = list[tuple[Projection, Projection]]  # in floats, in integers


def _at_one_scale(pairs: Pairs, size: int) -> tuple[int, Doubles]:
    """The weights that are not whole numbers at the best scale of all neurons, and that scale."""
    floats, integers = [], []
    for before, after in pairs:
        weights = weights_as(before.operator, after.operator)
        if weights is None:
            return sum(p.operator.weights.size for _, p in pairs), np.ones(size)
        floats.append(weights)
        integers.append(after.operator.weights.reshape(-1) * 2.0**after.exponent)
    exact, whole = np.concatenate(floats), np.concatenate(integers)
    power = float(exact @ exact)
    scale = float(exact @ whole) / power if power else 1.0
    alike = _near(whole, exact * scale) & ((whole != 0) == (exact != 0))
    return int(np.count_nonzero(~alike)), np.full(size, scale)


def _at_own_scales(pairs: Pairs, size: int) -> tuple[int, Doubles]:
    """As `_at_one_scale`, where each neuron has its own."""
    floats = sp.hstack([before.operator.matrix() for before, _ in pairs], format="csr")
    integers = sp.hstack([after.operator.matrix() * 2.0**after.exponent for _, after in pairs],
                         format="csr")
    power = np.asarray(floats.multiply(floats).sum(axis=1), np.float64).reshape(-1)
    product = np.asarray(floats.multiply(integers).sum(axis=1), np.float64).reshape(-1)
    scale = np.where(power > 0, product / np.where(power > 0, power, 1.0), 1.0)
    difference = abs(sp.csr_array(floats.multiply(scale.reshape(-1, 1))) - integers)
    largest = float(abs(integers).max()) if integers.nnz else 0.0
    lost = (scale == 0) & (power > 0)
    return int(np.count_nonzero(difference.data > _NEAR * max(largest, 1)) + lost.sum()), scale


def _bias_is_rounded(before: Population, after: Population, unit: Doubles) -> bool:
    """Whether a constant current is another one; one that the threshold absorbs is none."""
    if after.bias is None or before.bias is None:
        return False
    exact = np.asarray(before.bias.mantissa, np.float64) * unit
    return not np.all(_near(np.asarray(after.bias.value, np.float64), exact))


def _near(integers: Doubles, exact: Doubles) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.abs(integers - exact) <= _NEAR * np.maximum(np.abs(integers), 1)
