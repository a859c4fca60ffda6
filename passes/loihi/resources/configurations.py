"""Configuration entries: what a core holds once for all that use the same.

A core has a table of synapse formats, of thresholds, and of neuron configurations; its populations
share entries that are equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from neurocompile.ir.network import Network, Population, Projection
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.loihi import LoihiTarget

CONFIGURATIONS = ("synapse_formats", "threshold_configs", "neuron_configs")
Entries = Mapping[str, frozenset[Hashable]]


def configuration_limits(target: LoihiTarget) -> dict[str, int]:
    """Entries that a core holds, by kind; 0: no limit."""
    return {kind: getattr(target.core, kind).value for kind in CONFIGURATIONS}


def entries(network: Network, population: Population) -> Entries:
    """The entries that each of a population's neurons needs.

    A synapse format is an encoding, a weight exponent, the bits of the weights and their signs. A neuron configuration is all of a neuron but its threshold, and
    the exponent of its biases.
    """
    exponents = [e.exponent for e in network.encoders if e.target == population.name]
    if population.bias is not None:
        exponents.append(population.bias.exponent)
    neuron = population.neuron
    if isinstance(neuron, LoihiNeuron):
        threshold: Hashable = neuron.vth
        rest: Hashable = neuron.du, neuron.dv, neuron.reset, neuron.v_sub, *sorted(set(exponents))
    else:  # no hardware units yet, or a program of its own
        threshold = rest = type(neuron).__name__, population.name
    return {"synapse_formats": frozenset(_format(p) for p in network.into(population.name)),
            "threshold_configs": frozenset([threshold]), "neuron_configs": frozenset([rest])}


def together(parts: Iterable[Entries]) -> dict[str, int]:
    """How many entries of each kind a core needs that holds populations with these."""
    parts = list(parts)
    return {kind: len(frozenset().union(*(part[kind] for part in parts)))
            for kind in CONFIGURATIONS}


def within(demand: Mapping[str, int], limits: Mapping[str, int]) -> bool:
    """Whether a core has that many entries."""
    return all(demand[kind] <= limit for kind, limit in limits.items() if limit)


def _format(projection: Projection) -> Hashable:
    weights = projection.operator.weights
    signs = bool(weights.max(initial=0) > 0), bool(weights.min(initial=0) < 0)
    return projection.encoding, projection.exponent, projection.weight_bits, signs
