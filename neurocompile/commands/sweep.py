"""`neurocompile sweep`: accuracy, spikes, memory and cores by bits of a weight, on several targets."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.models import cache_option, job, model_options, pick_model
from neurocompile.commands.options import ModelCommand, behind, pick_among
from neurocompile.commands.output import unwritable, write_output
from neurocompile.commands.terminal import Progress, common, settings, show
from neurocompile.config import load_config
from neurocompile.families.table import declared_options
from neurocompile.options import SWEEP_BITS, Option

if TYPE_CHECKING:
    from neurocompile.report.model.sweep import SweepDocument


class SweepCommand(ModelCommand):
    """Behind `--target` stands what is swept, then the declared options that all points share."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and the declared options of now."""
        return behind("targets", super().get_params(ctx), (SWEEP_BITS, *_shared_options()))


def _shared_options() -> tuple[Option, ...]:
    return tuple(one for one in declared_options() if one.name != "weight_bits")


@click.command(cls=SweepCommand, short_help="Show what fewer bits cost and save.")
@click.argument("model")
@model_options
@cache_option
@click.option("-t", "--target", "targets", multiple=True, metavar="NAME|FILE",
              help="Chip; repeatable, or a comma list.")
@click.option("--format", "fmt", type=click.Choice(["full", "json", "csv"]), default="full",
              help="What is shown.")
@click.option("-o", "--output", "files", type=click.Path(path_type=Path), multiple=True,
              metavar="FILE", help="Write a page (.html), .json or .csv, too; repeatable.")
@common
def sweep(model: str, targets: tuple[str, ...], fmt: str, files: tuple[Path, ...],
          **values: Any) -> int:
    """Compile MODEL with several numbers of bits for several targets, and compare.

    It is captured and lowered once. MODEL is as for `build`. With labels in the sample there is
    accuracy; else answers are compared with the float network's.
    """
    config = load_config(settings().config)
    work = job(model, pick_model(values), config)
    for path in files:
        if path.suffix not in WRITERS:
            raise unwritable(path, "it is no kind of table",
                             f"name a file that ends in {', '.join(WRITERS)}")
    bits = values.pop(SWEEP_BITS.name) or SWEEP_BITS.default
    by_name = pick_among(values, _shared_options())
    chips = work.targets(targets)
    progress = Progress()
    sample = work.sample()
    capture = work.load(sample, progress)
    from neurocompile.builds.builder import require_proof
    from neurocompile.families.sweep import Setting
    from neurocompile.families.sweep import sweep as sweep_graph

    require_proof(capture)
    document = sweep_graph(
        capture.graph, work.entry.name,
        [Setting(chip, work.options({**by_name, "weight_bits": one}, chip))
         for chip in chips for one in bits],
        None if sample is None else capture.fit(sample), None if sample is None else sample.labels,
        progress)
    progress.end()
    for path in files:
        write_output(path, WRITERS[path.suffix](document).encode())
    show(_text(document, fmt))
    return 0


def _text(document: SweepDocument, fmt: str) -> str:
    if fmt != "full":
        return WRITERS[f".{fmt}"](document).rstrip("\n")
    from neurocompile.report import sweep as tables

    return tables.text(document, settings().colored(sys.stdout),
                       min(shutil.get_terminal_size((100, 24)).columns, 100))


def _json(document: SweepDocument) -> str:
    from neurocompile.report.plain import to_json

    return json.dumps(to_json(document), indent=1) + "\n"


def _csv(document: SweepDocument) -> str:
    from neurocompile.report import sweep as tables

    return tables.csv_text(document)


def _page(document: SweepDocument) -> str:
    from neurocompile.report import html

    return html.render_sweep(document)


WRITERS: Mapping[str, Callable[[SweepDocument], str]] = {".html": _page, ".json": _json, ".csv": _csv}
