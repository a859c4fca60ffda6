"""The tables of populations, of a core's resources and of cores, as values."""

from __future__ import annotations

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.content import Amount, Cell, Column, Name, Share, Table
from neurocompile.report.model.report import Report
from neurocompile.report.model.resources import CoreFacts, PopulationFacts, Resources

MAX_CORES = 40  # rows of the table of cores on a terminal


def population_table(report: Report) -> Table:
    """What each population is and takes."""
    agreement = {p.name: p.local_agreement for p in report.fidelity.quantization.populations}
    return Table(
        columns=(
            Column(title="population"), Column(title="model"), Column(title="shape", place="page"),
            Column(title="neurons", form="count"), Column(title="synapses", form="count"),
            Column(title="weights", form="count", place="page"),
            Column(title="bits", form="count", place="wide"), Column(title="order", place="page"),
            Column(title="cores", form="count"), Column(title="bound", form="count"),
            Column(title="fullest core", form="share"),
            Column(title="depth", form="count", place="page"), Column(title="rate", form="rate"),
            Column(title="agrees", form="percent")),
        rows=tuple(_population(report.resources, p, agreement.get(p.name))
                   for p in report.resources.populations),
        note="Weights: distinct values of the model that the synapses share. Bound: cores that the "
             "population needs at least. Cores that several populations share count for each of "
             "them. Depth: ticks by which a population lags the input. Rate: spikes per neuron and "
             "tick on the sample. Agrees: share of its spikes where its sources send the "
             "float network's.")


def _population(resources: Resources, p: PopulationFacts,
                agreement: float | None) -> tuple[Cell, ...]:
    fullest: Cell = "on the host"
    if p.worst is not None:
        one = resources.resources[p.worst.resource]
        fullest = Share(value=p.worst.utilization, label=one.label, short=one.short)
    placed = p.worst is not None
    return (Name(text=p.name, where=p.where), p.model, words.shape(p.shape), p.neurons, p.synapses,
            p.distinct_weights, p.weight_bits, p.order, p.cores if placed else None,
            p.lower_bound if placed else None, fullest, p.depth, p.rate, agreement)


def resource_table(resources: Resources) -> Table:
    """The fullest core by resource."""
    rows = []
    for name, worst in resources.totals.worst.items():
        one = resources.resources[name]
        rows.append((one.label, worst.core, Amount(value=worst.amount, unit=one.unit),
                     Amount(value=worst.headroom, unit=one.unit),
                     Amount(value=worst.limit, unit=one.unit), Share(value=worst.utilization),
                     resources.totals.mean[name], one.confidence))
    return Table(
        title="resources", rows=tuple(rows),
        columns=(Column(title="resource"), Column(title="fullest core", form="core"),
                 Column(title="used", form="amount"),
                 Column(title="headroom", form="amount", place="page"),
                 Column(title="limit", form="amount"), Column(title="share", form="share"),
                 Column(title="mean", form="percent"), Column(title="limit is")))


def core_table(resources: Resources) -> Table:
    """Shares per core, and what it holds; the page has a table of its own."""
    return Table(
        title="cores (*: nearest to its limit)", most=MAX_CORES,
        columns=(Column(title="core", form="core"), Column(title="chip", form="count"),
                 Column(title="at"),
                 *(Column(title=resources.resources[name].short, form="percent")
                   for name in resources.totals.worst), Column(title="holds")),
        rows=tuple(_core(core, tuple(resources.totals.worst)) for core in resources.cores))


def _core(core: CoreFacts, names: tuple[str, ...]) -> tuple[Cell, ...]:
    pieces = " ".join(f"{printable(s.population)}{words.box(s)}" for s in core.slices) or core.role
    return (core.core, core.chip, f"{core.x},{core.y}",
            *(Share(value=core.resources[name].utilization, binds=name == core.binding)
              for name in names), pieces)
