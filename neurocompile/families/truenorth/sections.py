"""Sections of TrueNorth's reports: what crossbars are spent on, energy and time."""

from __future__ import annotations

from neurocompile.diagnostics import printable
from neurocompile.report.section import Column, ReportData, Section, Table
from neurocompile.report.words import ENERGY, TIME, band, number, plural

COLUMNS = (
    Column("name", left=True), Column("fan-in"), Column("axons each"), Column("axons"),
    Column("copies"), Column("relays"), Column("splitters"), Column("latency"),
    Column("split by", left=True, page_only=True), Column("exactness", left=True))
KEYS = ("fan_in", "axons_per_input", "axons", "copies", "relays", "splitter_cores", "depth")


def crossbars(data: ReportData) -> list[str]:
    """What the cores are spent on."""
    t = data.resources["totals"]
    steps = ("" if t["ticks_per_step"] == 1 else
             f"; a tick of the model takes {plural(t['ticks_per_step'], 'tick')} of the chip")
    between = ("potentials are loaded again before each sample" if t["reload"] else
               "a new sample may start in any tick")
    return [(f"{plural(t['axons'], 'axon')} for {plural(t['synapses'], 'synapse')}; "
            f"{t['copies']:,} copies of neurons, {t['relays']:,} neurons that repeat spikes, "
            f"{plural(t['splitter_cores'], 'splitter core')}"), f"{between}{steps}"]


def crossbar_table(data: ReportData) -> Table:
    """What each population takes of the crossbars."""
    rows = tuple((p["name"], *(f"{p[key]:,}" for key in KEYS), p["why"], p["exactness"])
                 for p in data.resources["populations"] if not p["on_host"])
    return Table("crossbars", COLUMNS, rows)


def estimates(data: ReportData) -> list[str]:
    """Static power for a sample's time, and a price for each synaptic event; or why unknown."""
    one = data.resources["estimates"]
    if not one["known"]:
        return [f"unknown: {printable(one['reason'])}"]
    costs = data.resources["limits"]["costs"]
    basis = (f"measured in simulation on {plural(one['samples'], 'sample')}" if one["measured"]
             else "if every axon were active in every tick (no sample given)")
    energy = ", ".join(f"{name} {band(one['energy_pj'][name], ENERGY)}"
                       for name in sorted(one["energy_pj"]))
    return [(f"estimate: {band(one['total_pj'], ENERGY)} per sample ({energy}) in "
            f"{band(one['sample_ns'], TIME)}, one sample at a time"),
            f"{number(round(one['synaptic_events']))} synaptic events per sample, {basis}",
            *(f"{costs[name]['value']:,} {costs[name]['unit']} "
              f"{'a synaptic event' if name == 'synapse_energy' else 'a chip'}: "
              f"{printable(costs[name]['source'])} ({costs[name]['confidence']})"
              for name in ("synapse_energy", "static_power"))]


SECTIONS = (
    Section(key="crossbars", title="Crossbars", lines=crossbars, table=crossbar_table,
            behind="populations", note=(
                "Axons each: the most that one input takes in a core. Copies: neurons that only "
                "repeat one of their core, for more targets. Relays: neurons that repeat spikes "
                "of another core.")),
    Section(key="estimates", title="Energy, time", lines=estimates, behind="cores"),
)
