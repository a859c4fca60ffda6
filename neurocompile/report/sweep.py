"""A sweep as a table, as text, CSV, and charts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

from neurocompile.diagnostics import printable
from neurocompile.report import terminal, words
from neurocompile.report.chart import Chart, Line, Mark
from neurocompile.report.content import Amount, Cell, Column, Content, Table, sentences
from neurocompile.report.model.sweep import (
    Refusal,
    SweepDocument,
    SweepPoint,
    SweepResult,
)
from neurocompile.report.sections import INPUTS

COLUMNS = ("target", "weight_bits", "mean_bits", "accuracy", "loss", "same_answers",
           "mean_agreement", "least_agreement", "over_loss", "memory_bits", "cores", "lower_bound",
           "chips", "refusals")
NOTE = ("Bits: the mean of all synapses. Loss: points of accuracy against the float network; without "
        "labels the share of samples with another answer. Same: samples with the float network's answer. "
        "Local and least: the share of a population's spikes that stay where its sources send the "
        "float network's, the mean of all populations and the least of them. Memory: of all cores.")
FORMULAS = "=+-@\t\r"  # what makes a spreadsheet compute a cell


def text(document: SweepDocument, color: bool = False, width: int = terminal.WIDTH) -> str:
    """The table of 80 to 100 columns, without a line break at the end."""
    return terminal.contents(heads(document), [("sweep", content(document))], color, width)


def heads(document: SweepDocument) -> tuple[str, str]:
    """What was swept, and what it was measured on."""
    targets = ", ".join(dict.fromkeys(printable(one.target) for one in document.points))
    on = INPUTS[document.inputs].format(words.plural(document.samples, "sample"))
    right = "" if document.float_right is None else (
        f"; the float network gets {words.percent(document.float_right / document.samples)} of them right")
    return (f"{printable(document.model)}: {words.plural(len(document.points), 'point')} on {targets}",
            f"measured on {on}{right}")


def content(document: SweepDocument) -> Content:
    """A row for each point, and why some are refused."""
    over = any(one.result is not None and one.result.over_loss for one in document.points)
    loss = "*: a population loses more of its spikes than --max-loss, build refuses it" if over else ""
    table = Table(
        columns=(
            Column(title="target"), Column(title="--weight-bits"), Column(title="bits", form="number"),
            Column(title="accuracy", form="percent"), Column(title="loss", form="percent"),
            Column(title="same", form="percent", place="wide"), Column(title="local", form="percent"),
            Column(title="least", form="text"), Column(title="memory", form="amount"),
            Column(title="cores", form="count"), Column(title="bound", form="count", place="page"),
            Column(title="chips", form="count", place="page")),
        rows=tuple(_row(document, one) for one in document.points), note=NOTE)
    return Content(lines=sentences(*_refusals(document), loss, mood="warn"), tables=(table, *_by_population(document)))


def _refusals(document: SweepDocument) -> Iterator[str]:
    """Each finding once for a target, with the bits that it stands for."""
    bits: dict[tuple[str, Refusal], list[str]] = {}
    for one in document.points:
        for why in one.refusals:
            bits.setdefault((one.target, why), []).append(printable(one.weight_bits))
    for (target, why), texts in bits.items():
        yield f"{printable(target)} with {', '.join(texts)}: {why.code} {why.message}"


def _by_population(document: SweepDocument) -> Iterator[Table]:
    """Bits of each population, of the points where they are not all the same."""
    columns = [(f"{printable(one.target)} {printable(one.weight_bits)}", one.result.bits)
               for one in document.points
               if one.result is not None and not one.weight_bits.isdecimal() and one.result.bits]
    names = dict.fromkeys(name for _, bits in columns for name in bits)
    if columns:
        yield Table(
            title="bits by population",
            columns=(Column(title="population"), *(Column(title=title, form="count")
                                                   for title, _ in columns)),
            rows=tuple((printable(name), *(bits.get(name) for _, bits in columns)) for name in names))


def _row(document: SweepDocument, point: SweepPoint) -> tuple[Cell, ...]:
    one = point.result
    first = (printable(point.target), printable(point.weight_bits))
    if one is None:
        return (*first, *[None] * 10)
    return (*first, one.mean_bits, _share(one.right, document.samples), document.loss(one),
            _share(one.same, document.samples), one.mean_agreement,
            f"{words.percent(one.least_agreement)}{' *' if one.over_loss else ''}",
            None if one.memory is None else Amount(value=one.memory, unit="bit"),
            one.cores, one.lower_bound, one.chips)


def _share(count: int | None, samples: int) -> float | None:
    return None if count is None else count / samples


def csv_text(document: SweepDocument) -> str:
    """One row per point; shares are fractions, what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for point in document.points:
        one, names = point.result, (_cell(point.target), _cell(point.weight_bits))
        if one is None:
            writer.writerow((*names, *[""] * (len(COLUMNS) - 3),
                             " ".join(why.code for why in point.refusals)))
            continue
        writer.writerow((*names, one.mean_bits, _share(one.right, document.samples),
                         document.loss(one), _share(one.same, document.samples), one.mean_agreement,
                         one.least_agreement, int(one.over_loss), one.memory, one.cores,
                         one.lower_bound, one.chips, ""))
    return out.getvalue()


def _cell(name: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    clean = printable(name)
    return f"'{clean}" if clean.startswith(tuple(FORMULAS)) else clean


Value = Callable[[SweepResult], float | None]


def charts(document: SweepDocument) -> Iterator[Chart]:
    """Answers, spikes, and what the cores take, each by bits; those that have a value."""
    samples = document.samples
    right = document.float_right
    yield from _chart(document, "spikes", "local agreement, %", lambda one: 100 * one.mean_agreement)
    if right is not None and samples:
        yield from _chart(document, "answers", "accuracy, %",
                          lambda one: None if one.right is None else 100 * one.right / samples,
                          ("float", 100 * right / samples))
    else:
        yield from _chart(document, "answers", "same as float, %",
                          lambda one: None if one.same is None else 100 * one.same / samples)
    yield from _chart(document, "memory", "KiB of synapse lists",
                      lambda one: None if one.memory is None else one.memory / (8 << 10))
    yield from _chart(document, "cores", "cores", lambda one: float(one.cores))


def _chart(document: SweepDocument, title: str, y_title: str, value: Value,
           level: tuple[str, float] | None = None) -> Iterator[Chart]:
    lines = [line for target in dict.fromkeys(one.target for one in document.points)
             for line in _lines(document, target, value)]
    if lines:
        yield Chart(title=title, x_title="bits of a weight, on average", y_title=y_title,
                    lines=tuple(lines), level=level)


def _lines(document: SweepDocument, target: str, value: Value) -> Iterator[Line]:
    """One number for all as a line, others as marks alone."""
    for plain, name in ((True, target), (False, f"{target}, bits by population")):
        marks = [Mark(x=one.result.mean_bits, y=y, name=f"{one.target} {one.weight_bits}: {y:,.4g}")
                 for one in document.points
                 if one.target == target and one.weight_bits.isdecimal() == plain
                 and one.result is not None and (y := value(one.result)) is not None]
        if marks:
            yield Line(name=name, marks=tuple(marks), joins=plain)
