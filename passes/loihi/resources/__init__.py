"""Resources: the only place that counts what a mapping takes of a core.

Cost follows merged nets (sources that share one destination set), not synapses. An input axon is
one source neuron of one projection that reaches a core; an output axon is one core that a neuron
reaches through one projection, its own core included. Biases take no synapse. Inputs and
populations on the host have no core; each of their neurons takes an input axon where it is needed.
"""

from neurocompile.passes.loihi.resources.amounts import (
    UNITS,
    CoreUsage,
    PopulationUsage,
    Usage,
    capacity,
)
from neurocompile.passes.loihi.resources.bounds import Bounds, bounds, lower_bound
from neurocompile.passes.loihi.resources.configurations import (
    CONFIGURATIONS,
    Entries,
    configuration_limits,
    entries,
    together,
    within,
)
from neurocompile.passes.loihi.resources.count import core_amounts, count, n_synapses, on_chip
from neurocompile.passes.loihi.resources.lists import (
    convolution,
    list_bits,
    shared_bits,
    stencils,
    tables,
    tables_without_sharing,
    uncut,
)
from neurocompile.passes.placing.nets import Incoming, incoming, into_chip, pins_per_core

__all__ = [
    "Bounds", "CONFIGURATIONS", "CoreUsage", "Entries", "Incoming", "PopulationUsage",
    "UNITS", "Usage", "bounds", "capacity", "configuration_limits", "count", "entries",
    "incoming", "into_chip", "list_bits", "lower_bound", "n_synapses", "on_chip",
    "pins_per_core", "shared_bits", "stencils", "tables",
    "tables_without_sharing", "convolution", "core_amounts", "together",
    "uncut", "within",
]
