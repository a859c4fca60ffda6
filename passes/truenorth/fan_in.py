"""Fan-in: a neuron whose inputs, times their copies, exceed the axons of a core.

No core adds up what another received, so such a neuron is refused, with what would fit; or it is
trained again in groups; or its partial sums are sent as trains of spikes (`exact_slow`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import InputKind, Network, Projection
from neurocompile.ir.operators import Conv, most_sources
from neurocompile.passes.truenorth.blocks import Block, blocks_of
from neurocompile.passes.truenorth.boundaries import Drive
from neurocompile.passes.truenorth.codes import CODES, Encoding, encodings, row_sums
from neurocompile.passes.truenorth.crossbar import Crossbar

Ints = NDArray[np.int64]

_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}

def fitting(ways: Sequence[Drive], axons: int) -> list[Drive]:
    """Those in which every neuron fits a core of its own, of so many axons."""
    return [w for w in ways if w.encoding.axons(w.block.synapses).max(initial=0) <= axons]


def ways_to_write(block: Block, step: int, crossbar: Crossbar) -> list[Encoding]:
    """All ways to write a block's weights."""
    if block.encoding is not None:
        return [block.encoding]
    whole = block.constant if step > 1 else np.zeros(block.size, np.int64)
    return list(encodings(block.synapses, block.feed_of, whole, crossbar))


def unwritable(block: Block, crossbar: Crossbar) -> Iterator[Diagnostic]:
    """NC432: no code writes the weights or the constants."""
    yield Diagnostic("NC432", block.where, {
        "module": block.where.module or block.population,
        "low": int(block.synapses.data.min(initial=0)),
        "high": int(block.synapses.data.max(initial=0)), "limit": crossbar.weight_max,
        "types": crossbar.axon_types, "leak": crossbar.leak_max})


def too_many_inputs(block: Block, ways: Sequence[Drive], crossbar: Crossbar
                    ) -> Iterator[Diagnostic]:
    """NC431 with the numbers of the neuron that needs most, in the best of the ways tried."""
    demand, way = min(((w.encoding.axons(w.block.synapses), w) for w in ways),
                      key=lambda pair: int(pair[0].max(initial=0)))
    worst = int(np.argmax(demand))
    code = int(way.encoding.code.max(initial=0))
    codes = CODES[crossbar.axon_types]
    bits = f"{_COUNTS[crossbar.axon_types]}-valued" if code < 0 else f"{codes[code].bits}-bit"
    largest = {c.bits: crossbar.axons // c.axons for c in reversed(codes)}
    notes = ["inputs that always fit: " + ", ".join(
        f"{largest[b]} at {b} bit" for b in sorted(largest))]
    constant = row_sums(way.block.synapses, way.encoding.digits.sum(axis=1) * (
        way.block.synapses.indices == way.block.synapses.shape[1] - 1))[worst]
    if constant:
        notes.append(f"{constant} of the axons deliver its constant")
    yield Diagnostic("NC431", block.where, {
        "module": block.where.module or block.population, "needed": int(demand[worst]),
        "fan_in": int(np.diff(block.synapses.indptr)[worst]), "weights": bits,
        "limit": crossbar.axons},
        notes=tuple(notes))


def group_constraints(network: Network, names: Sequence[str], crossbar: Crossbar
                      ) -> dict[str, Any]:
    """What to train again: for these populations the groups whose inputs fit a core.

    Weights that are 0 now count, since training may change them.
    """
    blocks = blocks_of(network, crossbar)
    return {"axons": crossbar.axons, "populations": [
        _groups_of(network, blocks[name], crossbar) for name in names]}


def _groups_of(network: Network, block: Block, crossbar: Crossbar) -> Mapping[str, Any]:
    ways = ways_to_write(block, 1, crossbar)
    copies = min((int(way.digits.max(axis=0, initial=0).sum()) for way in ways),
                 default=CODES[crossbar.axon_types][-1].axons)
    largest = crossbar.axons // max(copies, 1)
    always = {item.name for item in network.inputs if item.kind is InputKind.ONE}
    into = [p for p in network.into(block.population) if p.source not in always]
    fan_in = sum(most_sources(p.operator) for p in into)
    return {"population": block.population, "fan_in": fan_in, "copies": copies,
            "largest_fan_in": largest,
            "projections": [_groups(p, -(-fan_in // largest) if largest else p.operator.in_size + 1)
                            for p in into]}


def _groups(projection: Projection, least: int) -> Mapping[str, Any]:
    """The fewest groups that are enough and divide inputs and outputs; 0: none do."""
    operator = projection.operator
    conv = isinstance(operator, Conv)
    inputs, outputs = ((operator.in_shape[0], operator.out_shape[0]) if conv
                       else (operator.in_size, operator.out_size))
    least *= operator.groups if isinstance(operator, Conv) else 1
    common = math.gcd(inputs, outputs)
    groups = next((g for g in range(least, common + 1) if common % g == 0), 0)
    return {"projection": projection.name, "unit": "channels" if conv else "neurons",
            "inputs": inputs, "outputs": outputs, "at_least": least, "groups": groups,
            "inputs_per_group": inputs // groups if groups else 0,
            "outputs_per_group": outputs // groups if groups else 0}
