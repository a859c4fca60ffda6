"""The whole numbers of one TrueNorth population: how many units of v a step of its weights is.

A neuron's weights are steps of its grid; threshold and bias are not. Each group of neurons gets the
multiplier of its steps with which these, too, are nearest to whole numbers, within the range of the
values behind an axon's types, of the leak and of the potential. A neuron without memory needs none:
it compares a whole number of steps, so its threshold, less its bias, is rounded up and exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Bias, Population, Projection
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.quantization.grid import Steps
from neurocompile.passes.truenorth.quantization.potential_range import potential_range
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NEAR = 1e-6  # relative: what float arithmetic leaves of a whole number
_ROOM = 2  # of the potential's range, what a chosen multiplier leaves free


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrivals:
    """What the neurons of a population receive: synapses on their grids, and constants."""

    synapses: Sequence[Projection]
    steps: Sequence[Steps]  # of each projection
    groups: Ints  # [neurons] those that share weights
    bias: Floats  # [neurons] in units of v


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaling:
    """A population's numbers per neuron, in units of its largest step."""

    steps: Sequence[Steps]
    ratios: Sequence[Floats]  # of each projection's unit to the largest, signed
    threshold: Floats
    bias: Floats
    groups: Ints
    whole: bool  # whether biases are whole steps, which the weights' axons can deliver


def integers(population: Population, arrivals: Arrivals, crossbar: Crossbar, *, n_ticks: int,
             memory: bool, whole: bool) -> tuple[Population, list[Projection]]:
    """The population and its synapses in whole numbers.

    With `whole`, the biases of weights that take all types of axons are whole steps.
    """
    neuron, size, steps = population.floating, population.size, arrivals.steps
    reset = Reset.SOFT if neuron.reset is Reset.SOFT and memory else Reset.HARD
    unit = np.max([np.abs(s.unit) for s in steps], axis=0) if steps else np.full(
        size, abs(neuron.v_th) or 1.0)
    whole = whole and (crossbar.axon_types < 3 or any(digit(one) > 1 for one in steps))
    scaling = Scaling(steps=steps, ratios=[s.unit / unit for s in steps], whole=whole,
                    threshold=neuron.v_th / unit, bias=arrivals.bias / unit, groups=arrivals.groups)
    most = _largest(scaling, reset, memory, n_ticks, crossbar)
    times = _multiplier(scaling, most, memory, n_ticks)[arrivals.groups]
    result = []
    low, high = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for projection, one, ratio in zip(arrivals.synapses, steps, scaling.ratios, strict=True):
        weights = one.operator.times(np.rint(times * ratio).astype(np.int64))
        weights = weights.with_weights(weights.weights.astype(np.int64))
        result.append(replace(projection, operator=weights))
        low, high = (total + part.astype(np.int64) for total, part in zip(
            (low, high), weights.bounds(), strict=True))
    if not memory:
        threshold = _first_above((scaling.threshold - scaling.bias) * times, neuron.strict)
        threshold = np.clip(threshold, low, high + 1)  # beyond, it never fires or always does
        neurons, constant = TrueNorthNeurons(threshold, reset, memory), None
    else:
        neurons = TrueNorthNeurons(_threshold(scaling.threshold * times, reset, neuron.strict), reset)
        constant = (np.rint(scaling.bias) * times if whole else np.rint(scaling.bias * times)
                    ).astype(np.int64)
    return replace(population, neuron=neurons, bias=Bias(constant) if (
        constant is not None and constant.any()) else None), result


def _first_above(level: Floats, strict: bool) -> Ints:
    """The smallest whole number that reaches a level, or passes it."""
    nearest = np.rint(level)
    whole = np.abs(level - nearest) <= _NEAR * np.maximum(np.abs(level), 1)
    above = np.where(whole, nearest + strict, np.ceil(level))
    return above.astype(np.int64)


def _threshold(level: Floats, reset: Reset, strict: bool) -> Ints:
    """Thresholds with memory. A soft reset subtracts them: they are the nearest number then.

    One that fires above a whole threshold only fires at the next number, and subtracts that.
    """
    nearest = np.rint(level).astype(np.int64)
    first = _first_above(level, strict)
    whole = np.abs(level - nearest) <= _NEAR * np.maximum(np.abs(level), 1)
    threshold: Ints = np.where(whole, first, nearest) if reset is Reset.SOFT else first
    return np.maximum(threshold, 1)


def _multiplier(scaling: Scaling, most: Ints, memory: bool, n_ticks: int) -> Ints:
    """Per group the smallest multiplier, up to `most`, of those with the least rounding."""
    groups, count = scaling.groups, len(most)
    best, multiplier = np.full(count, np.inf), np.ones(count, np.int64)
    power = [one.operator.with_weights(np.abs(one.operator.weights)).row_sums()
             for one in scaling.steps]
    for times in range(1, int(most.max(initial=1)) + 1):
        loss = sum((_off(times * ratio) * weight for ratio, weight in zip(
            scaling.ratios, power, strict=True)), start=np.zeros(len(groups)))
        if memory:
            loss = loss + _off(times * scaling.threshold)
            loss = loss + (0 if scaling.whole else n_ticks * _off(times * scaling.bias))
        total = np.bincount(groups, loss, count) / times
        better = (total < best * (1 - _NEAR) - _NEAR) & (times <= most)
        best[better], multiplier[better] = total[better], times
    return multiplier


def _off(values: Floats) -> Floats:
    """How far from whole numbers values are; 0 where float arithmetic made the difference."""
    off: Floats = np.abs(values - np.rint(values))
    return np.where(off <= _NEAR * np.maximum(np.abs(values), 1), 0.0, off)


def _largest(scaling: Scaling, reset: Reset, memory: bool, n_ticks: int, crossbar: Crossbar
             ) -> Ints:
    """Per group the largest multiplier with which every number has its place; at least 1."""
    size = len(scaling.groups)
    largest = max(map(digit, scaling.steps), default=1)
    limit = np.full(size, crossbar.weight_max // largest, np.float64)
    if memory:
        low, high = scaling.bias, scaling.bias
        for one, ratio in zip(scaling.steps, scaling.ratios, strict=True):
            least, most = one.operator.bounds()
            low = low + np.minimum(least * ratio, most * ratio)
            high = high + np.maximum(least * ratio, most * ratio)
        lowest, highest = potential_range(low, high, scaling.threshold, (reset, memory), n_ticks)
        furthest = np.maximum(np.maximum(-lowest, highest), scaling.threshold)
        limit = np.minimum(limit, crossbar.potential_max / _ROOM / np.maximum(furthest, 1e-9))
        if not scaling.whole:
            limit = np.minimum(limit, crossbar.leak_max / np.maximum(np.abs(scaling.bias), 1e-9))
    of_group = np.full(int(scaling.groups.max(initial=-1)) + 1, np.inf)
    np.minimum.at(of_group, scaling.groups, limit)
    whole: Ints = np.maximum(np.floor(of_group), 1).astype(np.int64)
    return whole


def digit(steps: Steps) -> int:
    """The largest value that an axon stands for, in steps, where weights are sums of digits.

    Ternary weights take 1 and -1; others two's complement of as many bits as they need.
    """
    weights = steps.operator.weights
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    if low >= -1 and high <= 1:
        return 1
    bits = max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + 1
    return 1 << (bits - 1)
