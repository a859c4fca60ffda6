"""States by name: another state, or another order of them, is a matter of one tuple."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import snntorch
import torch
from onnx import helper
from torch import nn

import neurocompile
from neurocompile.capture.adapters.base import StandIn
from neurocompile.capture.neuron_op import NEURON, neuron_call
from neurocompile.capture.torch_model import capture
from neurocompile.ir.graph import Graph
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.network import Network
from neurocompile.ir.neuron_function import function_body, input_names, output_names
from neurocompile.ir.neuron_node import DOMAIN, DOMAIN_VERSION, Inputs
from neurocompile.ir.operators import same
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.semantics.floating import MODELS, Profile, profile
from neurocompile.semantics.normal_form import NoNormalForm, normal_form

TICKS, SHAPE = 30, (2, 40)
CONSTANTS: dict[str, Any] = {"beta": 0.75, "v_th": 0.5, "pause": 3.0}
EQUATIONS = ("h = beta * v + x", "s = (h > v_th) * (wait <= 0)", "v = h * (1 - s)",
             "wait = maximum(wait - 1, 0) + pause * s")
FOLDERS = [Path(neurocompile.__file__).parent, *(
    Path(neurocompile.__file__).parents[1] / name for name in ("passes", "backends"))]
KNOWS = Path("neurocompile/ir/neuron_node.py")


@pytest.fixture
def refractory(monkeypatch: pytest.MonkeyPatch) -> Profile:
    """A neuron that is silent for some ticks after each spike: one entry in the table of models."""
    monkeypatch.setitem(MODELS, "RefractoryLIF", ("u", "v", "wait"))
    return profile("toy-refractory", "RefractoryLIF", "toy", *EQUATIONS)


def refractory_spikes(x_seq: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What EQUATIONS say, written out: spikes, and how long each neuron still waits."""
    v, wait = torch.zeros(SHAPE), torch.zeros(SHAPE)
    spikes = []
    for x in x_seq:
        v = 0.75 * v + x
        s = ((v > 0.5) & (wait <= 0)).float()
        v = v * (1 - s)
        wait = (wait - 1).clamp(min=0) + 3 * s
        spikes.append(s)
    return torch.stack(spikes), wait


class Toy(nn.Module):
    """A layer of such neurons."""

    def __init__(self, toy: Profile) -> None:
        super().__init__()
        self.neuron = StandIn(toy, CONSTANTS, "neuron")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neuron.ticks(x).mean(0)


def drive() -> torch.Tensor:
    return torch.rand(TICKS, *SHAPE, generator=torch.Generator().manual_seed(0)) * 0.6


def test_a_third_state_goes_through_the_torch_op(refractory: Profile) -> None:
    expected, wait = refractory_spikes(drive())
    inputs = Inputs(drive(), {name: torch.zeros(()) for name in refractory.states})
    call = neuron_call(inputs, refractory, [CONSTANTS[n] for n in refractory.constants], "toy")
    outputs = call.outputs(NEURON(*call))
    assert torch.equal(outputs.spikes, expected)
    assert torch.equal(outputs.final["wait"], wait)
    assert expected.sum() > 100
    assert wait.unique().numel() > 2


def test_a_third_state_goes_through_the_function_body(refractory: Profile) -> None:
    states = refractory.states
    names, outputs = input_names(refractory).in_order(states), output_names(refractory)
    node = helper.make_node(refractory.model, names, outputs.in_order(states), domain=DOMAIN,
                            module="toy", **CONSTANTS)
    node.overload = refractory.name
    info = helper.make_tensor_value_info
    shapes = [(TICKS, *SHAPE), *((),) * len(states)]
    graph = helper.make_graph(
        [node], "toy", [info(n, 1, s) for n, s in zip(names, shapes, strict=True)],
        [info(outputs.spikes, 1, shapes[0]), info(outputs.final["wait"], 1, SHAPE)])
    model = helper.make_model(
        graph, functions=[function_body(refractory, 20)], ir_version=10,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, DOMAIN_VERSION)])
    onnx.checker.check_model(model)
    feeds = {name: np.zeros((), np.float32) for name in names}
    feeds[input_names(refractory).current] = drive().numpy()
    spikes, wait = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
    for result, expected in zip((spikes, wait), refractory_spikes(drive()), strict=True):
        assert np.array_equal(result, expected.numpy())


def test_a_third_state_is_captured_proved_and_saved(refractory: Profile, tmp_path: Path) -> None:
    graph = capture(Toy(refractory), drive())
    (tmp_path / "toy.onnx").write_bytes(graph.to_bytes())
    neuron, = load_graph(tmp_path / "toy.onnx").neurons()
    assert (*neuron.initial,) == (*neuron.final,) == ("u", "v", "wait")
    assert neuron.final["wait"].name not in {neuron.train, neuron.final["v"].name}
    assert neuron.second_current is None
    assert neuron.constants == CONSTANTS
    finding, = check_graph(graph)
    assert (finding.code, finding.where.module) == ("NC201", "neuron")


def test_a_state_that_spikes_depend_on_has_no_normal_form(refractory: Profile) -> None:
    counts = profile("toy-counter", "RefractoryLIF", "toy", "wait = wait + 1", "v = beta * v + x",
                     "s = v - wait > v_th", "v = v * (1 - s)")
    for one in (counts, refractory):
        with pytest.raises(NoNormalForm):
            normal_form(one, CONSTANTS)
    with pytest.raises(NoNormalForm, match="its state `wait` decides when it fires"):
        normal_form(counts, CONSTANTS)


class Recurrent(nn.Module):
    """A loop of snnTorch's neurons, with a synaptic current, and a second input from spikes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.fc2, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.syn = snntorch.Synaptic(alpha=0.5, beta=0.75, threshold=0.5)
        self.rec = snntorch.RLeaky(beta=0.75, threshold=0.5, linear_features=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        syn, mem = self.syn.init_synaptic()
        spk, rec = self.rec.init_rleaky()
        total = torch.zeros(len(x), 3)
        for _ in range(5):
            hidden, syn, mem = self.syn(self.fc1(x), syn, mem)
            spk, rec = self.rec(self.fc2(hidden) * 3, spk, rec)
            total = total + self.head(spk)
        return total


def everything(model: nn.Module) -> tuple[Graph, list[str], Network]:
    graph = capture(model, torch.rand(4, 6, generator=torch.Generator().manual_seed(1)) * 4)
    return graph, [str(finding) for finding in check_graph(graph)], lower(graph)[0]


@cache
def usual() -> tuple[Graph, list[str], Network]:
    return everything(Recurrent())


@pytest.mark.parametrize("states", [("v", "u"), ("spare", "v", "u"), ("u", "spare", "v")])
def test_no_one_else_knows_the_order_of_states(states: tuple[str, ...],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """Capture, replay, check and lowering come out the same whatever the order in the tuple."""
    _, findings, network = usual()
    for name in MODELS:
        monkeypatch.setitem(MODELS, name, states)
    graph, other_findings, other = everything(Recurrent())
    assert len(next(graph.neurons()).node.outputs) == 1 + len(states)
    assert all(count > 0 for count in graph.info["replay"]["spikes"].values())
    assert other_findings == findings
    assert [(p.name, p.shape, p.neuron) for p in other.populations] == [
        (p.name, p.shape, p.neuron) for p in network.populations]
    assert [p.name for p in other.projections] == [p.name for p in network.projections]
    assert any(p.delay for p in network.projections)
    for one, two in zip(other.projections, network.projections, strict=True):
        assert one.delay == two.delay
        assert same(one.operator, two.operator)


def positions(tree: ast.AST) -> Iterator[ast.Subscript]:
    """Where the inputs or outputs of a node are taken by position."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute)
                and node.value.attr in ("inputs", "outputs", "input", "output")
                and isinstance(node.slice, ast.Constant | ast.Slice | ast.UnaryOp)
                and ast.unparse(node.slice) != ":"):  # all of them
            yield node


def sees_neurons(function: ast.AST) -> bool:
    """Whether a function gets neuron nodes into its hands: it asks for them, or goes over all."""
    words = {"NeuronNode", "as_neuron", "is_neuron", "NEURON", "NeuronCall", "DOMAIN"}
    return any((isinstance(node, ast.Name) and node.id in words)
               or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                   and node.func.attr in ("neurons", "nodes"))
               for node in ast.walk(function))


def addresses(path: Path) -> list[str]:
    """The places in a file where a neuron node may be addressed by position."""
    functions = [node for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.FunctionDef)]
    places = [place for function in functions if sees_neurons(function)
              for place in positions(function)]
    places += [place for function in functions for place in positions(function)
               if isinstance(place.value, ast.Attribute)
               and isinstance(place.value.value, ast.Attribute)
               and place.value.value.attr == "node"]  # neuron.node.inputs[0]
    return [f"{path}:{place.lineno}: {ast.unparse(place)}" for place in places]


def test_neuron_nodes_are_addressed_by_name() -> None:
    files = [file for folder in FOLDERS for file in sorted(folder.rglob("*.py"))
             if not file.resolve().match(f"*/{KNOWS}")]
    assert len(files) > 150
    assert [place for file in files for place in addresses(file)] == []


def test_an_address_by_position_is_found(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("def f(graph):\n    return [n.node.inputs[1:3] for n in graph.neurons()]\n"
                    "def g(node):\n    return as_neuron(node) or node.outputs[-1]\n"
                    "def h(node):\n    return node.inputs[0]\n")
    assert len(set(addresses(path))) == 2
