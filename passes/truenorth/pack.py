"""Pack: pieces and relays into cores, the largest first, each into the first core with room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.delays import Relays
from neurocompile.passes.truenorth.tile import Tiling

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Packing:
    """Core, first axon and first slot of each item: all pieces, block after block, then relays."""

    core: Ints
    axon: Ints
    slot: Ints
    axons: Ints  # [items]
    slots: Ints

    @property
    def n_cores(self) -> int:
        """Cores."""
        return int(self.core.max(initial=-1)) + 1


def pack(tilings: Mapping[str, Tiling], relays: tuple[Relays, ...], crossbar: Crossbar
         ) -> Packing:
    """A place in some core for every piece and every group of relays."""
    pieces = [piece for tiling in tilings.values() for piece in tiling.pieces]
    axons = np.array([len(p.kind) for p in pieces] + [1] * len(relays), np.int64)
    slots = np.array([int(p.slots.sum()) for p in pieces] + [len(r.targets) for r in relays],
                     np.int64)
    share = np.maximum(axons * crossbar.neurons, slots * crossbar.axons)
    core, axon, slot = _first_fit(np.argsort(-share, kind="stable"), axons, slots, crossbar.axons,
                                  crossbar.neurons)
    return Packing(core=core, axon=axon, slot=slot, axons=axons, slots=slots)


@numba.njit(cache=True)
def _first_fit(order: Ints, axons: Ints, slots: Ints, most_axons: int, most_slots: int
               ) -> tuple[Ints, Ints, Ints]:
    core, first_axon, first_slot = (np.zeros(len(order), np.int64), np.zeros(
        len(order), np.int64), np.zeros(len(order), np.int64))
    used_axons, used_slots = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    begin = cores = 0  # cores before `begin` are full
    for item in order:
        home = begin
        while home < cores and (used_axons[home] + axons[item] > most_axons
                                or used_slots[home] + slots[item] > most_slots):
            home += 1
        cores = max(cores, home + 1)
        core[item], first_axon[item], first_slot[item] = home, used_axons[home], used_slots[home]
        used_axons[home] += axons[item]
        used_slots[home] += slots[item]
        while begin < cores and (used_axons[begin] == most_axons
                                 or used_slots[begin] == most_slots):
            begin += 1
    return core, first_axon, first_slot
