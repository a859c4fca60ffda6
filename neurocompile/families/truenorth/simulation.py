"""What the cores do, in the simulator: compared with the reference, or counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurocompile.backends import synchronous
from neurocompile.backends.results import Verification
from neurocompile.backends.truenorth.results import Probes
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.backends.truenorth.verify import host_spikes, join, verify_in_simulator
from neurocompile.families.compilation import Progress
from neurocompile.families.truenorth.compilation import Activity
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.passes.truenorth.core_network import CoreNetwork

_BATCH_BYTES = 1 << 28  # of the spikes and potentials of a batch of samples
_RASTER_BYTES = 1 << 27  # of the samples that traffic is measured on
_SAMPLES = 16


def verify_in_batches(cores: CoreNetwork, network: Network, inputs: Mapping[str, Array],
                      progress: Progress) -> Verification:
    """Cores against the reference; batch by batch, since all potentials are compared."""
    each = 16 * sum(p.size for p in network.populations) * network.n_ticks  # bytes
    size, count = max(1, _BATCH_BYTES // each), len(next(iter(inputs.values())))
    parts = []
    for start in range(0, count, size):
        batch = {name: x[start:start + size] for name, x in inputs.items()}
        reference = synchronous.run(network, batch, record_state=True)
        parts.append(verify_in_simulator(cores, network, batch, reference))
        if count > size:
            progress(f"verify {min(start + size, count):,} of {count:,} samples")
    return join(parts)


def measure_activity(network: Network, cores: CoreNetwork,
                     sample: Mapping[str, Array]) -> Activity:
    """Spikes and events of the cores on the sample's first inputs."""
    per_sample = cores.ticks_per_sample * cores.cores.threshold.size
    count = max(1, min(_SAMPLES, _RASTER_BYTES // max(per_sample, 1)))
    first = {name: array[:count] for name, array in sample.items()}
    spikes = synchronous.run(network, first).spikes
    arrivals = host_spikes(network, cores, first, spikes)
    simulation = simulate(cores, arrivals, probes=Probes(spikes=(), raster=True))
    if simulation.raster is None:
        raise TypeError("the simulator recorded no raster")
    samples, ticks = len(simulation.raster), network.n_ticks
    return Activity(
        samples=samples, rate=simulation.raster.sum(axis=(0, 1)) / (samples * ticks),
        inputs={name: np.asarray(x, np.float64).reshape(samples * ticks, -1).mean(axis=0)
                for name, x in arrivals.items()},
        synaptic_events=float(simulation.activity.synaptic_events.sum() / samples))
