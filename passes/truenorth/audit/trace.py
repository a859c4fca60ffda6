"""Trace: what sets each axon of a core network, and when, read from its arrays alone.

Neurons of one core with equal parameters and synapses spike alike; they are one source. What only
repeats one axon is followed to what sets that axon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.passes.truenorth.core_network import CoreNetwork, Cores
from neurocompile.semantics.truenorth import AXONS, NEURONS, ResetMode

NOBODY = -1

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trace:
    """Sources: neurons, numbered through all cores, then the elements of all input tables."""

    like: Ints  # [neurons] the first neuron of its core that spikes alike
    source: Ints  # [axons] what sets it, NOBODY
    lag: Ints  # [axons] ticks of the chip from the source's spike; of inputs, from the model's tick
    setters: Ints  # [axons] how many neurons and inputs set it
    first_element: dict[str, int]  # by input table
    always: NDArray[np.bool_]  # [sources]

    def synapses(self, cores: Cores, neurons: Ints) -> sp.csr_array:
        """[neurons, axons] weights, of neurons numbered through all cores."""
        parts = []
        order = np.argsort(neurons, kind="stable")
        core_of = neurons[order] // NEURONS
        for core in np.unique(core_of).tolist():
            slots = neurons[order[core_of == core]] % NEURONS
            bits = np.unpackbits(cores.crossbar[core], axis=1, bitorder="little")
            axon, at = np.nonzero(bits[:, slots])
            weight = cores.weights[core, slots[at], cores.axon_types[core, axon]]
            parts.append((order[core_of == core][at], core * AXONS + axon, weight.astype(np.int64)))
        row, column, weight = (np.concatenate(x) for x in zip(*parts, strict=True))
        return sp.csr_array((weight, (row, column)), shape=(len(neurons), len(self.source)))


def trace(network: CoreNetwork) -> Trace:
    """The sources of all axons. Neurons of populations count as sources, whatever they do."""
    cores, n = network.cores, len(network.cores) * NEURONS
    like = np.concatenate([_alike(cores, c) + c * NEURONS for c in range(len(cores))])
    has_source = np.zeros(n, np.bool_)
    for population in network.populations:
        has_source[population.core * NEURONS + population.slot] = True
    _part_those_without_synapses(cores, like, has_source)
    source, lag = np.full(n, NOBODY), np.zeros(n, np.int64)
    setters = np.zeros(n, np.int64)
    at = np.flatnonzero(cores.target_core.reshape(-1) >= 0)
    axon = (cores.target_core.reshape(-1)[at].astype(np.int64) * AXONS
            + cores.target_axon.reshape(-1)[at])
    source[axon], lag[axon] = like[at], cores.delay.reshape(-1)[at]
    setters += np.bincount(axon, minlength=n)
    first, always = {}, [np.zeros(n, np.bool_)]
    number = n
    for table in network.inputs:
        first[table.name] = number
        axon = table.core * AXONS + table.axon
        source[axon], lag[axon] = number + table.element, table.delay
        setters += np.bincount(axon, minlength=n)
        always.append(np.full(int(table.element.max(initial=0)) + 1, table.always))
        number += len(always[-1])
    repeats = _repeated_axon(cores)
    repeats[like[has_source]] = NOBODY
    for _ in range(n):
        behind = np.flatnonzero((source >= 0) & (source < n))
        behind = behind[repeats[source[behind]] >= 0]
        if not len(behind):
            break
        before = repeats[source[behind]]
        source[behind], lag[behind] = source[before], lag[behind] + lag[before]
    return Trace(like, source, lag, setters, first, np.concatenate(always))


def _alike(cores: Cores, core: int) -> Ints:
    """[slots] the first slot with equal parameters, synapses and start."""
    bits = np.unpackbits(cores.crossbar[core], axis=1, bitorder="little")
    parts = [np.packbits(bits.T, axis=1)]
    for name in ("weights", "leak", "threshold", "floor", "reset_value", "reset_mode", "saturate",
                 "potential"):
        values = np.ascontiguousarray(getattr(cores, name)[core]).reshape(NEURONS, -1)
        parts.append(values.view(np.uint8).reshape(NEURONS, -1))
    _, first, inverse = np.unique(np.concatenate(parts, axis=1), axis=0, return_index=True,
                                  return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)], np.int64)


def _part_those_without_synapses(cores: Cores, like: Ints, has_source: NDArray[np.bool_]) -> None:
    """Without inputs nothing tells neurons of two populations apart: copies follow the first."""
    has_synapse = np.unpackbits(np.bitwise_or.reduce(cores.crossbar, axis=1), axis=1,
                            bitorder="little").reshape(-1)
    numbers = np.arange(len(like))
    last = np.maximum.accumulate(np.where(has_source, numbers, -1))
    own = np.where((last >= 0) & (last // NEURONS == numbers // NEURONS), last, numbers)
    own = np.where(like[own] == like, own, numbers)
    like[:] = np.where(has_synapse == 0, own, like)


def _repeated_axon(cores: Cores) -> Ints:
    """[neurons] the axon whose spikes a neuron repeats in the same tick, NOBODY."""
    axons = np.full((len(cores), NEURONS), NOBODY)
    plain = ((cores.threshold == 1) & (cores.leak == 0) & (cores.potential == 0)
             & (cores.reset_value == 0) & (cores.reset_mode == ResetMode.NORMAL))
    for core in range(len(cores)):
        bits = np.unpackbits(cores.crossbar[core], axis=1, bitorder="little")
        axon = bits.argmax(axis=0)
        weight = cores.weights[core, np.arange(NEURONS), cores.axon_types[core, axon]]
        one = plain[core] & (bits.sum(axis=0, dtype=np.int64) == 1) & (weight >= 1)
        axons[core, one] = core * AXONS + axon[one]
    return axons.reshape(-1)
