"""Affine forms: what a value of a Graph is, as operators over spikes and inputs of some tick.

A form describes one sample's value with time and batch taken away: a flat vector in the order of
the value's data axes. Reshapes that only move time and batch around leave it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Operator, add, compose, same

STATIC = "static"  # the same in every tick: an input without a time axis
EACH_TICK = "each tick"  # tick t of the value is made of tick t of the source
TICK_SUM = "sum over ticks"  # the sum over all ticks
When = int | str  # an int is that tick alone (unrolled loops)


@dataclass(frozen=True, slots=True, order=True)
class TickSource:
    """A population or input, and which of its ticks."""

    name: str
    when: When


class Layers(NamedTuple):
    """The model's layers that an operator is composed of."""

    weights: int = 0
    depth: int = 0  # how many of them follow each other


@dataclass(frozen=True, eq=False)
class Form:
    """`sum of operator @ source + bias`; `bias` is a flat float64 vector."""

    terms: Mapping[TickSource, Operator]
    bias: NDArray[np.float64]
    layers: Mapping[TickSource, Layers] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Elements of one tick of one sample."""
        return len(self.bias)

    def layers_of(self, source: TickSource) -> Layers:
        """What the operator of one source is composed of."""
        return self.layers.get(source, Layers())

    def through(self, operator: Operator, layer: bool = False) -> Form:
        """The form after a linear operator; `layer`: the operator's weights are the model's."""
        def behind(before: Layers) -> Layers:
            return Layers(before.weights + operator.weights.size, before.depth + 1)
        return Form({s: compose(operator, inner) for s, inner in self.terms.items()},
                    operator.apply(self.bias[None])[0] if np.any(self.bias)
                    else np.zeros(operator.out_size),
                    {s: behind(self.layers_of(s)) for s in self.terms} if layer else self.layers)

    def times(self, gain: NDArray[np.float64]) -> Form:
        """Each element multiplied by its own factor."""
        return Form({s: inner.times(gain) for s, inner in self.terms.items()}, self.bias * gain,
                    self.layers)

    def plus_constant(self, offset: NDArray[np.float64]) -> Form:
        """A constant added to each element."""
        return Form(self.terms, self.bias + offset, self.layers)

    def plus(self, other: Form) -> Form:
        """The sum of two forms."""
        terms = dict(self.terms)
        for source, operator in other.terms.items():
            terms[source] = add(terms[source], operator) if source in terms else operator
        pairs = {s: (self.layers_of(s), other.layers_of(s)) for s in terms}
        layers = {s: Layers(a.weights + b.weights, max(a.depth, b.depth))
                  for s, (a, b) in pairs.items()}
        return Form(terms, self.bias + other.bias, layers)

    def over_time(self, n_ticks: int) -> Form:
        """The sum over the time axis."""
        terms: dict[TickSource, Operator] = {}
        for source, operator in self.terms.items():
            if source.when == EACH_TICK:
                terms[TickSource(source.name, TICK_SUM)] = operator
            else:
                terms[source] = operator.times(np.full(operator.out_size, float(n_ticks)))
        return Form(terms, self.bias * n_ticks)

    def at(self, rename: Callable[[TickSource], TickSource]) -> Form:
        """The same form over other ticks."""
        return Form({rename(s): operator for s, operator in self.terms.items()}, self.bias,
                    {rename(s): layers for s, layers in self.layers.items()})


def equal(a: Form, b: Form) -> bool:
    """Whether two forms are the same map of the same sources, bit for bit."""
    return (a.terms.keys() == b.terms.keys()
            and np.array_equal(a.bias, b.bias)
            and all(same(a.terms[s], b.terms[s]) for s in a.terms))
