"""Recount: a second checker of a partition, written from the limits and not from the partitioner.

It lists the synapses of every core's neurons and counts them one by one. Weights of zero count:
dense lists store them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Network, Population
from neurocompile.ir.operators import Operator
from neurocompile.mapping import Partition, Placement
from neurocompile.target import LoihiTarget

ROWS = 1024  # neurons whose synapses are listed at once

Ints = NDArray[np.int64]
Held = Mapping[str, Ints]  # the neurons of each population that a core holds


def recount(network: Network, partition: Partition, target: LoihiTarget, *, weight_bits: int = 8,
            placement: Placement | None = None) -> Iterator[Diagnostic]:
    """Every neuron that is lost or held twice (NC901), every core over a limit (NC401 to NC404).

    With a placement also every part that shares a core or is off the machine (NC901).
    """
    chip = {p.name: p for p in network.populations if not p.on_host}
    held = [_held(partition, chip, core) for core in range(len(partition.cores))]
    yield from _every_neuron_once(partition, chip, held)
    yield from _within_limits(network, chip, held, target, weight_bits)
    if placement is not None:
        yield from every_core_once(partition, placement, target)


def _held(partition: Partition, chip: Mapping[str, Population], core: int) -> Held:
    pieces: dict[str, list[Ints]] = {}
    for piece in partition.cores[core]:
        if piece.population in chip and piece.population in partition.orders:
            neurons = np.asarray(partition.neurons(piece), np.int64)
            inside = (neurons >= 0) & (neurons < chip[piece.population].size)
            pieces.setdefault(piece.population, []).append(neurons[inside])
    return {name: np.concatenate(parts) for name, parts in pieces.items()}


def _every_neuron_once(partition: Partition, chip: Mapping[str, Population],
                       held: list[Held]) -> Iterator[Diagnostic]:
    for number, core in enumerate(partition.cores):
        for piece in core:
            size = chip[piece.population].size if piece.population in chip else 0
            if not 0 <= piece.start < piece.stop <= size:
                yield _broken("slices-within-populations",
                              f"core {number} holds {piece.start}..{piece.stop - 1} of "
                              f"`{piece.population}`, which has {size} neurons on chip")
    for name, population in chip.items():
        parts = [core_neurons[name] for core_neurons in held if name in core_neurons]
        copies = np.bincount(np.concatenate([*parts, np.zeros(0, np.int64)]),
                             minlength=population.size)
        for predicate, wrong in (("every-neuron-placed", copies == 0),
                                 ("no-neuron-placed-twice", copies > 1)):
            if wrong.any():
                yield _broken(predicate, f"{int(wrong.sum())} neurons of `{name}`; the first is "
                                         f"neuron {int(np.argmax(wrong))}", population)


def _within_limits(network: Network, chip: Mapping[str, Population], held: list[Held],
                   target: LoihiTarget, weight_bits: int) -> Iterator[Diagnostic]:
    used = np.zeros((len(held), 4), np.int64)  # bits, input axons, output axons, neurons
    for projection in network.projections:
        if projection.target not in chip:
            continue
        structure = _structure(projection.operator)
        cores_reached = np.zeros(structure.in_size, np.int64)
        counts = np.zeros(structure.in_size, np.int64)
        for core, neurons in enumerate(held):
            if projection.target in neurons:
                sources, length = _lists(structure, neurons[projection.target], counts)
                cores_reached[sources] += 1
                used[core, 0] += _stored_bits(length, target, weight_bits)
                used[core, 1] += len(sources)
        for core, neurons in enumerate(held):
            if projection.source in neurons:
                used[core, 2] += cores_reached[neurons[projection.source]].sum()
    used[:, 3] = [sum(len(part) for part in neurons.values()) for neurons in held]
    limits = (target.core.synapse_memory.value, target.core.input_axons.value,
              target.core.output_axons.value, target.core.neurons.value)
    for column, code in enumerate(("NC401", "NC402", "NC403", "NC404")):
        for core in np.flatnonzero(used[:, column] > limits[column]).tolist():
            yield Diagnostic(code, chip[next(iter(held[core]))].where, {
                "core": core, "needed": int(used[core, column]), "limit": limits[column],
                "target": target.name})


def every_core_once(partition: Partition, placement: Placement,
                    target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC901 for every part that shares a core or is off the machine."""
    if len(placement.cores) != len(partition.cores):
        yield _broken("every-part-has-a-core", f"{len(partition.cores)} parts, "
                                               f"{len(placement.cores)} cores")
    seen = set()
    width = target.chip.grid_width.value
    for number, at in enumerate(placement.cores):
        on_machine = (0 <= at.chip < target.chip.chips.value and 0 <= at.x < width and at.y >= 0
                      and at.y * width + at.x < target.chip.cores.value)
        if not on_machine or at in seen:
            yield _broken("one-part-per-core", f"part {number} is at chip {at.chip}, "
                                               f"x {at.x}, y {at.y}")
        seen.add(at)


def _structure(operator: Operator) -> Operator:
    """The operator with weights of 1, so that those of value 0 are listed too."""
    return operator.with_weights(np.ones(operator.weights.shape, np.int8))


def _lists(structure: Operator, neurons: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Source neurons with synapses onto these neurons, and how many each has.

    `counts` [sources] is zero before and after.
    """
    found = []
    for start in range(0, len(neurons), ROWS):
        synapses: sp.csr_array = structure.rows(neurons[start:start + ROWS])
        found.append(_count(synapses.indices, counts))
    sources = np.concatenate([*found, np.zeros(0, np.int64)])
    length = counts[sources]
    counts[sources] = 0
    return sources, length


@numba.njit(cache=True)
def _count(indices: Any, counts: Ints) -> Ints:
    """Adds one to the count of each index; returns those whose count was zero."""
    new = np.empty(len(indices), np.int64)
    many = 0
    for index in indices:
        if counts[index] == 0:
            new[many] = index
            many += 1
        counts[index] += 1
    return new[:many].copy()


def _stored_bits(length: Ints, target: LoihiTarget, weight_bits: int) -> int:
    """Memory of one list per source: blocks of synapses, each with a header, in whole words."""
    form, bits = target.synapse, 0
    left = length
    while len(left):
        block = np.minimum(left, form.block_synapses.value)
        words = np.ceil((block * weight_bits + form.block_header.value) / form.block_word.value)
        bits += int(words.sum()) * form.block_word.value
        left = left[left > form.block_synapses.value] - form.block_synapses.value
    return bits


def _broken(predicate: str, detail: str, population: Population | None = None) -> Diagnostic:
    values = {"stage": "partition", "predicate": predicate, "detail": detail}
    if population is None:
        return Diagnostic("NC901", values=values)
    return Diagnostic("NC901", population.where, values)
