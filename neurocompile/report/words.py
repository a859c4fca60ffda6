"""Sentences of a report, the same on a terminal and on a page; all from plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neurocompile.diagnostics import printable
from neurocompile.passes.loihi.resources import UNITS

Data = Mapping[str, Any]
LABELS = {name: name.replace("_", " ") for name in (*UNITS, "axons")}
SHORT = {"neurons": "neurons", "input_axons": "in axons", "output_axons": "out axons",
         "synapse_memory": "synapses", "axons": "axons"}
ENCODINGS = {"shared": "shared convolution lists (--encoding shared)",
             "auto": "the best lists for each projection (--encoding auto)"}
ENERGY, TIME = ("pJ", "nJ", "uJ", "mJ", "J"), ("ns", "us", "ms", "s")
ERROR = ("not compared with hardware: expect to be off by more than the 12 % of energy and 25 % of "
         "time by which the more detailed SANA-FE (TCAD 2025) missed a measured Loihi")
MAX_NAMES = 6  # of a list in a sentence
BINDS = 0.9  # a resource below this share is near no limit


def percent(share: float | None) -> str:
    """A share for people; a few of many are neither none nor all."""
    if share is None:
        return "-"
    if 0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %"


def plural(n: int, word: str) -> str:
    """`1 core`, `2 cores`."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def number(value: float) -> str:
    """A measured amount: no digits that mean nothing."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def amount(value: int, unit: str) -> str:
    """An amount with its unit; bits in bytes where that is shorter."""
    if unit != "bit":
        return f"{value:,}"
    for size, name in ((8 << 20, "MiB"), (8 << 10, "KiB")):
        if value >= size:
            return f"{value / size:,.1f} {name}"
    return f"{value:,} bit"


def shape(sides: list[int]) -> str:
    """`16x14x14`."""
    return "x".join(str(side) for side in sides) or "1"


def box(piece: Data) -> str:
    """The part of a population that a slice spans, inclusive; `~` where it has gaps."""
    sides = ",".join(str(low) if high == low + 1 else f"{low}-{high - 1}"
                     for low, high in piece["box"])
    return f"{'' if piece['fills_box'] else '~'}[{sides}]"


def verdict(resources: Data) -> str:
    """Whether it fits, and how near the bound."""
    t = resources["totals"]
    return (f"{printable(resources['target']['name'])}: fits on {plural(t['cores'], 'core')} "
            f"(lower bound {t['lower_bound']:,}, available {t['cores_available']:,}), "
            f"{t['chips']:,} of {plural(t['chips_available'], 'chip')}")


def proof(resources: Data) -> list[str]:
    """Why no mapping needs fewer cores; empty for a build of an earlier version."""
    t = resources["totals"]
    if "least" not in t or not t["cores"]:
        return []
    name = max(t["lower_bounds"], key=lambda one: t["lower_bounds"][one])
    unit = UNITS[name]
    limit = resources["cores"][0]["resources"][name]["limit"]
    needed = f"{LABELS[name]} {amount(t['least'][name], unit)} / {amount(limit, unit)}"
    return [f"needs at least {plural(t['lower_bound'], 'core')}: {needed}"]


def configurations(resources: Data) -> list[str]:
    """Configuration entries of the fullest core; empty for a build of an earlier version."""
    found = resources["totals"].get("configurations", {})
    if not found:
        return []
    parts = [f"{one['used']:,}{' of ' + str(one['limit']) if one['limit'] else ''} "
             f"{kind.replace('_', ' ')}" for kind, one in found.items()]
    unknown = "" if all(one["limit"] for one in found.values()) else "; no limit is published"
    return [f"configuration entries, at most on a core: {', '.join(parts)}{unknown}"]


def size(resources: Data) -> str:
    """The network in numbers."""
    t = resources["totals"]
    host = f", {plural(t['host_neurons'], 'neuron')} on the host" if t["host_neurons"] else ""
    return (f"{plural(t['populations'], 'population')}, {plural(t['neurons'], 'neuron')}, "
            f"{plural(t['synapses'], 'synapse')} on chip{host}; {plural(t['ticks'], 'tick')} per "
            f"sample, latency {plural(t['latency'], 'tick')}")


def pruning(resources: Data) -> list[str]:
    """What of tokens and ticks was kept, and what that saves; empty where nothing was pruned."""
    found = resources.get("pruning")
    if found is None:
        return []
    lines = [f"{name}: {len(one['kept']):,} of {one['given']:,} kept, with {percent(one['siv'])} of "
             f"the spikes: {', '.join(map(str, one['kept']))}"
             for name in ("tokens", "ticks") if (one := found[name]) is not None]
    sizes = ", ".join(f"{found[name]['after']:,} of {plural(found[name]['before'], name[:-1])}"
                      for name in ("neurons", "synapses"))
    return [*lines, f"left of the network: {sizes}"]


def binding(resources: Data) -> list[str]:
    """What binds, most cores first, and whether its limit is published."""
    t = resources["totals"]
    lines = []
    for name, cores in sorted(t["binds_on"].items(), key=lambda item: (-item[1], item[0])):
        limit, most = resources["limits"]["core"][name], t["worst"][name]["utilization"]
        many = name.endswith("s")
        verb = "bind" if many else "binds"
        if most < BINDS:
            verb = "are nearest to their limit" if many else "is nearest to its limit"
        see = ("" if limit["confidence"] == "published" else
               f", see {printable(resources['target']['path'])}")
        lines.append(f"{LABELS[name]} {verb} on {cores:,} of {plural(t['cores'], 'core')} "
                     f"(at most {percent(most)}); limit {limit['confidence']}{see}")
    return lines


def what_if(resources: Data) -> list[str]:
    """How many cores a change would leave; empty for a build of an earlier version."""
    found = resources.get("what_if")
    if found is None:
        return []
    if found["skipped"]:
        return [f"not counted again beyond {plural(found['most'], 'core')}"]
    now = f"{resources['totals']['cores']:,}"
    lines = []
    for one in found["changes"]:
        what = {"weight_bits": "{}-bit weights", "no_limit": "without the limit of {}",
                "encoding": "{}"}[one["change"]].format(
                    {**LABELS, **ENCODINGS}.get(one["value"], one["value"]))
        fits = one["cores"] is not None
        lines.append(f"{what}: {now} -> {plural(one['cores'], 'core')}" if fits else
                     f"{what}: would not fit")
    return lines


def estimates(resources: Data) -> list[str]:
    """Energy and time as ranges, or why they are unknown; empty for an earlier version's build."""
    found = resources.get("estimates")
    if found is None:
        return []
    if not found["known"]:
        return [f"unknown: {printable(found['reason'])}"]
    if "samples" in found:
        return _crossbar_estimates(found, resources)
    parts = ", ".join(f"{name} {band(found['energy_pj'][name], ENERGY)}"
                      for name in sorted(found["energy_pj"]))
    rates = "at measured rates" if found["measured"] else "if every neuron spiked"
    limit = resources["limits"]["costs"]
    sources = " and ".join(dict.fromkeys(re.split("[:,]", printable(limit[name]["source"]))[0]
                                         for name in sorted(limit)))
    time = (f"estimate: {band(found['tick_ns'], TIME)} per tick, {band(found['sample_ns'], TIME)} "
            "per sample where no tick waits for the host")
    basis = (f"{number(round(found['synaptic_events']))} synaptic events per sample {rates} and "
             f"inputs in every tick; ranges are those of {sources}; host, input and output are not "
             "counted")
    return [f"estimate: {band(found['total_pj'], ENERGY)} per sample ({parts})", time, basis, ERROR]


def crossbars(resources: Data) -> list[str]:
    """What TrueNorth's cores are spent on; empty for other chips."""
    t = resources["totals"]
    if "splitter_cores" not in t:
        return []
    steps = ("" if t["ticks_per_step"] == 1 else
             f"; a tick of the model takes {plural(t['ticks_per_step'], 'tick')} of the chip")
    between = ("potentials are loaded again before each sample" if t["reload"] else
               "a new sample may start in any tick")
    return [(f"{plural(t['axons'], 'axon')} for {plural(t['synapses'], 'synapse')}; "
            f"{t['copies']:,} copies of neurons, {t['relays']:,} neurons that repeat spikes, "
            f"{plural(t['splitter_cores'], 'splitter core')}"), f"{between}{steps}"]


def _crossbar_estimates(found: Data, resources: Data) -> list[str]:
    """Static power for a sample's time, and a price for each synaptic event."""
    costs = resources["limits"]["costs"]
    basis = (f"measured in simulation on {plural(found['samples'], 'sample')}" if found["measured"]
             else "if every axon were active in every tick (no sample given)")
    energy = ", ".join(f"{name} {band(found['energy_pj'][name], ENERGY)}"
                       for name in sorted(found["energy_pj"]))
    return [(f"estimate: {band(found['total_pj'], ENERGY)} per sample ({energy}) in "
            f"{band(found['sample_ns'], TIME)}, one sample at a time"),
            f"{number(round(found['synaptic_events']))} synaptic events per sample, {basis}",
            *(f"{costs[name]['value']:,} {costs[name]['unit']} "
              f"{'a synaptic event' if name == 'synapse_energy' else 'a chip'}: "
              f"{printable(costs[name]['source'])} ({costs[name]['confidence']})"
              for name in ("synapse_energy", "static_power"))]


def band(values: list[float], units: tuple[str, ...]) -> str:
    """`1.2 to 3.4 nJ`: a range in the largest of units, a factor of 1,000 apart, that fits."""
    scale = max(0, min(len(units) - 1, (len(str(int(max(values)))) - 1) // 3))
    low, high = (f"{value / 1000 ** scale:.3g}" for value in values)
    return f"{low} {units[scale]}" if low == high else f"{low} to {high} {units[scale]}"


def streams(resources: Data) -> list[str]:
    """How sums that several populations receive are built, and both prices; empty without any."""
    found = resources.get("streams")
    if found is None:
        return []
    how = plural(len(found["adders"]), "adder") if found["adders"] else "duplicate synapses"
    return [f"sums of branches by {how}: {printable(found['reason'])}",
            *(f"{form}: {plural(p['synapses'], 'synapse')} in {amount(p['synapse_memory'], 'bit')}, "
              f"{plural(p['axons'], 'input axon')}, {plural(p['neurons'], 'neuron')}, about "
              f"{plural(p['cores'], 'core')}, latency {plural(p['latency'], 'tick')}"
              for form, p in found["prices"].items())]


def traffic(resources: Data) -> list[str]:
    """Messages per tick by distance, hops, imbalance."""
    t = resources["traffic"]
    m, hops, skew = t["messages"], t["hops"], t["imbalance"]
    basis = "at measured rates" if t["measured"] else "if every neuron spiked (no sample given)"
    total = m["off_chip"] + m["within_cores"] + m["between_cores"]
    messages = (f"{number(total)} messages per tick {basis}: {number(m['off_chip'])} from off "
                f"chip, {number(m['within_cores'])} within cores, {number(m['between_cores'])} "
                f"between cores ({number(m['between_chips'])} between chips)")
    if not m["between_cores"]:
        return [messages]
    return [messages,
            (f"hops: mean {number(hops['mean'])}, 95th percentile {hops['p95']}, at most "
             f"{hops['max']}; the busiest core sends {number(skew['sent'])} and receives "
             f"{number(skew['received'])} times the mean")]


def readouts(resources: Data) -> list[str]:
    """Where each output is computed, and what leaves the chip for it."""
    places = {True: "is added up on the chip in neurons that never fire, {} values a sample",
              False: "is computed on the host from the spikes of {} neurons"}
    return [f"`{printable(r['name'])}` " + places[r["on_chip"]].format(f"{r['read']:,}")
            for r in resources["readouts"]]


def fidelity(data: Data) -> list[str]:
    """Float against integers on the sample."""
    q = data["quantization"]
    if not q["measured"]:
        return ["float against integers: not measured (no sample given)"]
    return [f"float against integers on {plural(q['samples'], 'sample')}: same largest output of "
            f"`{printable(name)}` on {same:,}" for name, same in q["same_argmax"].items()] or [
            f"float against integers on {plural(q['samples'], 'sample')}: no readout to compare"]


def accuracy(data: Data) -> str:
    """What a build with labeled samples adds to fidelity.json; empty without."""
    found = data.get("accuracy")
    if found is None:
        return ""
    before = found.get("unpruned")
    return (f"the integer network is right on {found['right']:,} of "
            f"{plural(found['samples'], 'labeled sample')}"
            f"{'' if before is None else f', before pruning on {before:,}'}")


def verification(data: Data) -> str:
    """The deployed program against the reference."""
    return printable(data["verification"]["summary"])


def unproved(data: Data) -> str:
    """The populations for which a verification proved nothing; empty where there are none."""
    names = [printable(p["name"]) for p in data["verification"]["populations"]
             if not p["spikes"] and not p["sums"]]
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return f"nothing was proved for {', '.join(names[:MAX_NAMES])}{more}: no spike"
