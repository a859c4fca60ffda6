"""The documents of a build: what they hold of a compilation and of a verification."""

from __future__ import annotations

from collections.abc import Iterable

from neurocompile.backends.results import Verification
from neurocompile.diagnostics import Diagnostic
from neurocompile.families.compilation import Compilation
from neurocompile.families.demand import Demand
from neurocompile.families.fidelity import Fidelity
from neurocompile.families.resources import resources
from neurocompile.families.routes import DIGITS
from neurocompile.families.table import sections_of
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.model.fidelity import (
    Accuracy,
    FidelityReport,
    Inputs,
    PopulationCheck,
    PopulationSpikes,
    ProgramCheck,
    Quantization,
    Status,
)
from neurocompile.report.model.manifest import Provenance
from neurocompile.report.model.report import Report
from neurocompile.report.model.trace import StageFacts, Trace
from neurocompile.report.model.verify import VerifyDocument
from neurocompile.report.plain import to_json
from neurocompile.report.section import records

NOT_VERIFIED: Status = "not verified"
NO_INPUTS: Inputs = "none"


def report(compilation: Compilation, demand: Demand, findings: Iterable[Diagnostic],
           provenance: Provenance, verification: Verification | None = None,
           accuracy: Accuracy | None = None) -> Report:
    """All that sections read."""
    target = compilation.target
    data = records(sections_of(target), compilation)
    return Report(
        resources=resources(compilation, demand, data),
        fidelity=FidelityReport(quantization=_quantization(compilation.fidelity),
                                verification=_check(verification), accuracy=accuracy),
        findings=findings_document(findings, target.name), provenance=provenance, records=data)


def _quantization(fidelity: Fidelity | None) -> Quantization:
    if fidelity is None:
        return Quantization(measured=False, inputs=NO_INPUTS, samples=0, populations=(),
                            same_argmax={})
    return Quantization(
        measured=True, inputs=fidelity.source, samples=fidelity.samples,
        populations=tuple(PopulationSpikes(
            name=name, float_spikes=one.float_spikes, integer_spikes=one.integer_spikes,
            differing=one.differing, neuron_ticks=one.neuron_ticks,
            agreement=round(one.agreement, DIGITS), rate=round(one.rate, DIGITS),
            local_agreement=round(one.local_agreement, DIGITS),
            float16_agreement=round(one.float16_agreement, DIGITS),
            count_distance=round(one.count_distance, DIGITS))
            for name, one in fidelity.populations.items()),
        same_argmax=dict(sorted(fidelity.same_argmax.items())))


def _check(verification: Verification | None) -> ProgramCheck:
    if verification is None:
        return ProgramCheck(status=NOT_VERIFIED, summary=NOT_VERIFIED, samples=0,
                            ticks_per_sample=0, ticks=0, spikes=0, differences=0, populations=())
    return ProgramCheck(
        status=("differs" if verification.differences else
                "verified" if verification.spikes else "nothing proved"),
        summary=verification.summary, samples=verification.samples,
        ticks_per_sample=verification.ticks, ticks=verification.samples * verification.ticks,
        spikes=verification.spikes, differences=verification.differences,
        populations=_populations(verification))


def _populations(verification: Verification) -> tuple[PopulationCheck, ...]:
    return tuple(PopulationCheck(
        name=one.name, neurons=one.neurons, spikes=one.spikes, sums=one.sums,
        differences=one.differences) for one in verification.populations)


def verify_document(verification: Verification, accuracy: Accuracy | None) -> VerifyDocument:
    """What `neurocompile verify` says in JSON."""
    return VerifyDocument(
        summary=verification.summary, samples=verification.samples,
        ticks=verification.samples * verification.ticks, spikes=verification.spikes,
        differences=verification.differences, populations=_populations(verification),
        accuracy=accuracy, diagnostics=findings_document(verification.diagnostics, "").diagnostics)


def trace(compilation: Compilation) -> Trace:
    """Options and stages. The seconds make it differ from run to run."""
    return Trace(
        target=compilation.target.name, options=to_json(compilation.options.values()),
        stages=tuple(StageFacts(name=stage.name, result=stage.result,
                                seconds=round(stage.seconds, 3))
                     for stage in compilation.stages))
