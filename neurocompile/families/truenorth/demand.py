"""What a compilation takes of TrueNorth's cores."""

from __future__ import annotations

from neurocompile.families.demand import Demand, PopulationDemand, resource
from neurocompile.families.truenorth.compilation import TrueNorthCompilation
from neurocompile.passes.truenorth.chip_mapping import usage

RESOURCES = ("neurons", "axons")


def demand(compilation: TrueNorthCompilation) -> Demand:
    """Neurons and axons that do something."""
    chip, core = compilation.cores, compilation.target.core
    rows = compilation.legalization.rows
    return Demand(
        mapping=compilation.mapping,
        resources={name: resource(getattr(core, name), name) for name in RESOURCES},
        cores=tuple({"neurons": int(neurons), "axons": int(axons)}
                    for neurons, axons in zip(*usage(chip), strict=True)),
        populations={row.population: PopulationDemand(
            usage={"neurons": row.neurons + row.copies, "axons": row.axons},
            least={"neurons": row.neurons}) for row in rows},
        least={"neurons": sum(row.neurons for row in rows)},
        depth={row.population: row.latency for row in rows}, latency=chip.latency,
        roles=chip.roles)
