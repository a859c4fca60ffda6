"""Builds: compile a Graph, emit its program, verify it, and publish all of it in one directory."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neurocompile
from neurocompile.backends import synchronous
from neurocompile.backends.results import Verification
from neurocompile.builds.directory import check_replaceable, new_build
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
from neurocompile.families.family import Checks
from neurocompile.families.pipeline import compile_graph, quantize
from neurocompile.families.table import family_of
from neurocompile.formats.reading import source
from neurocompile.formats.request import Capture
from neurocompile.formats.samples import Sample
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.report import data, html
from neurocompile.target import Target
from neurocompile.target.text import target_toml

SEED = 0  # of the inputs that stand in for a sample
SPIKE_RATE = 0.2  # of those inputs, where they are spikes


@dataclass(frozen=True, eq=False)
class Accuracy:
    """How many samples of known label the integer network gets right."""

    right: int
    samples: int
    unpruned: int | None = None  # right before pruning, in integers; None: not pruned, or no fit

    @property
    def summary(self) -> str:
        """One line."""
        before = "" if self.unpruned is None else (
            f"; before pruning {self.unpruned:,} ({self.unpruned / self.samples:.2%})")
        return (f"accuracy of the integer network: {self.right:,} of {self.samples:,} samples "
                f"({self.right / self.samples:.2%}){before}")


@dataclass(frozen=True, eq=False)
class BuildResult:
    """A published build."""

    path: Path
    compilation: Compilation
    diagnostics: tuple[Diagnostic, ...]
    resources: Mapping[str, Any]
    fidelity: Mapping[str, Any]
    verification: Verification | None
    accuracy: Accuracy | None


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
    compilation = compile_graph(capture.graph, target, options, arrays, progress)
    with new_build(out, force) as folder:
        found = [*doubts(capture.graph), *compilation.diagnostics]
        if program:
            progress("emit")
            emission = family_of(target).emit(compilation, folder / "program")
            raise_errors(emission.diagnostics)
            found += emission.diagnostics
        verification = None
        if program and checks is not None and checks.samples:
            progress("verify")
            inputs = first_inputs(compilation.network, arrays, checks.samples)
            verification, more = try_verify(folder / "program", compilation, inputs, checks)
            found += more
            raise_errors(found)
        progress("report")
        accuracy = _accuracy_beside_whole(compilation, arrays, sample)
        found = sorted(filter(select, found), key=Diagnostic.sort_key)
        written = _write(folder, capture, compilation, found, verification, accuracy)
        write_manifest(folder, _provenance(capture, compilation, sample))
    return BuildResult(out, compilation, tuple(found), *written, verification, accuracy)


def require_proof(capture: Capture) -> None:
    """Raise UsageError (NC114) for a Graph that was captured for a check only."""
    if capture.graph.info.get("replay") is None:
        raise UsageError(Diagnostic("NC114", values={"name": capture.name}))


def try_verify(program: Path, compilation: Compilation, inputs: Mapping[str, Array],
               checks: Checks) -> tuple[Verification | None, list[Diagnostic]]:
    """Verify where that is possible; without Lava, a warning says that nothing was verified."""
    try:
        done = family_of(compilation.target).verify(program, compilation, inputs, checks, _silent)
    except UsageError as error:
        if any(d.code != "NC602" for d in error.diagnostics):
            raise
        return None, [dataclasses.replace(d, severity=Severity.WARNING,
                                          notes=(*d.notes, "the build is not verified"))
                      for d in error.diagnostics]
    return done, list(done.diagnostics)


def first_inputs(network: Network, arrays: Mapping[str, Array] | None, count: int
                 ) -> dict[str, Array]:
    """The sample's first inputs, or seeded noise in the inputs' range where there is no sample."""
    if arrays is not None:
        return {name: array[:count] for name, array in arrays.items()}
    random = np.random.default_rng(SEED)
    return {item.name: _noise(item, network.n_ticks, count, random) for item in network.inputs
            if item.kind is not InputKind.ONE}


def _noise(item: Input, n_ticks: int, count: int, random: np.random.Generator) -> Array:
    time = () if item.kind is InputKind.STATIC else (len(item.ticks) or n_ticks,)
    values = random.random((count, *time, *item.shape))
    if item.kind is InputKind.SPIKES:
        return (values < SPIKE_RATE).astype(np.float32)
    return (item.low + values * (item.high - item.low)).astype(np.float32)


def measure_accuracy(network: Network, arrays: Mapping[str, Array] | None,
                     sample: Sample | None) -> Accuracy | None:
    """Accuracy by the first readout's largest output; None without labels."""
    if arrays is None or sample is None or sample.labels is None or not network.readouts:
        return None
    first = network.readouts[0]
    guessed = first.answers(synchronous.outputs(network, arrays)[first.name])
    return Accuracy(int((guessed == sample.labels).sum()), len(sample.labels))


def _accuracy_beside_whole(compilation: Compilation, arrays: Mapping[str, Array] | None,
                       sample: Sample | None) -> Accuracy | None:
    """Accuracy; of a pruned network, that of the whole one beside it."""
    found = measure_accuracy(compilation.network, arrays, sample)
    if found is None or compilation.pruning is None:
        return found
    try:
        whole = quantize(compilation.pruning.before, compilation.target, compilation.options)
    except FindingsError:  # too large for the target's registers: nothing to compare with
        return found
    before = measure_accuracy(whole, arrays, sample)
    return dataclasses.replace(found, unpruned=before.right if before is not None else None)


def _write(folder: Path, capture: Capture, compilation: Compilation, found: list[Diagnostic],
           verification: Verification | None, accuracy: Accuracy | None
           ) -> tuple[dict[str, Any], dict[str, Any]]:
    family = family_of(compilation.target)
    resources, mapping = family.resources(compilation), family.mapping(compilation)
    fidelity = data.fidelity_json(compilation, verification)
    if accuracy is not None:
        fidelity["accuracy"] = {"right": accuracy.right, "samples": accuracy.samples}
        if compilation.pruning is not None:
            fidelity["accuracy"]["unpruned"] = accuracy.unpruned
    diagnostics = data.diagnostics_json(found, compilation.target.name)
    (folder / "model.onnx").write_bytes(capture.graph.to_bytes())
    (folder / "target.toml").write_text(target_toml(compilation.target), encoding="utf-8")
    write_json(folder / "resources.json", resources)
    write_json(folder / "fidelity.json", fidelity)
    write_json(folder / "mapping.json", mapping)
    write_json(folder / "diagnostics.json", diagnostics)
    write_json(folder / "trace.json", data.trace_json(compilation, seconds=True))
    (folder / "resources.csv").write_text(data.resources_csv(resources), encoding="utf-8")
    page = html.render(resources, mapping, diagnostics, fidelity,
                       _provenance(capture, compilation, None))
    (folder / "report.html").write_text(page, encoding="utf-8")
    return resources, fidelity


def _provenance(capture: Capture, compilation: Compilation, sample: Sample | None
                ) -> dict[str, Any]:
    sources = [*capture.sources, *([] if sample is None else [source("sample", sample.file)])]
    return {
        "tool": {"name": "neurocompile", "version": neurocompile.__version__},
        "model": capture.name,
        "target": compilation.target.name,
        "options": compilation.options.record(family_of(compilation.target).name),
        "seed": SEED,
        **({} if compilation.pruning is None else {"pruning": compilation.pruning.selection.to_json()}),
        "inputs": [dataclasses.asdict(item) for item in sources],
        "versions": {**capture.graph.info.get("versions", {}),
                     **{name: importlib.metadata.version(name) for name in ("numpy", "scipy")}},
    }
