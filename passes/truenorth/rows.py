"""Rows: what each population took of the chip, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurocompile.ir.network import Network
from neurocompile.passes.truenorth.assemble import Assembly
from neurocompile.passes.truenorth.blocks import Kind
from neurocompile.passes.truenorth.boundaries import Drive
from neurocompile.passes.truenorth.codes import row_sums
from neurocompile.passes.truenorth.crossbar import Crossbar


@dataclass(frozen=True, slots=True)
class Row:
    """One population of the report."""

    population: str
    neurons: int
    cores: int  # that hold some of it
    splitter_cores: int  # that hold splitters or relays of it, and no neurons
    relays: int  # neurons that repeat its spikes
    copies: int  # neurons that only repeat it in its own cores
    axons: int  # over all its cores
    axons_per_input: int  # the most that one input takes in one core
    fan_in: int  # the most inputs of a neuron
    latency: int  # ticks of the chip
    exactness: str  # "exact", or "exact, slow": several ticks of the chip for one of the model
    why: str  # what bounds its pieces


def rows(network: Network, assembly: Assembly, crossbar: Crossbar) -> Iterator[Row]:
    """A row for each population on the chip, in the network's order."""
    for population in network.populations:
        if not population.on_host:
            yield _row(population.name, assembly, crossbar)


def _row(name: str, assembly: Assembly, crossbar: Crossbar) -> Row:
    mine = {n: t for n, t in assembly.tilings.items() if t.drive.block.population == name}
    items = [(item, piece) for item, block, piece in assembly.pieces() if block in mine]
    core_numbers = {int(assembly.packing.core[item]) for item, _ in items}
    every = {int(assembly.packing.core[item]) for item, _, _ in assembly.pieces()}
    relays = [(item, r) for item, r in assembly.relays() if r.source in mine]
    splitters = {int(assembly.packing.core[item]) for item, _ in relays} - every
    block = mine[name].drive.block
    inputs = [int(np.bincount(piece.column).max(initial=0)) for _, piece in items]
    fan_in = sum(_fan_in(t.drive) for n, t in mine.items()
                 if n != name or block.kind is not Kind.SUM)
    return Row(
        population=name, neurons=block.size, cores=len(core_numbers), splitter_cores=len(splitters),
        relays=sum(len(r.targets) for _, r in relays),
        copies=sum(int((t.slots - 1).sum()) for t in mine.values()),
        axons=sum(len(piece.kind) for _, piece in items),
        axons_per_input=max(inputs, default=0), fan_in=fan_in, latency=assembly.depth[name],
        exactness="exact" if len(mine) == 1 else "exact, slow",
        why=_why(name, assembly, crossbar))


def _fan_in(way: Drive) -> int:
    """The most inputs of a neuron, without what delivers constants: the last column."""
    synapses = way.block.synapses
    inputs = row_sums(synapses, synapses.indices < synapses.shape[1] - 1)
    return int(inputs.max(initial=0))


def _why(name: str, assembly: Assembly, crossbar: Crossbar) -> str:
    """What the fullest piece has most of."""
    pieces = assembly.tilings[name].pieces
    if len(pieces) == 1:
        return "one piece"
    axons = max(len(piece.kind) for piece in pieces) / crossbar.axons
    slots = max(int(piece.slots.sum()) for piece in pieces) / crossbar.neurons
    own = max(len(piece.neurons) for piece in pieces) / crossbar.neurons
    if axons >= slots:
        return "axons"
    return "neurons" if own == slots else "copies of neurons"
