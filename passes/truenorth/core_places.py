"""Place: cores of a core network on the mesh of the target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.mapping import CoreId, Partition
from neurocompile.passes.placing.place import place
from neurocompile.passes.placing.traffic import Rates, Traffic
from neurocompile.passes.truenorth.assemble import Assembly
from neurocompile.passes.truenorth.core_network import Cores
from neurocompile.target.truenorth import TrueNorthTarget

Floats = NDArray[np.float64]


def core_places(cores: Cores, assembly: Assembly, target: TrueNorthTarget,
           rates: Rates | None = None) -> tuple[CoreId, ...]:
    """A place for each core. Raises FindingsError (NC434) when there are not enough.

    `rates`: spikes per neuron and tick by population, where measured; others count as one.
    """
    demand, limit = len(cores), target.total_cores
    if demand > limit:
        raise FindingsError(Diagnostic("NC434", values={
            "needed": demand, "target": target.name, "limit": limit}))
    traffic = crossbar_traffic(cores, _rates(cores, assembly, rates or {}), rates is not None)
    return place(Partition({}, {}, ((),) * demand), target, traffic).cores


def crossbar_traffic(cores: Cores, rate: Floats, measured: bool = False) -> Traffic:
    """Messages between cores for spikes per tick [cores, slots]."""
    source, slot = np.nonzero(cores.target_core >= 0)
    destination = cores.target_core[source, slot].astype(np.int64)
    n = len(cores)
    amount = sp.csr_array((rate[source, slot], (source, destination)), shape=(n, n))
    count = sp.csr_array((np.ones(len(source)), (source, destination)), shape=(n, n))
    amount.sum_duplicates()
    count.sum_duplicates()
    pairs = count.tocoo()
    return Traffic(n, pairs.row.astype(np.int64), pairs.col.astype(np.int64),
                   pairs.data.astype(np.int64), amount.tocoo().data, measured)


def _rates(cores: Cores, assembly: Assembly, rates: Mapping[str, float | Floats]) -> Floats:
    """[cores, slots] spikes per tick."""
    of_slots = np.ones(cores.target_core.shape)
    for item, name, piece in assembly.pieces():
        block = assembly.tilings[name].drive.block
        rate = np.asarray(rates.get(block.population, 1.0)).reshape(-1)
        if len(rate) in (1, block.size):  # parts of a sum are other neurons than the population's
            rate = np.broadcast_to(rate, block.size)
            core, slots = assembly.slot_ids(item)
            of_slots[core, slots] = np.repeat(rate[piece.neurons], piece.slots)
    for item, relays in assembly.relays():
        if relays.source in rates:
            rate = np.asarray(rates[relays.source]).reshape(-1)
            core, slots = assembly.slot_ids(item)
            of_slots[core, slots] = rate[relays.element if len(rate) > 1 else 0]
    return of_slots
