"""Parameters of cores as the simulator's kernels read them: few arrays, one read for each need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.core_network import Cores
from neurocompile.semantics.truenorth import NEURONS, ResetMode

COUNT_BITS = 9  # of an axon's entry: its synapses; above them its type
NO_ROUTE = -1


LINEAR, KEEP, SATURATE = 1, 2, 4  # bits of a neuron's modes


@dataclass(frozen=True, eq=False)
class Program:
    """One row per core. With -1 for a mode's bit and 0 without it, and `reset` of the core's row::

        ((v - (threshold & LINEAR)) & KEEP) + reset      is left by a spike,
        ((v + (floor & LINEAR)) & KEEP) - reset          where v < -floor without SATURATE
    """

    rows: NDArray[np.uint32]  # [cores, AXONS, 8]: bit n % 32 of word n // 32 is neuron n
    axons: NDArray[np.uint16]  # [cores, AXONS]: type << COUNT_BITS | synapses
    weights: NDArray[np.int16]  # [cores, AXON_TYPES, NEURONS]; 0 where drawn
    leak: NDArray[np.int16]  # [cores, NEURONS]
    threshold: NDArray[np.int32]  # [cores, NEURONS]
    floor: NDArray[np.int32]  # [cores, NEURONS]
    modes: NDArray[np.uint8]  # [cores, NEURONS]
    reset: NDArray[np.int32]  # [rows, NEURONS]: row 0 is 0, others are of cores with reset values
    reset_row: NDArray[np.int64]  # [cores]
    route: NDArray[np.int64]  # [cores, NEURONS]: core << 12 | axon << 4 | delay, or NO_ROUTE
    special: NDArray[np.bool_]  # [cores]: some neuron has a leak reversal or a stochastic mode
    cores: Cores  # for special cores: what the arrays above leave out

    @staticmethod
    def of(cores: Cores) -> Program:
        """The same cores, prepared."""
        fixed_weights = np.where(cores.random_synapse, np.int16(0), cores.weights)
        crossbar = np.ascontiguousarray(cores.crossbar)
        reset, reset_row = _reset(cores)
        return Program(
            rows=crossbar.view("<u4"), axons=_axons(cores.axon_types, crossbar),
            weights=np.ascontiguousarray(fixed_weights.transpose(0, 2, 1), np.int16), leak=cores.leak,
            threshold=cores.threshold, floor=cores.floor, modes=_modes(cores), reset=reset,
            reset_row=reset_row, route=_route(cores), special=_special(cores), cores=cores)

    def __len__(self) -> int:
        """Cores."""
        return len(self.rows)


def _modes(cores: Cores) -> NDArray[np.uint8]:
    modes = np.where(cores.reset_mode == ResetMode.LINEAR, np.uint8(LINEAR), np.uint8(0))
    modes |= np.where(cores.reset_mode != ResetMode.NORMAL, np.uint8(KEEP), np.uint8(0))
    return np.asarray(modes | np.where(cores.saturate, np.uint8(SATURATE), np.uint8(0)))


def _reset(cores: Cores) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Reset values of the cores that have any, after a row of zeros; each core's row."""
    in_use = (cores.reset_mode == ResetMode.NORMAL) & (cores.reset_value != 0)
    which = in_use.any(1)
    rows = np.zeros((1 + int(which.sum()), NEURONS), np.int32)
    rows[1:] = np.where(in_use[which], cores.reset_value[which], 0)
    return rows, np.where(which, np.cumsum(which), 0)


def _axons(types: NDArray[np.uint8], crossbar: NDArray[np.uint8]) -> NDArray[np.uint16]:
    counts = np.bitwise_count(crossbar.view(np.uint64)).sum(-1, dtype=np.uint16)
    return np.asarray((types.astype(np.uint16) << np.uint16(COUNT_BITS)) | counts, np.uint16)


def _route(cores: Cores) -> NDArray[np.int64]:
    way = cores.target_core.astype(np.int64) << 12
    way |= cores.target_axon.astype(np.int64) << 4
    way |= cores.delay
    return np.where(cores.target_core >= 0, way, NO_ROUTE)


def _special(cores: Cores) -> NDArray[np.bool_]:
    neurons = cores.leak_reversal | cores.random_leak | (cores.threshold_mask != 0)
    return np.asarray(neurons.any(1) | cores.random_synapse.any((1, 2)))
