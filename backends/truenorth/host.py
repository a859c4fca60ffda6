"""The host's side of a core network: which axons its spikes set, where it reads populations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.passes.truenorth.core_network import CoreNetwork, InputTable, PopulationTable
from neurocompile.semantics.truenorth import NEURONS

Inputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Events:
    """Axons that the host sets, by the chip's tick."""

    starts: NDArray[np.int64]  # [ticks + 1]: tick t has events starts[t]..starts[t + 1] - 1
    sample: NDArray[np.int64]
    core: NDArray[np.int64]
    axon: NDArray[np.int64]

    def at(self, tick: int) -> slice:
        """Which events belong to a tick."""
        return slice(int(self.starts[tick]), int(self.starts[tick + 1]))


def n_samples(network: CoreNetwork, inputs: Inputs) -> int:
    """Samples in the inputs [samples, n_ticks, *shape]; 1 where the network reads none.

    Raises UsageError (NC009) when an input is missing, unknown, of another shape or not binary.
    """
    tables = {t.name: t for t in network.inputs if not t.always}
    if set(inputs) != set(tables):
        raise _bad(sorted(inputs), f"the network's inputs are {', '.join(sorted(tables)) or 'none'}")
    counts = {_count_samples(tables[name], spikes, network.n_ticks) for name, spikes in inputs.items()}
    if len(counts) > 1:
        raise _bad(sorted(counts), "all inputs need the same number of samples")
    return counts.pop() if counts else 1


def _count_samples(table: InputTable, spikes: NDArray[Any], n_ticks: int) -> int:
    if spikes.ndim < 2 or spikes.shape[1] != n_ticks:
        raise _bad(spikes.shape, f"`{table.name}` is [samples, {n_ticks} ticks, *shape]")
    elements = int(np.prod(spikes.shape[2:]))
    if table.element.max(initial=-1) >= elements:
        raise _bad(spikes.shape, f"`{table.name}` has more than {elements} elements")
    if not ((spikes == 0) | (spikes == 1)).all():
        raise _bad(table.name, "spikes are 0 or 1")
    return len(spikes)


def _bad(value: object, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC009", values={
        "option": "inputs", "value": value, "reason": reason}))


def events(network: CoreNetwork, inputs: Inputs, samples: slice) -> Events:
    """What the host sends for some samples, in the order of ticks."""
    ticks = network.ticks_per_sample
    parts = [_events_of(network, table, inputs, samples) for table in network.inputs]
    when, sample, core, axon = (np.concatenate([part[i] for part in parts] or [np.zeros(0, np.int64)])
                                for i in range(4))
    order = np.argsort(when, kind="stable")
    starts = np.searchsorted(when[order], np.arange(ticks + 1))
    return Events(starts, sample[order], core[order], axon[order])


def _events_of(network: CoreNetwork, table: InputTable, inputs: Inputs,
          samples: slice) -> tuple[NDArray[np.int64], ...]:
    """Tick, sample, core and axon of each event of one table."""
    count = samples.stop - samples.start
    if table.always:
        active = np.ones((count, network.n_ticks, len(table.element)), np.bool_)
    else:
        spikes = inputs[table.name][samples].reshape(count, network.n_ticks, -1)
        active = np.take(spikes, table.element, axis=2) != 0
    sample, tick, row = np.nonzero(active)
    return tick * network.step + table.delay[row], sample, table.core[row], table.axon[row]


@dataclass(frozen=True, eq=False)
class Reading:
    """Where and when a population's neurons are read."""

    table: PopulationTable
    place: NDArray[np.int64]  # flat number of each neuron among all cores' slots

    @staticmethod
    def of(table: PopulationTable) -> Reading:
        """From the network's table."""
        return Reading(table, table.core * NEURONS + table.slot)

    def tick(self, network: CoreNetwork, at: int) -> int | None:
        """The model's tick that is read in a tick of the chip, if there is one."""
        t, rest = divmod(at - self.table.depth, network.step)
        return t if rest == 0 and 0 <= t < network.n_ticks else None
