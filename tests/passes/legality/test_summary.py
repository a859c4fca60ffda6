"""A Graph in numbers: operators by place, multiply-accumulates by hand, energy."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neurocompile.capture.torch_model import capture
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph
from neurocompile.passes.legality.summary import Place, replayed_rates, summarize

neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
T, SIDE = 3, 6
STEM = 2 * 1 * 9 * SIDE * SIDE  # per tick
BODY = 4 * 2 * 9 * SIDE * SIDE * T
HEAD = 4 * SIDE * SIDE * 5


class Net(nn.Module):
    """A stem on the image, one synapse between neurons, a readout; optionally q k^T."""

    def __init__(self, attention: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = attention
        self.stem, self.body = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1)
        self.lif1, self.lif2 = (neuron.LIFNode(step_mode="m", v_threshold=0.2) for _ in range(2))
        self.lif3 = neuron.LIFNode(step_mode="m")
        for layer in (self.stem, self.body):
            nn.init.uniform_(layer.weight, -0.1, 0.3)
        self.head = nn.Linear(4 * SIDE * SIDE, 5)

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(self.stem(x).unsqueeze(0).repeat(T, 1, 1, 1, 1))
        s = self.lif2(self.body(s.flatten(0, 1)).unflatten(0, s.shape[:2]))
        if self.attention:
            flat = s.flatten(3)
            s = self.lif3(flat @ flat.transpose(-2, -1) @ flat).unflatten(-1, (SIDE, SIDE))
        return self.head(s.flatten(2).mean(0))


def _graph(attention: bool = False, batch: int = 4, prove: bool = True) -> Graph:
    torch.manual_seed(1)
    return capture(Net(attention).eval(), torch.rand(batch, 1, SIDE, SIDE), prove=prove)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_legal_network_by_hand(batch: int) -> None:
    graph = _graph(batch=batch, prove=False)
    summary = summarize(graph, check_graph(graph))
    assert summary.macs == {Place.CHIP: BODY, Place.HOST: STEM + HEAD, Place.ILLEGAL: 0}
    assert summary.operators[Place.CHIP] == 3  # two neurons and the synapse
    assert summary.operators[Place.ILLEGAL] == 0
    assert summary.event_driven == BODY / (BODY + STEM + HEAD)
    assert summary.energy_mj is None
    assert replayed_rates(graph) is None


def test_products_of_spikes_are_illegal() -> None:
    graph = _graph(attention=True)
    findings = check_graph(graph)
    assert {one.code for one in findings} == {"NC120"}
    summary = summarize(graph, findings)
    channels, tokens = 4, SIDE * SIDE
    assert summary.macs[Place.ILLEGAL] == 2 * T * channels * tokens * channels
    assert summary.operators[Place.ILLEGAL] == 2
    assert summary.macs[Place.CHIP] == BODY


def test_energy_is_the_papers_formula() -> None:
    graph = _graph()
    rates = replayed_rates(graph)
    assert rates is not None
    assert set(rates) == {"lif1", "lif2"}
    assert all(0 < rate < 1 for rate in rates.values())
    expected = 4.6 * STEM + 0.9 * (rates["lif1"] * BODY + rates["lif2"] * HEAD)
    energy = summarize(graph, [], rates).energy_mj
    assert energy == pytest.approx(expected * 1e-9)
    silent = summarize(graph, [], dict.fromkeys(rates, 0.0)).energy_mj
    assert silent == pytest.approx(4.6 * STEM * 1e-9)
    bound = summarize(graph, [], {}).energy_mj
    assert bound == pytest.approx(4.6 * (STEM + BODY + HEAD) * 1e-9)
