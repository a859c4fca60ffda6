"""The last part of the gate: rounding is told from error, and errors are refused."""

from dataclasses import replace
from typing import Any

import onnx
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.graph_replay import replay_graph
from neurocompile.capture.replay import Replay, doubts
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.graph import Graph
from neurocompile.ir.graph_file import load_graph


class Net(nn.Module):
    """Two layers; dyadic weights, so that every order of additions is exact."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.lif1 = nn.Linear(8, 16), neuron.LIFNode(step_mode="m")
        self.fc2, self.lif2 = nn.Linear(16, 4), neuron.IFNode(step_mode="m")
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randint(-4, 9, p.shape) / 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif2(self.fc2(self.lif1(self.fc1(x)))).mean(0)


X = torch.randint(0, 3, (6, 2, 8), generator=torch.Generator().manual_seed(1)) / 2


def with_replay() -> tuple[Graph, Replay]:
    """A captured graph and what its program did, from the graph's own record."""
    records: list[Replay] = []

    def keep(graph: Graph, inputs, replay: Replay):  # type: ignore[no-untyped-def]
        records.append(replay)
        return replay_graph(graph, inputs, replay)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurocompile.capture.torch_model.replay_graph", keep)
        graph = capture(Net(), X)
    return graph, records[0]


def test_an_exact_graph_has_no_difference() -> None:
    graph, replay = with_replay()
    report = replay_graph(graph, (X,), replay)
    assert report.different == 0
    assert report.spikes == sum(replay.spikes.values()) / 2 > 20
    assert list(doubts(graph)) == []


def variant(graph: Graph, tmp_path, change) -> Graph:  # type: ignore[no-untyped-def]
    proto = onnx.load_model_from_string(graph.to_bytes())
    change(proto)
    path = tmp_path / "changed.onnx"
    path.write_bytes(proto.SerializeToString())
    return load_graph(path)


def test_a_wrong_weight_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    graph, replay = with_replay()

    def change(proto: onnx.ModelProto) -> None:
        weight = next(t for t in proto.graph.initializer if list(t.dims) == [8, 16])
        array = onnx.numpy_helper.to_array(weight).copy()
        array[:, :4] += 0.5
        weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    with pytest.raises(FindingsError) as error:
        replay_graph(variant(graph, tmp_path, change), (X,), replay)
    finding, = error.value.diagnostics
    assert (finding.code, finding.values["output"]) == ("NC105", "the current of lif1")
    assert finding.values["who"] == "saved graph in onnxruntime"


def test_a_wrong_output_is_refused() -> None:
    graph, replay = with_replay()
    other = replace(replay, outputs=(replay.outputs[0] + 0.1,))
    with pytest.raises(FindingsError) as error:
        replay_graph(graph, (X,), other)
    assert error.value.diagnostics[0].values["output"] == "output 0"


def test_a_neuron_that_fires_otherwise_is_refused() -> None:
    graph, replay = with_replay()
    first, *rest = replay.runs
    outputs = replace(first.outputs, spikes=1 - first.outputs.spikes)
    other = replace(first, outputs=outputs)
    with pytest.raises(FindingsError) as error:
        replay_graph(graph, (X,), replace(replay, runs=(other, *rest)))
    assert "lif" in str(error.value.diagnostics[0].values["output"])


def test_a_missing_neuron_is_refused() -> None:
    graph, replay = with_replay()
    for runs in (replay.runs[:1], (*replay.runs, replay.runs[0])):
        with pytest.raises(FindingsError) as error:
            replay_graph(graph, (X,), replace(replay, runs=runs))
        assert error.value.diagnostics[0].values["index"] == "neuron nodes"


class Tie(nn.Module):
    """A batch norm whose folding moves potentials across a threshold that they lie on."""

    bn: Any

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv, self.bn = nn.Conv2d(2, 64, 1, bias=False), nn.BatchNorm2d(64)
        self.lif = neuron.IFNode(v_threshold=1.0, step_mode="m")
        with torch.no_grad():
            self.bn.running_var.uniform_(0.3, 3.0)
            gain = self.bn.weight / torch.sqrt(self.bn.running_var + self.bn.eps)
            self.conv.weight.copy_(torch.rand(64, 2, 1, 1))
            total = self.conv.weight.sum((1, 2, 3))
            self.conv.weight.div_((total * gain)[:, None, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(self.bn(self.conv(x)).unsqueeze(0))


def test_rounding_on_the_threshold_is_told_not_refused() -> None:
    graph = capture(Tie(), torch.ones(4, 2, 3, 3))
    doubt, = doubts(graph)
    assert doubt.code == "NC108"
    different = doubt.values["different"]
    assert isinstance(different, int)
    assert 0 < different < 64 * 36
    assert "fed with the same spikes every synapse agrees within 1e-05" in doubt.message
