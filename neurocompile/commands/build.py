"""`neurocompile build`: from a model to a directory that can be deployed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from neurocompile.commands.anchor import anchor
from neurocompile.commands.models import Job, cache_option, job, model_options, pick_model
from neurocompile.commands.options import (
    CompileCommand,
    Filter,
    compile_options,
    pick_options,
)
from neurocompile.commands.terminal import (
    Progress,
    common,
    findings_text,
    settings,
    show,
    visible,
)
from neurocompile.config import load_config
from neurocompile.diagnostics import FindingsError
from neurocompile.report.documents import DOCUMENTS, document


@click.command(cls=CompileCommand, short_help="Write a deployable build directory.")
@click.argument("model")
@click.option("-o", "--out", type=click.Path(path_type=Path), default="build", show_default=True,
              help="The build directory; replaced as a whole.")
@model_options
@cache_option
@compile_options
@click.option("--verify-samples", type=click.IntRange(0), default=4, show_default=True,
              metavar="N", help="Samples to run and compare: on Lava, or in the simulator.")
@click.option("--no-verify", is_flag=True, help="Do not run the program.")
@click.option("--timeout", type=click.FloatRange(1), default=600.0, show_default=True,
              help="Seconds that Lava may take.")
@click.option("--stop-after", type=click.Choice(["place"]),
              help="Map it and write the reports, but no program.")
@click.option("--force", is_flag=True, help="Move a foreign directory aside, and build.")
@common
def build(model: str, out: Path, **values: Any) -> int:
    """Compile MODEL, verify it spike for spike, and write the build directory.

    MODEL is net.onnx, pkg.mod:factory, a file of weights, or a configured name.
    """
    settings().fmt = values["fmt"]
    config = load_config(settings().config)
    work = job(model, pick_model(values), config)
    by_name = pick_options(values)
    chips = work.targets(values["targets"])
    if len(chips) > 1:
        raise click.UsageError(f"a build has one target, not {', '.join(t.name for t in chips)}")
    options = work.options(by_name, chips[0])
    from neurocompile.builds.directory import check_replaceable

    check_replaceable(out, values["force"])
    progress = Progress()
    sample = work.sample()
    capture = work.load(sample, progress)
    from neurocompile.builds import builder
    from neurocompile.families.family import Checks

    checks = Checks(0 if values["no_verify"] else values["verify_samples"], values["timeout"])
    try:
        result = builder.build(
            capture, chips[0], options, out, sample=sample, checks=checks, force=values["force"],
            program=values["stop_after"] is None, progress=progress,
            select=Filter(values["select"], values["ignore"], config))
    except FindingsError as error:
        groups = _groups(error, out)
        if groups is not None:
            progress.say(f"wrote {groups}: with which groups to train again")
        raise
    progress.end()
    _tell(result, values["fmt"], out, work)
    return 0


def _groups(error: FindingsError, out: Path) -> Path | None:
    """The file of what `--fan-in group` found, beside the build that there is none of."""
    all_groups = [groups for d in error.diagnostics
             if isinstance(groups := d.values.get("groups"), Mapping)]
    if not all_groups:
        return None
    from neurocompile.builds.manifest import write_json

    path = out.with_name(f"{out.name}.groups.json")
    write_json(path, {"schema": "neurocompile/groups/1", "axons": all_groups[0]["axons"],
                      "populations": [one for groups in all_groups for one in groups["populations"]]})
    return path


def _tell(result: Any, fmt: str, out: Path, work: Job) -> None:
    target = result.compilation.target.name
    if fmt == "json":
        show(findings_text(result.diagnostics, fmt, target=target))
        return
    if fmt in DOCUMENTS:
        from neurocompile.report.model_findings import ModelFindings

        name = work.entry.name
        show(document(fmt, [ModelFindings(
            model=name, target=target, findings=tuple(visible(result.diagnostics)),
            anchor=anchor(work.config, name))]))
        return
    findings = visible(result.diagnostics)
    if findings:
        show(findings_text(findings, fmt) + "\n")
    if fmt != "full":
        return
    from neurocompile.families.table import family_of, sections_of
    from neurocompile.report import terminal

    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    show(terminal.render(result.report, sections_of(result.compilation.target),
                         settings().colored(settings().results), width))
    program = (f"program/ runs on {family_of(result.compilation.target).runs_on}"
               if (result.path / "program").is_dir() else "no program")
    show(f"wrote {out}/: {program}, report.html shows the mapping")
