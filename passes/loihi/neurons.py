"""The neurons of a network that was quantized for Loihi."""

from __future__ import annotations

from neurocompile.ir.network import Population
from neurocompile.semantics.loihi import LoihiNeuron


def loihi_neuron(population: Population) -> LoihiNeuron:
    """A population's neuron. Raises TypeError where it is none of Loihi's."""
    if not isinstance(population.neuron, LoihiNeuron):
        raise TypeError(f"`{population.name}` has no neuron of Loihi")
    return population.neuron
