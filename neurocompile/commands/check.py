"""`neurocompile check`: what speaks against a network on a chip, and how many cores it takes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from neurocompile.commands.models import (
    CompileOptions,
    Filter,
    Job,
    ModelOptions,
    compile_options,
    job,
    model_options,
    pick,
    targets,
)
from neurocompile.commands.terminal import (
    Progress,
    common,
    findings_text,
    settings,
    show,
    visible,
)
from neurocompile.config import load_config, unused_ignores
from neurocompile.diagnostics import Diagnostic, NeurocompileError, Severity
from neurocompile.target import Target


@dataclass(frozen=True)
class Checked:
    """The findings for one model on one target."""

    model: str
    target: str
    found: tuple[Diagnostic, ...]
    exit_code: int  # of the error that ended it; 0: it compiled
    size: str  # what it would take, in words
    seconds: float


@click.command(short_help="Say whether models can be built.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@model_options
@compile_options
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the findings there.")
@click.option("--exit-zero", is_flag=True, help="Findings are no failure.")
@common
def check(models: tuple[str, ...], **given: Any) -> int:
    """Check MODELs without building them; without MODEL, every configured one.

    Exits with 0 when all could be built, with 1 when a finding is an error.
    """
    config = load_config(settings().config)
    model_given = pick(ModelOptions, given)
    compile_given = pick(CompileOptions, given)
    names = models or tuple(entry.name for entry in config.models)
    if not names:
        raise click.UsageError("no MODEL, and none is configured in neurocompile.toml")
    chips = targets(given["targets"], config)
    progress = Progress()
    checked = [one for name in names for one in _check(
        job(name, model_given, config), compile_given, chips, progress)]
    progress.end()
    everything = [d for one in checked for d in one.found]
    keep = Filter(given["select"], given["ignore"], config)
    kept = [replace(one, found=tuple(filter(keep, one.found))) for one in checked]
    if not models:
        kept[-1] = replace(kept[-1], found=(
            *kept[-1].found, *filter(keep, unused_ignores(config, everything))))
    show(_text(kept, given["fmt"], checked), given["output"])
    return 0 if given["exit_zero"] and _code(kept) == 1 else _code(kept)


def _check(work: Job, given: CompileOptions, chips: Sequence[Target], progress: Progress
           ) -> list[Checked]:
    """One model on all chips; it is captured once."""
    start = time.monotonic()
    try:
        sample = work.sample()
        loaded = work.load(sample, progress)
        arrays = None if sample is None else loaded.fit(sample)
    except NeurocompileError as error:
        return [Checked(work.entry.name, chip.name, error.diagnostics, error.exit_code, "not captured",
                        time.monotonic() - start) for chip in chips]
    from neurocompile.pipeline import compile_graph

    results = []
    for chip in chips:
        start = time.monotonic()
        found: tuple[Diagnostic, ...]
        try:
            done = compile_graph(loaded.graph, chip, work.options(given), arrays, progress)
            found, code = done.diagnostics, 0
            size = (f"would use {len(done.usage.cores)} of "
                    f"{chip.chip.cores.value * chip.chip.chips.value} cores  ·  checked "
                    f"{len(done.network.populations)} populations, "
                    f"{len(done.network.projections)} projections")
        except NeurocompileError as error:
            found, code, size = error.diagnostics, error.exit_code, "not mapped"
        results.append(Checked(work.entry.name, chip.name, found, code, size,
                               time.monotonic() - start))
    return results


def _code(kept: Sequence[Checked]) -> int:
    """The worst exit code; an ignored error does not count."""
    codes = [max(one.exit_code, 1) for one in kept
             if any(d.level == Severity.ERROR for d in one.found)]
    return max(codes, default=0)


def _text(kept: Sequence[Checked], fmt: str, checked: Sequence[Checked]) -> str:
    if fmt == "json":
        from neurocompile.report.data import diagnostics_json

        return json.dumps({"schema": "neurocompile/check/1", "checks": [
            {"model": one.model, **diagnostics_json(one.found, one.target)} for one in kept]},
            indent=1)
    parts = [findings_text(visible(one.found), fmt, _summary(one, len(before.found) - len(one.found), kept),
                           one.target, sys.stdout)
             for one, before in zip(kept, checked, strict=True)]
    return ("\n\n" if fmt == "full" else "\n").join(part for part in parts if part)


def _summary(one: Checked, hidden: int, kept: Sequence[Checked]) -> str:
    counts = [(sum(d.level == level for d in one.found), level.label)
              for level in (Severity.ERROR, Severity.WARNING, Severity.NOTE)]
    told = ", ".join(f"{n} {label}{'s' * (n > 1)}" for n, label in counts if n) or "no findings"
    if counts[-1][0] and not settings().verbose:
        told += " (-v shows)"
    left_out = f" ({hidden} ignored)" if hidden > 0 else ""
    name = f"{one.model} on {one.target}" if len(kept) > 1 else one.target
    return f"{name}: {told}{left_out}  ·  {one.size} in {one.seconds:.1f} s"
