"""Small networks, one per feature of users' code, and what must become of each.

A feature is a function over a module's layers and the inputs. It is captured, checked, lowered and
run: every spike and every output must be PyTorch's. All numbers are dyadic, so that no order of
additions can move a spike. A refused one ends the accused lines in `# NC1xx`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based import neuron
from torch import nn
from torch.utils._pytree import tree_leaves

from neurocompile.backends.synchronous import run
from neurocompile.capture.torch_model import TickLoop, capture, reset
from neurocompile.diagnostics import Diagnostic, NeurocompileError, errors
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.input_axes import InputAxes, input_axes
from neurocompile.ir.network import InputKind, Network
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.passes.lowering.test_lower import model_spikes

T, B = 4, 2


def net(code: Callable[..., Any], layers: dict[str, Callable[[], Any]]) -> nn.Module:
    """A module with layers by name and that function as its forward."""
    module: nn.Module = type("Net", (nn.Module,), {"forward": code})()
    for name, make in layers.items():
        setattr(module, name, make())
    return module


@dataclass(frozen=True)
class Feature:
    """A network, the shapes of its inputs, and which axis of each is time (None: no axis)."""

    code: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    time: tuple[int | None, ...]
    n_ticks: int | None
    layers: dict[str, Callable[[], Any]]
    prepare: Callable[[nn.Module], Any] | None
    allow: tuple[str, ...] = ()
    time_of_outputs: int = 0  # their time axis, where they have one

    def model(self) -> nn.Module:
        """The network in eval mode, each layer firing."""
        torch.manual_seed(3)
        model = net(self.code, self.layers)
        if self.code is _each:
            return model.eval()
        model = nets.lively(model)
        _amplify(model)
        if self.prepare is not None:
            self.prepare(model)
        return model

    def inputs(self) -> tuple[torch.Tensor, ...]:
        """Values 0 to 2 in steps of 1/16, the same alone and together with others."""
        if self.code is _each:
            return tuple(x for name in self.layers for x in FEATURES[name].inputs())
        torch.manual_seed(3)
        return tuple(nets.image(*shape) * 2 for shape in self.shapes)

    def marks(self) -> set[tuple[str, int]]:
        """(code, line) of each accused line."""
        lines, first = inspect.getsourcelines(self.code)
        pairs = set()
        for number, line in enumerate(lines, first):
            _, _, comment = line.partition("  # NC")
            pairs |= {(code, number) for code in f"NC{comment}".split() if comment}
        return pairs


def _amplify(model: nn.Module) -> None:
    """Weights that make most neurons fire sometimes, in multiples of 1/64."""
    with torch.no_grad():
        for module in model.modules():
            for name, value in module.named_parameters(recurse=False):
                if isinstance(module, nn.modules.batchnorm._BatchNorm | neuron.BaseNode):
                    continue
                wide = 0.25 if name == "bias" else 2 / max(value[0].numel(), 1) ** 0.5
                low = 0.0 if name == "bias" else -wide
                value.uniform_(low, wide).mul_(64).round_().div_(64)


FEATURES: dict[str, Feature] = {}


def _each(net: Any, *inputs: torch.Tensor) -> list[Any]:
    outputs, start = [], 0
    for name, module in net.named_children():
        count = len(FEATURES[name].shapes)
        outputs.append(module(*inputs[start:start + count]))
        start += count
    return outputs


def together(names: Sequence[str]) -> Feature:
    """Several features as one network: their inputs and outputs beside each other."""
    parts = [FEATURES[name] for name in names]
    return Feature(
        code=_each, shapes=tuple(s for part in parts for s in part.shapes),
        time=tuple(t for part in parts for t in part.time), n_ticks=None,
        layers={name: part.model for name, part in zip(names, parts, strict=True)}, prepare=None)


def joinable(feature: Feature) -> bool:
    """Whether a feature can be captured together with others."""
    return feature.n_ticks is None and feature.prepare is None and not feature.time_of_outputs


def feature(*shapes: tuple[int, ...], time: int | Sequence[int | None] | None = None,
            n_ticks: int | None = None, prepare: Callable[[nn.Module], Any] | None = None,
            allow: Sequence[str] = (), time_of_outputs: int = 0,
            **layers: Callable[[], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a feature."""
    def register(code: Callable[..., Any]) -> Callable[..., Any]:
        axes = tuple(time) if isinstance(time, Sequence) else (time,) * len(shapes)
        FEATURES[code.__name__] = Feature(
            code=code, shapes=shapes, time=axes, n_ticks=n_ticks, layers=layers, prepare=prepare,
            allow=tuple(allow), time_of_outputs=time_of_outputs)
        return code
    return register


def lif(v_threshold: float = 0.5) -> neuron.LIFNode:
    """All ticks at once, axis 0."""
    return neuron.LIFNode(v_threshold=v_threshold, step_mode="m")


def one_tick(v_threshold: float = 0.5) -> neuron.IFNode:
    """One tick a call."""
    return neuron.IFNode(v_threshold=v_threshold)


def conv(c_in: int = 1, c_out: int = 3, kernel: int = 3, **options: Any) -> Callable[[], nn.Module]:
    """A convolution that keeps height and width."""
    return lambda: nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, **options)


def fc(n_in: int, n_out: int, bias: bool = True) -> Callable[[], nn.Module]:
    """A linear layer."""
    return lambda: nn.Linear(n_in, n_out, bias)


def network_of(feature: Feature, model: nn.Module,
               inputs: tuple[torch.Tensor, ...]) -> tuple[Network, tuple[InputAxes, ...], int]:
    """Captured, found legal and lowered; the axes of its inputs; how many outputs are left out.

    Raises what refuses it.
    """
    graph = capture(model, inputs, n_ticks=feature.n_ticks)
    assert all(graph.info["replay"]["spikes"].values()), graph.info["replay"]["spikes"]
    findings = check_graph(graph, allow=feature.allow)
    refusals = errors(findings)
    assert not refusals, [f"{d.code} {d.where} {d.message}" for d in refusals]
    network, _ = lower(graph)
    return network, input_axes(graph), sum(one.code == "NC146" for one in findings)


def assert_same_spikes(feature: Feature) -> Network:
    """The feature's network computes the spikes and outputs of the model, exactly."""
    model, inputs = feature.model(), feature.inputs()
    whole = model if feature.n_ticks is None else TickLoop(model, feature.n_ticks).eval()
    whole = copy.deepcopy(whole).float()
    expected = model_spikes(whole, *inputs)
    assert all(0 < spikes.mean() < 1 for spikes in expected.values()), {
        path: float(spikes.mean()) for path, spikes in expected.items()}
    reset(whole)
    with torch.no_grad():
        outputs = [o.numpy() for o in tree_leaves(whole(*inputs)) if isinstance(o, torch.Tensor)]
    network, axes_of_inputs, drops = network_of(feature, model, inputs)
    kinds = {item.name: item.kind for item in network.inputs}
    stimuli = {}
    for axes, x, time in zip(axes_of_inputs, inputs, feature.time, strict=True):
        assert (axes.samples, axes.ticks) == (int(time == 0), time)
        if axes.name in kinds:
            assert (kinds[axes.name] is InputKind.STATIC) == (time is None)
            stimuli[axes.name] = axes.from_model(x.numpy())
    result = run(network, stimuli)
    by_path = {path.removeprefix("model."): spikes for path, spikes in result.spikes.items()}
    on_host = {path.removeprefix("model.") for path in expected} - by_path.keys()
    assert not on_host or network.host_programs
    for path, spikes in expected.items():
        if path.removeprefix("model.") not in on_host:
            assert np.array_equal(_by_sample(spikes), result.spikes[path]), path
    assert len(network.outputs) + drops == len(outputs)
    for output in network.outputs:
        values, expected_values = result.read(output), outputs[output.number]
        if isinstance(output, HostProgram):
            by_tick, bound = output.each_tick, 1e-5 * max(1.0, np.abs(expected_values).max())
        else:
            by_tick, bound = output.ticks == "each", 0.0
        if by_tick and feature.time_of_outputs == 0:
            values = values.swapaxes(0, 1)
        assert values.shape == expected_values.shape
        assert np.abs(values - expected_values).max() <= bound, output.name
    return network


def _by_sample(spikes: np.ndarray) -> np.ndarray:
    """[B * rest, T, neurons] as recorded to [B, T, rest * neurons]."""
    parts = spikes.reshape(B, -1, *spikes.shape[1:])
    return parts.swapaxes(1, 2).reshape(B, spikes.shape[1], -1)


def findings(feature: Feature) -> Sequence[Diagnostic]:
    """Everything that stops a feature."""
    try:
        graph = capture(feature.model(), feature.inputs(), n_ticks=feature.n_ticks)
        diagnostics = errors(check_graph(graph, allow=feature.allow))
        if not diagnostics:
            lower(graph)
    except NeurocompileError as error:
        return error.diagnostics
    return diagnostics


def refusals(feature: Feature) -> set[tuple[str, int]]:
    """(code, line) of everything that stops a feature."""
    return {(d.code, d.where.line or 0) for d in findings(feature)}
