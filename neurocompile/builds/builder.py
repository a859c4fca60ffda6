"""Builds: compile a Graph, emit its program, verify it, and publish all of it in one directory."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import neurocompile
from neurocompile.array_file import write_arrays
from neurocompile.backends.results import Verification
from neurocompile.builds.directory import check_replaceable, new_build
from neurocompile.builds.files import ROUNDING
from neurocompile.builds.manifest import write_json, write_manifest
from neurocompile.capture.replay import doubts
from neurocompile.diagnostics import (
    Diagnostic,
    FindingsError,
    Severity,
    UsageError,
    raise_errors,
)
from neurocompile.families.compilation import Compilation, Progress
from neurocompile.families.demand import Demand
from neurocompile.families.documents import report, trace
from neurocompile.families.family import Checks
from neurocompile.families.fidelity import right_answers
from neurocompile.families.pipeline import compile_graph, quantize
from neurocompile.families.resources import layout, selection
from neurocompile.families.seeded import SEED, active_inputs
from neurocompile.families.table import family_of, sections_of
from neurocompile.formats.reading import source
from neurocompile.formats.request import Capture
from neurocompile.formats.samples import Sample
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.report import html
from neurocompile.report.model.fidelity import Accuracy
from neurocompile.report.model.manifest import Provenance, SourceFile, Tool
from neurocompile.report.model.report import Report
from neurocompile.report.plain import to_json
from neurocompile.report.spreadsheet import resources_csv
from neurocompile.target import Target
from neurocompile.target.text import target_toml


@dataclass(frozen=True, eq=False, kw_only=True)
class BuildResult:
    """A published build."""

    path: Path
    compilation: Compilation
    diagnostics: tuple[Diagnostic, ...]
    verification: Verification | None  # None: the program was not run
    report: Report

    @property
    def accuracy(self) -> Accuracy | None:
        """How many labeled samples are right; None without labels."""
        return self.report.fidelity.accuracy


def _silent(_: str) -> None:
    return None


def build(capture: Capture, target: Target, options: Options, out: Path, *,
          sample: Sample | None = None, checks: Checks | None = None, force: bool = False,
          program: bool = True, progress: Progress = _silent,
          select: Callable[[Diagnostic], bool] = lambda _: True) -> BuildResult:
    """Compile a model and publish the build at `out`.

    `select` decides which findings below an error are kept. Without `program` the build has the
    mapping and its reports, and nothing to run. Raises FindingsError when the network
    cannot be built or the program differs from the reference, UsageError when `out` cannot be
    written; `out` is then as it was.
    """
    check_replaceable(out, force)
    require_proof(capture)
    arrays = None if sample is None else capture.fit(sample)
    compilation = compile_graph(capture.graph, target, options, arrays, progress,
                                labels=None if sample is None else sample.labels)
    with new_build(out, force) as folder:
        findings = [*doubts(capture.graph), *capture.notes, *compilation.diagnostics]
        if program:
            progress("emit")
            emission = family_of(target).emit(compilation, folder / "program")
            raise_errors(emission.diagnostics)
            findings += emission.diagnostics
        verification = None
        if program and checks is not None and checks.samples:
            progress("verify")
            inputs = first_inputs(compilation.floating, arrays, checks.samples)
            verification, more = try_verify(folder / "program", compilation, inputs, checks)
            findings += more
            raise_errors(findings)
        progress("report")
        findings = sorted(filter(select, findings), key=Diagnostic.sort_key)
        demand = family_of(target).demand(compilation)
        documents = report(
            compilation, demand, findings, _provenance(capture, compilation, sample), verification,
            _accuracy_beside_whole(compilation, arrays, sample))
        _write(folder, capture, compilation, demand, documents)
        write_manifest(folder, documents.provenance)
    return BuildResult(path=out, compilation=compilation, diagnostics=tuple(findings),
                       verification=verification, report=documents)


def require_proof(capture: Capture) -> None:
    """Raise UsageError (NC114) for a Graph that was captured for a check only."""
    if capture.graph.info.get("replay") is None:
        raise UsageError(Diagnostic("NC114", values={"name": capture.name}))


def try_verify(program: Path, compilation: Compilation, inputs: Mapping[str, Array],
               checks: Checks) -> tuple[Verification | None, list[Diagnostic]]:
    """Verify where that is possible; without Lava, a warning says that nothing was verified."""
    try:
        verification: Verification = family_of(compilation.target).verify(
            program, compilation, inputs, checks, _silent)
    except UsageError as error:
        if any(d.code != "NC602" for d in error.diagnostics):
            raise
        return None, [dataclasses.replace(d, severity=Severity.WARNING,
                                          notes=(*d.notes, "the build is not verified"))
                      for d in error.diagnostics]
    return verification, list(verification.diagnostics)


def first_inputs(floating: Network, arrays: Mapping[str, Array] | None, count: int
                 ) -> dict[str, Array]:
    """The sample's first inputs, or seeded ones on which the float network is active."""
    if arrays is not None:
        return {name: array[:count] for name, array in arrays.items()}
    return active_inputs(floating, count)[0]


def measure_accuracy(network: Network, arrays: Mapping[str, Array] | None,
                     sample: Sample | None) -> Accuracy | None:
    """Accuracy by the first readout's largest output; None without labels."""
    if sample is None or (right := right_answers(network, arrays, sample.labels)) is None:
        return None
    return Accuracy(right=right, samples=len(sample))


def _accuracy_beside_whole(compilation: Compilation, arrays: Mapping[str, Array] | None,
                           sample: Sample | None) -> Accuracy | None:
    """Accuracy; of a pruned network, that of the whole one beside it."""
    accuracy = measure_accuracy(compilation.network, arrays, sample)
    if accuracy is None or compilation.pruning is None:
        return accuracy
    try:
        options = dataclasses.replace(compilation.options, weight_bits=compilation.options.bits)
        whole = quantize(compilation.pruning.before, compilation.target, options, arrays)
    except FindingsError:  # too large for the target's registers: nothing to compare with
        return accuracy
    before = measure_accuracy(whole, arrays, sample)
    return dataclasses.replace(accuracy, before_pruning=None if before is None else before.right)


def _write(folder: Path, capture: Capture, compilation: Compilation, demand: Demand,
           documents: Report) -> None:
    """All files beside the program and the manifest."""
    (folder / "model.onnx").write_bytes(capture.graph.to_bytes())
    (folder / "target.toml").write_text(target_toml(compilation.target), encoding="utf-8")
    if compilation.rounding:
        write_arrays(folder / ROUNDING, compilation.rounding, compress=True)
    write_json(folder / "resources.json", documents.resources)
    write_json(folder / "fidelity.json", documents.fidelity)
    write_json(folder / "mapping.json", layout(compilation.target, demand))
    write_json(folder / "diagnostics.json", documents.findings)
    write_json(folder / "trace.json", trace(compilation))
    (folder / "resources.csv").write_text(resources_csv(documents.resources), encoding="utf-8")
    page = html.render(documents, sections_of(compilation.target))
    (folder / "report.html").write_text(page, encoding="utf-8")


def _provenance(capture: Capture, compilation: Compilation, sample: Sample | None) -> Provenance:
    sources = [*capture.sources, *([] if sample is None else [source("sample", sample.file)])]
    return Provenance(
        tool=Tool(name="neurocompile", version=neurocompile.__version__),
        model=capture.name, target=compilation.target.name,
        options=to_json(compilation.options.record(family_of(compilation.target).name)), seed=SEED,
        pruning=None if compilation.pruning is None else selection(compilation.pruning),
        inputs=tuple(SourceFile(role=one.role, name=one.name, sha256=one.sha256, size=one.size)
                     for one in sources),
        versions={**capture.graph.info.get("versions", {}),
                  **{name: importlib.metadata.version(name) for name in ("numpy", "scipy")}})
