"""Training through the integers: a few epochs, after which the chip's own network is what was trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from neurocompile.backends import synchronous
from neurocompile.diagnostics import Diagnostic, FindingsError, UsageError
from neurocompile.families.table import family_of
from neurocompile.formats.samples import Sample
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.target import Target
from neurocompile.training.fitting import Fit, fit
from neurocompile.training.rewriting import (
    Parameters,
    RewrittenModel,
    parameters_of,
    rewrite,
)
from neurocompile.training.straight_through import IntegerForward
from neurocompile.training.template import TrainedModel


@dataclass(frozen=True, eq=False)
class Data:
    """Inputs by name, [samples, ...] each, and their labels."""

    inputs: Mapping[str, Array]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def some(self, index: NDArray[np.int64]) -> Data:
        """These samples."""
        return Data({name: x[index] for name, x in self.inputs.items()}, self.labels[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How to train."""

    epochs: int
    learning_rate: float = 1e-3
    batch: int = 64
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch: the mean loss, and the share of the data that the integers get right after it."""

    number: int  # 0: before training
    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class TunedModel:
    """A model after training, rewritten; `accuracy` is its integer network's on the data."""

    model: RewrittenModel
    epochs: tuple[Epoch, ...]
    accuracy: float


def trainable(model: TrainedModel, target: Target, options: Options) -> Parameters:
    """The numbers of a model for training; see `parameters_of`.

    Raises FindingsError (NC623) where the target's neurons or the model's output cannot be trained
    through.
    """
    reason = family_of(target).untrainable
    if reason:
        raise FindingsError(Diagnostic("NC623", values={"target": target.name, "reason": reason}))
    parameters = parameters_of(model, target, options)
    if parameters.layers.network.host_programs:
        raise FindingsError(Diagnostic(
            "NC623", values={"target": target.name, "reason": "an output is computed by a program of "
                             "the host, not as a sum of spikes"},
            hint="return a sum or mean of spikes over time, or name such outputs by --outputs"))
    return parameters


def labeled_data(sample: Sample, parameters: Parameters) -> Data:
    """Samples with their labels. Raises UsageError (NC008) where they have none or do not fit."""
    if sample.labels is None:
        raise UsageError(Diagnostic("NC008", values={
            "file": str(sample.file), "reason": "it has no labels `y`"}))
    outputs = len(parameters.layers.network.readouts[0].bias)
    if sample.labels.min() < 0 or sample.labels.max() >= outputs:
        raise UsageError(Diagnostic("NC008", values={
            "file": str(sample.file), "reason": f"its labels go from {sample.labels.min()} to "
            f"{sample.labels.max()}; the model has {outputs} outputs"}))
    return Data(parameters.inputs(sample), sample.labels)


def tune_parameters(parameters: Parameters, data: Data, course: Course,
                    say: Callable[[Epoch], None]) -> TunedModel:
    """Train a model's numbers through the integers of a target; the best epoch is kept.

    `say` is told each epoch. Deterministic on a CPU. Raises FindingsError (NC622) where the integer
    network of what is written is not the one that was trained, UsageError (NC009) without the device.
    """
    if course.device == "cuda" and not torch.cuda.is_available():
        raise UsageError(Diagnostic("NC009", values={
            "option": "--device", "value": "`cuda`", "reason": "torch sees no such device"}))
    epochs = []
    best, highest = parameters.fit, -1.0
    for epoch, numbers in _epochs(parameters, data, course):
        say(epoch)
        epochs.append(epoch)
        if epoch.accuracy >= highest:
            best, highest = numbers, epoch.accuracy
    few = data.some(np.arange(min(len(data), course.batch)))
    result = rewrite(parameters, best.values, few.inputs)
    share = accuracy(result.network, data)
    if share != highest:
        raise FindingsError(*result.findings, Diagnostic("NC622", values={
            "module": "the network", "count": "some", "weights": "its"}))
    return TunedModel(result, tuple(epochs), share)


def _epochs(parameters: Parameters, data: Data, course: Course) -> Iterator[tuple[Epoch, Fit]]:
    """Each epoch with the numbers after it, the first before training."""
    layers, numbers = parameters.layers, parameters.fit
    yield Epoch(0, 0.0, accuracy(numbers.integers, data)), numbers
    torch.manual_seed(course.seed)
    rng = np.random.default_rng(course.seed)
    network = IntegerForward(layers, numbers, parameters.chip.unit, course.device)
    steps = -(-len(data) // course.batch) * course.epochs
    optimizer = torch.optim.AdamW(network.parameters(), course.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for number in range(1, course.epochs + 1):
        losses = []
        order = rng.permutation(len(data))
        for start in range(0, len(data), course.batch):
            batch = data.some(order[start:start + course.batch])
            labels = torch.as_tensor(batch.labels, device=course.device)
            loss = F.cross_entropy(network(batch.inputs), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            network.weights.clip()
            losses.append(float(loss.detach()) * len(batch))
        numbers = fit(layers, parameters.template, parameters.chip,
                      (numbers.weight_grid, numbers.addition_grid),
                      (_row(network.weights.row), _row(network.additions.row)))
        network.use(numbers)
        yield Epoch(number, sum(losses) / len(data), accuracy(numbers.integers, data)), numbers


def _row(parameter: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(parameter.detach().cpu().double().numpy())


def accuracy(network: Network, data: Data) -> float:
    """The share of the data whose largest value of the first readout is at its label."""
    readout = network.readouts[0]
    values = synchronous.outputs(network, data.inputs)[readout.name]
    return float((readout.answers(values) == data.labels).mean())
