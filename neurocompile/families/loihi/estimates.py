"""Energy and time as a section of the report; `operation_costs` computes them."""

from __future__ import annotations

import re

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.content import Content, sentences
from neurocompile.report.estimates import Estimates, energy, unknown
from neurocompile.report.model.report import Report

ERROR = ("not compared with hardware: expect to be off by more than the 12 % of energy and 25 % of "
         "time by which the more detailed SANA-FE (TCAD 2025) missed a measured Loihi")


def show(data: Estimates, report: Report) -> Content:
    """Ranges in words, and what they rest on."""
    if data.cost is None:
        return Content(lines=sentences(unknown(data)))
    cost, limits = data.cost, report.resources.limits["costs"]
    rates = "at measured rates" if cost.measured else "if every neuron spiked"
    sources = " and ".join(dict.fromkeys(re.split("[:,]", printable(limits[name].source))[0]
                                         for name in sorted(limits)))
    tick, sample = words.band(cost.tick_ns, words.TIME), words.band(cost.sample_ns, words.TIME)
    return Content(lines=sentences(
        energy(cost),
        f"estimate: {tick} per tick, {sample} per sample where no tick waits for the host",
        f"{words.number(round(cost.synaptic_events))} synaptic events per sample {rates} and "
        f"inputs in every tick; ranges are those of {sources}; host, input and output are not "
        "counted", ERROR))
