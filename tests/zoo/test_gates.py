"""Architectures that join spikes by AND or pool them by OR: the model's spikes, and Lava's."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from examples.zoo import sew_resnet, vgg
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.capture.torch_model import capture, reset
from neurocompile.ir.graph import Graph
from neurocompile.options import Options
from neurocompile.passes.lowering.lower import lower
from tests.loihi import compile_for_loihi, loihi_target
from tests.passes.lowering.test_lower import model_spikes

ALLOW = ("or-pool", "coincidence-gates")
SAMPLES = 5
CASES = {  # and the gates that must fire
    "SEW-ResNet AND": (sew_resnet.small_and, ["pool.or", *(f"blocks.{i}.join.and" for i in range(4))]),
    "SEW-ResNet IAND": (sew_resnet.small_iand,
                        ["pool.or", *(f"blocks.{i}.join.and" for i in range(4))]),
    "VGG max": (vgg.small, ["stages.0.pool.or", "stages.1.pool.or"]),
}


@cache
def model_graph(make: Callable[[], nn.Module]) -> tuple[nn.Module, torch.Tensor, Graph]:
    """A model that is active in every layer, its input, and its Graph."""
    torch.manual_seed(0)
    model = make()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1, 2)
            nn.init.uniform_(module.bias, -0.1, 0.6)
            module.running_var.fill_(0.1)
        elif isinstance(module, nn.Linear):
            module.weight.data *= 3
    x = torch.rand(SAMPLES, *sew_resnet.INPUT)
    return model.eval(), x, capture(model, x)


@pytest.mark.parametrize("name", [
    "SEW-ResNet IAND", *(pytest.param(name, marks=pytest.mark.slow) for name in (
        "SEW-ResNet AND", "VGG max"))])
def test_float_network_spikes_like_the_model(name: str) -> None:
    make, gates = CASES[name]
    model, x, graph = model_graph(make)
    layer_outputs: dict[str, torch.Tensor] = {}
    for path, module in model.named_modules():  # [T, B, ...], or T and B in one axis
        module.register_forward_hook(lambda m, i, o, path=path: layer_outputs.__setitem__(path, o))
    reset(model)
    with torch.no_grad():
        outputs = model(x).numpy()
    expected = model_spikes(model, x)
    network, _ = lower(graph, ALLOW)
    result = synchronous.run(network, {"x": x.numpy()})
    for path, spikes in expected.items():
        assert spikes.any(), path
        assert np.array_equal(spikes, result.spikes[path]), path
    assert result.spikes.keys() == {*expected, *gates}
    for gate in gates:
        join = layer_outputs[gate.rpartition(".")[0]].reshape(
            -1, SAMPLES, network.population(gate).size)
        assert result.spikes[gate].any()
        assert np.array_equal(join.transpose(0, 1).numpy(), result.spikes[gate]), gate
    readout, = network.readouts
    assert np.abs(result.read(readout) - outputs).max() < 1e-5


@pytest.mark.lava
@pytest.mark.parametrize("name", [
    "SEW-ResNet IAND", *(pytest.param(name, marks=pytest.mark.slow) for name in (
        "SEW-ResNet AND", "VGG max"))])
def test_deployed_spikes_equal_the_reference(name: str, tmp_path: Path) -> None:
    make, _ = CASES[name]
    _, x, graph = model_graph(make)
    target = loihi_target("loihi2")
    compilation = compile_for_loihi(graph, target, Options(allow=ALLOW))
    network, schedule, inputs = compilation.network, compilation.schedule, {"x": x.numpy()}
    emit(network, schedule, target, tmp_path)
    verification = verify(tmp_path, network, schedule, inputs, synchronous.run(network, inputs))
    assert (verification.differences, verification.diagnostics) == (0, ())
    assert all(p.spikes for p in verification.populations)
