"""How far the potential of a TrueNorth population can go in a sample, whatever spikes arrive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Network, Population
from neurocompile.ir.operators import Array
from neurocompile.passes.quantization.sums import synaptic_range
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons
from neurocompile.target.truenorth import TrueNorthTarget


def potential_range(low: Array, high: Array, threshold: Array, neurons: tuple[Reset, bool],
          ticks: int) -> tuple[Array, Array]:
    """The lowest and the highest potential before a reset, per neuron.

    `low` and `high`: the range of what a tick adds, bias included. `neurons`: reset and memory.
    """
    reset, memory = neurons
    lowest, highest = low, high
    if not memory:
        return lowest, highest
    kept_low, kept_high = np.zeros_like(low), np.zeros_like(high)
    for _ in range(ticks):
        before = kept_low, kept_high
        tick_low, tick_high = kept_low + low, kept_high + high
        lowest, highest = np.minimum(lowest, tick_low), np.maximum(highest, tick_high)
        rest = np.zeros_like(high) if reset is Reset.HARD else tick_high - threshold
        kept_low = np.minimum(tick_low, 0)
        kept_high = np.maximum(np.minimum(tick_high, threshold), rest)
        if np.array_equal(kept_low, before[0]) and np.array_equal(kept_high, before[1]):
            break
    return lowest, highest


def overflows(network: Network, population: Population, target: TrueNorthTarget
              ) -> Iterator[Diagnostic]:
    """NC303 for a population on the chip whose potential could leave its range."""
    neurons, crossbar = population.neuron, Crossbar.of(target)
    if population.on_host or not isinstance(neurons, TrueNorthNeurons):
        return
    low, high = synaptic_range(network, population)
    if population.bias is not None:
        low, high = low + population.bias.value, high + population.bias.value
    lowest, highest = potential_range(low, high, neurons.threshold, (neurons.reset, neurons.memory),
                            network.n_ticks)
    demand = int(max(-lowest.min(initial=0), highest.max(initial=0)))
    if demand > crossbar.potential_max:
        yield Diagnostic("NC303", population.where, {
            "module": population.name, "needed": demand, "register": "v", "target": target.name,
            "limit": crossbar.potential_max}, notes=(f"the limit is {crossbar.potential_key}",))
