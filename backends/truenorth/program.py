"""Parameters of cores as the simulator's kernels read them: few arrays, one read for each need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.core_network import Cores
from neurocompile.semantics.truenorth import ResetMode

COUNT_BITS = 9  # of an axon's entry: its synapses; above them its type
UNROUTED = -1


@dataclass(frozen=True, eq=False)
class Program:
    """One row per core. What a neuron becomes is `(v & keep) + add`, above and below its range."""

    rows: NDArray[np.uint32]  # [cores, AXONS, 8]: bit n % 32 of word n // 32 is neuron n
    axons: NDArray[np.uint16]  # [cores, AXONS]: type << COUNT_BITS | synapses
    weights: NDArray[np.int16]  # [cores, AXON_TYPES, NEURONS]; 0 where drawn
    leak: NDArray[np.int16]  # [cores, NEURONS], as all below
    high: NDArray[np.int32]  # spikes where v >= high
    low: NDArray[np.int32]  # is replaced where v < low
    add_high: NDArray[np.int32]
    add_low: NDArray[np.int32]
    keep_high: NDArray[np.int8]  # -1 or 0
    keep_low: NDArray[np.int8]
    route: NDArray[np.int64]  # core << 12 | axon << 4 | delay, or UNROUTED
    special: NDArray[np.bool_]  # [cores]: some neuron has a leak reversal or a stochastic mode
    cores: Cores  # for special cores: what the arrays above leave out

    @staticmethod
    def of(cores: Cores) -> Program:
        """The same cores, prepared."""
        linear, held = cores.reset_mode == ResetMode.LINEAR, cores.reset_mode == ResetMode.NONE
        normal, saturate = cores.reset_mode == ResetMode.NORMAL, cores.saturate
        low = (-cores.floor).astype(np.int32)
        add_low = np.where(saturate, low, np.where(linear, cores.floor, 0)
                           - np.where(normal, cores.reset_value, 0))
        drawn = np.where(cores.random_synapse, np.int16(0), cores.weights)
        crossbar = np.ascontiguousarray(cores.crossbar)
        return Program(
            rows=crossbar.view("<u4"), axons=_axons(cores.axon_types, crossbar),
            weights=np.ascontiguousarray(drawn.transpose(0, 2, 1), np.int16), leak=cores.leak,
            high=cores.threshold, low=low,
            add_high=np.where(normal, cores.reset_value,
                              np.where(linear, -cores.threshold, 0)).astype(np.int32),
            add_low=add_low.astype(np.int32),
            keep_high=-(linear | held).astype(np.int8),
            keep_low=-((linear | held) & ~saturate).astype(np.int8),
            route=_route(cores), special=_special(cores), cores=cores)

    def __len__(self) -> int:
        """Cores."""
        return len(self.rows)


def _axons(types: NDArray[np.uint8], crossbar: NDArray[np.uint8]) -> NDArray[np.uint16]:
    counts = np.bitwise_count(crossbar.view(np.uint64)).sum(-1, dtype=np.uint16)
    return np.asarray((types.astype(np.uint16) << np.uint16(COUNT_BITS)) | counts, np.uint16)


def _route(cores: Cores) -> NDArray[np.int64]:
    way = cores.target_core.astype(np.int64) << 12
    way |= cores.target_axon.astype(np.int64) << 4
    way |= cores.delay
    return np.where(cores.target_core >= 0, way, UNROUTED)


def _special(cores: Cores) -> NDArray[np.bool_]:
    neurons = cores.leak_reversal | cores.random_leak | (cores.threshold_mask != 0)
    return np.asarray(neurons.any(1) | cores.random_synapse.any((1, 2)))
