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
from neurocompile.commands.models import Job, job, model_options, pick_model
from neurocompile.commands.options import (
    CompileCommand,
    Filter,
    OptionValues,
    compile_options,
    pick_options,
)
from neurocompile.commands.terminal import Progress, common, settings, show
from neurocompile.commands.verdict import Checked, exit_code, text
from neurocompile.config import load_config, unused_ignores
from neurocompile.diagnostics import Diagnostic, NeurocompileError
from neurocompile.formats.table import format_of
from neurocompile.options import Options
from neurocompile.target import Target

if TYPE_CHECKING:
    from neurocompile.formats.request import Capture

LARGE = 32_000_000  # parameters above which only legality is checked, unless --full


@click.command(cls=CompileCommand, short_help="Say whether models can be built.")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@model_options
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
def check(models: tuple[str, ...], **given: Any) -> int:
    """Check MODELs without building them; without MODEL, every configured one.

    An architecture without weights is checked for legality only. Exits with 0 when nothing speaks
    against any, with 1 when a finding is an error.
    """
    settings().fmt = given["fmt"]
    config = load_config(settings().config)
    model_given = pick_model(given)
    values = pick_options(given)
    names = models or tuple(entry.name for entry in config.models)
    if not names:
        raise click.UsageError("no MODEL, and none is configured in neurocompile.toml")
    baseline = load_baseline(given["baseline"] or config.baseline)
    jobs = [job(name, model_given, config) for name in names]
    chips = [work.targets(given["targets"]) for work in jobs]
    progress = Progress()
    checked = [one for work, on in zip(jobs, chips, strict=True)
               for one in _check(work, values, on, progress, given["full"])]
    progress.end()
    keep = Filter(given["select"], given["ignore"], config)
    kept = [replace(one, found=tuple(filter(keep, one.found))) for one in checked]
    if given["write_baseline"] is not None:
        baseline = write_baseline(given["write_baseline"], map(_found, kept))
    n_gone = baseline.count_gone(map(_found, checked)) if not models else 0
    if n_gone:
        progress.say(f"{n_gone:,} findings of the baseline are gone: write it again")
    new = [replace(one, found=baseline.new(*_found(one)), ignored=len(all_.found) - len(one.found))
           for one, all_ in zip(kept, checked, strict=True)]
    new = [replace(one, known=len(before.found) - len(one.found))
           for one, before in zip(new, kept, strict=True)]
    if not models:
        idle = unused_ignores(config, [d for one in checked for d in one.found])
        new[-1] = replace(new[-1], found=(*new[-1].found, *filter(keep, idle)))
    show(text(new, [one.verdict for one in checked], given["fmt"]), given["output"])
    code = exit_code(new)
    return 0 if given["exit_zero"] and code == 1 else code


def _found(one: Checked) -> tuple[str, str, Sequence[Diagnostic]]:
    return one.model, one.target, one.found


@dataclass
class _Stages:
    """Tells the progress, and remembers which stages began."""

    progress: Progress
    names: list[str]

    def __call__(self, stage: str) -> None:
        self.names.append(stage)
        self.progress(stage)


def _check(work: Job, values: OptionValues, chips: Sequence[Target], progress: Progress,
           full: bool | None) -> list[Checked]:
    """One model on all chips; it is captured once."""
    start = time.monotonic()
    place = anchor(work.config, work.entry.name)
    try:
        options = work.options(values)
        mapping = full if full is not None else work.trained or bool(options.budgets)
        sample = work.sample()
        capture = work.load(sample, progress, mapping, None if full else LARGE)
        arrays = None if sample is None else capture.fit(sample)
    except NeurocompileError as error:
        return [Checked(work.entry.name, chip.name, error.diagnostics, error.exit_code,
                        "not captured", time.monotonic() - start, anchor=place)
                for chip in chips]
    replayed = capture.graph.info.get("replay") is not None
    left_out = "" if mapping and replayed else _reason(full, mapping, work, options)
    from neurocompile.passes.legality.summary import summarize

    results = []
    for chip in chips:
        start = time.monotonic()
        stages = _Stages(progress, ["capture" if replayed else "capture without replay"])
        one, rates = ((_legality(capture, options, stages), None) if left_out else
                      _compile(capture, chip, options, arrays, stages))
        spikes, samples = rates or _replay_rates(capture) or (None, 0)
        results.append(replace(
            one, model=work.entry.name, target=chip.name, seconds=time.monotonic() - start,
            stages=tuple(stages.names), left_out=left_out, anchor=place, samples=samples,
            summary=summarize(capture.graph, one.found, spikes)))
    return results


def _reason(full: bool | None, wanted: bool, work: Job, options: Options) -> str:
    """Why only legality is checked, and what that leaves open."""
    if full is False:
        why = "legality only, as asked"
    elif not wanted:
        why = "legality only: no weights, sample or budget (--full maps it)"
    elif (one := format_of(Path(work.spec))) is not None and not one.captures:
        why = "legality only: the graph was captured without replay"
    else:
        why = f"legality only: above {LARGE:,} parameters (--full maps it)"
    names = ", ".join(f"max-{name}" for name in options.budgets)
    return f"{why}; not checked: {names}" if names else why


Rates = tuple[dict[str, float], int]  # spikes per neuron and tick by module, on so many samples


def _legality(capture: Capture, options: Options, stages: _Stages) -> Checked:
    from neurocompile.passes.legality import check_graph

    stages("check")
    findings = sorted(check_graph(capture.graph, options.timing, options.allow),
                      key=Diagnostic.sort_key)
    return Checked(found=tuple(findings))


def _compile(capture: Capture, chip: Target, options: Options, arrays: Any, stages: _Stages
             ) -> tuple[Checked, Rates | None]:
    from neurocompile.families.pipeline import compile_graph

    try:
        compilation = compile_graph(capture.graph, chip, options, arrays, stages)
    except NeurocompileError as error:
        return Checked(found=error.diagnostics, exit_code=error.exit_code), None
    size = (f"would use {compilation.n_cores} of "
            f"{chip.chip.cores.value * chip.chip.chips.value} cores  ·  checked "
            f"{len(compilation.network.populations)} populations, "
            f"{len(compilation.network.projections)} projections")
    fidelity = compilation.fidelity
    rates = None if fidelity is None else (
        {name: one.rate for name, one in fidelity.populations.items()}, fidelity.samples)
    return Checked(found=compilation.diagnostics, size=size), rates


def _replay_rates(capture: Capture) -> Rates | None:
    """Rates from the replay, where that ran on the sample."""
    if not capture.examples:
        return None
    from neurocompile.passes.legality.summary import replayed_rates

    rates = replayed_rates(capture.graph)
    return None if rates is None else (rates, capture.examples)
