"""`neurocompile quantize` and `tune`: a model's weights on a chip's grid, for the model itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurocompile.commands.models import ModelOptions, job, model_options, targets
from neurocompile.commands.options import behind, decorate, pick, pick_among
from neurocompile.commands.output import unwritable, write_output
from neurocompile.commands.terminal import Progress, common, findings_text, settings, show
from neurocompile.config import load_config
from neurocompile.families.table import declared_options
from neurocompile.options import Option, Options
from neurocompile.target import Target

if TYPE_CHECKING:
    from neurocompile.formats.samples import Sample
    from neurocompile.training.rewriting import RewrittenModel
    from neurocompile.training.template import TrainedModel
    from neurocompile.training.tuning import Epoch

OPTIONS = ("weight_bits", "encoder", "allow", "outputs")  # of the declared ones, those it takes


class TrainingCommand(click.Command):
    """A command that makes a chip's numbers: the declared options of numbers stand behind `-t`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and those of the declared options of now."""
        return behind("target", super().get_params(ctx), _number_options())


def _number_options() -> tuple[Option, ...]:
    return tuple(one for one in declared_options() if one.name in OPTIONS)


def _weights_options(command: Any) -> Any:
    return decorate(command, (
        click.argument("model"),
        click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
                     metavar="FILE", help="The state_dict to write: .pt, .pth or .safetensors."),
        click.option("-t", "--target", metavar="NAME|FILE", help="Chip."),
        model_options))


@click.command(cls=TrainingCommand, short_help="Write a model's weights on a chip's grid.")
@_weights_options
@common
def quantize(model: str, output: Path, **values: Any) -> int:
    """Round the weights of MODEL to a chip's grid, and write them as its state_dict.

    The model runs in PyTorch with it as on the chip, but for what the chip rounds of decays and of
    analog inputs. MODEL is pkg.mod:factory, a file of weights with --arch, or a configured name.
    """
    setup = _setup(model, output, values)
    from neurocompile.training.rewriting import parameters_of, rewrite

    progress = Progress()
    progress("quantize")
    parameters = parameters_of(setup.model, setup.target, setup.options)
    result = rewrite(parameters, parameters.fit.values, parameters.inputs(setup.sample))
    progress.end()
    return _finish(result, setup)


@click.command(cls=TrainingCommand, short_help="Train a model through a chip's integers.")
@_weights_options
@click.option("--data", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="What to train on: .npz with x, and y for labels.")
@click.option("--epochs", type=click.IntRange(1, 10_000), default=5, show_default=True, metavar="N",
              help="Times that the data is gone through.")
@click.option("--lr", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True,
              metavar="NUMBER", help="AdamW's learning rate at the start; it falls as a cosine.")
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, metavar="N",
              help="Samples of a step.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
              help="Where to train; the same seed gives the same weights on a CPU.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N",
              help="Of the order of the data.")
@common
def tune(model: str, output: Path, **values: Any) -> int:
    """Train MODEL a few epochs through a chip's integers, and write its state_dict.

    Forward is the integer network, backward goes straight through all rounding. The epoch whose
    integers are best on the data is written. MODEL is as for `quantize`.
    """
    names = ("data", "epochs", "lr", "batch", "device", "seed")
    course_values = {name: values.pop(name) for name in names}
    from neurocompile.formats.samples import load_sample

    data = load_sample(course_values.pop("data"))
    setup = _setup(model, output, values, data)
    from neurocompile.training.tuning import Course, labeled_data, trainable, tune_parameters

    course = Course(learning_rate=course_values.pop("lr"), **course_values)

    def say(epoch: Epoch) -> None:
        loss = f"loss {epoch.loss:.4f}" if epoch.number else "before training"
        show(f"epoch {epoch.number}/{course.epochs}: {loss}, {epoch.accuracy:.2%} of "
             f"{len(data):,} right in integers")

    parameters = trainable(setup.model, setup.target, setup.options)
    result = tune_parameters(parameters, labeled_data(data, parameters), course, say)
    show(f"the integer network of these weights: {result.accuracy:.2%} of {len(data):,} right")
    return _finish(result.model, setup)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Setup:
    """What both commands work on."""

    model: TrainedModel
    target: Target
    options: Options
    output: Path
    sample: Sample | None


def _setup(model: str, output: Path, values: dict[str, Any], data: Sample | None = None) -> _Setup:
    from neurocompile.formats.state_file import SUFFIXES

    if output.suffix not in SUFFIXES:
        raise unwritable(output, "it is no file of weights",
                         f"name a file that ends in {', '.join(SUFFIXES)}")
    by_name = pick_among(values, _number_options())
    name = values.pop("target")
    own: ModelOptions = pick(ModelOptions, values | {"formats": {}, "no_cache": True})
    work = job(model, own, load_config(settings().config))
    chip = targets((name,) if name else work.entry.targets, work.config)[0]
    sample = work.sample()
    from neurocompile.formats.load import quiet_triton
    from neurocompile.training.template import load_trained

    quiet_triton()
    return _Setup(model=load_trained(work.request(), sample or data, Progress().say), target=chip,
                  options=work.options(by_name, chip), output=output, sample=sample)


def _finish(result: RewrittenModel, setup: _Setup) -> int:
    """Write the state_dict and say what was proved of it."""
    from neurocompile.formats.state_file import state_bytes

    write_output(setup.output, state_bytes(result.state_dict, setup.output.suffix))
    if result.findings:
        show(findings_text(result.findings, "full"))
    show("\n".join(_lines(result, setup)))
    return 0


def _lines(result: RewrittenModel, setup: _Setup) -> Iterator[str]:
    names = [f"{one.name} {one.largest} x 2^{math.log2(one.step):.0f}"
             for one in result.tensors if one.step]
    plain = [one.name for one in result.tensors if not one.step]
    yield f"wrote {setup.output}: {result.layers - result.layers_left} of {result.layers} layers on the grid"
    yield f"largest number x step: {', '.join(names)}" if names else "no tensor is on a grid"
    if plain:
        yield f"not rounded, the host computes with them: {', '.join(plain)}"
    yield (f"captured and quantized again: {result.weights:,} weights are exactly the integers of "
           f"{setup.target.name}")
    different, spikes = sum(result.different.values()), sum(result.spikes.values())
    yield (f"the weights in floats against the integers: {different:,} of {spikes:,} spikes differ"
           + (", by the chip's rounding of decays and analog inputs" if different else ""))
