"""Extents: how much of a core the arrays of a core network take, by the target's keys."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.core_network import NOWHERE, CoreNetwork

Ints = NDArray[np.int64]


def extents(network: CoreNetwork) -> Mapping[str, Ints]:
    """[cores] what each core takes, by the target's key. Axons and neurons count from the first.

    All targets and tables must be within the arrays.
    """
    cores = network.cores
    axons, neurons = np.asarray(cores.crossbar.any(axis=2)), _synapses(cores.crossbar)
    inside = cores.target_core >= 0
    axons[cores.target_core[inside], cores.target_axon[inside]] = True
    for table in network.inputs:
        axons[table.core, table.axon] = True
    neurons |= (cores.target_core != NOWHERE) | np.asarray(cores.weights.any(axis=2))
    for population in network.populations:
        neurons[population.core, population.slot] = True
    types = np.maximum(_last(np.asarray(cores.weights.any(axis=1))), np.where(
        axons, cores.axon_types, 0).max(axis=1).astype(np.int64) + 1)
    return {
        "core.neurons": _last(neurons), "core.axons": _last(axons), "core.axon_types": types,
        "core.max_delay": np.where(inside, cores.delay, 0).max(axis=1).astype(np.int64),
        "neuron.weight_max": _largest(cores.weights), "neuron.leak_max": _largest(cores.leak),
        "neuron.threshold_bits": _bits(np.maximum(_largest(cores.threshold),
                                                  _largest(cores.floor))),
        "neuron.potential_bits": 1 + np.maximum(
            _bits(cores.potential.max(axis=1)), _bits(-1 - cores.potential.min(axis=1)))}


def _synapses(crossbar: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """[cores, neurons] whether a neuron has any synapse."""
    bits = np.unpackbits(np.bitwise_or.reduce(crossbar, axis=1), axis=1, bitorder="little")
    return np.asarray(bits.astype(np.bool_))


def _last(uses: NDArray[np.bool_]) -> Ints:
    """[cores] one more than the last column that is set."""
    last = uses.shape[1] - uses[:, ::-1].argmax(axis=1)
    return np.asarray(np.where(uses.any(axis=1), last, 0), np.int64)


def _largest(array: NDArray[np.signedinteger]) -> Ints:
    """[cores] the largest magnitude."""
    return np.asarray(np.abs(array.astype(np.int64)).reshape(len(array), -1).max(axis=1))


def _bits(amounts: NDArray[np.signedinteger]) -> Ints:
    """Bits of whole numbers; none of a negative one."""
    return np.array([max(0, int(n)).bit_length() for n in amounts], np.int64)
