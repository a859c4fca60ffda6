"""The slow oracle of core networks: every neuron by `semantics.truenorth.step`, in plain Python.

It shares nothing with the simulator but the semantics: a core's scheduler is a ring of sets of
axons. Tests compare everything that simulates core networks with it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.core_network import CoreNetwork, Cores, InputTable
from neurocompile.semantics.truenorth import NEURONS, SLOTS, ResetMode, TrueNorthNeuron, draws, step

Event = tuple[int, int, int]  # tick, core, axon


@dataclass(frozen=True, eq=False)
class OracleRun:
    """What all cores did in all ticks of the chip."""

    spikes: NDArray[np.uint8]  # [ticks, cores, NEURONS]
    potentials: NDArray[np.int32]  # [ticks, cores, NEURONS], after each tick
    axon_events: NDArray[np.int64]  # [cores]: active axons, summed over ticks
    synaptic_events: NDArray[np.int64]  # [cores]: synapses of active axons


def run_sample(network: CoreNetwork, inputs: Mapping[str, NDArray[Any]], sample: int = 0,
               seed: int = 0) -> OracleRun:
    """One sample of the network's inputs [samples, n_ticks, *shape], from its start potentials."""
    events = [event for table in network.inputs for event in _events(network, table, inputs, sample)]
    return run_cores(network.cores, events, network.ticks_per_sample, sample, seed)


def population(run: OracleRun, network: CoreNetwork, name: str) -> NDArray[np.uint8]:
    """Spikes [n_ticks, neurons] of a population, in ticks of the model."""
    table, = (p for p in network.populations if p.name == name)
    ticks = [t * network.step + table.depth for t in range(network.n_ticks)]
    return np.stack([run.spikes[tick, table.core, table.slot] for tick in ticks])


def run_cores(cores: Cores, events: Iterable[Event], n_ticks: int, sample: int = 0,
              seed: int = 0) -> OracleRun:
    """All cores for `n_ticks` ticks; each event sets an axon for the tick that integrates it."""
    neurons = [[_neuron(cores, c, n) for n in range(NEURONS)] for c in range(len(cores))]
    rows = functools.cache(lambda core, axon: _targets(cores, core, axon))
    from_host: dict[int, list[tuple[int, int]]] = {}
    for tick, core, axon in events:
        from_host.setdefault(tick, []).append((core, axon))
    ring: list[list[set[int]]] = [[set() for _ in range(len(cores))] for _ in range(SLOTS)]
    v = [[int(x) for x in row] for row in cores.potential]
    run = OracleRun(np.zeros((n_ticks, len(cores), NEURONS), np.uint8),
                    np.zeros((n_ticks, len(cores), NEURONS), np.int32),
                    np.zeros(len(cores), np.int64), np.zeros(len(cores), np.int64))
    for tick in range(n_ticks):
        now = ring[tick % SLOTS]
        for core, axon in from_host.get(tick, ()):
            now[core].add(axon)
        for c in range(len(cores)):
            types: list[list[int]] = [[] for _ in range(NEURONS)]
            for axon in sorted(now[c]):
                for n in rows(c, axon):
                    types[n].append(int(cores.axon_types[c, axon]))
            run.axon_events[c] += len(now[c])
            run.synaptic_events[c] += sum(map(len, types))
            for n in range(NEURONS):
                draw = draws(seed, sample, c, tick, n).__next__
                v[c][n], spike = step(neurons[c][n], v[c][n], types[n], draw)
                if spike:
                    run.spikes[tick, c, n] = 1
                    _send(cores, c, n, tick, ring)
            run.potentials[tick, c] = v[c]
        ring[tick % SLOTS] = [set() for _ in range(len(cores))]
    return run


def _send(cores: Cores, core: int, neuron: int, tick: int, ring: list[list[set[int]]]) -> None:
    target = int(cores.target_core[core, neuron])
    if target >= 0:
        arrival = tick + int(cores.delay[core, neuron])
        ring[arrival % SLOTS][target].add(int(cores.target_axon[core, neuron]))


def _events(network: CoreNetwork, table: InputTable, inputs: Mapping[str, NDArray[Any]],
            sample: int) -> Iterator[Event]:
    spikes = None if table.always else inputs[table.name][sample].reshape(network.n_ticks, -1)
    for element, core, axon, delay in zip(table.element, table.core, table.axon, table.delay,
                                          strict=True):
        for t in range(network.n_ticks):
            if spikes is None or spikes[t, element]:
                yield t * network.step + int(delay), int(core), int(axon)


def _targets(cores: Cores, core: int, axon: int) -> list[int]:
    row = cores.crossbar[core, axon].tolist()
    return [n for n in range(NEURONS) if row[n // 8] >> (n % 8) & 1]


def _neuron(cores: Cores, core: int, n: int) -> TrueNorthNeuron:
    at = core, n
    a, b, c, d = (int(w) for w in cores.weights[at])
    p, q, r, s = (bool(x) for x in cores.random_synapse[at])
    return TrueNorthNeuron(
        weights=(a, b, c, d), leak=int(cores.leak[at]), threshold=int(cores.threshold[at]),
        floor=int(cores.floor[at]), reset_value=int(cores.reset_value[at]),
        reset_mode=ResetMode(int(cores.reset_mode[at])), saturate=bool(cores.saturate[at]),
        leak_reversal=bool(cores.leak_reversal[at]), random_synapse=(p, q, r, s),
        random_leak=bool(cores.random_leak[at]), threshold_mask=int(cores.threshold_mask[at]))
