"""Random float networks of every kind that Loihi's quantizer takes, active in every population.

Equal seeds give equal networks. Populations stand in a chain, with skips and with feedback from
earlier ticks; each one's weights are scaled until it fires at about the rate that was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from neurocompile.backends.synchronous import run
from neurocompile.ir.network import (
    Bias,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.operators import Array, Conv, Dense, Operator, Sparse
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

SAMPLES = 8
TICKS = (1, 2, 4, 8, 16, 32, 96)
GAINS = tuple(2.0**(step / 2) for step in range(-4, 9))  # of weights, the smallest first
RATES = (0.02, 0.3)  # of a population's spikes, drawn in between
BUSY = 0.8  # the most spikes per neuron and tick
ONE = Input("one", (1,), InputKind.ONE)

Shape = tuple[int, ...]


class Inactive(Exception):
    """No gain makes a population fire now and then."""


@dataclass(frozen=True)
class RandomNet:
    """A float network with two samples, from the same distribution."""

    network: Network
    sample: Mapping[str, Array]
    other: Mapping[str, Array]


def random_net(seed: int, resets: tuple[Reset, ...] = tuple(Reset), graded: bool = True
               ) -> RandomNet:
    """The network of a seed, with resets of these only; without graded spikes, if asked for."""
    for attempt in range(50):
        try:
            return _Maker(np.random.default_rng([seed, attempt]), resets, graded).net()
        except Inactive:
            continue
    raise Inactive(seed)


@dataclass
class _Maker:
    """A network in the making."""

    rng: np.random.Generator
    resets: tuple[Reset, ...]
    graded: bool
    inputs: list[Input] = field(default_factory=list)
    populations: list[Population] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ticks = int(self.rng.choice(TICKS))

    def net(self) -> RandomNet:
        """The network, all its populations active on both samples."""
        for number in range(int(self.rng.integers(1, 3))):
            self.inputs.append(self._input(f"x{number}"))
        self.samples = self._sample(), self._sample()
        for number in range(int(self.rng.integers(1, 4))):
            self._add(f"p{number}", first=number == 0)
        network = self._network()
        for name, train in run(network, self.samples[1]).spikes.items():
            if not train.any():
                raise Inactive(name)
        return RandomNet(network, *self.samples)

    def _network(self) -> Network:
        last = self.populations[-1]
        names = {p.source for p in self.projections}
        readout = Readout("y", (last.size,), (
            (last.name, Sparse(last.shape, (last.size,), sp.eye_array(last.size, format="csr"))),),
            np.zeros(last.size))
        return Network(tuple(i for i in (*self.inputs, ONE) if i.name in names),
                       tuple(self.populations), tuple(self.projections), (readout,), self.ticks)

    # -- inputs ------------------------------------------------------------------------------

    def _input(self, name: str) -> Input:
        kinds = (InputKind.SPIKES, InputKind.SPIKES, InputKind.STATIC, InputKind.ANALOG)
        kind = kinds[self.rng.integers(4 if self.graded else 3)]
        shape = ((int(self.rng.integers(3, 40)),), (2, 5, 4))[self.rng.integers(2)]
        if kind is InputKind.SPIKES:
            return Input(name, shape, kind, levels=int(self.rng.choice([1, 1, 1, 5])) if self.graded else 1)
        high = 10.0**self.rng.uniform(-2, 2)
        return Input(name, shape, kind, low=float(self.rng.choice([0, 0, -high])), high=high)

    def _sample(self) -> dict[str, Array]:
        return {item.name: self._values(item) for item in self.inputs}

    def _values(self, item: Input) -> Array:
        time = () if item.kind is InputKind.STATIC else (self.ticks,)
        shape = (SAMPLES, *time, *item.shape)
        if item.kind is InputKind.SPIKES:
            there = self.rng.random(shape) < self.rng.choice([0.1, 0.3, 0.6])
            return np.asarray(there * self.rng.integers(1, item.levels + 1, shape), np.float64)
        return item.low + (item.high - item.low) * self.rng.random(shape)**self.rng.choice([1, 2])

    # -- populations -------------------------------------------------------------------------

    def _neuron(self) -> FloatNeuron:
        draw = self.rng
        decay = float(draw.choice([1.0, 0.5, 0.0, 0.9, 0.97, draw.uniform(0.2, 0.99)]))
        alpha = float(draw.choice([0.0, 0.5, draw.uniform(0.2, 0.95)])) if draw.random() < 0.3 else None
        model = "CubaLIF" if alpha is not None else "LIF" if decay < 1 else "IF"
        reset = self.resets[draw.integers(len(self.resets))]
        v_th = float(draw.choice([1.0, 0.3, 10.0**draw.uniform(-3, 3)]))
        return FloatNeuron(model, decay, v_th, bool(draw.integers(2)), reset, alpha)

    def _add(self, name: str, first: bool) -> None:
        """A population that fires, with what reaches it."""
        neuron = self._neuron()
        if first and not self.graded and any(i.kind is InputKind.STATIC for i in self.inputs):
            neuron = replace(neuron, alpha=None)
        sources: list[Input | Population] = [self.populations[-1]] if self.populations else []
        others: list[Input | Population] = [*self.inputs, *self.populations[:-1]]
        sources += [item for item in others if first or (
            self.rng.random() < 0.3 and (self.graded or isinstance(item, Population)))]
        before = list(self.projections)
        shape = self._shape(sources[0].shape)
        operators = [(s.name, self._operator(s.shape, shape, neuron.v_th / _reach(s)), 0)
                     for s in sources]
        population = Population(name, shape, neuron)
        if self.rng.random() < 0.25:
            operators.append((name, self._operator(shape, shape, 0.3 * neuron.v_th),
                              int(self.rng.integers(1, 4))))
        if self.rng.random() < 0.5 and neuron.alpha is None:
            population = replace(population, bias=Bias(
                self.rng.normal(0, 0.1, population.size) * neuron.v_th))
        elif self.rng.random() < 0.5 and neuron.alpha is not None:
            operators.append((ONE.name, Dense((1,), shape, self.rng.normal(
                0, 0.1, (population.size, 1)) * neuron.v_th), 0))
        least = self.rng.uniform(*RATES)
        self.populations.append(population)
        for gain in GAINS:
            self.projections = [*before, *(_projection(source, name, operator, gain, delay)
                                           for source, operator, delay in operators)]
            rate = run(self._network(), self.samples[0]).spikes[name].mean()
            if least <= rate <= BUSY:
                return
        raise Inactive(name)

    def _shape(self, shape: Shape) -> Shape:
        """The shape of a population that gets another's spikes."""
        if len(shape) == 3 and self.rng.random() < 0.6:
            return (int(self.rng.choice([2, 4, 6])), *shape[1:])
        return (int(self.rng.integers(3, 30)),)

    # -- operators ---------------------------------------------------------------------------

    def _operator(self, before: Shape, after: Shape, size: float) -> Operator:
        """Weights whose sums are about as large as `size`."""
        if len(before) == len(after) == 3 and before[1:] == after[1:]:
            groups = int(self.rng.choice([1, 2])) if before[0] % 2 == 0 else 1
            shape: Shape = (after[0], before[0] // groups, 3, 3)
            if after[0] == before[0] and self.rng.random() < 0.3:  # average pooling
                groups, pool = before[0], np.full((after[0], 1, 3, 3), size / 9)
                return Conv(before, after, pool, padding=(1, 1), groups=groups)
            return Conv(before, after, self._weights(shape, size), padding=(1, 1), groups=groups)
        n_in, n_out = int(np.prod(before)), int(np.prod(after))
        weight = self._weights((n_out, n_in), size)
        if self.rng.random() < 0.2:
            return Sparse(before, after, sp.csr_array(
                weight * (self.rng.random(weight.shape) < 0.5)))
        return Dense(before, after, weight)

    def _weights(self, shape: Shape, size: float) -> Array:
        """Normal, heavy-tailed, of one sign, of three or a few values, of rows of many sizes."""
        draw, fan_in = self.rng, np.prod(shape[1:])
        kind = draw.integers(6)
        if kind == 0:
            weights = draw.standard_t(2, shape)
        elif kind == 1:
            weights = np.abs(draw.normal(0, 1, shape))
        elif kind == 2:
            weights = draw.integers(-1, 2, shape).astype(np.float64)
        elif kind == 3:
            weights = draw.integers(-8, 9, shape) / 4
        else:
            weights = draw.normal(0.2, 1, shape)
        if kind == 4:
            weights = weights * 10.0**draw.uniform(-1.5, 0, (shape[0], *[1] * (len(shape) - 1)))
        return np.asarray(weights * size / np.sqrt(fan_in))


def _reach(source: Input | Population) -> float:
    """The largest magnitude that a source sends."""
    if isinstance(source, Population):
        return 1.0
    return float(source.levels) if source.kind is InputKind.SPIKES else source.high


def _projection(source: str, target: str, operator: Operator, gain: float, delay: int
                ) -> Projection:
    return Projection(source, target, operator.with_weights(operator.weights * gain), delay=delay)
