"""What a form of a float network takes on chip, before it is partitioned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurocompile.ir.network import InputKind, Network
from neurocompile.ir.operators import Operator
from neurocompile.passes.loihi import resources
from neurocompile.target.loihi import LoihiTarget

_SPIKING = (InputKind.SPIKES, InputKind.ONE)  # inputs that arrive through synapses


@dataclass(frozen=True, slots=True)
class Price:
    """What a form takes. Analog inputs are left out: how they arrive is not decided yet."""

    synapses: int
    synapse_memory: int  # bits, of lists that no core's border cuts
    axons: int  # input axons, of populations that no border cuts: messages if every source sends
    neurons: int
    cores: int  # about: the most that memory, axons or neurons fill
    latency: int  # ticks


class Prices:
    """Prices for one target; what an operator takes is counted once."""

    def __init__(self, target: LoihiTarget, weight_bits: int) -> None:
        self._target, self._bits = target, weight_bits
        self._known: dict[int, tuple[Operator, resources.CoreUsage]] = {}

    def lists(self, operator: Operator) -> resources.CoreUsage:
        """Input axons and synapse memory of one projection with this operator."""
        if id(operator) not in self._known:
            usage = resources.uncut(operator, self._target, self._bits)
            self._known[id(operator)] = operator, usage
        return self._known[id(operator)][1]

    def wire(self, size: int) -> int:
        """Synapse memory of one synapse per neuron."""
        return size * int(resources.list_bits(np.ones(1), self._target, self._bits)[0])

    def of(self, network: Network) -> Price:
        """The price of a network."""
        network = with_spikes_only(network)
        total = sum((self.lists(p.operator) for p in network.projections), resources.CoreUsage(
            neurons=sum(p.size for p in network.populations)))
        limits = resources.capacity(self._target)
        cores = max(-(-getattr(total, name) // getattr(limits, name))
                    for name in ("neurons", "input_axons", "synapse_memory"))
        return Price(sum(p.operator.n_synapses for p in network.projections),
                     total.synapse_memory, total.input_axons, total.neurons, cores,
                     _latency(network))


def with_spikes_only(network: Network) -> Network:
    """The network without the projections of its analog inputs."""
    analog = {item.name for item in network.inputs if item.kind not in _SPIKING}
    return replace(network, projections=tuple(
        p for p in network.projections if p.source not in analog))


def _latency(network: Network) -> int:
    """The longest path in ticks."""
    depth = {item.name: 0 for item in network.inputs}
    for population in network.order():
        depth[population.name] = max(
            (depth[p.source] + 1 for p in network.into(population.name) if p.delay == 0), default=0)
    return max(depth.values(), default=0)
