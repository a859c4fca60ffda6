"""A float network beside spikes that were computed elsewhere: does it decide each one the same way?

Every population gets the spikes of its sources, and its own decide its resets. So its potentials
are those with which the other side compared, but for the rounding of that side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from neurocompile.backends.synchronous.local import Local
from neurocompile.backends.synchronous.neurons import FloatBatch
from neurocompile.backends.synchronous.run import Executor
from neurocompile.ir.network import Network, Population
from neurocompile.semantics.reset import Reset

BITS = 12  # of sums that float32 adds up exactly in any order, and not by chance


@dataclass(frozen=True, eq=False)
class Decisions:
    """What a population decides in each tick, beside spikes of elsewhere: [samples, ticks, neurons]."""

    population: Population
    potentials: torch.Tensor  # that are compared with the threshold, float64
    rounding: torch.Tensor  # how far float32 may be from them, float64
    exact: torch.Tensor  # where float32 is not off at all, bool
    expected: torch.Tensor  # the spikes of elsewhere, bool

    @property
    def spikes(self) -> torch.Tensor:
        """Its own decisions, bool."""
        neuron = self.population.floating
        return (self.potentials > neuron.v_th if neuron.strict else
                self.potentials >= neuron.v_th)

    @property
    def different(self) -> torch.Tensor:
        """Where the two are not the same."""
        return self.spikes != self.expected

    @property
    def ties(self) -> torch.Tensor:
        """Where they are not the same, and rounding explains it."""
        distance = (self.potentials - self.population.floating.v_th).abs()
        return self.different & (distance <= self.rounding) & ~self.exact


@dataclass(frozen=True, slots=True)
class OtherSide:
    """How the neurons of a population are elsewhere."""

    rest: float  # the potential at which they rest
    whole: float = 0.0  # how far they may round to whole numbers in a tick


def decide(local: Local, others: Mapping[str, OtherSide], bound: float) -> Iterator[Decisions]:
    """The decisions of populations of a float network whose spikes are known.

    What rounding may be off is carried along like a potential: in each tick `bound` times the sum
    of magnitudes of all that is added up there, times the share that is kept of it from the tick
    before. `Reset.HARD` ends it, since both sides then hold the same number.
    """
    network = local.executor.network
    magnitudes = Local(
        Executor(_magnitudes(network)), {name: np.abs(x) for name, x in local.inputs.items()},
        {p.name: local.train(p.name).numpy() for p in network.populations})
    for name, other in others.items():
        population = network.population(name)
        yield _decide(population, local, magnitudes.current(population), bound, other)


def _magnitudes(network: Network) -> Network:
    """The network whose weights are their absolute values."""
    return replace(network, projections=tuple(
        replace(p, operator=p.operator.with_weights(np.abs(p.operator.weights)))
        for p in network.projections))


def _decide(population: Population, local: Local, magnitude: torch.Tensor, bound: float,
            other: OtherSide) -> Decisions:
    neuron, expected = population.floating, local.train(population.name).bool()
    # layers are composed into biases: one that cancels is as exact as the largest
    bias = 0.0 if population.bias is None else float(np.abs(population.bias.value).max(initial=0.0))
    potentials, rounding = torch.empty_like(magnitude), torch.empty_like(magnitude)
    exact = torch.empty_like(expected)
    in_u, in_v = torch.zeros_like(magnitude[:, 0]), torch.zeros_like(magnitude[:, 0])
    few_bits = torch.full_like(expected[:, 0], not other.rest)
    before = torch.zeros_like(magnitude[:, 0])  # |v| that a leak is taken from: `v - v / tau` cancels
    for tick, u, v in _ticks(population, local.current(population), expected):
        terms = magnitude[:, tick] + u.abs()
        in_u = (neuron.alpha or 0.0) * in_u + bound * terms + other.whole
        in_v = abs(neuron.decay) * in_v + in_u + other.whole + bound * (
            v.abs() + before + abs(other.rest) + bias)
        few_bits = few_bits & _multiple(u, terms) & _multiple(v, terms + v.abs() + bias)
        potentials[:, tick], rounding[:, tick], exact[:, tick] = v, in_v, few_bits
        if neuron.reset is Reset.HARD:
            in_v = in_v.masked_fill(expected[:, tick], 0.0)
        before = v.abs()
    return Decisions(population, potentials, rounding, exact, expected)


def _multiple(sums: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """Which sums need no more than BITS bits of their magnitude."""
    step = torch.exp2(torch.ceil(torch.log2(magnitude.clamp(min=1e-30))) - BITS)
    return torch.remainder(sums, step) == 0


def forced_potentials(population: Population, current: torch.Tensor, expected: torch.Tensor
                      ) -> torch.Tensor:
    """What a population compares for currents, where spikes of elsewhere decide its resets."""
    return torch.stack([v for _, _, v in _ticks(population, current, expected)], dim=1)


def _ticks(population: Population, current: torch.Tensor, expected: torch.Tensor
           ) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Each tick, with the synaptic currents and the potentials before its reset."""
    bias = None if population.bias is None else torch.as_tensor(population.bias.value)
    batch = FloatBatch(population.floating, bias, (len(current), population.size),
                       str(current.device))
    last_spikes = torch.zeros_like(expected[:, 0])
    for tick in range(current.shape[1]):
        v = batch.integrate(current[:, tick], last_spikes)
        yield tick, batch.states["u"], v
        last_spikes = expected[:, tick]
        batch.settle(last_spikes)
