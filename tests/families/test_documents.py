"""What fidelity.json, trace.json and `verify` hold of a compilation and a verification."""

from __future__ import annotations

import pytest

from neurocompile.backends.results import PopulationComparison, Verification
from neurocompile.builds.builder import BuildResult
from neurocompile.families.documents import report, trace, verify_document
from neurocompile.families.table import family_of
from neurocompile.report.model.fidelity import Accuracy, FidelityReport


def verification(*populations: PopulationComparison) -> Verification:
    return Verification(samples=16, ticks=4, populations=populations, diagnostics=(), seconds=1.0)


def fidelity_of(build: BuildResult, checks: Verification | None) -> FidelityReport:
    compilation = build.compilation
    demand = family_of(compilation.target).demand(compilation)
    return report(compilation, demand, [], build.report.provenance, checks).fidelity


@pytest.mark.parametrize(("populations", "status"), [
    ((PopulationComparison("a", 3, 5, 0), PopulationComparison("b", 3, 0, 0)), "verified"),
    ((PopulationComparison("a", 3, 0, 0),), "nothing proved"),
    ((PopulationComparison("a", 3, 5, 1),), "differs"),
])
def test_a_verification(loihi_build: BuildResult, populations: tuple[PopulationComparison, ...],
                        status: str) -> None:
    one = fidelity_of(loihi_build, verification(*populations)).verification
    assert (one.status, one.samples, one.ticks_per_sample, one.ticks) == (status, 16, 4, 64)
    assert one.spikes == sum(p.spikes for p in populations)
    assert [(p.name, p.spikes, p.differences) for p in one.populations] == [
        (p.name, p.spikes, p.differences) for p in populations]


def test_nothing_was_run(loihi_build: BuildResult, unmeasured_build: BuildResult) -> None:
    one = fidelity_of(loihi_build, None)
    assert one.verification.summary == one.verification.status == "not verified"
    assert (one.quantization.measured, one.quantization.inputs) == (True, "sample")
    without_sample = fidelity_of(unmeasured_build, None).quantization
    assert (without_sample.measured, without_sample.inputs, without_sample.samples) == (True, "capture", 4)
    assert all(p.rate is None for p in unmeasured_build.report.resources.populations)


def test_spikes_that_moved(truenorth_build: BuildResult) -> None:
    fidelity, facts = truenorth_build.compilation.fidelity, truenorth_build.report.fidelity
    assert fidelity is not None
    for one in facts.quantization.populations:
        spikes = fidelity.populations[one.name]
        assert one.differing == spikes.differing
        assert one.agreement == round(spikes.agreement, 6)
        assert one.local_agreement == round(spikes.local_agreement, 6)
        assert one.float16_agreement == round(spikes.float16_agreement, 6)
        assert one.count_distance == round(spikes.count_distance, 6)
        assert one.neuron_ticks == 12 * 4 * truenorth_build.compilation.network.population(
            one.name).size
    assert facts.accuracy is not None
    assert facts.accuracy.samples == 12


def test_verify_says_the_accuracy_too() -> None:
    document = verify_document(verification(PopulationComparison("a", 3, 5, 1)), Accuracy(right=1, samples=2))
    assert (document.ticks, document.spikes, document.differences) == (64, 5, 1)
    assert document.accuracy == Accuracy(right=1, samples=2)


def test_trace(loihi_build: BuildResult) -> None:
    compilation = loihi_build.compilation
    one = trace(compilation)
    assert [stage.name for stage in one.stages] == [stage.name for stage in compilation.stages]
    assert all(stage.seconds is not None for stage in one.stages)
    assert one.options["weight_bits"] == 8
