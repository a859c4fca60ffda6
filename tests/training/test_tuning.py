"""Training through the integers: forward is the integer network, and it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

import neurocompile
from neurocompile.backends import synchronous
from neurocompile.diagnostics import FindingsError
from neurocompile.families.targets import load_target
from neurocompile.options import Options
from neurocompile.training.rewriting import parameters_of
from neurocompile.training.straight_through import IntegerForward
from neurocompile.training.template import TrainedModel
from neurocompile.training.tuning import Course, Epoch, TunedModel
from tests.training.networks import Convolutions, Leaky, Shared, frames, trained_like

sklearn = pytest.importorskip("sklearn.datasets")


@pytest.mark.parametrize(("kind", "shape"), [
    (Convolutions, (1, 8, 8)), (Shared, (12,)), (Leaky, (12,))])
def test_forward_is_the_integer_network(kind: type[nn.Module], shape: tuple[int, ...]) -> None:
    """Outputs of the training forward equal those of the reference; every number gets a gradient."""
    x = frames(shape)
    x = x[:, 0] if kind is Leaky else x
    example = torch.from_numpy(x if kind is Leaky else x.swapaxes(0, 1).copy())
    parameters = parameters_of(TrainedModel(module=trained_like(kind()), example=(example,)),
                               load_target("loihi2"), Options(weight_bits=4))
    network = IntegerForward(parameters.layers, parameters.fit, parameters.chip.unit, "cpu")
    values = network({"x": x})
    integers = parameters.fit.integers
    exact = synchronous.outputs(integers, {"x": x})[integers.readouts[0].name]
    assert len(np.unique(exact)) >= 4
    np.testing.assert_allclose(values.detach().numpy(), exact.reshape(len(x), -1), rtol=1e-5,
                               atol=1e-6)
    values.square().sum().backward()
    for part in (network.weights, network.additions):
        assert part.row.grad is not None
        assert (part.row.grad != 0).float().mean() > 0.3


class Digits(nn.Module):
    """Handwritten digits of 8 x 8 pixels, as a static current over four ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(64, 40), nn.Linear(40, 30), nn.Linear(30, 10)
        self.n1, self.n2 = (neuron.IFNode(step_mode="m") for _ in range(2))
        self.n3 = neuron.LIFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.n1(self.fc1(x.unsqueeze(0).repeat(4, 1, 1)))
        return self.n3(self.fc3(self.n2(self.fc2(x)))).sum(0)


def digits(path: Path, count: int) -> Path:
    """The first images as a file of x and y."""
    x, y = sklearn.load_digits(return_X_y=True)
    np.savez(path, x=(x[:count] / 16).astype(np.float32), y=y[:count].astype(np.int64))
    return path


def tuned_model(path: Path, epochs: int) -> tuple[TunedModel, list[Epoch]]:
    """Two-bit weights trained from random ones, and what was said."""
    lines: list[Epoch] = []
    torch.manual_seed(0)
    result = neurocompile.tune(
        trained_like(Digits(), gain=3.0), path, say=lines.append, weight_bits=2,
        course=Course(epochs=epochs, learning_rate=1e-2, batch=20))
    return result, lines


def test_two_bits_learn_digits(tmp_path: Path) -> None:
    """From untrained weights to most digits right, in integers; the same again for the same seed."""
    path = digits(tmp_path / "digits.npz", 500)
    result, lines = tuned_model(path, 4)
    assert [epoch.number for epoch in lines] == [0, 1, 2, 3, 4]
    assert lines[0].accuracy < 0.2
    assert result.accuracy == max(epoch.accuracy for epoch in lines) > 0.6
    assert result.model.findings == ()
    largest = {one.name: one.largest for one in result.model.tensors}
    assert 1 <= largest["fc2.weight"] <= 2
    assert 1 <= largest["fc3.weight"] <= 2


@pytest.mark.slow
def test_the_state_dict_has_the_accuracy_in_pytorch(tmp_path: Path) -> None:
    """A longer course: over 95 % in integers, and as many in the model's own float run."""
    path = digits(tmp_path / "digits.npz", 1500)
    result, _ = tuned_model(path, 12)
    again, _ = tuned_model(path, 12)
    assert result.accuracy > 0.95
    assert all(torch.equal(a, b) for a, b in zip(
        result.model.state_dict.values(), again.model.state_dict.values(), strict=True))
    module = Digits().eval()
    module.load_state_dict(result.model.state_dict)
    with np.load(path) as data, torch.no_grad():
        right = module(torch.from_numpy(data["x"])).argmax(1).numpy() == data["y"]
    assert abs(right.mean() - result.accuracy) < 0.01


def test_truenorth_is_not_trained(tmp_path: Path) -> None:
    """NC623: its thresholds take up the biases."""
    path = digits(tmp_path / "digits.npz", 8)
    with pytest.raises(FindingsError, match="NC623"):
        neurocompile.tune(Digits(), path, target="truenorth")
