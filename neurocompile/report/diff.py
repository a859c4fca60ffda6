"""Two builds compared: totals, traffic, populations, findings, and what went into them.

All from the documents of both builds. Populations are matched by name, findings by code and
module, so that lines may move and targets may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from neurocompile.diagnostics import Diagnostic
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.model.diff import (
    BuildName,
    BuildNames,
    Diff,
    FactChange,
    FindingDiffs,
    NumberChange,
    PopulationDiff,
    PopulationDiffs,
    PopulationSize,
    ValueChange,
)
from neurocompile.report.model.fidelity import FidelityReport
from neurocompile.report.model.findings import Finding, Findings
from neurocompile.report.model.report import Report
from neurocompile.report.model.resources import PopulationFacts, Resources, Totals
from neurocompile.report.model.traffic import Traffic

TOTALS = ("cores", "chips", "neurons", "synapses", "ticks", "latency")
POPULATION = ("neurons", "synapses", "cores", "lower_bound", "weight_bits", "order", "depth",
              "rate", "binding", "on_host")  # what is compared of a population
INFORM = ("lower bound", "hops mean", "hops p95", "hops max")  # no growth of these is an error


def compare(old: Report, new: Report, limit: float | None = None) -> Diff:
    """What differs between two builds. `limit`: percent from which growth is an error (NC023)."""
    totals = tuple(_totals(old.resources.totals, new.resources.totals))
    traffic = _traffic(old.resources.traffic, new.resources.traffic)
    growth = [] if limit is None else list(_growth((*totals, *(traffic or ())), limit))
    return Diff(
        builds=BuildNames(old=_name(old), new=_name(new)), origin=_origin(old, new), totals=totals,
        traffic=traffic, results=tuple(_results(old.fidelity, new.fidelity)),
        populations=_populations(old.resources, new.resources),
        findings=_findings(old.findings, new.findings),
        growth=findings_document(growth, new.resources.target.name).diagnostics)


def _name(one: Report) -> BuildName:
    return BuildName(model=one.provenance.model, target=one.resources.target.name)


def _origin(old: Report, new: Report) -> tuple[FactChange, ...]:
    """Model, target, its limits, options and versions that are not the same."""
    before, after = _facts(old), _facts(new)
    return tuple(FactChange(name=name, old=before.get(name), new=after.get(name))
                 for name in dict.fromkeys([*before, *after])
                 if before.get(name) != after.get(name))


def _facts(one: Report) -> dict[str, Any]:
    origin = one.provenance
    limits = {f"{table}.{key}": limit.value for table, rows in one.resources.limits.items()
              for key, limit in rows.items()}
    return {
        "model": origin.model, "target": one.resources.target.name,
        **{f"{item.role} {item.name}": item.sha256[:12] for item in origin.inputs},
        **{f"option {name}": value for name, value in origin.options.items()},
        **limits, "neurocompile": origin.tool.version, **origin.versions,
    }


def _totals(old: Totals, new: Totals) -> Iterator[NumberChange]:
    for name in TOTALS:
        yield _change(name, getattr(old, name), getattr(new, name))
    yield _change("lower bound", old.lower_bound, new.lower_bound)


def _traffic(old: Traffic, new: Traffic) -> tuple[NumberChange, ...] | None:
    """None where one is measured and the other is not."""
    if old.measured != new.measured:
        return None
    messages = (_change(f"messages {name.replace('_', ' ')}", getattr(old.messages, name),
                        getattr(new.messages, name))
                for name in ("off_chip", "within_cores", "between_cores", "between_chips"))
    hops = (_change(f"hops {name}", getattr(old.hops, name), getattr(new.hops, name))
            for name in ("total", "mean", "p95", "max"))
    return (*messages, *hops, _change("busiest link", _busiest(old), _busiest(new)))


def _busiest(traffic: Traffic) -> float:
    return max((load for _, load in traffic.links.busiest), default=0.0)


def _change(name: str, old: float, new: float) -> NumberChange:
    percent = round(100 * (new - old) / old, 4) if old and new != old else None
    return NumberChange(name=name, old=old, new=new, percent=percent)


def _growth(rows: Iterable[NumberChange], limit: float) -> Iterator[Diagnostic]:
    """NC023 for what grew by more percent than the limit; lower bounds and means only inform."""
    for row in rows:
        if row.name in INFORM:
            continue
        over = row.percent > limit if row.percent is not None else row.new > row.old
        if over:
            yield Diagnostic("NC023", values={"resource": row.name, "old": row.old,
                                              "new": row.new, "limit": limit})


def _results(old: FidelityReport, new: FidelityReport) -> Iterator[FactChange]:
    """Accuracy and verification, where they are not the same."""
    for name, read in (("accuracy", _accuracy), ("verification", _status)):
        before, after = read(old), read(new)
        if before != after:
            yield FactChange(name=name, old=before, new=after)


def _accuracy(fidelity: FidelityReport) -> str | None:
    one = fidelity.accuracy
    return None if one is None else f"{one.right} of {one.samples}"


def _status(fidelity: FidelityReport) -> str:
    return fidelity.verification.status


def _populations(old: Resources, new: Resources) -> PopulationDiffs:
    """Names that one build has alone, and what differs of the others."""
    before = {p.name: p for p in old.populations}
    after = {p.name: p for p in new.populations}
    both = ((name, _values(before[name], after[name])) for name in after if name in before)
    return PopulationDiffs(
        new=tuple(_size(p) for name, p in after.items() if name not in before),
        only_old=tuple(_size(p) for name, p in before.items() if name not in after),
        differing=tuple(PopulationDiff(name=name, values=values)
                        for name, values in both if values))


def _values(before: PopulationFacts, after: PopulationFacts) -> dict[str, ValueChange]:
    """What differs; rates where both are measured."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in POPULATION}
    return {name: ValueChange(old=old, new=new) for name, (old, new) in pairs.items()
            if old != new and not (name == "rate" and None in (old, new))}


def _size(population: PopulationFacts) -> PopulationSize:
    return PopulationSize(name=population.name, neurons=population.neurons,
                          synapses=population.synapses, cores=population.cores)


def _findings(old: Findings, new: Findings) -> FindingDiffs:
    before, after = _by_place(old), _by_place(new)
    return FindingDiffs(new=tuple(one for key, one in after.items() if key not in before),
                        only_old=tuple(one for key, one in before.items() if key not in after))


def _by_place(findings: Findings) -> dict[tuple[str, str, int], Finding]:
    """By code, module, and how many such there were before."""
    repeats: Counter[tuple[str, str]] = Counter()
    result = {}
    for one in findings.diagnostics:
        place = (one.code, one.module)
        result[*place, repeats[place]] = one
        repeats[place] += 1
    return result
