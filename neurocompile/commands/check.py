"""`neurocompile check`: what speaks against a network on a chip, and how many cores it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
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
from neurocompile.diagnostics import Diagnostic, NeurocompileError, errors
from neurocompile.formats.table import format_of
from neurocompile.options import Options
from neurocompile.target import Target

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture
    from neurocompile.ir.graph import Graph


@click.command(cls=CompileCommand, short_help="Say whether models can be built.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@model_options
@cache_option
@compile_options
@click.option("--full/--legality-only", "full", default=None,
              help="Run every stage, or none that runs the model or maps it; default: map it with "
              "weights, a sample or a budget.")
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

    Of an architecture without weights the structure is checked, without a target what holds on any
    chip; the verdict names the stages that did not run. Exits with 0 when nothing speaks against
    any in the stages that ran (--full: in all), with 1 when a finding is an error.
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
    chips = [work.chips(typed_values["targets"]) for work in jobs]
    if typed_values["full"] and [None] in chips:
        raise click.UsageError("no target: --full maps onto a chip; pass -t loihi2, or set `target` "
                               "in neurocompile.toml")
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


@dataclass(frozen=True)
class _Depth:
    """How far a check goes: what is asked for, and what there is to go on."""

    full: bool | None  # all stages, none that run the model, or what there is data for
    trained: bool
    budgets: tuple[str, ...]  # that are set
    captures: bool  # the model's file holds no Graph, whose replay is over

    @property
    def replays(self) -> bool:
        """Whether the model is run, if it is not too large."""
        return self.full is not False

    @property
    def largest(self) -> int | None:
        """Parameters of the largest model that is run; None for any."""
        from neurocompile.families.pipeline import LARGE, SMALL

        return None if self.full else LARGE if self.mapping else SMALL

    @property
    def mapping(self) -> bool:
        """Whether weights are quantized and mapped."""
        return self.full if self.full is not None else self.trained or bool(self.budgets)

    def reason(self, target: Target | None, replayed: bool) -> str:
        """Why stages are left out, and what that leaves open; empty where none is."""
        reasons = []
        if self.full is False:
            reasons = ["as asked"]
        elif not replayed:
            reasons = [f"above {self.largest:,} parameters: --full runs them" if self.captures else
                       "the graph was captured without replay"]
        if target is None:
            reasons.append("no target: -t names one")
        elif not self.mapping and self.full is None:
            reasons.append("no weights, sample or budget: --full runs them")
        if reasons and self.budgets:
            reasons.append("not checked: " + ", ".join(f"max-{name}" for name in self.budgets))
        return "; ".join(reasons)


def _check(work: Job, values: OptionValues, chips: Sequence[Target | None], progress: Progress,
           full: bool | None) -> list[CheckResult]:
    """One model on all chips; it is captured once."""
    start = time.monotonic()
    place = anchor(work.config, work.entry.name)
    try:
        options = [work.options(values, chip) for chip in chips]
        depth = _depth(work, tuple(options[0].budgets), full)
        sample = work.sample()
        capture = work.load(sample, progress, depth.replays, depth.largest)
        if full:
            _require_proof(capture)
        arrays = None if sample is None else capture.fit(sample)
    except NeurocompileError as error:
        return [CheckResult(
            model=work.entry.name, target=_name(chip), findings=error.diagnostics,
            exit_code=error.exit_code, size="not captured", seconds=time.monotonic() - start,
            anchor=place) for chip in chips]
    return [replace(_on_chip(capture, chip, own, arrays, progress, depth),
                    model=work.entry.name, target=_name(chip), anchor=place)
            for chip, own in zip(chips, options, strict=True)]


def _depth(work: Job, budgets: tuple[str, ...], full: bool | None) -> _Depth:
    one = format_of(Path(work.spec))
    return _Depth(full, work.trained, budgets, one is None or one.captures)


def _name(chip: Target | None) -> str:
    return "" if chip is None else chip.name


def _require_proof(capture: Capture) -> None:
    from neurocompile.builds.builder import require_proof

    require_proof(capture)


def _on_chip(capture: Capture, chip: Target | None, options: Options, arrays: Any,
             progress: Progress, depth: _Depth) -> CheckResult:
    """A captured model on one chip."""
    from neurocompile.families.pipeline import stages_not_run
    from neurocompile.passes.legality.summary import summarize
    from neurocompile.report.sections import time_facts

    start, graph = time.monotonic(), capture.graph
    replayed = graph.info.get("replay") is not None
    stages = _Stages(progress, ["capture" if replayed else "capture without replay"])
    left_out, rates = depth.reason(chip, replayed), None
    if left_out or chip is None:
        one = _structure(graph, chip, options, arrays, stages)
    else:
        one, rates = _compile(graph, chip, options, arrays, stages)
    refused = bool(errors(one.findings))
    spikes, samples = rates or _replay_rates(capture) or (None, 0)
    return replace(
        one, seconds=time.monotonic() - start, stages=tuple(stages.names), left_out=left_out,
        findings=tuple(sorted((*one.findings, *capture.notes), key=Diagnostic.sort_key)),
        time=time_facts(graph),
        not_run=stages_not_run(graph, chip, stages.names) if left_out and not refused else (),
        samples=samples, summary=summarize(
            graph, one.findings, spikes, options.outputs))


Rates = tuple[dict[str, float], int]  # spikes per neuron and tick by module, on so many samples


def _structure(graph: Graph, chip: Target | None, options: Options, arrays: Any, stages: _Stages
               ) -> CheckResult:
    from neurocompile.families.pipeline import check_structure

    try:
        return CheckResult(findings=check_structure(graph, chip, options, arrays, stages))
    except NeurocompileError as error:
        return CheckResult(findings=error.diagnostics, exit_code=error.exit_code)


def _compile(graph: Graph, chip: Target, options: Options, arrays: Any, stages: _Stages
             ) -> tuple[CheckResult, Rates | None]:
    from neurocompile.families.pipeline import compile_graph

    try:
        compilation = compile_graph(graph, chip, options, arrays, stages)
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
