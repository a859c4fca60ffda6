"""`neurocompile check`: what speaks against a network on a chip, and how many cores it takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.anchor import anchor
from neurocompile.commands.baseline import load_baseline, write_baseline
from neurocompile.commands.models import Job, cache_option, job, model_options, pick_model
from neurocompile.commands.options import (
    CompileCommand,
    Filter,
    OptionValues,
    compile_options,
    pick_options,
)
from neurocompile.commands.terminal import Progress, common, settings, show
from neurocompile.commands.verdict import CheckResult, exit_code, text
from neurocompile.config import load_config, unused_ignores
from neurocompile.diagnostics import Diagnostic, NeurocompileError
from neurocompile.families.table import family_of
from neurocompile.formats.table import format_of
from neurocompile.options import Options
from neurocompile.target import Target

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture

LARGE = 32_000_000  # parameters above which only legality is checked, unless --full


@click.command(cls=CompileCommand, short_help="Say whether models can be built.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@model_options
@cache_option
@compile_options
@click.option("--full/--legality-only", "full", default=None,
              help="Map it onto the chip too; default: with weights, a sample or a budget.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE",
              help="Findings in it do not count.")
@click.option("--write-baseline", type=click.Path(path_type=Path), metavar="FILE",
              help="Write what was found as a baseline.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the findings there.")
@click.option("--exit-zero", is_flag=True, help="Findings are no failure.")
@common
def check(models: tuple[str, ...], **typed_values: Any) -> int:
    """Check MODELs without building them; without MODEL, every configured one.

    An architecture without weights is checked for legality only. Exits with 0 when nothing speaks
    against any, with 1 when a finding is an error.
    """
    settings().fmt = typed_values["fmt"]
    config = load_config(settings().config)
    model_given = pick_model(typed_values)
    values = pick_options(typed_values)
    names = models or tuple(entry.name for entry in config.models)
    if not names:
        raise click.UsageError("no MODEL, and none is configured in neurocompile.toml")
    baseline = load_baseline(typed_values["baseline"] or config.baseline)
    jobs = [job(name, model_given, config) for name in names]
    chips = [work.targets(typed_values["targets"]) for work in jobs]
    progress = Progress()
    results = [one for work, on in zip(jobs, chips, strict=True)
               for one in _check(work, values, on, progress, typed_values["full"])]
    progress.end()
    keep = Filter(typed_values["select"], typed_values["ignore"], config)
    selection = [replace(one, findings=tuple(filter(keep, one.findings))) for one in results]
    if typed_values["write_baseline"] is not None:
        baseline = write_baseline(typed_values["write_baseline"], map(_findings, selection))
    n_gone = baseline.count_gone(map(_findings, results)) if not models else 0
    if n_gone:
        progress.say(f"{n_gone:,} findings of the baseline are gone: write it again")
    new = [replace(one, findings=baseline.new(*_findings(one)),
                   n_ignored=len(before.findings) - len(one.findings))
           for one, before in zip(selection, results, strict=True)]
    new = [replace(one, n_known=len(before.findings) - len(one.findings))
           for one, before in zip(new, selection, strict=True)]
    if not models:
        idle = unused_ignores(config, [d for one in results for d in one.findings])
        new[-1] = replace(new[-1], findings=(*new[-1].findings, *filter(keep, idle)))
    show(text(new, [one.verdict for one in results], typed_values["fmt"]), typed_values["output"])
    code = exit_code(new)
    return 0 if typed_values["exit_zero"] and code == 1 else code


def _findings(one: CheckResult) -> tuple[str, str, Sequence[Diagnostic]]:
    return one.model, one.target, one.findings


@dataclass
class _Stages:
    """Tells the progress, and remembers which stages began."""

    progress: Progress
    names: list[str]

    def __call__(self, stage: str) -> None:
        self.names.append(stage)
        self.progress(stage)


def _check(work: Job, values: OptionValues, chips: Sequence[Target], progress: Progress,
           full: bool | None) -> list[CheckResult]:
    """One model on all chips; it is captured once."""
    start = time.monotonic()
    place = anchor(work.config, work.entry.name)
    try:
        options = {chip.name: work.options(values, chip) for chip in chips}
        budgets = next(iter(options.values())).budgets
        mapping = full if full is not None else work.trained or bool(budgets)
        sample = work.sample()
        capture = work.load(sample, progress, mapping, None if full else LARGE)
        arrays = None if sample is None else capture.fit(sample)
    except NeurocompileError as error:
        return [CheckResult(
            model=work.entry.name, target=chip.name, findings=error.diagnostics,
            exit_code=error.exit_code, size="not captured", seconds=time.monotonic() - start,
            anchor=place) for chip in chips]
    replayed = capture.graph.info.get("replay") is not None
    left_out = "" if mapping and replayed else _reason(full, mapping, work, budgets)
    from neurocompile.passes.legality.summary import summarize

    results = []
    for chip in chips:
        start = time.monotonic()
        stages = _Stages(progress, ["capture" if replayed else "capture without replay"])
        one, rates = ((_legality(capture, chip, options[chip.name], stages), None) if left_out else
                      _compile(capture, chip, options[chip.name], arrays, stages))
        spikes, samples = rates or _replay_rates(capture) or (None, 0)
        results.append(replace(
            one, model=work.entry.name, target=chip.name, seconds=time.monotonic() - start,
            stages=tuple(stages.names), left_out=left_out, anchor=place, samples=samples,
            summary=summarize(capture.graph, one.findings, spikes)))
    return results


def _reason(full: bool | None, mapping: bool, work: Job, budgets: Iterable[str]) -> str:
    """Why only legality is checked, and what that leaves open."""
    if full is False:
        why = "legality only, as asked"
    elif not mapping:
        why = "legality only: no weights, sample or budget (--full maps it)"
    elif (one := format_of(Path(work.spec))) is not None and not one.captures:
        why = "legality only: the graph was captured without replay"
    else:
        why = f"legality only: above {LARGE:,} parameters (--full maps it)"
    names = ", ".join(f"max-{name}" for name in budgets)
    return f"{why}; not checked: {names}" if names else why


Rates = tuple[dict[str, float], int]  # spikes per neuron and tick by module, on so many samples


def _legality(capture: Capture, chip: Target, options: Options, stages: _Stages) -> CheckResult:
    from neurocompile.passes.legality import check_graph

    stages("check")
    findings = [*options.without_effect(family_of(chip).name, chip.name),
                *check_graph(capture.graph, options.timing, options.allow)]
    return CheckResult(findings=tuple(sorted(findings, key=Diagnostic.sort_key)))


def _compile(capture: Capture, chip: Target, options: Options, arrays: Any, stages: _Stages
             ) -> tuple[CheckResult, Rates | None]:
    from neurocompile.families.pipeline import compile_graph

    try:
        compilation = compile_graph(capture.graph, chip, options, arrays, stages)
    except NeurocompileError as error:
        return CheckResult(findings=error.diagnostics, exit_code=error.exit_code), None
    size = (f"would use {compilation.n_cores} of "
            f"{chip.chip.cores.value * chip.chip.chips.value} cores  ·  checked "
            f"{len(compilation.network.populations)} populations, "
            f"{len(compilation.network.projections)} projections")
    fidelity = compilation.fidelity
    rates = None if fidelity is None or not fidelity.rates else (fidelity.rates, fidelity.samples)
    return CheckResult(findings=compilation.diagnostics, size=size), rates


def _replay_rates(capture: Capture) -> Rates | None:
    """Rates from the replay, where that ran on the sample."""
    if not capture.examples:
        return None
    from neurocompile.passes.legality.summary import replayed_rates

    rates = replayed_rates(capture.graph)
    return None if rates is None else (rates, capture.examples)
