"""What quantization decides for a population, and the population that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Bias, Population, Projection
from neurocompile.passes.loihi.quantization.weight_grid import Weights


@dataclass(frozen=True, eq=False)
class Decision:
    """What was chosen for a population on samples; the rest follows from the float network.

    `gains` [neurons], of neurons without memory: what weights, bias and threshold of each are
    multiplied by, the threshold back by its bias. `correction` [neurons] is added to the bias, in
    float units, after that.
    """

    k: int  # the threshold mantissa
    weights: tuple[Weights, ...]  # of the receiver's synapses
    observed_current: float = math.inf
    saturates: bool = False
    has_ties: bool = True  # as in `Receiver`
    gains: NDArray[np.float32] | None = None
    correction: NDArray[np.float32] | None = None

    def bias(self, population: Population) -> Bias | None:
        """The float bias of a population."""
        total = None if population.bias is None else np.asarray(population.bias.mantissa, np.float64)
        if self.gains is not None:
            gains = self.gains.astype(np.float64)
            total = population.floating.v_th * (1 - gains) + (0.0 if total is None else total * gains)
        if self.correction is not None:
            total = (0.0 if total is None else total) + self.correction.astype(np.float64)
        return None if total is None else Bias(total)


@dataclass(frozen=True, eq=False)
class IntegerPart:
    """A population in integers at one scale, with what reaches it."""

    population: Population
    synapses: tuple[Projection, ...]
    encoder: Encoder | None = None
    scale: float = 0.0  # mantissa units per float unit; of an adder: not used
    error: float = 0.0  # squared, of what reaches it in a tick
    decision: Decision | None = None  # None: of an adder's that no sample was rounded on
    exact: bool = False  # nothing is rounded

    @property
    def exponents(self) -> tuple[int, ...]:
        """Of the weights as they were decided on."""
        return () if self.decision is None else tuple(e for e, _ in self.decision.weights)
