"""Architectures of the field on Lava: 0 differing spikes, every population active."""

from pathlib import Path

import pytest
import torch

from examples.zoo import ms_resnet, stmixer, vgg
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.capture.torch_model import capture
from neurocompile.pipeline import compile_graph, inputs_from
from neurocompile.target import load_target

SAMPLES = 3


def active(model: torch.nn.Module) -> torch.nn.Module:
    """BatchNorm randomized so that every layer fires; eval mode."""
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 1, 2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.6)
            module.running_var.fill_(0.1)
    return model.eval()


@pytest.mark.lava
@pytest.mark.parametrize(("name", "make", "shape"), [
    ("STMixer, T=1", stmixer.small, stmixer.INPUT),
    ("STMixer, T=2", stmixer.small_t2, stmixer.INPUT),
    ("MS-ResNet", ms_resnet.small_identity, ms_resnet.INPUT),
    ("VGG", vgg.small_average, vgg.INPUT),
])
def test_deployed_spikes_equal_the_reference(name, make, shape, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    model, x = active(make()), torch.rand(SAMPLES, *shape)
    target = load_target("loihi2")
    compiled = compile_graph(capture(model, x), target)
    network, schedule = compiled.network, compiled.schedule
    inputs = inputs_from(network, [x.numpy()])
    emit(network, schedule, target, tmp_path)
    done = verify(tmp_path, network, schedule, inputs, synchronous.run(network, inputs))
    assert done.differences == 0, done.diagnostics
    silent = [p.name for p in done.populations if not p.spikes]
    assert not silent or name == "VGG"  # its two dense layers stay silent untrained
    assert done.spikes > 5000
