"""A state_dict on the grid: the model's float run is its integer network, spike for spike."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn

import neurocompile
from neurocompile.backends import synchronous
from neurocompile.families.targets import load_target
from neurocompile.formats.checkpoint import load_checkpoint, state_dict
from neurocompile.formats.state_file import state_bytes
from neurocompile.options import Options
from neurocompile.training.rewriting import RewrittenModel, parameters_of, rewrite
from neurocompile.training.roles import identity_of
from neurocompile.training.template import TrainedModel
from tests.training.networks import (
    Convolutions,
    Leaky,
    Shared,
    frames,
    spikes_of,
    trained_like,
)

NETWORKS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "convolutions": (Convolutions, (1, 8, 8)), "shared": (Shared, (12,)), "leaky": (Leaky, (12,))}


def rewritten(kind: type[nn.Module], x: np.ndarray[Any, Any], **options: Any
              ) -> tuple[nn.Module, RewrittenModel, torch.Tensor]:
    """A fresh module of a kind with the weights that were written for another."""
    module = trained_like(kind())
    before = copy.deepcopy(module.state_dict())
    tensor = torch.from_numpy(x[:, 0] if kind is Leaky else x.swapaxes(0, 1).copy())
    result = neurocompile.quantize(module, tensor, **options)
    assert all(torch.equal(a, b) for a, b in zip(
        before.values(), module.state_dict().values(), strict=True))
    fresh = kind()
    fresh.load_state_dict(result.state_dict)
    return fresh.eval(), result, tensor


@pytest.mark.parametrize("bits", [8, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_float_run_is_the_integer_network(name: str, bits: int) -> None:
    """All populations busy, no difference, every layer written."""
    kind, shape = NETWORKS[name]
    x = frames(shape)
    module, result, tensor = rewritten(kind, x, weight_bits=bits)
    assert (result.findings, result.layers_left) == ((), 0)
    in_torch = spikes_of(module, tensor)
    (item,) = (one for one in result.network.inputs if one.name != "one")
    in_integers = synchronous.run(result.network, {
        item.name: x[:, 0] if kind is Leaky else x}).spikes
    assert in_torch.keys() == in_integers.keys()
    for population, train in in_torch.items():
        assert 0.02 < train.mean() < 0.98, population
        np.testing.assert_array_equal(train, in_integers[population], population)


def test_a_gain_is_written_into_the_weights() -> None:
    """LIF with 1/tau: its decay is exact over four ticks; no potential ends on the threshold."""
    x = frames((1, 8, 8), samples=2)
    module = trained_like(Convolutions(leaky=True))
    tensor = torch.from_numpy(x.swapaxes(0, 1).copy())
    result = neurocompile.quantize(module, tensor)
    fresh = Convolutions(leaky=True).eval()
    fresh.load_state_dict(result.state_dict)
    in_torch = spikes_of(fresh, tensor)
    in_integers = synchronous.run(result.network, {"x": x}).spikes
    assert result.findings == ()
    for population, train in in_torch.items():
        assert 0.02 < train.mean() < 0.98, population
        np.testing.assert_array_equal(train, in_integers[population], population)


def test_a_wrong_weight_shows() -> None:
    """The comparison sees a neuron whose weights are off."""
    x = frames((12,))
    module, result, tensor = rewritten(Shared, x)
    with torch.no_grad():
        module.get_parameter("both.weight")[3] += 0.25
    in_torch = spikes_of(module, tensor)
    in_integers = synchronous.run(result.network, {"x": x}).spikes
    assert any((in_torch[name] != in_integers[name]).any() for name in in_torch)


class PoolNet(nn.Module):
    """A convolution whose sums a pool adds up, and a layer behind it."""

    def __init__(self, size: int = 2, v_threshold: float = 1.0, first: bool = False) -> None:
        super().__init__()
        self.conv = layer.Conv2d(1, 3, 3, padding=1, step_mode="m")
        self.pool, self.first = layer.AvgPool2d(size, step_mode="m"), first
        self.n1 = neuron.IFNode(v_threshold=v_threshold, step_mode="m")
        self.fc = nn.Linear(3 * (6 // size) ** 2, 5)
        self.n2 = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(self.pool(x)) if self.first else self.pool(self.conv(x))
        return self.n2(self.fc(self.n1(x).flatten(2))).sum(0)


@pytest.mark.parametrize(("module", "reason"), [
    (PoolNet(), "sums or products of several numbers"),
    (PoolNet(3, first=True), "multiplied by 0.111111, which is no power of two"),
    (PoolNet(2, 0.3, first=True), "its threshold 0.3"),
    (PoolNet(first=True), None)])
def test_a_layer_that_cannot_be_written_is_named_and_left(module: PoolNet, reason: str | None
                                                          ) -> None:
    """NC621 says why; the layer behind it is written; its nearest legal neighbor has none."""
    trained_like(module)
    x = torch.from_numpy(frames((1, 6, 6)).swapaxes(0, 1).copy())
    result = neurocompile.quantize(module, x)
    if reason is None:
        assert (result.findings, result.layers_left, result.layers) == ((), 0, 2)
        return
    (finding,) = result.findings
    assert (finding.code, finding.where.module, result.layers_left, result.layers) == ("NC621", "n1", 1, 2)
    assert reason in finding.message
    assert torch.equal(result.state_dict["conv.weight"], module.state_dict()["conv.weight"])
    assert not torch.equal(result.state_dict["fc.weight"], module.state_dict()["fc.weight"])


@pytest.mark.parametrize(("epsilon", "affine"), [
    (1e-5, True), (1e-3, True), (2e-5, True), (1e-8, True), (0.1, True), (1e-5, False)])
def test_a_batch_norm_can_be_the_identity(epsilon: float, affine: bool) -> None:
    """In float32 as torch computes it, up to a power of two where it has no gain."""
    variance, gain = identity_of(epsilon, affine)
    norm = nn.BatchNorm1d(1, eps=epsilon, affine=affine).eval()
    assert norm.running_var is not None
    norm.running_var.fill_(variance)
    if affine:
        nn.init.constant_(norm.weight, gain)
    x = torch.arange(-4097.0, 4097.0).reshape(-1, 1)
    y = norm(x).detach()
    factor = float(y[-1] / x[-1])
    assert torch.equal(y, x * factor)
    assert factor == 1.0 or (not affine and np.log2(factor) == round(np.log2(factor)))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_files_hold_the_state_dict(suffix: str, tmp_path: Path) -> None:
    """They are read by the package's own readers, and the same each time."""
    state = trained_like(Convolutions()).state_dict()
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(state_bytes(state, suffix))
    tensors = state_dict(path, load_checkpoint(path))
    assert tensors.keys() == state.keys()
    assert all(torch.equal(tensors[name], state[name]) for name in state)
    assert state_bytes(state, suffix) == path.read_bytes()


def test_truenorth_holds_the_same_grid() -> None:
    """Four bits of a weight, neurons without leak: exact in its own integers."""
    x = frames((12,))
    module, result, tensor = rewritten(Shared, x, target="truenorth")
    assert (result.findings, result.layers_left) == ((), 0)
    in_torch, in_integers = spikes_of(module, tensor), synchronous.run(
        result.network, {"x": x}).spikes
    for population, train in in_torch.items():
        assert 0.02 < train.mean() < 0.98, population
        np.testing.assert_array_equal(train, in_integers[population], population)


def test_a_number_off_the_grid_is_said() -> None:
    """NC622: what is written must come out of quantization as it was; on the grid it does."""
    x = torch.from_numpy(frames((12,)).swapaxes(0, 1).copy())
    model = TrainedModel(module=trained_like(Shared()), example=(x,))
    parameters = parameters_of(model, load_target("loihi2"), Options(weight_bits=4))
    values = dict(parameters.fit.values)
    assert rewrite(parameters, values, parameters.inputs(None)).findings == ()
    values["fc1.weight"] = values["fc1.weight"] + np.float32(0.003)
    (finding,) = rewrite(parameters, values, parameters.inputs(None)).findings
    assert (finding.code, finding.where.module) == ("NC622", "n1")
