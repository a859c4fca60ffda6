"""Random residual networks in float: branches into a stream, consumers on it. All weights dyadic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense, Operator, Shape
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

SHAPE: Shape = (2, 3, 3)
HIDDEN = 7
TICKS = 5


def neuron(reset: Reset = Reset.HARD, decay: float = 0.5, v_th: float = 1.0) -> FloatNeuron:
    return FloatNeuron("LIF", decay, v_th, False, reset)


@dataclass
class Residual:
    """A network in the making: what its stream is made of so far."""

    rng: np.random.Generator
    populations: list[Population]
    projections: list[Projection]
    branches: list[tuple[str, Operator]]

    def operator(self, source: Shape, target: Shape) -> Operator:
        def weights(*size: int) -> np.ndarray:
            return self.rng.integers(-10, 20, size) / 32
        if len(source) == 3 and self.rng.random() < 0.5 and len(target) == 3:
            return Conv(source, target, weights(target[0], source[0], 3, 3), padding=(1, 1))
        return Dense(source, target, weights(int(np.prod(target)), int(np.prod(source))))

    def consume(self, name: str, cell: FloatNeuron, gain: float) -> None:
        """A population that receives the stream, each branch as its own synapses."""
        size = int(np.prod(SHAPE))
        self.populations.append(Population(
            name, SHAPE, cell, Bias(self.rng.integers(0, 32, size) / 64)))
        self.projections += [
            Projection(source, name, o if gain == 1 else o.times(np.full(size, gain)))
            for source, o in self.branches]

    def hide(self, source: str, name: str, cell: FloatNeuron) -> None:
        """A population behind a consumer, which adds a branch to the stream."""
        self.populations.append(Population(name, (HIDDEN,), cell))
        self.projections.append(Projection(source, name, self.operator(SHAPE, (HIDDEN,))))
        self.branches.append((name, self.operator((HIDDEN,), SHAPE)))


def residual(seed: int, depth: int, gains: bool = True, twins: bool = True,
             reset: Reset = Reset.HARD, decay: float = 0.5) -> Network:
    """`depth` blocks; consumers differ by gains of two, some points have two of them."""
    rng = np.random.default_rng(seed)
    net = Residual(rng, [Population("stem", SHAPE, neuron(reset, decay))], [], [])
    net.projections.append(Projection("x", "stem", net.operator(SHAPE, SHAPE)))
    net.branches.append(("stem", net.operator(SHAPE, SHAPE)))
    for block in range(depth):
        for twin in range(1 + (twins and rng.random() < 0.4)):
            gain = float(rng.choice([0.5, 1.0, 2.0])) if gains else 1.0
            net.consume(f"in{block}.{twin}", neuron(reset, decay), gain)
        net.hide(f"in{block}.0", f"hidden{block}", neuron(reset, decay, 0.5))
    return Network((Input("x", SHAPE, InputKind.SPIKES),), tuple(net.populations),
                   tuple(net.projections), (), TICKS)


def spikes_in(seed: int, samples: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random((samples, TICKS, *SHAPE)) < 0.4).astype(np.float64)
