"""Networks without some of their tokens, or of their ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir.network import InputKind, Network, Population, Projection, Readout
from neurocompile.ir.operators import crop
from neurocompile.passes.pruning.token_axis import TokenAxes


def without_tokens(network: Network, axes: TokenAxes, numbers: NDArray[np.int64]) -> Network:
    """The network without the neurons of all other tokens. What its means count is not changed."""
    def population(one: Population) -> Population:
        axis = axes.get(one.name)
        if axis is None:
            return one
        bias = one.bias
        if bias is not None:
            every = np.broadcast_to(bias.mantissa, (one.size,))
            bias = replace(bias, mantissa=every[axis.elements(numbers)])
        return replace(one, shape=axis.cut(one.shape, len(numbers)), bias=bias)

    def projection(one: Projection) -> Projection:
        ins, outs = axes.get(one.source), axes.get(one.target)
        if ins is None and outs is None:
            return one
        return replace(one, operator=crop(one.operator, numbers, ins, outs))

    def readout(one: Readout) -> Readout:
        return replace(one, terms=tuple(
            (name, crop(operator, numbers, axes[name], None) if name in axes else operator)
            for name, operator in one.terms))
    return replace(network, populations=tuple(map(population, network.populations)),
                   projections=tuple(map(projection, network.projections)),
                   readouts=tuple(map(readout, network.readouts)))


def with_ticks(network: Network, numbers: Sequence[int]) -> Network:
    """The network over these ticks only: sums over T ticks are T / T' times those over T'.

    Raises UsageError (NC022) for outputs that read single ticks.
    """
    only_sums(network)
    ratio = network.n_ticks / len(numbers)
    mask = tuple(tick in numbers for tick in range(network.n_ticks))
    static = {item.name for item in network.inputs if item.kind is InputKind.STATIC}
    inputs = tuple(replace(item, ticks=mask) if item.kind in (InputKind.ANALOG, InputKind.SPIKES)
                   else item for item in network.inputs)
    readouts = tuple(replace(readout, terms=tuple(
        (name, operator if name in static else operator.times(np.full(operator.out_size, ratio)))
        for name, operator in readout.terms)) for readout in network.readouts)
    return replace(network, inputs=inputs, readouts=readouts, n_ticks=len(numbers))


def only_sums(network: Network) -> None:
    """Raise UsageError (NC022) unless every output adds up all ticks."""
    for program in network.host_programs:
        raise UsageError(Diagnostic("NC022", Location(program.name), {
            "output": program.name, "reads": "spikes by a program of the host"}))
    for readout in network.readouts:
        if readout.ticks != "sum":
            reads = "every tick by itself" if readout.ticks == "each" else f"tick {readout.ticks}"
            raise UsageError(Diagnostic("NC022", Location(readout.name), {
                "output": readout.name, "reads": reads}))
