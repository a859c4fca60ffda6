"""What a simulation shows: probes, the results they fill, and the estimate of energy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.engine import CoreActivity, Engine
from neurocompile.backends.truenorth.host import Reading
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.semantics.truenorth import NEURONS
from neurocompile.target.truenorth import TrueNorthTarget


@dataclass(frozen=True)
class Probes:
    """What to keep. Populations by name; None: all of them."""

    spikes: tuple[str, ...] | None = None
    potentials: tuple[str, ...] | None = ()
    counts: tuple[str, ...] | None = ()  # spikes of a population in a tick, without which neurons
    raster: bool = False  # every neuron of every core in every tick of the chip
    raster_potentials: bool = False


@dataclass(frozen=True, eq=False)
class Simulation:
    """Probed values of all samples, aligned to the ticks of the model, and activity by core.

    Index t of a population's arrays is the chip's tick `t * step + depth`: they compare with the
    synchronous reference as they are.
    """

    engine: str
    ticks: int  # of the chip, all samples together
    activity: CoreActivity
    spikes: dict[str, NDArray[np.uint8]] = field(default_factory=dict)  # [samples, n_ticks, neurons]
    potentials: dict[str, NDArray[np.int32]] = field(default_factory=dict)  # the same, after a tick
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # [samples, n_ticks]
    raster: NDArray[np.uint8] | None = None  # [samples, ticks of the chip, cores, NEURONS]
    raster_potentials: NDArray[np.int32] | None = None


class ProbeRecorder:
    """Fills a Simulation from the engines of all batches."""

    def __init__(self, network: CoreNetwork, probes: Probes, samples: int, engine: str) -> None:
        self._network = network
        self._readings = {t.name: Reading.of(t) for t in network.populations}
        names = tuple(self._readings)
        shape = samples, network.n_ticks
        raw = samples, network.ticks_per_sample, len(network.cores), NEURONS

        def choose(probe: tuple[str, ...] | None) -> tuple[str, ...]:
            return names if probe is None else probe

        def size(name: str) -> int:
            return len(self._readings[name].place)
        self.result = Simulation(
            engine, samples * network.ticks_per_sample, CoreActivity.zero(len(network.cores)),
            {n: np.zeros((*shape, size(n)), np.uint8) for n in choose(probes.spikes)},
            {n: np.zeros((*shape, size(n)), np.int32) for n in choose(probes.potentials)},
            {n: np.zeros(shape, np.int64) for n in choose(probes.counts)},
            np.zeros(raw, np.uint8) if probes.raster else None,
            np.zeros(raw, np.int32) if probes.raster_potentials else None)

    def take(self, engine: Engine, samples: slice, tick: int) -> None:
        """What is due after a tick of the chip."""
        result = self.result
        if result.raster_potentials is not None:
            result.raster_potentials[samples, tick] = engine.v
        due = {name: t for name, reading in self._readings.items()
               if (t := reading.tick(self._network, tick)) is not None}
        reads_spikes = any(name in result.spikes or name in result.counts for name in due)
        if reads_spikes or result.raster is not None:
            self._take_spikes(engine, samples, tick, due)
        flat = engine.v.reshape(len(engine.v), -1)
        for name in due.keys() & result.potentials.keys():
            result.potentials[name][samples, due[name]] = flat[:, self._readings[name].place]

    def _take_spikes(self, engine: Engine, samples: slice, tick: int, due: dict[str, int]) -> None:
        result, count = self.result, len(engine.spikes_now)
        flat = np.unpackbits(engine.spikes_now.view(np.uint8).reshape(count, -1), axis=1,
                             bitorder="little")
        if result.raster is not None:
            result.raster[samples, tick] = flat.reshape(count, -1, NEURONS)
        for name, t in due.items():
            if name in result.spikes or name in result.counts:
                spikes = flat[:, self._readings[name].place]
                if name in result.spikes:
                    result.spikes[name][samples, t] = spikes
                if name in result.counts:
                    result.counts[name][samples, t] = spikes.sum(1)


@dataclass(frozen=True)
class Energy:
    """An estimate: the chip's static power over the time, and a price for each synaptic event."""

    seconds: float  # at the target's tick time
    static_joules: float
    synaptic_joules: float
    basis: str  # where the numbers come from, and how far to trust them

    @property
    def joules(self) -> float:
        """Both together."""
        return self.static_joules + self.synaptic_joules


def estimate_energy(simulation: Simulation, target: TrueNorthTarget) -> Energy | None:
    """For the chips that the cores fill; None where the target has no costs."""
    costs = target.costs
    if costs is None:
        return None
    chips = -(-len(simulation.activity.spikes) // target.chip.cores.value)
    seconds = simulation.ticks * costs.tick_time.value * 1e-6
    events = int(simulation.activity.synaptic_events.sum())
    return Energy(seconds, costs.static_power.value * 1e-3 * chips * seconds,
                  costs.synapse_energy.value * 1e-15 * events,
                  f"estimate: {costs.static_power.value} mW a chip "
                  f"({costs.static_power.source}) and {costs.synapse_energy.value} fJ a synaptic "
                  f"event ({costs.synapse_energy.source}); {costs.synapse_energy.confidence}")
