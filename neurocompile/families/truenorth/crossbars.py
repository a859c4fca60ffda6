"""Crossbars: what TrueNorth's cores are spent on beside the network's own neurons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurocompile.report import words
from neurocompile.report.content import Column, Content, Table, sentences
from neurocompile.report.model.report import Report

if TYPE_CHECKING:  # a build is reported without what compiles
    from neurocompile.families.truenorth.compilation import TrueNorthCompilation
    from neurocompile.passes.truenorth.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationCrossbars:
    """What a population takes of crossbars."""

    fan_in: int  # the most inputs of a neuron
    axons_per_input: int  # the most that one input takes in a core
    axons: int  # over all its cores
    copies: int  # neurons that only repeat one of their core, for more targets
    relays: int  # neurons of other cores that repeat its spikes
    splitter_cores: int  # that hold splitters or relays of it, and no neurons
    latency: int  # ticks of the chip
    exactness: str  # "exact", or "exact, slow": several ticks of the chip for one of the model
    why: str  # what bounds its pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossbars:
    """What all cores are spent on."""

    ticks_per_step: int  # ticks of the chip for one of the model
    reload: bool  # potentials are loaded again before each sample
    axons: int
    copies: int
    relays: int
    splitter_cores: int
    populations: Mapping[str, PopulationCrossbars]  # those on the chip


def crossbars(compilation: TrueNorthCompilation) -> Crossbars:
    """What a compilation takes of crossbars."""
    from neurocompile.passes.truenorth.chip_mapping import splitters, usage

    chip, rows = compilation.cores, compilation.legalization.rows
    return Crossbars(
        ticks_per_step=chip.step, reload=chip.reload, axons=int(usage(chip)[1].sum()),
        copies=sum(row.copies for row in rows), relays=sum(row.relays for row in rows),
        splitter_cores=len(splitters(chip)),
        populations={row.population: _population(row) for row in rows})


def _population(row: Row) -> PopulationCrossbars:
    return PopulationCrossbars(
        fan_in=row.fan_in, axons_per_input=row.axons_per_input, axons=row.axons, copies=row.copies,
        relays=row.relays, splitter_cores=row.splitter_cores, latency=row.latency,
        exactness=row.exactness, why=row.why)


def show(data: Crossbars, report: Report) -> Content:
    """Copies and relays in words, and a row for each population."""
    steps = ("" if data.ticks_per_step == 1 else
             f"; a tick of the model takes {words.plural(data.ticks_per_step, 'tick')} of the chip")
    between = ("potentials are loaded again before each sample" if data.reload else
               "a new sample may start in any tick")
    synapses = report.resources.totals.synapses
    return Content(tables=(_table(data),), lines=sentences(
        f"{words.plural(data.axons, 'axon')} for {words.plural(synapses, 'synapse')}; "
        f"{data.copies:,} copies of neurons, {data.relays:,} neurons that repeat spikes, "
        f"{words.plural(data.splitter_cores, 'splitter core')}", f"{between}{steps}"))


def _table(data: Crossbars) -> Table:
    counts = ("fan in", "axons each", "axons", "copies", "relays", "splitters", "latency")
    return Table(
        title="crossbars",
        columns=(Column(title="population"),
                 *(Column(title=title, form="count") for title in counts),
                 Column(title="split by", place="page"), Column(title="exactness")),
        rows=tuple((name, p.fan_in, p.axons_per_input, p.axons, p.copies, p.relays,
                    p.splitter_cores, p.latency, p.why, p.exactness)
                   for name, p in data.populations.items()),
        note="Fan in: the most inputs of a neuron. Axons each: the most that one input takes in a "
             "core. Copies: neurons that only repeat one of their core, for more targets. Relays: "
             "neurons that repeat spikes of another core.")
