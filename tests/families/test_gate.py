"""The lowering gate: errors of `lower` are refused and named, ties are counted, nothing is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from neurocompile.families import pipeline
from neurocompile.families.gate import Gate, doubts, gate
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.ir.graph import Graph
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.network import Bias, Network
from neurocompile.ir.operators import Operator
from neurocompile.ir.stored_samples import SAMPLES
from neurocompile.options import Options
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.capture.test_graph_replay import Tie


@pytest.fixture(scope="module")
def graph() -> Graph:
    torch.manual_seed(3)
    return capture(nets.lively(nets.MultiStep()), nets.image(5, 2, 8, 8))


@pytest.fixture(scope="module")
def network(graph: Graph) -> Network:
    return lower(graph)[0]


def test_every_spike_is_compared(graph: Graph, network: Network) -> None:
    result = gate(graph, network)
    assert (result.samples, result.ticks, result.seeded) == (5, network.n_ticks, False)
    assert sum(result.spikes.values()) > 100
    assert result.active
    assert set(result.ties.values()) == {0}
    assert list(doubts(graph, network, result)) == []


def test_a_leak_that_cancels_rounds() -> None:
    """`v + (x - v) / tau` with a tau near 1 leaves little of v, with the rounding of all of it."""
    layer = nn.Linear(4, 6, bias=False)
    model = nn.Sequential(layer, neuron.LIFNode(tau=1.0001, step_mode="m"))
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1, 25).reshape(6, 4) / 16)  # from below 1 to above
    x = torch.eye(4)[:3, None].repeat(1, 2, 1)
    x[-1] = 0  # nothing comes in the last tick
    graph = capture(model, x)
    result = gate(graph, lower(graph)[0])
    assert 0 < sum(result.spikes.values()) < 6 * 2 * 2


def test_a_graph_without_samples_is_compared_on_seeded_inputs(graph: Graph, tmp_path: Path
                                                              ) -> None:
    """As an older version wrote it."""
    (tmp_path / "old.onnx").write_bytes(graph.to_bytes())
    old = load_graph(tmp_path / "old.onnx")
    del old.model.metadata_props[SAMPLES]
    result = gate(old, lower(old)[0])
    assert (result.samples, result.seeded, result.active) == (4, True, True)
    assert "seeded" in result.summary()
    again = gate(old, lower(old)[0])
    assert all(np.array_equal(x, again.inputs[name]) for name, x in result.inputs.items())


def one_weight(operator: Operator) -> Operator:
    """The largest weight, off by one step of an 8-bit grid."""
    weights = operator.weights.astype(np.float64)
    at = np.unravel_index(int(np.abs(weights).argmax()), weights.shape)
    weights[at] -= weights[at] / 127
    return operator.with_weights(weights)


def with_neurons(network: Network, **changes: Any) -> Network:
    return replace(network, populations=tuple(
        replace(p, neuron=replace(p.floating, **changes)) for p in network.populations))


ERRORS: dict[str, Callable[[Network], Network]] = {
    "weight": lambda n: replace(n, projections=(
        replace(n.projections[0], operator=one_weight(n.projections[0].operator)),
        *n.projections[1:])),
    "threshold": lambda n: with_neurons(n, v_th=1.01 * n.populations[0].floating.v_th),
    "decay": lambda n: with_neurons(n, decay=0.99 * n.populations[0].floating.decay),
    "projection": lambda n: replace(n, projections=n.projections[:1]),
    "bias": lambda n: replace(n, populations=tuple(
        replace(p, bias=Bias(np.full(p.size, 0.001) if p.bias is None else p.bias.mantissa + 0.001))
        for p in n.populations)),
    "readout": lambda n: replace(n, readouts=tuple(
        replace(r, bias=r.bias + 0.001) for r in n.readouts)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_of_lowering_is_refused_on_an_ordinary_build(
        name: str, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*arguments: Any, **keywords: Any) -> tuple[Network, list[object]]:
        network, notes = lower(*arguments, **keywords)
        return ERRORS[name](network), [*notes]
    monkeypatch.setattr(pipeline, "lower", wrong)
    with pytest.raises(FindingsError) as error:
        compile_graph(graph, load_target("loihi2"))
    assert "NC142" in {d.code for d in error.value.diagnostics}


def test_an_error_is_named(graph: Graph, network: Network) -> None:
    """Population, tick, neuron, both potentials and the operation."""
    with pytest.raises(FindingsError) as error:
        gate(graph, with_neurons(network, v_th=0.5))
    (finding,) = error.value.diagnostics
    assert finding.code == "NC142"
    assert "`lif1`" in finding.message
    assert "sample 0, tick 0, neuron" in finding.message
    assert "threshold 0.5" in finding.message
    assert "`spikingjelly-" in finding.message


class Dyadic(nn.Module):
    """Potentials that meet the threshold, and are exact in float32."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.lif = nn.Linear(8, 16, bias=False), neuron.LIFNode(
            tau=2.0, decay_input=False, step_mode="m")
        self.fc.weight.data = torch.randint(-1, 2, (16, 8)).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(self.fc(x))


def test_the_kind_of_comparison_is_no_tie() -> None:
    """`>` for `>=`, where every potential is exact."""
    x = (torch.rand(8, 4, 8, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    graph = capture(Dyadic(), x)
    network = lower(graph)[0]
    assert sum(gate(graph, network).ties.values()) == 0
    with pytest.raises(FindingsError) as error:
        gate(graph, with_neurons(network, strict=True))
    assert error.value.diagnostics[0].code == "NC142"


def test_ties_are_counted_and_said() -> None:
    """A folded BatchNorm whose output lies on the threshold."""
    graph = capture(Tie(), torch.ones(4, 2, 3, 3))
    network = lower(graph)[0]
    result = gate(graph, network)
    ties = sum(result.ties.values())
    assert 0 < ties < 64 * 36
    (note,) = doubts(graph, network, result)
    assert (note.code, note.values["different"]) == ("NC143", ties)
    compilation = compile_graph(graph, load_target("loihi2"), Options(max_loss=100))
    assert "NC143" in {d.code for d in compilation.diagnostics}
    record = next(stage for stage in compilation.stages if stage.name == "gate")
    assert f"{ties:,} ties" in record.result


def test_a_population_that_is_silent_here_alone_is_named(graph: Graph, network: Network) -> None:
    """NC106, unless the replay's own says so."""
    result = gate(graph, network)
    silent = replace(result, spikes={**result.spikes, "lif2": 0})
    (warning,) = doubts(graph, network, silent)
    assert (warning.code, warning.values["module"]) == ("NC106", "lif2")
    quiet = capture(nets.MultiStep(), torch.zeros(5, 2, 8, 8))
    quiet_network = lower(quiet)[0]
    result = gate(quiet, quiet_network)
    if not result.active:
        assert list(doubts(quiet, quiet_network, result)) == []


def test_a_silent_network_is_compared_by_its_potentials() -> None:
    """No spike, and still a wrong weight is found."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(v_threshold=100.0, step_mode="m"))
    graph = capture(net, torch.rand(4, 2, 6))
    network = lower(graph)[0]
    assert not gate(graph, network).active
    with pytest.raises(FindingsError) as error:
        gate(graph, ERRORS["weight"](network))
    assert "last tick" in error.value.diagnostics[0].message


def test_gates_of_spikes_are_checked_by_what_they_reach() -> None:
    class PoolNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.lif1 = nn.Conv2d(2, 4, 3, padding=1), neuron.LIFNode(step_mode="m")
            self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(64, 5)
            self.lif2 = neuron.LIFNode(step_mode="m")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.lif1(self.conv(x * 8).unsqueeze(0).repeat(4, 1, 1, 1, 1))
            t, b = x.shape[:2]
            x = self.pool(x.flatten(0, 1)).flatten(1)
            return self.lif2(self.fc(x * 16).unflatten(0, (t, b))).mean(0)

    torch.manual_seed(3)
    graph = capture(nets.lively(PoolNet()), nets.image(4, 2, 8, 8))
    network = lower(graph, ["or-pool"])[0]
    result = gate(graph, network)
    assert isinstance(result, Gate)
    assert result.spikes.keys() == {"lif1", "lif2"}
    assert result.active
    with pytest.raises(FindingsError):
        gate(graph, replace(network, populations=tuple(
            replace(p, neuron=replace(p.floating, v_th=1.5)) if p.floating.gate else p
            for p in network.populations)))
