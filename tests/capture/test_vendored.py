"""A repository's own copy of a framework: known by what it computes, wherever it lies."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from neurocompile.capture.adapters.base import installed_version
from neurocompile.capture.torch_model import capture
from neurocompile.config.load import load_config
from neurocompile.diagnostics import UsageError

BASE = '''
from torch import nn

class MemoryModule(nn.Module):
    def __init__(self):
        super().__init__()
        self._memories_rv = {"v": 0.0}
        self.reset()

    def reset(self):
        self.v = self._memories_rv["v"]
'''
NEURON = '''
import torch
from torch import nn
from .base import MemoryModule

class Step(nn.Module):
    def forward(self, x):
        return (x >= 0).to(x)

class BaseNode(MemoryModule):
    def __init__(self, v_threshold=1.0, v_reset=0.0, step_mode="s"):
        super().__init__()
        self.v_threshold, self.v_reset, self.step_mode = v_threshold, v_reset, step_mode
        self.surrogate_function = Step()

    def forward(self, x):
        if self.step_mode == "s":
            return self.step(x)
        return torch.stack([self.step(tick) for tick in x])

class IFNode(BaseNode):
    def step(self, x):
        h = self.v + x
        s = self.surrogate_function(h - self.v_threshold)
        self.v = (1 - s) * h + s * self.v_reset
        return s

class LIFNode(BaseNode):
    def __init__(self, tau=2.0, decay_input=True, **options):
        super().__init__(**options)
        self.tau, self.decay_input = tau, decay_input

    def step(self, x):
        h = self.v + (x - (self.v - self.v_reset)) / self.tau
        s = self.surrogate_function(h - self.v_threshold)
        self.v = (1 - s) * h + s * self.v_reset
        return s
'''
CHANGES = {
    "above the threshold": ("h - self.v_threshold", "h - self.v_threshold - 1e-6"),
    "another decay": ("(self.v - self.v_reset)) / self.tau",
                      "0.5 * (self.v - self.v_reset)) / self.tau"),
    "another order": ("self.v + (x - (self.v - self.v_reset)) / self.tau",
                      "self.v + x / self.tau - (self.v - self.v_reset) / self.tau"),
    "a floor": ("self.v = (1 - s) * h", "self.v = (1 - s) * h.clamp(min=-1.0)"),
    "a hidden time constant": ("/ self.tau", "/ (self.tau + 1)"),
    "no surrogate": ("self.surrogate_function", "self.surrogate"),
}


@pytest.fixture
def write_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
             ) -> Iterator[Callable[[str], type[nn.Module]]]:
    """The network of a repository with this code for its `libs.spikingjelly`'s neurons."""
    folder = tmp_path / "libs" / "spikingjelly" / "activation_based"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)

    def write(code: str) -> type[nn.Module]:
        (folder / "base.py").write_text(BASE)
        (folder / "neuron.py").write_text(code)
        (tmp_path / "vendored_net.py").write_text("""
import torch
from torch import nn
from libs.spikingjelly.activation_based import neuron

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 6)
        nn.init.uniform_(self.fc.weight, 0.0, 2.0)
        self.lif = neuron.LIFNode(step_mode="m")
        self.last = neuron.IFNode()

    def forward(self, x):
        spikes = self.lif(self.fc(x).unsqueeze(0).repeat(5, 1, 1))
        return torch.stack([self.last(tick) for tick in spikes]).mean(0)
""")
        importlib.invalidate_caches()
        return importlib.import_module("vendored_net").Net

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] in ("libs", "vendored_net")]:
        del sys.modules[name]


def network(net: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return net()


def test_a_faithful_copy_is_the_framework(write_copy: Callable[[str], type[nn.Module]]) -> None:
    model = network(write_copy(NEURON))
    with torch.no_grad():
        model(torch.rand(2, 4))  # state of an earlier call
    graph = capture(model, torch.rand(2, 4, generator=torch.Generator().manual_seed(0)))
    assert {one.node.overload for one in graph.neurons()} == {
        "spikingjelly-lif-div-tau-hard", "spikingjelly-if-hard"}
    assert all(graph.info["replay"]["spikes"].values())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("prove", [True, False])
def test_a_copy_that_computes_otherwise_is_refused(
        write_copy: Callable[[str], type[nn.Module]], change: str, prove: bool) -> None:
    """Without the replay gate too."""
    old, new = CHANGES[change]
    with pytest.raises(UsageError) as error:
        capture(network(write_copy(NEURON.replace(old, new))), torch.rand(2, 4), prove=prove)
    finding, = error.value.diagnostics
    assert (finding.code, finding.where.module) == ("NC111", "lif")
    assert "libs.spikingjelly.activation_based.neuron.LIFNode" in finding.message


def test_a_changed_copy_can_be_declared(write_copy: Callable[[str], type[nn.Module]],
                                        tmp_path: Path) -> None:
    (tmp_path / "neurocompile.toml").write_text("""
[[neurons]]
class = "libs.spikingjelly.activation_based.neuron:LIFNode"
equations = '''
h = v + (x - 0.5 * v) / tau
s = h - 1 >= 0
v = (1 - s) * h
'''
constants = { tau = "tau" }
reset = "reset"
""")
    old, new = CHANGES["another decay"]
    neurons = load_config(tmp_path / "neurocompile.toml").neurons
    model = network(write_copy(NEURON.replace(old, new)))
    graph = capture(model, torch.rand(2, 4), neurons=neurons)
    assert {one.node.overload.partition("-")[0] for one in graph.neurons()} == {
        "spikingjelly", "custom"}


def test_a_version_is_that_of_the_files_that_pip_installed() -> None:
    import spikingjelly

    assert installed_version("spikingjelly", spikingjelly.__file__) == "2.0.0"
    assert installed_version("spikingjelly", __file__) == "unknown"
    assert installed_version("spikingjelly", None) == "unknown"
    assert installed_version("no-such-package", __file__) == "unknown"
