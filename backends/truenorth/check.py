"""What every core network must keep: shapes, types and ranges of all arrays and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.passes.truenorth.core_network import (
    OUTPUT,
    CoreNetwork,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.passes.truenorth.crossbar import WHOLE
from neurocompile.passes.truenorth.extents import extents
from neurocompile.semantics.truenorth import (
    AXON_TYPES,
    AXONS,
    DELAY_MAX,
    FLOOR_MAX,
    LEAK_MAX,
    MAXIMA,
    NEURONS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    THRESHOLD_MAX,
    WEIGHT_MAX,
    ResetMode,
)

_LEAST = {"leak_max": 0}
_MAXIMA = {key.rpartition(".")[2]: limit for key, limit in MAXIMA.items()}
TICKS_MAX = 1 << 20  # of a sample; also the longest delay from the host
LINES_MAX = 1 << 24


@dataclass(frozen=True, slots=True)
class ArrayLayout:
    """An array of `Cores`: its type, its shape after the cores, its smallest and largest value."""

    dtype: str
    shape: tuple[int, ...]
    low: int
    high: int


_NEURON = (NEURONS,)
LAYOUTS = {
    "axon_types": ArrayLayout("uint8", (AXONS,), 0, AXON_TYPES - 1),
    "crossbar": ArrayLayout("uint8", (AXONS, NEURONS // 8), 0, 255),
    "weights": ArrayLayout("int16", (NEURONS, AXON_TYPES), -WEIGHT_MAX, WEIGHT_MAX),
    "leak": ArrayLayout("int16", _NEURON, -LEAK_MAX, LEAK_MAX),
    "threshold": ArrayLayout("int32", _NEURON, 0, THRESHOLD_MAX),
    "floor": ArrayLayout("int32", _NEURON, 0, FLOOR_MAX),
    "reset_value": ArrayLayout("int32", _NEURON, -POTENTIAL_MAX, POTENTIAL_MAX),
    "reset_mode": ArrayLayout("uint8", _NEURON, 0, max(ResetMode)),
    "saturate": ArrayLayout("bool", _NEURON, 0, 1),
    "leak_reversal": ArrayLayout("bool", _NEURON, 0, 1),
    "random_synapse": ArrayLayout("bool", (NEURONS, AXON_TYPES), 0, 1),
    "random_leak": ArrayLayout("bool", _NEURON, 0, 1),
    "threshold_mask": ArrayLayout("int32", _NEURON, 0, THRESHOLD_MAX),
    "potential": ArrayLayout("int32", _NEURON, POTENTIAL_MIN, POTENTIAL_MAX),
    "target_core": ArrayLayout("int32", _NEURON, OUTPUT, 2 ** 31 - 1),
    "target_axon": ArrayLayout("int32", _NEURON, -1, LINES_MAX),
    "delay": ArrayLayout("uint8", _NEURON, 0, DELAY_MAX),
}


def require(network: CoreNetwork) -> None:
    """Raise FindingsError (NC613) with all that is wrong with a core network."""
    findings = [Diagnostic("NC613", values={"reason": reason}) for reason in faults(network)]
    if findings:
        raise FindingsError(*findings)


def faults(network: CoreNetwork) -> Iterator[str]:
    """All that is wrong with a core network, in words; nothing else is read of arrays of bad shape."""
    shapes = list(_core_arrays(network.cores))
    yield from shapes
    if shapes:
        return
    ranges = list(_ranges(network))
    yield from ranges
    if not ranges:
        yield from _beyond_crossbar(network)


def _beyond_crossbar(network: CoreNetwork) -> Iterator[str]:
    """What cores take beyond the smaller ones that the network is for."""
    limits = network.crossbar.to_json()
    if network.crossbar == WHOLE:
        return
    for key, amounts in extents(network).items():
        limit = limits[key.rpartition(".")[2]]
        for core in np.flatnonzero(amounts > limit)[:1].tolist():
            yield f"core {core} takes {amounts[core]} of `{key}`; the network's cores have {limit}"


def _ranges(network: CoreNetwork) -> Iterator[str]:
    yield from _targets(network.cores)
    count = len(network.cores)
    for table in network.inputs:
        yield from _input(table, count)
    for population in network.populations:
        yield from _population(population, count)
    for kind, names in (("inputs", [t.name for t in network.inputs]),
                        ("populations", [p.name for p in network.populations])):
        if len(set(names)) < len(names):
            yield f"two {kind} have one name"
    for name, extra in (("roles", network.roles), ("places", network.places)):
        if len(extra) not in (0, count):
            yield f"{len(extra)} {name} for {count} cores"
    for name, number in network.crossbar.to_json().items():
        yield from _outside(f"`{name}` of the crossbar", number, _LEAST.get(name, 1), _MAXIMA[name])
    yield from _outside("n_ticks", network.n_ticks, 1, TICKS_MAX)
    yield from _outside("step", network.step, 1, TICKS_MAX)
    yield from _outside("ticks of a sample", network.ticks_per_sample, 1, TICKS_MAX)


def _core_arrays(cores: Cores) -> Iterator[str]:
    count = len(cores)
    for f in fields(cores):
        layout, array = LAYOUTS[f.name], getattr(cores, f.name)
        if array.dtype != layout.dtype or array.shape != (count, *layout.shape):
            yield (f"`{f.name}` is {array.dtype} {array.shape}, not {layout.dtype} "
                   f"{(count, *layout.shape)}")
        else:
            yield from _outside(f"`{f.name}`", array, layout.low, layout.high)


def _targets(cores: Cores) -> Iterator[str]:
    """Targets exist, and what is sent there has an axon and a delay."""
    yield from _outside("`target_core`", cores.target_core, OUTPUT, len(cores) - 1)
    inside = cores.target_core >= 0
    yield from _outside("`target_axon`", cores.target_axon[inside], 0, AXONS - 1)
    yield from _outside("`delay`", cores.delay[inside], 1, DELAY_MAX)
    yield from _outside("output line", cores.target_axon[cores.target_core == OUTPUT], 0, LINES_MAX)


def _input(table: InputTable, cores: int) -> Iterator[str]:
    limits = {"element": (table.element, LINES_MAX), "core": (table.core, cores - 1),
             "axon": (table.axon, AXONS - 1), "delay": (table.delay, TICKS_MAX)}
    yield from _table(f"input `{table.name}`", {n: (a, 0, high) for n, (a, high) in limits.items()},
                      len(table.element))


def _population(table: PopulationTable, cores: int) -> Iterator[str]:
    what, size = f"population `{table.name}`", len(table.core)
    yield from _table(what, {"core": (table.core, 0, cores - 1), "slot": (table.slot, 0, NEURONS - 1)},
                      size)
    yield from _table(what, {"line": (table.line, -1, LINES_MAX)}, size if len(table.line) else 0)
    yield from _outside(f"depth of {what}", table.depth, 0, TICKS_MAX)


def _table(what: str, columns: dict[str, tuple[NDArray[np.int64], int, int]],
           size: int) -> Iterator[str]:
    for name, (array, low, high) in columns.items():
        if array.dtype != np.int64 or array.shape != (size,):
            yield f"`{name}` of {what} is {array.dtype} {array.shape}, not int64 {(size,)}"
        else:
            yield from _outside(f"`{name}` of {what}", array, low, high)


def _outside(what: str, values: NDArray[np.generic] | int, low: int, high: int) -> Iterator[str]:
    array = np.asarray(values)
    if array.size == 0:
        return
    for extreme in sorted({int(array.min()), int(array.max())}):
        if not low <= extreme <= high:
            yield f"{what} has the value {extreme}; {low} to {high} are legal"
