"""The range of what a neuron's synapses can deliver in a tick, whatever spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Adder, Input, Network, Population, whole
from neurocompile.ir.operators import Operator

Interval = tuple[NDArray[np.int64], NDArray[np.int64]]  # [neurons], the lowest and the highest


def synaptic_range(network: Network, population: Population) -> Interval:
    """Per neuron, the range of the sum that its synapses can deliver in one tick, in integers."""
    sources = network.sources()
    low = np.zeros(population.size, np.int64)
    high = np.zeros(population.size, np.int64)
    for projection in whole(network.into(population.name)):
        least, most = _range(projection.operator, sources.get(projection.source))
        low += least << projection.exponent
        high += most << projection.exponent
    return low, high


def magnitude(interval: Interval) -> int:
    """The largest magnitude within an interval, over all neurons."""
    low, high = interval
    return int(max(-low.min(initial=0), high.max(initial=0)))


def _range(operator: Operator, source: Input | Population | None) -> Interval:
    """The range of an operator's sums over what a source can send."""
    if isinstance(source, Population) and isinstance(source.neuron, Adder):
        negative, positive = (
            operator.with_weights(weights.astype(np.int64)).matrix() for weights in (
                np.minimum(operator.weights, 0), np.maximum(operator.weights, 0)))
        low, high = source.neuron.low, source.neuron.high
        return positive @ low + negative @ high, positive @ high + negative @ low
    levels = source.levels if isinstance(source, Input) else 1
    least, most = operator.bounds()
    return least.astype(np.int64) * levels, most.astype(np.int64) * levels
