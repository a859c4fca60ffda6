"""What a compilation takes of Loihi's cores."""

from __future__ import annotations

from neurocompile.families.demand import Demand, PopulationDemand, resource
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.passes.loihi.resources import UNITS
from neurocompile.passes.loihi.weight_bits import bits_into

SHORT = {"input_axons": "in axons", "output_axons": "out axons", "synapse_memory": "synapses"}


def demand(compilation: LoihiCompilation) -> Demand:
    """Amounts of all resources that a core has a limit of."""
    usage, core = compilation.usage, compilation.target.core
    return Demand(
        mapping=compilation.mapping,
        resources={name: resource(getattr(core, name), name.replace("_", " "),
                                  short=SHORT.get(name, ""), limit=getattr(usage.limits, name))
                   for name in UNITS},
        cores=tuple(one.to_json() for one in usage.cores),
        populations={one.population: PopulationDemand(
            usage=one.total.to_json(), least=one.least.to_json(),
            weight_bits=bits_into(compilation.network, one.population) if one.synapses else None)
            for one in usage.populations},
        least=usage.least.to_json(), depth=compilation.schedule.depth,
        latency=compilation.schedule.latency)
