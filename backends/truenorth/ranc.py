"""RANC's JSON of a core network: what its simulator reads, and the rows that it should print.

RANC counts delays from 0: its 0 is TrueNorth's 1. It knows neither saturation nor networks for
which the host keeps tables, so those go under a key of their own, which it ignores. A spike that
goes nowhere is sent to one more line of the output bus. `ranc_import.py` reads both kinds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.check import require
from neurocompile.backends.truenorth.host import Inputs, events
from neurocompile.backends.truenorth.network_file import columns, metadata
from neurocompile.diagnostics import Diagnostic, raise_errors
from neurocompile.passes.truenorth.core_network import NOWHERE, OUTPUT, CoreNetwork, Cores
from neurocompile.semantics.truenorth import (
    AXON_TYPES,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    ResetMode,
)

NEVER = 2 * POTENTIAL_MIN  # as a negative threshold: no potential is below
KEY = "neurocompile"
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def write_ranc(network: CoreNetwork, path: Path, config: Path, inputs: Inputs | None = None) -> None:
    """Write RANC's input file and its configuration; `inputs` are of one sample.

    RANC's row r shows what fires in tick r - 1, so it needs one tick more than a sample has. Raises
    FindingsError: NC611 with all that RANC cannot express, NC613 for a network out of range.
    """
    require(network)
    raise_errors(inexpressible(network))
    network = canonical(network)
    crossbar, grid = network.crossbar, coordinates(network)
    bus = (0, max(y for _, y in grid) + 1)
    path.write_text(json.dumps(_document(network, grid, bus, inputs), separators=(",", ":")) + "\n",
                    encoding="utf-8")
    document = {"num_neurons": crossbar.neurons, "num_axons": crossbar.axons,
            "num_weights": crossbar.axon_types,
            "num_cores_x": max(x for x, _ in grid) + 1, "num_cores_y": bus[1] + 1,
            "max_tick_offset": crossbar.max_delay + 1, "neuron_block_trace_verbosity": 0,
            "core_controller_trace_verbosity": 0, "scheduler_trace_verbosity": 0,
            "neuron_reset_type": 0}
    config.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def coordinates(network: CoreNetwork) -> list[tuple[int, int]]:
    """Cells of the cores: their places where all are on one chip, else rows of a square."""
    if len({place.chip for place in network.places}) == 1:
        return [(place.x, place.y) for place in network.places]
    side = max(1, math.isqrt(max(0, len(network.cores) - 1)) + 1)
    return [(k % side, k // side) for k in range(len(network.cores))]


def lines(cores: Cores) -> int:
    """Lines of the output bus that the network uses; the next one takes what goes nowhere."""
    out = cores.target_core == OUTPUT
    return int(cores.target_axon[out].max(initial=-1)) + 1


def output_rows(network: CoreNetwork, raster: NDArray[np.uint8]) -> str:
    """What RANC prints for a raster [ticks, cores, NEURONS]: it begins with a byte order mark.

    Row 0 is empty and the last tick is missing, as in RANC.
    """
    cores = network.cores
    rows = np.zeros((len(raster), lines(cores) + 1), np.uint8)
    core, slot = np.nonzero(cores.target_core < 0)
    line = np.where(cores.target_core[core, slot] == OUTPUT, cores.target_axon[core, slot],
                    rows.shape[1] - 1)
    tick, which = np.nonzero(raster[:-1, core, slot])
    rows[tick + 1, line[which]] = 1
    return "\ufeff" + "".join("".join(f"{bit} " for bit in row) + "\n" for row in rows.tolist())


def _document(network: CoreNetwork, grid: list[tuple[int, int]], bus: tuple[int, int],
              inputs: Inputs | None) -> dict[str, Any]:
    unread = lines(network.cores)
    own = {**metadata(network), "unread_line": unread,
            "tables": {name: array.tolist() for name, array in columns(network).items()}}
    below = _negative_thresholds(network.cores)
    return {"packets": _packets(network, grid, inputs),
            "output_bus": {"coordinates": list(bus), "num_outputs": unread + 1},
            "cores": [_core(network, c, grid, bus, below[c]) for c in range(len(grid))],
            KEY: own}


def _packets(network: CoreNetwork, grid: list[tuple[int, int]],
             inputs: Inputs | None) -> list[list[dict[str, Any]]]:
    """By tick. Each axon once, since RANC warns of duplicates."""
    if inputs is None:
        return [[] for _ in range(network.ticks_per_sample)]
    packet_events, result = events(network, inputs, slice(0, 1)), []
    for tick in range(network.ticks_per_sample):
        at = packet_events.at(tick)
        places = sorted(set(zip(packet_events.core[at].tolist(), packet_events.axon[at].tolist(), strict=True)))
        result.append([{"destination_core": list(grid[core]), "destination_axon": axon,
                        "destination_tick": 0} for core, axon in places])
    return result


def _core(network: CoreNetwork, c: int, grid: list[tuple[int, int]], bus: tuple[int, int],
          below: Ints) -> dict[str, Any]:
    cores, types = network.cores, network.crossbar.axon_types
    target = cores.target_core[c]
    to = np.array([*grid, bus])[np.where(target >= 0, target, len(grid))]
    neurons = {
        "reset_potential": cores.reset_value[c], "weights": cores.weights[c, :, :types],
        "leak": cores.leak[c],
        "positive_threshold": cores.threshold[c], "negative_threshold": below,
        "destination_core_offset": to - np.array(grid[c]),
        "destination_axon": np.where(target == NOWHERE, lines(cores), cores.target_axon[c]),
        "destination_tick": cores.delay[c] - np.uint8(1),
        "current_potential": cores.potential[c], "reset_mode": cores.reset_mode[c]}
    rows = zip(*(array.tolist() for array in neurons.values()), strict=True)
    synapses = np.unpackbits(cores.crossbar[c], axis=1, bitorder="little").T
    n_cells = _end(~_idle(cores, c) | synapses.any(1))
    return {"coordinates": list(grid[c]), "axons": _cut(cores.axon_types[c]),
            "connections": [_cut(row) for row in synapses[:n_cells]],
            "neurons": [dict(zip(neurons, row, strict=True)) for row in rows][:n_cells]}


def _idle(cores: Cores, c: int) -> Bools:
    """Neurons that RANC has where a list ends, apart from their synapses."""
    usual = {"leak": 0, "threshold": 1, "floor": 0, "reset_value": 0, "reset_mode": 0,
             "potential": 0, "target_core": NOWHERE}
    idle = [getattr(cores, name)[c] == value for name, value in usual.items()]
    return np.asarray(np.all([*idle, (cores.weights[c] == 0).all(-1)], axis=0))


def _end(in_use: NDArray[Any]) -> int:
    """Length without the zeros at the end."""
    return int(np.max(np.flatnonzero(in_use), initial=-1)) + 1


def _cut(row: NDArray[np.uint8]) -> list[int]:
    cut: list[int] = row[:_end(row)].tolist()
    return cut


def _negative_thresholds(cores: Cores) -> Ints:
    """As RANC has them: what can saturate but never does is never met."""
    return np.where(cores.saturate & ~_mirrors(cores), NEVER, -cores.floor.astype(np.int64))


def _mirrors(cores: Cores) -> Bools:
    """Whether saturation leaves what the mirror image of the reset does."""
    same = (cores.reset_mode == ResetMode.NORMAL) & (cores.reset_value == cores.floor)
    return np.asarray(same)


def inexpressible(network: CoreNetwork) -> Iterator[Diagnostic]:
    """NC611 for each kind of thing that RANC has no word for."""
    cores = network.cores
    low, high = potential_bounds(network)
    clipping = cores.saturate & ~_mirrors(cores) & (low < -cores.floor.astype(np.int64))
    wide = (low < POTENTIAL_MIN) | (high > POTENTIAL_MAX)
    for what, where in (
            ("neurons without reset", cores.reset_mode == ResetMode.NONE),
            ("floors at which a potential can saturate", clipping),
            ("leak reversal", cores.leak_reversal),
            ("random synapses", cores.random_synapse.any(-1)),
            ("random leaks", cores.random_leak),
            ("thresholds with noise", cores.threshold_mask != 0),
            ("potentials that may leave 20 bits within a sample", wide)):
        if where.any():
            core, neuron = np.argwhere(where)[0].tolist()
            yield Diagnostic("NC611", values={"what": what, "count": int(where.sum()), "core": core,
                                              "place": f", neuron {neuron}"})


def potential_bounds(network: CoreNetwork) -> tuple[Ints, Ints]:
    """Bounds of what potentials can be before thresholds within a sample, floors not counted.

    Per neuron: from the start or what a reset leaves, every tick with the worst sum of its synapses.
    """
    cores, ticks = network.cores, network.ticks_per_sample
    bits = np.array([_by_type(cores, c) for c in range(len(cores))])
    weights = cores.weights.astype(np.int64)
    leak = cores.leak.astype(np.int64)
    down = (bits * np.minimum(weights, 0)).sum(-1) + np.minimum(leak, 0)
    up = (bits * np.maximum(weights, 0)).sum(-1) + np.maximum(leak, 0)
    both = np.abs(cores.reset_value.astype(np.int64)) * (cores.reset_mode == ResetMode.NORMAL)
    start = cores.potential.astype(np.int64)
    low, high = np.minimum(start, -both).clip(max=0), np.maximum(start, both).clip(min=0)
    return low + ticks * down, high + ticks * up


def _by_type(cores: Cores, c: int) -> Ints:
    """Synapses of each neuron by axon type: [NEURONS, AXON_TYPES]."""
    synapses = np.unpackbits(cores.crossbar[c], axis=1, bitorder="little").astype(np.int64)
    kinds = np.eye(AXON_TYPES, dtype=np.int64)[cores.axon_types[c]]
    return np.asarray(synapses.T @ kinds)


def canonical(network: CoreNetwork) -> CoreNetwork:
    """The same network as export and import leave it: what has no effect has one spelling.

    Floors that are never reached are the largest, mirrored ones saturate, spikes that go nowhere
    have axon 0 and delay 1.
    """
    cores = network.cores
    nowhere = cores.target_core == NOWHERE
    never = cores.saturate & ~_mirrors(cores)
    return replace(network, cores=replace(
        cores, saturate=cores.saturate | _mirrors(cores),
        floor=np.where(never, network.crossbar.threshold_max, cores.floor).astype(np.int32),
        target_axon=np.where(nowhere, 0, cores.target_axon).astype(np.int32),
        delay=np.where(nowhere, 1, np.maximum(cores.delay, 1)).astype(np.uint8)))
