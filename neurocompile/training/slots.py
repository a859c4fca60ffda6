"""The numbers of a float network that come from a model's tensors, by name.

A slot is one array: a projection's weights, a population's constant currents, a readout's weights
or constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Bias, Network, Projection
from neurocompile.ir.operators import Dense, Operator, Sparse, same

Doubles = NDArray[np.float64]


@dataclass(frozen=True, order=True)
class Slot:
    """Which numbers: `part` is "synapses", "bias", "readout" or "constant".

    `source` is of a projection or of a readout's term, `delay` of a projection.
    """

    part: str
    target: str
    source: str = ""
    delay: int = 0


def synapses_slot(projection: Projection) -> Slot:
    """The slot of a projection's weights."""
    return Slot("synapses", projection.target, projection.source, projection.delay)


def operators(network: Network) -> dict[Slot, Operator]:
    """The linear maps of a float network by slot."""
    return {**{synapses_slot(p): p.operator for p in network.projections},
            **{Slot("readout", readout.name, source): operator
               for readout in network.readouts for source, operator in readout.terms}}


def constants(network: Network) -> dict[Slot, Doubles]:
    """The constant currents and constants of a float network by slot, zeros where it has none."""
    arrays = {Slot("bias", p.name): np.zeros(p.size) if p.bias is None else np.broadcast_to(
        np.asarray(p.bias.mantissa, np.float64), (p.size,)) for p in network.populations}
    return arrays | {Slot("constant", readout.name): np.asarray(readout.bias, np.float64)
                     for readout in network.readouts}


def weights_as(operator: Operator, pattern: Operator) -> Doubles | None:
    """The weights of an operator where another has its own; None where those are no places.

    They differ where weights of 0 are left out.
    """
    if same(_blank(operator), _blank(pattern)):
        return np.asarray(operator.weights, np.float64).reshape(-1)
    if (operator.in_size, operator.out_size) != (pattern.in_size, pattern.out_size):
        return None
    if isinstance(pattern, Dense):
        return np.asarray(operator.matrix().toarray(), np.float64).reshape(-1)
    if not isinstance(pattern, Sparse):
        return None
    rows = np.repeat(np.arange(pattern.out_size), np.diff(pattern.csr.indptr))
    weights = np.asarray(operator.matrix()[rows, pattern.csr.indices], np.float64).reshape(-1)
    complete = np.count_nonzero(weights) == np.count_nonzero(operator.matrix().data)
    return weights if complete else None


def _blank(operator: Operator) -> Operator:
    return operator.with_weights(np.zeros(operator.weights.shape))


def with_numbers(network: Network, weights: Callable[[Slot, Operator], Operator],
                 currents: Mapping[Slot, Doubles]) -> Network:
    """The network with other operators, and other constants where there are some."""
    def bias(name: str, before: Bias | None) -> Bias | None:
        array = currents.get(Slot("bias", name))
        return before if array is None else Bias(array) if np.any(array) else None

    return replace(
        network,
        populations=tuple(replace(p, bias=bias(p.name, p.bias)) for p in network.populations),
        projections=tuple(replace(p, operator=weights(synapses_slot(p), p.operator))
                          for p in network.projections),
        readouts=tuple(replace(r, terms=tuple(
            (source, weights(Slot("readout", r.name, source), operator))
            for source, operator in r.terms),
            bias=currents.get(Slot("constant", r.name), r.bias)) for r in network.readouts))
