"""RANC's JSON as a core network: files that `ranc.py` wrote, and files of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.check import LAYOUTS, TICKS_MAX, faults
from neurocompile.backends.truenorth.network_file import FORM_ERRORS, integer, rebuild
from neurocompile.backends.truenorth.ranc import KEY
from neurocompile.diagnostics import UsageError
from neurocompile.formats.regular import check_regular, corrupt, too_large
from neurocompile.passes.truenorth.core_network import (
    NOWHERE,
    OUTPUT,
    CoreNetwork,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.semantics.truenorth import (
    AXON_TYPES,
    AXONS,
    DELAY_MAX,
    FLOOR_MAX,
    NEURONS,
    POTENTIAL_MIN,
    ResetMode,
)

KIND = "RANC's JSON"
CORES_MAX, BYTES_MAX = 1 << 16, 1 << 29
PACKETS, BUS = "packets", "output_bus"  # input and population of files without tables
_FIELDS = {"reset_potential": "reset_value", "leak": "leak", "positive_threshold": "threshold",
           "current_potential": "potential", "reset_mode": "reset_mode"}
Cell = tuple[int, int]
Event = tuple[int, int, int]  # tick, core, axon
Wide = dict[str, NDArray[np.int64]]


def read_ranc(path: Path) -> tuple[CoreNetwork, dict[str, NDArray[np.uint8]]]:
    """The network and its inputs for one sample; neuron resets are RANC's type 0, asymmetric.

    A file of `write_ranc` gives the network back in its canonical form. Of other files, the input
    `packets` has an element for each axon that is set, and the population `output_bus` is what
    the bus shows, both in ticks of the chip. Raises UsageError: NC003 for a file that is damaged
    or that TrueNorth cannot hold, NC004 or NC007 where there is no file to read.
    """
    check_regular(path, KIND)
    try:
        document = json.loads(path.read_bytes())
        cells = _cells(document["cores"])
        bus = _cell(document["output_bus"]["coordinates"])
        if bus in cells:
            raise ValueError("a core is where the output bus is")
        cores = _cores(document["cores"], cells, bus)
        packets = _packets(document["packets"], cells)
        if KEY in document:
            network = _ours(dict(document[KEY]), cores)
            inputs: dict[str, NDArray[np.uint8]] = {}
        else:
            network, inputs = _others(path, cores, packets, len(document["packets"]))
    except FORM_ERRORS as error:
        raise UsageError(corrupt(path, KIND, f"{type(error).__name__}: {error}")) from None
    if findings := list(faults(network)):
        raise UsageError(*(corrupt(path, KIND, reason) for reason in findings))
    return network, inputs or {t.name: _spikes(path, t, network, packets) for t in network.inputs
                               if not t.always}


def _ours(document: dict[str, Any], cores: Cores) -> CoreNetwork:
    """With the tables that `write_ranc` kept."""
    unread, tables = integer(document.pop("unread_line")), document.pop("tables")
    nowhere = (cores.target_core == OUTPUT) & (cores.target_axon == unread)
    cores.target_core[nowhere], cores.target_axon[nowhere], cores.delay[nowhere] = NOWHERE, 0, 1
    network = rebuild(document, cores, lambda name: _integers(tables[name]))
    cores.floor[cores.floor == FLOOR_MAX] = network.crossbar.threshold_max
    return network


def _others(path: Path, cores: Cores, packets: set[Event],
            n_ticks: int) -> tuple[CoreNetwork, dict[str, NDArray[np.uint8]]]:
    places = sorted({(core, axon) for _, core, axon in packets})
    size = max([n_ticks, *(tick + 1 for tick, _, _ in packets)])
    if size > TICKS_MAX or size * len(places) > BYTES_MAX:
        raise UsageError(too_large(path, size * max(1, len(places)), BYTES_MAX))
    core, axon = np.array(places, np.int64).reshape(-1, 2).T
    table = InputTable(PACKETS, np.arange(len(places)), core, axon, np.zeros_like(core))
    spikes = np.zeros((1, size, len(places)), np.uint8)
    number = {place: k for k, place in enumerate(places)}
    for tick, c, a in packets:
        spikes[0, tick, number[c, a]] = 1
    out = np.argwhere(cores.target_core == OUTPUT)
    line = cores.target_axon[out[:, 0], out[:, 1]].astype(np.int64)
    order = np.argsort(line, kind="stable")
    bus = PopulationTable(BUS, out[order, 0], out[order, 1], 0, line[order])
    return CoreNetwork(cores, (table,), (bus,), max(1, size)), {PACKETS: spikes}


def _spikes(path: Path, table: InputTable, network: CoreNetwork,
            arrivals: set[Event]) -> NDArray[np.uint8]:
    """The largest set of an input's spikes whose axons are all among the packets."""
    size = int(table.element.max(initial=-1)) + 1
    demand = max(size, len(table.element)) * network.n_ticks
    if demand > BYTES_MAX // 8:
        raise UsageError(too_large(path, 8 * demand, BYTES_MAX))
    weights = len(network.cores) * AXONS, AXONS, 1
    packets = np.array(sorted(arrivals), np.int64).reshape(-1, 3) @ weights
    ticks = np.arange(network.n_ticks)[:, None] * network.step + table.delay
    there = np.isin(ticks * weights[0] + table.core * weights[1] + table.axon, packets)
    spikes = np.zeros((size, network.n_ticks), np.uint8)
    spikes[table.element] = 1
    np.minimum.at(spikes, table.element, there.T.astype(np.uint8))
    return spikes.T[None]


def _cells(document: list[Any]) -> dict[Cell, int]:
    cells = {_cell(core["coordinates"]): k for k, core in enumerate(document)}
    if len(cells) < len(document) or len(document) > CORES_MAX:
        raise ValueError(f"{len(document)} cores in {len(cells)} cells; at most {CORES_MAX:,} are read")
    return cells


def _cell(document: list[Any]) -> Cell:
    x, y = (integer(n) for n in document)
    return x, y


def _integers(document: list[Any]) -> NDArray[np.int64]:
    """A list of whole numbers; anything else raises ValueError."""
    return np.array([integer(n) for n in document], np.int64)


def _packets(document: list[Any], cells: Mapping[Cell, int]) -> set[Event]:
    """When which axon is integrated."""
    arrivals = set()
    for tick, packets in enumerate(document):
        for packet in packets:
            later = integer(packet["destination_tick"])
            if not 0 <= later < DELAY_MAX:
                raise ValueError(f"a packet's destination_tick is {later}; 0 to 14 are legal")
            arrivals.add((tick + later, cells[_cell(packet["destination_core"])],
                       integer(packet["destination_axon"])))
    return arrivals


def _cores(document: list[Any], cells: Mapping[Cell, int], bus: Cell) -> Cores:
    """All cores; neurons that a list leaves out never fire: threshold 1, no synapses."""
    count = len(document)
    wide: Wide = {name: np.zeros((count, *layout.shape), np.int64)
                  for name, layout in LAYOUTS.items() if name != "crossbar"}
    wide["threshold"][...] = wide["delay"][...] = wide["saturate"][...] = 1
    wide["target_core"][...] = NOWHERE
    crossbar, home = np.zeros((count, AXONS, NEURONS // 8), np.uint8), list(cells)
    for c, core in enumerate(document):
        types = _integers(core["axons"])
        wide["axon_types"][c, :len(types)] = types
        crossbar[c] = _crossbar(core["connections"])
        for n, neuron in enumerate(core["neurons"]):
            _read_parameters(wide, (c, n), neuron)
            _read_target(wide, (c, n), neuron, cells, bus, home[c])
    return _narrow(wide, crossbar)


def _crossbar(document: list[Any]) -> NDArray[np.uint8]:
    """From lists by neuron to bits by axon."""
    synapses = np.zeros((NEURONS, AXONS), np.uint8)
    for n, row in enumerate(document):
        bits = _integers(row)
        if ((bits < 0) | (bits > 1)).any():
            raise ValueError("a connection is neither 0 nor 1")
        synapses[n, :len(bits)] = bits
    return np.packbits(synapses.T, axis=1, bitorder="little")


def _read_parameters(wide: Wide, at: tuple[int, int], document: Mapping[str, Any]) -> None:
    for theirs, ours in _FIELDS.items():
        wide[ours][at] = integer(document[theirs])
    weights = _integers(document["weights"])
    if len(weights) > AXON_TYPES or wide["reset_mode"][at] not in (0, 1):
        raise ValueError(f"a neuron has {len(weights)} weights, reset_mode {wide['reset_mode'][at]}")
    wide["weights"][at][:len(weights)] = weights
    below = integer(document["negative_threshold"])
    normal = wide["reset_mode"][at] == ResetMode.NORMAL
    never = below < POTENTIAL_MIN
    wide["floor"][at] = FLOOR_MAX if never else -below
    wide["saturate"][at] = never or (normal and wide["reset_value"][at] == -below)


def _read_target(wide: Wide, at: tuple[int, int], document: Mapping[str, Any],
                 cells: Mapping[Cell, int], bus: Cell, home: Cell) -> None:
    x, y = _cell(document["destination_core_offset"])
    to = home[0] + x, home[1] + y
    if to != bus and to not in cells:
        raise ValueError(f"a neuron sends to {to}, where no core is")
    wide["target_core"][at] = OUTPUT if to == bus else cells[to]
    wide["target_axon"][at] = integer(document["destination_axon"])
    wide["delay"][at] = integer(document["destination_tick"]) + 1


def _narrow(wide: Wide, crossbar: NDArray[np.uint8]) -> Cores:
    arrays: dict[str, Any] = {"crossbar": crossbar}
    for name, array in wide.items():
        layout = LAYOUTS[name]
        for extreme in (int(array.min(initial=layout.low)), int(array.max(initial=layout.low))):
            if not layout.low <= extreme <= layout.high:
                raise ValueError(f"{name} is {extreme}; {layout.low} to {layout.high} are legal")
        arrays[name] = array.astype(layout.dtype)
    return Cores(**arrays)
