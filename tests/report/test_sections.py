"""What the sections of all chips say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from neurocompile.builds.builder import BuildResult
from neurocompile.report import sections, words
from neurocompile.report.content import Content
from neurocompile.report.model.fidelity import Accuracy, PopulationCheck
from neurocompile.report.model.pruning import (
    AxisFacts,
    PopulationChange,
    PruningFacts,
    SizeChange,
)
from neurocompile.report.model.report import Report

PRUNING = PruningFacts(
    tokens=AxisFacts(numbers=(0, 2, 3), length=4, siv=0.875), ticks=None,
    neurons=SizeChange(before=80, after=60), synapses=SizeChange(before=400, after=300),
    populations=(PopulationChange(name="head", before=40, after=30),))


def content(report: Report, key: str) -> Content:
    return next(one for one in sections.SECTIONS if one.key == key).content(report)


def lines(report: Report, key: str) -> list[str]:
    return [line.text for line in content(report, key).lines]


def with_fidelity(report: Report, **changes: Any) -> Report:
    return replace(report, fidelity=replace(report.fidelity, **changes))


def with_checks(report: Report, *checks: tuple[str, int, int]) -> Report:
    """A verification of these populations: name, spikes, sums."""
    return with_fidelity(report, verification=replace(
        report.fidelity.verification, populations=tuple(
            PopulationCheck(name=name, neurons=2, spikes=spikes, sums=sums, differences=0)
            for name, spikes, sums in checks)))


def test_findings_by_severity(hostile_report: Report, loihi_report: Report) -> None:
    assert lines(hostile_report, "findings") == ["5 errors (NC002, NC120), 1 warning (NC302)"]
    none = replace(loihi_report, findings=replace(loihi_report.findings, diagnostics=()))
    assert lines(none, "findings") == ["none"]


def test_what_binds(loihi_report: Report) -> None:
    r = loihi_report.resources
    proof, *rest = lines(loihi_report, "binding")
    demand = words.amount(r.totals.least["synapse_memory"], "bit")
    limit = words.amount(r.resources["synapse_memory"].limit, "bit")
    assert proof == (f"needs at least {r.totals.lower_bound} cores: synapse memory "
                     f"{demand} / {limit}")
    assert sum(int(line.split(" on ")[1].split()[0]) for line in rest) == r.totals.cores
    assert "limit published" in rest[0]
    (table,) = content(loihi_report, "binding").tables
    assert [row[0] for row in table.rows] == [one.label for one in r.resources.values()]


def test_a_limit_that_is_far_or_not_published(loihi_report: Report) -> None:
    r = loihi_report.resources
    worst = {name: replace(one, utilization=0.5) for name, one in r.totals.worst.items()}
    guesses = {name: replace(one, confidence="assumed") for name, one in r.resources.items()}
    far = replace(loihi_report, resources=replace(
        r, resources=guesses, totals=replace(r.totals, worst=worst, binds_on={"neurons": 3})))
    _, line = lines(far, "binding")
    assert line.startswith("neurons are nearest to their limit on 3 of ")
    assert line.endswith("(at most 50.0 %); limit assumed, see targets/loihi1.toml")


def test_pruning(loihi_report: Report) -> None:
    assert not content(loihi_report, "pruning")
    with_pruning = replace(loihi_report, resources=replace(loihi_report.resources, pruning=PRUNING))
    assert lines(with_pruning, "pruning") == [
        "tokens: 3 of 4 kept, with 87.5 % of the spikes: 0, 2, 3",
        "left of the network: 60 of 80 neurons, 300 of 400 synapses"]


def test_traffic(loihi_report: Report, unmeasured_build: BuildResult) -> None:
    first, hops = lines(loihi_report, "traffic")
    assert "at measured rates" in first
    assert hops.startswith("hops: mean ")
    (busiest,) = content(loihi_report, "traffic").tables
    assert busiest.rows == loihi_report.resources.traffic.links.busiest
    assert "if every neuron spiked (no sample given)" in lines(
        unmeasured_build.report, "traffic")[0]


def test_readouts(loihi_report: Report) -> None:
    (one,) = loihi_report.resources.readouts
    both = replace(loihi_report, resources=replace(loihi_report.resources, readouts=(
        one, replace(one, name="total", on_chip=True, read=3))))
    assert lines(both, "readouts") == [
        f"`{one.name}` is computed on the host from the spikes of 24 neurons",
        "`total` is added up on the chip in neurons that never fire, 3 values a sample"]


def test_fidelity_with_the_accuracy(loihi_report: Report, unmeasured_build: BuildResult) -> None:
    """One wording, here and on a terminal, in a build's report and in `verify`."""
    first, accuracy = lines(loihi_report, "fidelity")
    assert first.startswith("float against integers on 12 samples: same largest output of `")
    assert loihi_report.fidelity.accuracy is not None
    assert accuracy == words.accuracy(loihi_report.fidelity.accuracy)
    assert accuracy.startswith("accuracy of the integer network: ")
    assert " of 12 labeled samples (" in accuracy
    (line,) = lines(unmeasured_build.report, "fidelity")
    assert line.startswith("float against integers on 4 samples of the capture: same largest ")
    (table,) = content(loihi_report, "fidelity").tables
    assert [column.title for column in table.columns[-4:]] == [
        "local", "end to end", "float16", "counts off"]
    assert len(table.rows) == len(loihi_report.fidelity.quantization.populations) > 1
    no_readout = replace(loihi_report.fidelity.quantization, same_argmax={})
    assert lines(with_fidelity(loihi_report, quantization=no_readout, accuracy=None),
                 "fidelity") == ["float against integers on 12 samples: no readout to compare"]


def test_accuracy_before_pruning() -> None:
    assert words.accuracy(Accuracy(right=30, samples=32, before_pruning=31)) == (
        "accuracy of the integer network: 30 of 32 labeled samples (93.8 %); before pruning 31 "
        "(96.9 %)")


def test_sums_prove_what_never_fires(loihi_report: Report) -> None:
    report = with_checks(loihi_report, ("a", 5, 0), ("b", 0, 32), ("c", 0, 0))
    summary, silent = content(report, "verification").lines
    assert (summary.mood, silent.mood) == ("good", "warn")
    assert silent.text == "nothing was proved for c: no spike"
    many = with_checks(loihi_report, *((f"p{k}", 0, 0) for k in range(9)))
    assert lines(many, "verification")[1] == (
        "nothing was proved for p0, p1, p2, p3, p4, p5 and 3 more: no spike")


@pytest.mark.parametrize(("status", "mood"), [
    ("verified", "good"), ("differs", "bad"), ("nothing proved", "warn"),
    ("not verified", "warn")])
def test_moods(loihi_report: Report, status: Any, mood: str) -> None:
    report = with_fidelity(loihi_report, verification=replace(
        loihi_report.fidelity.verification, status=status))
    assert content(report, "verification").lines[0].mood == mood


def test_every_row_has_a_value_for_every_column(loihi_report: Report) -> None:
    tables = [table for one in sections.SECTIONS for table in one.content(loihi_report).tables]
    assert len(tables) == 6
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


@pytest.mark.parametrize(("values", "text"), [
    ((0.0, 0.5), "0 to 0.5 pJ"), ((999.0, 999.0), "999 pJ"), ((1000.0, 2000.0), "1 to 2 nJ"),
    ((900.0, 1e6), "0.0009 to 1 uJ"), ((1e15, 2e15), "1e+03 to 2e+03 J"),
])
def test_ranges_in_words(values: tuple[float, float], text: str) -> None:
    assert words.band(values, words.ENERGY) == text
