"""One version of SpikingJelly beside the stand-ins for its neurons; in a process of its own.

    python -m tests.frameworks.jelly_stand_ins spikingjelly-0.0.0.0.14

Says how many neurons and networks it compared; an AssertionError names what differs.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import StandIn
from tests.frameworks.comparing import active, active_graph, pair, refusal, same, stimulus
from tests.frameworks.frameworks import use

Settings = tuple[str, dict[str, Any]]


def settings() -> Iterator[Settings]:
    """Class names and their constructor's arguments."""
    for v_reset, v_threshold in ((0.0, 1.0), (None, 0.7), (-0.3, 0.7)):
        common = {"v_reset": v_reset, "v_threshold": v_threshold}
        yield "IFNode", common
        for decay_input, tau in ((True, 2.0), (False, 1.7)):
            yield "LIFNode", {"tau": tau, "decay_input": decay_input, **common}
            yield "ParametricLIFNode", {"init_tau": tau, "decay_input": decay_input, **common}


def compare(node: Any, multi_step: bool, options: dict[str, Any]) -> None:
    """Two calls over 300 ticks from a reset, then one with the state kept."""
    one, other = pair(node.eval())
    assert issubclass(type(other), StandIn)
    x = stimulus(300, 2, 8, scale=2.0 if options.get("decay_input") else 1.0)
    for call in range(3):
        if call < 2:
            one.reset()
            other.reset()
        if multi_step:
            spikes, spikes2 = one(x), other(x)
        else:
            spikes, spikes2 = (torch.stack([m(row) for row in x]) for m in (one, other))
        assert same(spikes, spikes2), (node, call)
        assert same(one.v, other.states["v"]), (node, call)
        assert active(spikes), node


def neurons(package: str) -> int:
    """Every class, both step modes or its MultiStep twin. How many were compared."""
    module = importlib.import_module(f"spikingjelly.{package}.neuron")
    count = 0
    for (name, options), multi_step in itertools.product(settings(), (False, True)):
        if package == "clock_driven":
            node = getattr(module, ("MultiStep" if multi_step else "") + name)(**options)
        else:
            node = getattr(module, name)(step_mode="m" if multi_step else "s", **options)
        compare(node, multi_step, options)
        count += 1
    with_voltages = module.LIFNode(step_mode="m", store_v_seq=True) if package != "clock_driven" else (
        module.MultiStepLIFNode())
    compare(with_voltages, True, {"decay_input": True})
    return count + 1


class Net(nn.Module):
    """The containers of a package around its neurons, with `reset_net` in the forward."""

    def __init__(self, package: str, kind: str, **options: Any) -> None:
        super().__init__()
        names = ("neuron", "layer", "functional")
        neuron, layer, functional = (
            importlib.import_module(f"spikingjelly.{package}.{name}") for name in names)
        self.reset_net = functional.reset_net
        clock = package == "clock_driven"
        plain = getattr(neuron, kind)
        over_time = getattr(neuron, f"MultiStep{kind}") if clock else (
            lambda **more: plain(step_mode="m", **more))
        self.conv = layer.SeqToANNContainer(
            nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.MaxPool2d(2))
        self.first = over_time(**options)
        self.mid = nn.ModuleList() if clock else nn.ModuleList([
            layer.Conv2d(4, 4, 3, padding=1, step_mode="m"), layer.BatchNorm2d(4, step_mode="m"),
            over_time(**options), layer.Dropout(0.5, step_mode="m")])
        self.each = layer.MultiStepContainer(nn.Flatten(), nn.Linear(64, 6), plain(**options))
        self.head, self.last = nn.Linear(6, 5), plain(**options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.reset_net(self)
        x = self.first(self.conv(x.unsqueeze(0).repeat(5, 1, 1, 1, 1)))
        for part in self.mid:
            x = part(x)
        return torch.stack([self.last(self.head(row)) for row in self.each(x)]).mean(0)


def lively(model: nn.Module) -> nn.Module:
    """Weights of multiples of 1/64 and positive on average, so that all layers fire."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            with torch.no_grad():
                module.weight.copy_(((module.weight + 0.1) * 64).round() / 64)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 0.25)
    return model.eval()


def networks(package: str) -> int:
    """Networks through capture and its replay gate. How many."""
    kinds: tuple[Settings, ...] = (
        ("LIFNode", {"v_threshold": 0.25}), ("IFNode", {"v_reset": None}),
        ("LIFNode", {"decay_input": False, "v_reset": None}),
        ("ParametricLIFNode", {"decay_input": False, "v_threshold": 0.5}))
    for kind, options in kinds:
        active_graph(lively(Net(package, kind, **options)), stimulus(2, 2, 8, 8).abs())
    return len(kinds)


def refusals(package: str) -> None:
    """What is no exact copy of a known class."""
    module = importlib.import_module(f"spikingjelly.{package}.neuron")
    surrogate = importlib.import_module(f"spikingjelly.{package}.surrogate")
    subclass = type("Mine", (module.LIFNode,), {})
    smooth = module.IFNode(surrogate_function=surrogate.Sigmoid(spiking=False))
    for node, words in ((subclass(), "not their subclasses"), (smooth, "no step"),
                       (module.QIFNode(), "supported are")):
        code, reason = refusal(node)
        assert code == "NC111", code
        assert words in reason, reason


def main(name: str) -> None:
    """All packages of a version."""
    use(name)
    logging.disable(logging.WARNING)  # reset_net remarks on modules that are no MemoryModule
    torch.set_num_threads(1)
    torch.manual_seed(0)
    packages = {"2.0.0": ["activation_based"], "0.0.0.0.12": ["clock_driven"]}.get(
        name.removeprefix("spikingjelly-"), ["activation_based", "clock_driven"])
    counts = [0, 0]
    with torch.no_grad():
        for package in packages:
            counts[0] += neurons(package)
            counts[1] += networks(package)
            refusals(package)
    sys.stdout.write(f"{name}: {counts[0]} neurons, {counts[1]} networks\n")


if __name__ == "__main__":
    main(sys.argv[1])
