"""Sections of Loihi's reports: entries of a core, what a change would save, energy, shared sums."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neurocompile.diagnostics import printable
from neurocompile.report.section import ReportData, Section
from neurocompile.report.words import (
    ENERGY,
    TIME,
    amount,
    band,
    label,
    number,
    plural,
)

Data = Mapping[str, Any]
ENCODINGS = {"shared": "shared convolution lists (--encoding shared)",
             "auto": "the best lists for each projection (--encoding auto)"}
CHANGES = {"weight_bits": "{}-bit weights", "no_limit": "without the limit of {}", "encoding": "{}"}
ERROR = ("not compared with hardware: expect to be off by more than the 12 % of energy and 25 % of "
         "time by which the more detailed SANA-FE (TCAD 2025) missed a measured Loihi")


def configurations(data: ReportData) -> list[str]:
    """Configuration entries of the fullest core."""
    kinds = data.resources["totals"]["configurations"]
    parts = [f"{one['used']:,}{' of ' + str(one['limit']) if one['limit'] else ''} {label(kind)}"
             for kind, one in kinds.items()]
    unknown = "" if all(one["limit"] for one in kinds.values()) else "; no limit is published"
    return [f"configuration entries, at most on a core: {', '.join(parts)}{unknown}"]


def what_if(data: ReportData) -> list[str]:
    """How many cores a change would leave."""
    changes = data.resources["what_if"]
    if changes["skipped"]:
        return [f"not counted again beyond {plural(changes['most'], 'core')}"]
    now = f"{data.resources['totals']['cores']:,}"
    return [f"{_change(one)}: " + ("would not fit" if one["cores"] is None else
                                   f"{now} -> {plural(one['cores'], 'core')}")
            for one in changes["changes"]]


def _change(one: Data) -> str:
    value = one["value"]
    if one["change"] == "encoding":
        value = ENCODINGS.get(value, value)
    return CHANGES[one["change"]].format(label(value) if isinstance(value, str) else value)


def estimates(data: ReportData) -> list[str]:
    """Energy and time as ranges, or why they are unknown."""
    one = data.resources["estimates"]
    if not one["known"]:
        return [f"unknown: {printable(one['reason'])}"]
    parts = ", ".join(f"{name} {band(one['energy_pj'][name], ENERGY)}"
                      for name in sorted(one["energy_pj"]))
    rates = "at measured rates" if one["measured"] else "if every neuron spiked"
    limit = data.resources["limits"]["costs"]
    sources = " and ".join(dict.fromkeys(re.split("[:,]", printable(limit[name]["source"]))[0]
                                         for name in sorted(limit)))
    time = (f"estimate: {band(one['tick_ns'], TIME)} per tick, {band(one['sample_ns'], TIME)} "
            "per sample where no tick waits for the host")
    basis = (f"{number(round(one['synaptic_events']))} synaptic events per sample {rates} and "
             f"inputs in every tick; ranges are those of {sources}; host, input and output are not "
             "counted")
    return [f"estimate: {band(one['total_pj'], ENERGY)} per sample ({parts})", time, basis, ERROR]


def streams(data: ReportData) -> list[str]:
    """How sums that several populations receive are built, and both prices; empty without any."""
    one = data.resources.get("streams")
    if one is None:
        return []
    how = plural(len(one["adders"]), "adder") if one["adders"] else "duplicate synapses"
    return [f"sums of branches by {how}: {printable(one['reason'])}",
            *(f"{form}: {plural(p['synapses'], 'synapse')} in {amount(p['synapse_memory'], 'bit')}, "
              f"{plural(p['axons'], 'input axon')}, {plural(p['neurons'], 'neuron')}, about "
              f"{plural(p['cores'], 'core')}, latency {plural(p['latency'], 'tick')}"
              for form, p in one["prices"].items())]


SECTIONS = (
    Section(key="configurations", title="Entries", lines=configurations, behind="binding"),
    Section(key="streams", title="Streams", lines=streams, behind="cores"),
    Section(key="what_if", title="What if", lines=what_if, behind="cores", note=(
        "Counted for the same network; with other weight bits its spikes would change.")),
    Section(key="estimates", title="Energy, time", lines=estimates, behind="cores"),
)
