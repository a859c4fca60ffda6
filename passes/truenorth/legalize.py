"""Legalize: an integer Network as cores, with the report of what that took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from neurocompile.diagnostics import Diagnostic, FindingsError, raise_errors
from neurocompile.ir.network import InputKind, Network, free_name
from neurocompile.passes.placing.traffic import Rates
from neurocompile.passes.truenorth.assemble import (
    Assembly,
    cores,
    input_tables,
    population_tables,
    roles,
)
from neurocompile.passes.truenorth.blocks import Block, blocks_of, misfits
from neurocompile.passes.truenorth.boundaries import independent_samples
from neurocompile.passes.truenorth.bounds import beyond_range
from neurocompile.passes.truenorth.core_network import CoreNetwork, InputTable
from neurocompile.passes.truenorth.core_places import core_places
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.delays import wire
from neurocompile.passes.truenorth.exact_slow import TYPES, in_parts
from neurocompile.passes.truenorth.pack import pack
from neurocompile.passes.truenorth.rows import Row, rows
from neurocompile.passes.truenorth.tile import Tiling
from neurocompile.passes.truenorth.tilings import Tiler
from neurocompile.target.truenorth import TrueNorthTarget

FanIn = Literal["reject", "group", "exact-slow"]


@dataclass(frozen=True, eq=False)
class Legalization:
    """A core network, and a row of the report for each population on the chip."""

    network: CoreNetwork
    rows: tuple[Row, ...]


def legalize(network: Network, target: TrueNorthTarget, *, fan_in: FanIn = "reject",
             rates: Rates | None = None) -> Legalization:
    """The network on cores with places; every spike as in the network, `depth` ticks later.

    Raises FindingsError: NC431 to NC436 for what cannot be built, NC504 for feedback that comes
    too late. `rates`: spikes per neuron and tick by population, where measured.
    """
    raise_errors(misfits(network))
    crossbar = Crossbar.of(target)
    blocks, step = blocks_of(network, crossbar), 1
    read = frozenset(source for output in network.outputs for source in output.sources
                     if source in blocks)
    try:
        tilings, depth = Tiler(network, blocks, step, read, crossbar).run()
    except FindingsError as error:
        if fan_in != "exact-slow" or any(d.code != "NC431" for d in error.diagnostics):
            raise
        if crossbar.axon_types < TYPES:
            raise FindingsError(*map(_without_sums, error.diagnostics)) from None
        blocks, step = in_parts(blocks, network.n_ticks, network.sources(), crossbar)
        tilings, depth = Tiler(network, blocks, step, read, crossbar).run()
    raise_errors(_out_of_range(blocks, tilings, depth, network.n_ticks, crossbar))
    lines, first = {}, 0
    for name in blocks:
        if name in read:
            lines[name], first = first, first + blocks[name].size
    wiring = wire(tilings, depth, step, lines, crossbar)
    packing = pack(tilings, wiring.relays, crossbar)
    assembly = Assembly(tilings=tilings, wiring=wiring, packing=packing, depth=depth, lines=lines)
    arrays = cores(assembly)
    on_chip = [p.name for p in network.populations if not p.on_host]
    return Legalization(CoreNetwork(
        cores=arrays, inputs=_inputs(network, assembly, step),
        populations=population_tables(assembly, on_chip), n_ticks=network.n_ticks, step=step,
        reload=step > 1 or not independent_samples(blocks), roles=roles(assembly),
        places=core_places(arrays, assembly, target, rates), crossbar=crossbar),
        tuple(rows(network, assembly, crossbar)))


def _without_sums(fan_in: Diagnostic) -> Diagnostic:
    """NC431 where no partial sums help."""
    return replace(fan_in, notes=(*fan_in.notes, (
        f"partial sums (--fan-in exact-slow) take {TYPES} types of axons (`core.axon_types`)")))


def _out_of_range(blocks: Mapping[str, Block], tilings: Mapping[str, Tiling],
                  depth: Mapping[str, int], n_ticks: int, crossbar: Crossbar
                  ) -> Iterator[Diagnostic]:
    for name, tiling in tilings.items():
        way = tiling.drive
        yield from beyond_range(blocks[name], way.block, way.encoding, way.leak, depth[name],
                                n_ticks, crossbar)


def _inputs(network: Network, assembly: Assembly, step: int) -> tuple[InputTable, ...]:
    """Tables of inputs, of populations on the host, and of constants."""
    sources = {item.name: item.kind is InputKind.ONE for item in network.inputs}
    sources |= {p.name: False for p in network.populations if p.on_host}
    constants = free_name("constants", network.sources())
    return input_tables(assembly, step, sources, constants)
