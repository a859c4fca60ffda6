"""What the host sends to an emitted program: the arrays of its inputs file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurocompile.backends.loihi.bits import chip_part
from neurocompile.backends.loihi.plan import part_ids
from neurocompile.ir.network import InputKind, Network
from neurocompile.ir.operators import Array


def program_inputs(network: Network, inputs: Mapping[str, Array],
                   host_spikes: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays by key, all with samples first.

    `inputs` hold [samples, *shape] (static) or [samples, ticks, *shape] by input name, and
    `host_spikes` [samples, ticks, neurons] by the name of a population that the host simulates.
    """
    ids, inputs = part_ids(network), network.feeds(inputs)
    populations, projections = chip_part(network)
    sources = {p.source for p in projections}
    names = {p.name for p in populations}
    arrays: dict[str, Array] = {}
    for encoder in network.encoders:
        if encoder.target in names:
            arrays[f"bias_{ids[encoder.target]}"] = encoder.mantissas(inputs).astype(np.int16)
    for item in network.inputs:
        if item.name in sources and item.kind is not InputKind.ONE:
            trains = item.trains(inputs[item.name], network.n_ticks)
            arrays[f"spikes_{ids[item.name]}"] = trains.astype(np.min_scalar_type(item.levels))
    for population in network.populations:
        if population.on_host and population.name in sources:
            spikes = np.asarray(host_spikes[population.name])
            arrays[f"spikes_{ids[population.name]}"] = spikes.astype(np.uint8)
    return arrays
