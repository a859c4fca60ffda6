"""Norse 1.1.0: every class beside its stand-in, and networks through capture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from neurocompile.capture.adapters.base import StandIn
from tests.frameworks.comparing import active, active_graph, pair, refusal, same, stimulus
from tests.frameworks.drive import recurrent_weights
from tests.frameworks.frameworks import use

pytestmark = pytest.mark.frameworks
ODD = {"tau_mem_inv": 223.0, "tau_syn_inv": 77.0, "v_leak": -0.1, "v_th": 0.7, "v_reset": -0.2}
CELLS = {"LIFCell": "LIFParameters", "LIFBoxCell": "LIFBoxParameters", "IAFCell": "IAFParameters",
         "LICell": "LIParameters", "LIBoxCell": "LIBoxParameters",
         "LIFRecurrentCell": "LIFParameters"}
OVER_TIME = {"LIF": "LIFParameters", "IAF": "IAFParameters", "LI": "LIParameters",
             "LIFRecurrent": "LIFParameters"}


@pytest.fixture(scope="module")
def norse() -> Any:
    use("norse-1.1.0")
    import norse.torch
    return norse.torch


def make(norse: Any, name: str, options: dict[str, float], dt: float) -> nn.Module:
    kind = getattr(norse, (CELLS | OVER_TIME)[name])
    p = kind(**{k: torch.tensor(v) for k, v in options.items() if k in kind._fields})
    if "Recurrent" in name:
        return getattr(norse, name)(8, 8, p=p, dt=dt, input_weights=torch.eye(8),
                                    recurrent_weights=recurrent_weights().clone())
    return getattr(norse, name)(p, dt=dt)


@pytest.mark.parametrize("options", [{}, ODD], ids=["default", "odd"])
@pytest.mark.parametrize("name", CELLS)
def test_cell_equals_its_stand_in(norse: Any, name: str, options: dict[str, float]) -> None:
    one, other = pair(make(norse, name, options, 0.002))
    assert isinstance(other, StandIn)
    state = state2 = None
    spikes = []
    for x in stimulus(300, 2, 8, scale=12.0 if "Box" in name else 2.0):
        out, state = one(x, state)
        out2, state2 = other(x, state2)
        assert type(state) is type(state2)
        assert same((out, *state), (out2, *state2))
        spikes.append(out)
    assert name in ("LICell", "LIBoxCell") or active(torch.stack(spikes))


@pytest.mark.parametrize("options", [{}, ODD], ids=["default", "odd"])
@pytest.mark.parametrize("name", OVER_TIME)
def test_layer_over_time_equals_its_stand_in(norse: Any, name: str,
                                             options: dict[str, float]) -> None:
    one, other = pair(make(norse, name, options, 0.002))
    x = stimulus(300, 2, 8, scale=2.0)
    first, second = one(x[:100]), other(x[:100])
    assert same(first, second)
    assert same(one(x[100:], first[1]), other(x[100:], second[1]))
    assert name == "LI" or active(one(x)[0])


def test_numbers_in_parameters_are_multiplied_as_norse_does(norse: Any) -> None:
    p = norse.LIFBoxParameters(tau_mem_inv=223.0, v_leak=torch.tensor(0.0))
    one, other = pair(norse.LIFBoxCell(p, dt=0.0023))
    state = state2 = None
    for x in stimulus(300, 2, 8, scale=2.0):
        out, state = one(x, state)
        out2, state2 = other(x, state2)
        assert same((out, state), (out2, state2))


def test_what_cannot_be_read_is_refused(norse: Any) -> None:
    Mine = type("Mine", (norse.LIFCell,), {})

    many = norse.LIFParameters(v_th=torch.tensor([1.0, 2.0]))
    assert refusal(norse.LIFCell(many)) == ("NC203", "v_th")
    assert refusal(Mine())[0] == "NC111"
    for other in (norse.LIFAdExCell(), norse.LIFRefracCell()):  # a third state, which masks spikes
        assert refusal(other)[0] == "NC111"
    assert "record_states" in refusal(norse.LIF(record_states=True))[1]
    assert "method" in refusal(norse.LIFCell(norse.LIFParameters(method="adjoint")))[1]
    own = norse.LIFBoxParameters(reset_method=lambda z, v, reset, th: v)
    assert "reset_method" in refusal(norse.LIFBoxCell(own))[1]


class Loop(nn.Module):
    """A SequentialState called once per tick."""

    def __init__(self, layers: nn.Module, ticks: int) -> None:
        super().__init__()
        self.layers, self.ticks = layers, ticks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state, outputs = None, []
        for _ in range(self.ticks):
            out, state = self.layers(x, state)
            outputs.append(out)
        return torch.stack(outputs).mean(0)


class First(nn.Module):
    """What a SequentialState emits, without its states."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x)[0]
        return out


def on_grid(layer: Any, low: float, high: float) -> Any:
    """The layer with weights in 1/64 from low to high."""
    torch.manual_seed(3)
    nn.init.uniform_(layer.weight, low, high)
    with torch.no_grad():
        layer.weight.copy_((layer.weight * 64).round() / 64)
    return layer


def test_stateful_containers_are_captured(norse: Any) -> None:
    net = norse.SequentialState(
        on_grid(nn.Linear(6, 10, bias=False), -1.0, 3.0), norse.LIFCell(),
        norse.SequentialState(on_grid(nn.Linear(10, 5, bias=False), -1.0, 4.0),
                              norse.LIFBoxCell(norse.LIFBoxParameters())))
    torch.manual_seed(0)
    active_graph(Loop(net, 6), torch.randint(1, 5, (2, 6)) / 4)


def test_convolutions_over_time_are_captured(norse: Any) -> None:
    net = norse.SequentialState(
        norse.Lift(on_grid(nn.Conv2d(1, 4, 3, bias=False), -1.0, 3.0)), norse.LIF(),
        nn.Flatten(2), on_grid(nn.Linear(64, 5, bias=False), -0.5, 1.5), norse.IAF())
    torch.manual_seed(0)
    graph = active_graph(First(net), torch.randint(0, 2, (6, 2, 1, 6, 6)).float())
    assert len(list(graph.neurons())) == 2


def test_recurrent_layer_is_captured(norse: Any) -> None:
    torch.manual_seed(0)
    layer = norse.LIFRecurrent(8, 8, input_weights=torch.eye(8) * 6,
                               recurrent_weights=recurrent_weights().clone())
    active_graph(First(norse.SequentialState(layer)), torch.randint(0, 2, (6, 2, 8)).float())
