"""The result of a check: its verdict, its summary and how both are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neurocompile.commands.terminal import findings_text, settings, visible
from neurocompile.diagnostics import Diagnostic, Location, Severity, errors, printable
from neurocompile.report.documents import DOCUMENTS, document

if TYPE_CHECKING:
    from neurocompile.passes.legality.summary import Summary
    from neurocompile.report.model.check import ArithmeticFacts, CheckDocument, Verdict
    from neurocompile.report.model.time import TimeFacts

BUDGET = "NC411"
ILLEGAL = ("NC110", "NC111", "NC112", "NC113", "NC12", "NC13")
PARTIAL = ("structure fits", "event-driven", "partly checked")  # nothing refuses it so far
ENERGY = "arithmetic only: 4.6 pJ per MAC, 0.9 pJ per AC, 45 nm"
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class CheckResult:
    """The findings for one model on one target."""

    model: str = ""
    target: str = ""
    findings: tuple[Diagnostic, ...] = ()
    exit_code: int = 0  # of the error that ended it; 0: nothing did
    size: str = "not mapped"  # what it would take, in words
    seconds: float = 0.0
    stages: tuple[str, ...] = ()  # that ran
    not_run: tuple[str, ...] = ()  # stages of a build that were left out, where none refused it
    left_out: str = ""  # why stages are left out; empty where all run
    time: TimeFacts | None = None  # None: not captured
    summary: Summary | None = None  # likewise
    samples: int = 0  # that rates were measured on
    anchor: Location = field(default_factory=Location)
    n_ignored: int = 0
    n_known: int = 0  # in the baseline

    @property
    def verdict(self) -> Verdict:
        """One word or two, from all that is in `findings`."""
        codes = {one.code for one in errors(self.findings)}
        if not codes:
            return self._without_errors
        if any(code.startswith(ILLEGAL) for code in codes):
            return "illegal"
        if not self.stages or any(code.startswith(("NC0", "NC10", "NC6", "NC9")) for code in codes):
            return "not checked"
        if codes == {BUDGET}:
            return "over budget"
        return "does not fit" if any(code.startswith(("NC4", "NC5")) for code in codes) else (
            "cannot be represented")


    @property
    def _without_errors(self) -> Verdict:
        if not self.left_out:
            return "fits"
        if not {"replay", "gate"}.isdisjoint(self.not_run):
            return "partly checked"
        return "structure fits" if self.target else "event-driven"

    @property
    def chips(self) -> str:
        """Which chips it is of, in words."""
        return self.target or "any chip"


def exit_code(results: Sequence[CheckResult]) -> int:
    """The worst exit code; an ignored or known error does not count."""
    codes = [max(one.exit_code, 1) for one in results if errors(one.findings)]
    return max(codes, default=0)


def text(results: Sequence[CheckResult], verdicts: Sequence[Verdict], fmt: str) -> str:
    """All results in one format. `verdicts` are those before findings were left out."""
    if fmt == "json":
        from neurocompile.report.plain import to_json

        return json.dumps(to_json(_document(results, verdicts)), indent=1)
    pairs = list(zip(results, verdicts, strict=True))
    if fmt in DOCUMENTS:
        from neurocompile.report.model_findings import ModelFindings

        return document(fmt, [ModelFindings(
            model=one.model, target=one.target, findings=tuple(visible(one.findings)),
            anchor=one.anchor, summary="\n".join(
                [_headline(one, verdict, ""), *(f"{a}: {b}" for a, b in _details(one))]))
            for one, verdict in pairs])
    many = len(results) > 1
    parts = []
    for one, verdict in pairs:
        name = f"{one.model} on {one.chips}" if many else one.chips
        lines = [findings_text(visible(one.findings), fmt, _headline(one, verdict, f"{name}: "),
                               one.target)]
        if fmt == "full":
            lines += [f"  {title:10} {detail}" for title, detail in _details(one)]
        parts.append("\n".join(lines))
    return ("\n\n" if fmt == "full" else "\n").join(part for part in parts if part)


def _headline(one: CheckResult, verdict: Verdict, name: str) -> str:
    counts = [(sum(d.level == level for d in one.findings), level.label)
              for level in (Severity.ERROR, Severity.WARNING, Severity.NOTE)]
    summary = ", ".join(f"{n:,} {label}{'s' * (n > 1)}" for n, label in counts if n) or "no findings"
    if counts[-1][0] and not settings().verbose:
        summary += " (-v shows)"
    hidden = [f"{n:,} {what}" for n, what in ((one.n_ignored, "ignored"),
                                             (one.n_known, "in the baseline")) if n]
    summary += f" ({', '.join(hidden)})" if hidden else ""
    size = _not_run(one) if verdict in PARTIAL else one.size
    return f"{name}{verdict}, {summary}  ·  {size} in {one.seconds:.1f} s"


def _not_run(one: CheckResult) -> str:
    """The stages that were left out by their names, and why."""
    names = (*one.not_run, *(() if one.target else ("all of a chip's own",)))
    return f"not run: {', '.join(names)} ({one.left_out})"


def _details(one: CheckResult) -> list[tuple[str, str]]:
    """Stages, operators, arithmetic and energy, in words."""
    from neurocompile.report.words import percent, plural

    lines = []
    if one.stages:
        lines.append(("stages", ", ".join(one.stages)))
    if one.time is not None:
        lines.append(("time", printable(one.time.text)))
    if one.summary is None:
        return lines
    summary = one.summary
    lines.append(("operators", ", ".join(
        f"{count:,} {place.value}" for place, count in summary.operators.items())))
    total = sum(summary.macs.values())
    if total:
        chip, host, illegal = (percent(count / total) for count in summary.macs.values())
        note = f"{chip} event-driven, {host} on the host, {illegal} illegal"
        lines.append(("MACs", f"{_amount(total)} per sample: {note}"))
    if summary.energy_mj is not None:
        note = f"{ENERGY}; rates of {plural(one.samples, 'sample')}"
        lines.append(("energy", f"{summary.energy_mj:.3g} mJ per sample ({note})"))
    return lines


def _amount(count: int) -> str:
    for size, unit in UNITS:
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def _document(results: Sequence[CheckResult], verdicts: Sequence[Verdict]) -> CheckDocument:
    from neurocompile.report.diagnostics import findings_document
    from neurocompile.report.model.check import CheckDocument, CheckItem

    items = []
    for one, verdict in zip(results, verdicts, strict=True):
        findings = findings_document(one.findings, one.target)
        items.append(CheckItem(
            target=findings.target, counts=findings.counts, diagnostics=findings.diagnostics,
            model=one.model, verdict=verdict, stages=one.stages, not_run=one.not_run,
            left_out=one.left_out, n_ignored=one.n_ignored, n_known=one.n_known, time=one.time,
            summary=_numbers(one.summary)))
    return CheckDocument(checks=tuple(items))


def _numbers(summary: Summary | None) -> ArithmeticFacts | None:
    if summary is None:
        return None
    from neurocompile.report.model.check import ArithmeticFacts

    share, energy = summary.event_driven, summary.energy_mj
    return ArithmeticFacts(
        operators={place.name.lower(): n for place, n in summary.operators.items()},
        macs={place.name.lower(): n for place, n in summary.macs.items()},
        event_driven=None if share is None else round(share, 6),
        energy_mj=None if energy is None else float(f"{energy:.6g}"))
