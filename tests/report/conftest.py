"""Reports of the small builds, and changes to them that a build does not show by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurocompile.builds.builder import BuildResult
from neurocompile.diagnostics import Diagnostic, Location
from neurocompile.families.table import sections_of
from neurocompile.report.diagnostics import findings_document
from neurocompile.report.model.fidelity import PopulationCheck, ProgramCheck
from neurocompile.report.model.report import Report
from neurocompile.report.section import Section
from tests.report.changes import HOSTILE, rename


def findings() -> list[Diagnostic]:
    """A warning, four errors of one kind in repeated blocks, an error without a place."""
    attention = [
        Diagnostic("NC120", Location(f"block.{k}.attn", "net.py", 3), {"op": "MatMul"},
                   notes=("`q` and `k` both depend on spikes",)) for k in (0, 2, 10, 1)]
    return [
        Diagnostic("NC302", Location("fc", "net.py", 2),
                   {"share": 0.0104, "projection": "a -> b", "bits": 8}),
        *attention,
        Diagnostic("NC002", Location(file="a,b:c.toml"),
                   {"path": "a,b:c.toml", "key": "x\ny", "error": "100%"}),
    ]


@pytest.fixture
def diagnostics() -> list[Diagnostic]:
    return findings()


@pytest.fixture(scope="session")
def loihi_sections(loihi_build: BuildResult) -> tuple[Section, ...]:
    return sections_of(loihi_build.compilation.target)


@pytest.fixture(scope="session")
def loihi_report(loihi_build: BuildResult) -> Report:
    """With a verification in which one population was silent."""
    checks = tuple(PopulationCheck(name=p.name, neurons=p.neurons, spikes=500 * (k == 0), sums=0,
                                   differences=0)
                   for k, p in enumerate(loihi_build.report.resources.populations))
    verification = ProgramCheck(
        status="verified", summary="verified on 16 samples, 64 ticks, 500 spikes: 0 differences",
        samples=16, ticks_per_sample=4, ticks=64, spikes=500, differences=0, populations=checks)
    return replace(loihi_build.report, fidelity=replace(
        loihi_build.report.fidelity, verification=verification))


@pytest.fixture(scope="session")
def hostile_report(loihi_report: Report) -> Report:
    """The last population has a name that wants to be run; there are findings."""
    name = loihi_report.resources.populations[-1].name
    return replace(rename(loihi_report, name, HOSTILE),
                   findings=findings_document(findings(), "loihi1"))


@pytest.fixture(scope="session")
def wide_report(loihi_report: Report) -> Report:
    """2,000 cores of two long names each."""
    name = "a.population.with.a.long.name." * 2
    report = rename(loihi_report, loihi_report.resources.populations[-1].name, name)
    some = report.resources.cores
    cores = tuple(replace(
        some[k % len(some)], core=k, chip=k // 128, x=k % 128 % 8, y=k % 128 // 8,
        slices=tuple(replace(piece, population=name) for piece in some[k % len(some)].slices) * 2)
        for k in range(2000))
    return replace(report, resources=replace(report.resources, cores=cores))
