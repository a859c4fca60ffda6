"""The sections that reports for all chips have, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.content import (
    Column,
    Content,
    Line,
    Mood,
    Table,
    sentences,
)
from neurocompile.report.model.report import Report
from neurocompile.report.model.resources import ReadoutFacts, Resources
from neurocompile.report.model.time import TimeFacts
from neurocompile.report.section import Record, Section, View
from neurocompile.report.tables import core_table, population_table, resource_table

if TYPE_CHECKING:
    from neurocompile.ir.graph import Graph

INPUTS = {"sample": "{}", "capture": "{} of the capture", "seeded": "{} of seeded noise", "none": ""}
MAX_NAMES = 6  # of a list in a sentence
MOODS: dict[str, Mood] = {"verified": "good", "differs": "bad"}


def _findings(report: Report) -> Content:
    """How many there are of each severity, with their codes."""
    parts = []
    for severity in ("error", "warning", "note"):
        codes = [one.code for one in report.findings.diagnostics if one.severity == severity]
        if codes:
            parts.append(f"{words.plural(len(codes), severity)} ({', '.join(sorted(set(codes)))})")
    return Content(lines=sentences(", ".join(parts) or "none"))


def _binding(report: Report) -> Content:
    resources = report.resources
    return Content(lines=sentences(_proof(resources), *_limits_that_bind(resources)),
                   tables=(resource_table(resources),))


def _proof(resources: Resources) -> str:
    """Why no mapping needs fewer cores; empty where none is needed."""
    t = resources.totals
    if not t.cores:
        return ""
    name = max(t.lower_bounds, key=lambda one: t.lower_bounds[one])
    one = resources.resources[name]
    return (f"needs at least {words.plural(t.lower_bound, 'core')}: {one.label} "
            f"{words.amount(t.least[name], one.unit)} / {words.amount(one.limit, one.unit)}")


def _limits_that_bind(resources: Resources) -> Iterator[str]:
    """What binds, most cores first, and whether its limit is published."""
    t = resources.totals
    for name, cores in sorted(t.binds_on.items(), key=lambda item: (-item[1], item[0])):
        one, most = resources.resources[name], t.worst[name].utilization
        many = name.endswith("s")
        verb = "bind" if many else "binds"
        if most < words.BINDS:
            verb = "are nearest to their limit" if many else "is nearest to its limit"
        see = ("" if one.confidence == "published" else
               f", see {printable(resources.target.path)}")
        yield (f"{one.label} {verb} on {cores:,} of {words.plural(t.cores, 'core')} "
               f"(at most {words.percent(most)}); limit {one.confidence}{see}")


def time_facts(graph: Graph) -> TimeFacts:
    """Ticks of a sample, and what says so."""
    from neurocompile.ir.tick_count import tick_count

    count = tick_count(graph)
    return TimeFacts(ticks=count.number, source=count.source, text=count.words,
                     inputs={one.name: str(one.form) for one in count.inputs})


def _time(facts: TimeFacts, _: Report) -> Content:
    return Content(lines=sentences(printable(facts.text)))


def _pruning(report: Report) -> Content:
    """What of tokens and ticks is kept, and what that saves."""
    facts = report.resources.pruning
    if facts is None:
        return Content()
    lines = [f"{name}: {len(one.numbers):,} of {one.length:,} kept, with {words.percent(one.siv)} "
             f"of the spikes: {', '.join(map(str, one.numbers))}"
             for name, one in (("tokens", facts.tokens), ("ticks", facts.ticks))
             if one is not None]
    sizes = ", ".join(
        f"{change.after:,} of {words.plural(change.before, word)}"
        for word, change in (("neuron", facts.neurons), ("synapse", facts.synapses)))
    return Content(lines=sentences(*lines, f"left of the network: {sizes}"))


def _traffic(report: Report) -> Content:
    """Messages per tick by distance, hops, imbalance, and the busiest links."""
    t = report.resources.traffic
    m, hops, skew = t.messages, t.hops, t.imbalance
    basis = "at measured rates" if t.measured else "if every neuron spiked (no sample given)"
    total = m.off_chip + m.within_cores + m.between_cores
    messages = (f"{words.number(total)} messages per tick {basis}: {words.number(m.off_chip)} from "
                f"off chip, {words.number(m.within_cores)} within cores, "
                f"{words.number(m.between_cores)} between cores "
                f"({words.number(m.between_chips)} between chips)")
    way = "" if not m.between_cores else (
        f"hops: mean {words.number(hops.mean)}, 95th percentile {hops.p95}, at most {hops.max}; "
        f"the busiest core sends {words.number(skew.sender)} and receives "
        f"{words.number(skew.receiver)} times the mean")
    busiest = Table(
        title=f"busiest of {words.plural(t.links.count, 'link')} (chip:x,y > chip:x,y)",
        columns=(Column(title="link"), Column(title="messages per tick", form="number")),
        rows=t.links.busiest, place="page")
    return Content(lines=sentences(messages, way), tables=(busiest,) if busiest.rows else ())


def _readouts(report: Report) -> Content:
    """Where each output is computed, and what leaves the chip for it."""
    return Content(lines=sentences(*map(_readout, report.resources.readouts)))


def _readout(readout: ReadoutFacts) -> str:
    name = f"`{printable(readout.name)}`"
    if readout.on_chip:
        return (f"{name} is added up on the chip in neurons that never fire, {readout.read:,} "
                "values a sample")
    own = f" by {words.plural(readout.operators, 'operator')}" if readout.operators else ""
    ticks = " in each tick" if readout.operators else ""
    return f"{name} is computed on the host{own} from the spikes of {readout.read:,} neurons{ticks}"


def _fidelity(report: Report) -> Content:
    """Float against integers, and the answers."""
    q, accuracy = report.fidelity.quantization, report.fidelity.accuracy
    on = f"float against integers on {INPUTS[q.inputs].format(words.plural(q.samples, 'sample'))}"
    lines = ["float against integers: not measured"] if not q.measured else [
        f"{on}: same largest output of `{printable(name)}` on {same:,}"
        for name, same in q.same_argmax.items()] or [f"{on}: no readout to compare"]
    spikes = Table(
        title=on,
        columns=(Column(title="population"), Column(title="float spikes", form="count"),
                 Column(title="integer spikes", form="count"),
                 Column(title="differing", form="count", place="page"),
                 Column(title="neuron-ticks", form="count", place="page"),
                 Column(title="local", form="percent"), Column(title="end to end", form="percent"),
                 Column(title="float16", form="percent"),
                 Column(title="counts off", form="percent")),
        rows=tuple((p.name, p.float_spikes, p.integer_spikes, p.differing, p.neuron_ticks,
                    p.local_agreement, p.agreement, p.float16_agreement, p.count_distance)
                   for p in q.populations),
        note="Shares of the float network's spikes that are the same. Local: where a population's "
             "sources send the float network's spikes, so what its own rounding costs. Float16: the "
             "float network with weights in float16, a yardstick for how a network amplifies. "
             "Counts off: mean difference of a neuron's spike counts, per mean count.")
    return Content(lines=sentences(*lines, "" if accuracy is None else words.accuracy(accuracy)),
                   tables=(spikes,) if spikes.rows else ())


def _verification(report: Report) -> Content:
    """The deployed program against the reference."""
    v = report.fidelity.verification
    summary = Line(text=printable(v.summary), mood=MOODS.get(v.status, "warn"))
    table = Table(
        title=f"deployed program against reference, {words.plural(v.samples, 'sample')} of "
              f"{words.plural(v.ticks_per_sample, 'tick')}", place="page",
        columns=(Column(title="population"), Column(title="neurons", form="count"),
                 Column(title="spikes", form="count"), Column(title="differences", form="count")),
        rows=tuple((p.name, p.neurons, p.spikes, p.differences) for p in v.populations))
    return Content(lines=(summary, *sentences(_without_proof(report), mood="warn")),
                   tables=(table,) if table.rows else ())


def _without_proof(report: Report) -> str:
    """The populations for which a verification proved nothing; empty where there are none."""
    names = [printable(p.name) for p in report.fidelity.verification.populations
             if not p.spikes and not p.sums]
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
    return f"nothing was proved for {', '.join(names[:MAX_NAMES])}{more}: no spike"


def _populations(report: Report) -> Content:
    return Content(tables=(population_table(report),))


def _cores(report: Report) -> Content:
    return Content(tables=(core_table(report.resources),))


def _nothing(_: Report) -> Content:
    """On the page only."""
    return Content()


TIME: Record[TimeFacts] = Record(
    key="time", title="time", kind=TimeFacts,
    record=lambda compilation: time_facts(compilation.graph), show=_time)
SECTIONS: tuple[Section, ...] = (
    View(key="findings", title="findings", show=_findings, template="findings.html.j2"),
    View(key="binding", title="what binds", show=_binding),
    View(key="map", title="map of cores", show=_nothing, template="map.html.j2"),
    View(key="populations", title="populations", show=_populations),
    View(key="cores", title="cores", show=_cores, template="cores.html.j2"),
    TIME,
    View(key="pruning", title="pruning", show=_pruning),
    View(key="traffic", title="traffic", show=_traffic),
    View(key="readouts", title="readouts", show=_readouts),
    View(key="fidelity", title="fidelity", show=_fidelity),
    View(key="verification", title="verification", show=_verification),
    View(key="limits", title="limits", show=_nothing, template="limits.html.j2"),
    View(key="provenance", title="provenance", show=_nothing, template="provenance.html.j2"),
)
