"""Recount: a second checker of a partition, written from the limits and not from the partitioner.

It lists the synapses of every core's neurons (`lists.py`) and counts them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.mapping import Partition, Placement
from neurocompile.ir.network import Network, Population
from neurocompile.passes.loihi.mapping.lists import lists_of, stored_bits, with_list_weights
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.loihi import LoihiTarget

Ints = NDArray[np.int64]
CoreNeurons = Mapping[str, Ints]  # the neurons of each population that a core holds


def recount_partition(
        network: Network, partition: Partition, target: LoihiTarget, *,
        placement: Placement | None = None) -> Iterator[Diagnostic]:
    """Every neuron that is lost or held twice (NC901), every core over a limit (NC401 to NC404,
    NC406).

    With a placement also every part that shares a core or is off the machine (NC901).
    """
    chip = {p.name: p for p in network.populations if not p.on_host}
    cores = [_core_neurons(partition, chip, core) for core in range(len(partition.cores))]
    yield from _every_neuron_once(partition, chip, cores)
    yield from _within_limits(network, chip, cores, target)
    yield from _within_entries(network, chip, cores, target)
    if placement is not None:
        yield from every_core_once(partition, placement, target)


def _core_neurons(partition: Partition, chip: Mapping[str, Population], core: int) -> CoreNeurons:
    pieces: dict[str, list[Ints]] = {}
    for piece in partition.cores[core]:
        if piece.population in chip and piece.population in partition.orders:
            neurons = np.asarray(partition.neurons(piece), np.int64)
            inside = (neurons >= 0) & (neurons < chip[piece.population].size)
            pieces.setdefault(piece.population, []).append(neurons[inside])
    return {name: np.concatenate(parts) for name, parts in pieces.items()}


def _every_neuron_once(partition: Partition, chip: Mapping[str, Population],
                       cores: list[CoreNeurons]) -> Iterator[Diagnostic]:
    for number, core in enumerate(partition.cores):
        for piece in core:
            size = chip[piece.population].size if piece.population in chip else 0
            if not 0 <= piece.start < piece.stop <= size:
                yield _violation("slices-within-populations",
                              f"core {number} holds {piece.start}..{piece.stop - 1} of "
                              f"`{piece.population}`, which has {size} neurons on chip")
    for name, population in chip.items():
        parts = [core_neurons[name] for core_neurons in cores if name in core_neurons]
        copies = np.bincount(np.concatenate([*parts, np.zeros(0, np.int64)]),
                             minlength=population.size)
        for predicate, wrong in (("every-neuron-placed", copies == 0),
                                 ("no-neuron-placed-twice", copies > 1)):
            if wrong.any():
                yield _violation(predicate, f"{int(wrong.sum())} neurons of `{name}`; the first is "
                                         f"neuron {int(np.argmax(wrong))}", population)


def _within_limits(network: Network, chip: Mapping[str, Population], cores: list[CoreNeurons],
                   target: LoihiTarget) -> Iterator[Diagnostic]:
    amounts = np.zeros((len(cores), 4), np.int64)  # bits, input axons, output axons, neurons
    for projection in network.projections:
        if projection.target not in chip:
            continue
        structure = with_list_weights(projection)
        cores_reached = np.zeros(structure.in_size, np.int64)
        counts = np.zeros(structure.in_size, np.int64)
        for core, neurons in enumerate(cores):
            if projection.target in neurons:
                sources, length = lists_of(structure, projection.encoding,
                                           neurons[projection.target], counts)
                cores_reached[sources] += 1
                amounts[core, 0] += stored_bits(
                    length, target, projection.weight_bits, projection.encoding)
                amounts[core, 1] += len(sources)
        for core, neurons in enumerate(cores):
            if projection.source in neurons:
                amounts[core, 2] += cores_reached[neurons[projection.source]].sum()
    amounts[:, 3] = [sum(len(part) for part in neurons.values()) for neurons in cores]
    reserve = max(how.reserved_memory.value for how in target.accounting.values())
    limits = (target.core.synapse_memory.value - reserve, target.core.input_axons.value,
              target.core.output_axons.value, target.core.neurons.value)
    for column, code in enumerate(("NC401", "NC402", "NC403", "NC404")):
        for core in np.flatnonzero(amounts[:, column] > limits[column]).tolist():
            yield Diagnostic(code, chip[next(iter(cores[core]))].where, {
                "core": core, "needed": int(amounts[core, column]), "limit": limits[column],
                "target": target.name})


def _within_entries(network: Network, chip: Mapping[str, Population], cores: list[CoreNeurons],
                    target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC406 for cores whose populations need too many different entries."""
    formats_into: dict[str, set[object]] = {}
    for projection in network.projections:
        values = projection.operator.weights
        formats_into.setdefault(projection.target, set()).add((
            projection.encoding, projection.exponent, projection.weight_bits,
            bool(np.any(values > 0)), bool(np.any(values < 0))))
    for core, neurons in enumerate(cores):
        formats = {one for name in neurons for one in formats_into.get(name, ())}
        thresholds: set[object] = set()
        rest: set[object] = set()
        for name in neurons:
            neuron, bias = chip[name].neuron, chip[name].bias
            shifts = {e.exponent for e in network.encoders if e.target == name}
            shifts |= set() if bias is None else {bias.exponent}
            if isinstance(neuron, LoihiNeuron):
                thresholds.add(neuron.vth)
                rest.add((replace(neuron, vth=0), frozenset(shifts)))
            else:
                thresholds.add(name)
                rest.add(name)
        for kind, entries in (("synapse_formats", formats), ("threshold_configs", thresholds),
                            ("neuron_configs", rest)):
            limit = getattr(target.core, kind).value
            if 0 < limit < len(entries):
                yield Diagnostic("NC406", chip[next(iter(neurons))].where, {
                    "what": f"core {core}", "needed": len(entries), "limit": limit,
                    "kind": kind.replace("_", " "), "target": target.name})


def every_core_once(partition: Partition, placement: Placement,
                    target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC901 for every part that shares a core or is off the machine."""
    if len(placement.cores) != len(partition.cores):
        yield _violation("every-part-has-a-core", f"{len(partition.cores)} parts, "
                                               f"{len(placement.cores)} cores")
    places = set()
    width = target.chip.grid_width.value
    for number, at in enumerate(placement.cores):
        on_machine = (0 <= at.chip < target.chip.chips.value and 0 <= at.x < width and at.y >= 0
                      and at.y * width + at.x < target.chip.cores.value)
        if not on_machine or at in places:
            yield _violation("one-part-per-core", f"part {number} is at chip {at.chip}, "
                                               f"x {at.x}, y {at.y}")
        places.add(at)


def _violation(predicate: str, detail: str, population: Population | None = None) -> Diagnostic:
    values = {"stage": "partition", "predicate": predicate, "detail": detail}
    if population is None:
        return Diagnostic("NC901", values=values)
    return Diagnostic("NC901", population.where, values)
