"""Lower bounds: what any partition takes at least, and so how many cores it needs.

* Memory: no list of a length that a core can hold takes fewer bits per synapse than the best
  length does, however lists are cut. Of shared lists every weight is stored once.
* Input axons: a net reaches as many cores as hold its targets, and each core that holds a neuron
  takes the axons of that neuron.
* Output axons: one for each core that a source's net reaches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Network, Population
from neurocompile.ir.operators import Conv
from neurocompile.passes.loihi.resources.amounts import CoreUsage, capacity
from neurocompile.passes.loihi.resources.lists import convolution, tables
from neurocompile.passes.placing.nets import Incoming, incoming
from neurocompile.target.loihi import LoihiTarget

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What any partition takes at least, by population."""

    least: Mapping[str, CoreUsage]
    limits: CoreUsage

    @property
    def total(self) -> CoreUsage:
        """What all populations take."""
        return sum(self.least.values(), CoreUsage())

    @property
    def cores(self) -> dict[str, int]:
        """Cores that any mapping needs, by the resource that proves it."""
        return self.total.cores(self.limits)


def lower_bound(network: Network, target: LoihiTarget) -> dict[str, int]:
    """Cores that any mapping needs, by the resource that proves it."""
    return bounds(network, target).cores


def bounds(network: Network, target: LoihiTarget,
           nets: Mapping[str, Incoming] | None = None) -> Bounds:
    """What the network takes at least; `nets`: those into its populations, where known."""
    chip = [p for p in network.populations if not p.on_host]
    least = {p.name: np.zeros(4, np.int64) for p in chip}
    for population in chip:
        into = incoming(network, population) if nets is None else nets[population.name]
        axons, memory, reach = _into(population, into, target)
        least[population.name] += np.array([population.size, axons, 0, memory])
        for projection, of_source in into.sources:
            if projection.source in least:
                least[projection.source][2] += reach[of_source].sum()
    return Bounds({name: CoreUsage(*row.tolist()) for name, row in least.items()},
                  capacity(target))


def _into(population: Population, nets: Incoming, target: LoihiTarget
          ) -> tuple[int, int, Ints]:
    """Input axons, memory, and the cores that each net reaches, all at least."""
    limits, size = capacity(target), population.size
    pins = np.bincount(nets.pins.indices, minlength=nets.pins.shape[1]).astype(np.int64)
    memory = _memory(nets, pins, target, min(limits.neurons, size))
    cores = max(CoreUsage(size, 0, 0, memory).cores(limits).values())
    reach = np.where(pins == size, cores, -(-pins // max(limits.neurons, 1)))
    fan_in = np.asarray(nets.pins.astype(np.int64) @ nets.multiplicity)
    axons = max(int(nets.multiplicity @ reach), cores * int(fan_in.min(initial=1 << 60)))
    return axons if size else 0, memory, reach


def _memory(nets: Incoming, pins: Ints, target: LoihiTarget, longest: int) -> int:
    """Bits of all lists, in the best cut."""
    step = math.gcd(*(how.block_word.value for how in target.accounting.values()))
    total, lengths = 0, np.arange(1, max(longest, 1) + 1)
    own = tables(target, len(lengths))[:, 1:]
    for number in (n for n in np.unique(nets.form).tolist() if own[n].any()):
        bits = own[number]
        best = int(np.argmin(bits / lengths))
        of_form = nets.form == number
        exact = -(-pins[of_form] * int(bits[best]) // (best + 1))
        total += int(nets.multiplicity[of_form] @ (-(-exact // step) * step))
    return total + sum(p.weight_bits * _used_weights(convolution(p)) for p, _ in nets.sources
                       if p.encoding == "shared")


def _used_weights(conv: Conv) -> int:
    """Weights of the taps that see an input anywhere."""
    taps = [int((conv.taps(axis) >= 0).any(axis=0).sum()) for axis in (0, 1)]
    return int(math.prod(conv.weight.shape[:2]) * math.prod(taps))
