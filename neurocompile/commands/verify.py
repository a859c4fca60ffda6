"""`neurocompile verify`: a build's program against the reference, spike for spike."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocompile.commands.terminal import Progress, common, findings_text, show
from neurocompile.diagnostics import Diagnostic, UsageError, errors

if TYPE_CHECKING:
    from neurocompile.backends.results import Verification
    from neurocompile.builds.directory import Build
    from neurocompile.report.model.fidelity import Accuracy


@click.command(short_help="Compare a build with its reference.")
@click.argument("build", metavar="BUILD", type=click.Path(path_type=Path))
@click.option("--input", "file", type=click.Path(path_type=Path), metavar="FILE",
              help="Samples: .npz with x, and y for labels; else seeded noise.")
@click.option("--samples", type=click.IntRange(1), metavar="N", help="Only the first N samples.")
@click.option("--timeout", type=click.FloatRange(1), default=600.0, show_default=True,
              metavar="S", help="Seconds that Lava may take.")
@click.option("--lava-python", metavar="PATH", help="The Python that has Lava, if not this one.")
@click.option("--format", "fmt", type=click.Choice(["full", "json"]), default="full",
              help="How the result is written.")
@common
def verify(build: Path, file: Path | None, samples: int | None, timeout: float,
           lava_python: str | None, fmt: str) -> int:
    """Run the program of BUILD and compare every spike with the reference.

    A program for Loihi runs on Lava, one for TrueNorth in the simulator.

    The reference is compilation again from the build's own graph; the model's code is not needed.
    """
    from neurocompile.builds.directory import open_build
    from neurocompile.formats.samples import load_sample

    progress = Progress()
    progress("load")
    whole = open_build(build)
    if not (whole.folder / "program").is_dir():
        raise UsageError(Diagnostic("NC007", values={
            "what": f"a program in `{build}`", "reason": "it was built with --stop-after place"}))
    sample = None if file is None else load_sample(file)
    if sample is not None and samples is not None:
        sample = sample.first(samples)
    from neurocompile.builds import builder, rebuild
    from neurocompile.families.family import Checks
    from neurocompile.families.table import family_of
    from neurocompile.passes.quantization.ranges import clipped_inputs

    progress("compile")
    again = rebuild.recompile(whole)
    rebuild.recheck(whole, again)
    arrays = None if sample is None else again.capture.fit(sample)
    count = len(sample) if sample is not None else samples or Checks().samples
    network = again.compilation.network
    inputs = builder.first_inputs(again.compilation.floating, arrays, count)
    progress("verify")
    with tempfile.TemporaryDirectory(prefix="neurocompile-") as work:
        program = Path(work) / "program"
        _copy_program(whole, program)
        verification = family_of(again.compilation.target).verify(
            program, again.compilation, inputs, Checks(count, timeout, lava_python), progress)
    progress.end()
    accuracy = builder.measure_accuracy(network, arrays, sample)
    verification = replace(verification, diagnostics=(
        *verification.diagnostics, *clipped_inputs(network, inputs)))
    _tell(verification, accuracy, fmt)
    return 1 if errors(verification.diagnostics) else 0


def _copy_program(build: Build, program: Path) -> None:
    """Copy the program's own files, and nothing that was laid beside them."""
    for name in build.manifest.files:
        if name.startswith("program/"):
            target = program / name.removeprefix("program/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(build.folder / name, target)


def _tell(verification: Verification, accuracy: Accuracy | None, fmt: str) -> None:
    from neurocompile.report import words

    if fmt == "json":
        from neurocompile.families.documents import verify_document
        from neurocompile.report.plain import to_json

        show(json.dumps(to_json(verify_document(verification, accuracy)), indent=1))
        return
    findings: tuple[Diagnostic, ...] = verification.diagnostics
    if findings:
        show(findings_text(findings, "full") + "\n")
    width = max(len(name) for name in ("population", *(p.name for p in verification.populations)))
    show(f"{'population':{width}}  {'neurons':>9}  {'spikes':>11}  differences")
    for one in verification.populations:
        amount = f"{one.sums:,} sums" if one.sums else f"{one.spikes:,}"
        show(f"{one.name:{width}}  {one.neurons:>9,}  {amount:>11}  {one.differences:>11,}")
    show(verification.summary)
    if accuracy is not None:
        show(words.accuracy(accuracy))
