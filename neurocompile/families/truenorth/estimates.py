"""Energy and time on TrueNorth: static power for a sample's time, a price for synaptic events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.content import Content, sentences
from neurocompile.report.estimates import Band, Cost, Estimates, energy, unknown
from neurocompile.report.model.report import Report
from neurocompile.target import Quantity

if TYPE_CHECKING:  # a build is reported without what compiles
    from neurocompile.families.truenorth.compilation import TrueNorthCompilation
    from neurocompile.passes.truenorth.core_network import CoreNetwork

DIGITS = 3


def estimates(compilation: TrueNorthCompilation) -> Estimates:
    """Energy [pJ] of a sample, and the time [ns] that it takes at the target's tick."""
    costs, chip = compilation.target.costs, compilation.cores
    if costs is None:
        return Estimates(cost=None, reason=f"`{compilation.target.path}` states no costs")
    activity = compilation.activity
    events = float(_all_events(chip)) if activity is None else activity.synaptic_events
    tick = costs.tick_time.value * 1000.0
    time = tick * chip.ticks_per_sample
    chips = len({core.chip for core in chip.places})
    parts: Mapping[str, float] = {
        "static": chips * costs.static_power.value * time,  # mW ns = pJ
        "synapses": events * costs.synapse_energy.value / 1000}
    return Estimates(reason="", cost=Cost(
        measured=activity is not None, samples=0 if activity is None else activity.samples,
        synaptic_events=round(events, DIGITS),
        energy_pj={name: _band(part) for name, part in parts.items()},
        total_pj=_band(sum(parts.values())), tick_ns=_band(tick), sample_ns=_band(time)))


def _band(value: float) -> Band:
    return round(value, DIGITS), round(value, DIGITS)


def _all_events(network: CoreNetwork) -> int:
    """Synaptic events of a sample in which every axon is active in every tick of the model."""
    import numpy as np

    bits = np.unpackbits(network.cores.crossbar, axis=None).sum(dtype=np.int64)
    return int(bits) * network.n_ticks


def show(data: Estimates, report: Report) -> Content:
    """The estimate in words, and what it rests on."""
    if data.cost is None:
        return Content(lines=sentences(unknown(data)))
    cost = data.cost
    basis = (f"measured in simulation on {words.plural(cost.samples or 0, 'sample')}"
             if cost.measured
             else "if every axon were active in every tick (no sample given)")
    return Content(lines=sentences(
        f"{energy(cost)} in {words.band(cost.sample_ns, words.TIME)}, one sample at a time",
        f"{words.number(round(cost.synaptic_events))} synaptic events per sample, {basis}",
        *_prices(report.resources.limits["costs"])))


def _prices(costs: Mapping[str, Quantity]) -> Iterator[str]:
    for name, of in (("synapse_energy", "a synaptic event"), ("static_power", "a chip")):
        one = costs[name]
        yield (f"{one.value:,} {one.unit} {of}: {printable(one.source)} ({one.confidence})")
