"""sinabs 3.1.3: every class beside its stand-in, and networks through capture."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from neurocompile.capture.adapters.base import StandIn
from tests.frameworks.comparing import active, active_graph, pair, refusal, same, stimulus
from tests.frameworks.drive import recurrent_weights
from tests.frameworks.frameworks import use

pytestmark = pytest.mark.frameworks
FORMS = [kind + form for kind in ("IAF", "LIF") for form in ("", "Squeeze", "Recurrent")]


@pytest.fixture(scope="module")
def sinabs() -> Any:
    use("sinabs-3.1.3")
    import sinabs.activation
    import sinabs.from_torch
    import sinabs.layers
    return sinabs


def make(sinabs: Any, name: str, **options: Any) -> Any:
    if name.startswith("LIF"):
        options = {"tau_mem": 5.0, **options}
    if "Squeeze" in name:
        options["num_timesteps"] = 100
    if "Recurrent" in name:
        options["rec_connect"] = nn.Linear(8, 8, bias=False)
        with torch.no_grad():
            options["rec_connect"].weight.copy_(recurrent_weights())
    return getattr(sinabs.layers, name)(**options)


def settings(sinabs: Any, name: str) -> list[dict[str, Any]]:
    a = sinabs.activation
    spikes = (a.MultiSpike, a.SingleSpike, a.MaxSpike(2), a.MaxSpike())
    resets = (a.MembraneSubtract(), a.MembraneSubtract(0.6), a.MembraneReset(),
              a.MembraneReset(-0.25 if name.startswith("LIF") else 0.125))
    combinations = [{"spike_fn": s, "reset_fn": r, "min_v_mem": low, "tau_syn": syn}
             for s, r, low, syn in itertools.product(spikes, resets, (None, -0.5), (None, 2.0))]
    if name.startswith("LIF"):
        combinations += [{"norm_input": False}, {"train_alphas": True, "tau_syn": 3.0},
                  {"spike_threshold": torch.tensor(0.7), "record_states": True}]
    return combinations


@pytest.mark.parametrize("name", FORMS)
def test_layer_equals_its_stand_in(sinabs: Any, name: str) -> None:
    """Three calls in a row over [B, T, ...] or [B * T, ...]: state is carried."""
    scale = 6.0 if name.startswith("LIF") else 1.0
    x = stimulus(300, 2, 8, scale=scale).transpose(0, 1)
    calls = [call.flatten(0, 1) if "Squeeze" in name else call for call in x.split(100, 1)]
    for options in settings(sinabs, name):
        one, other = pair(make(sinabs, name, **options))
        assert isinstance(other, StandIn)
        spikes = []
        with torch.no_grad():
            for call in calls:
                spikes.append(one(call))
                assert same(spikes[-1], other(call)), options
                assert same(one.v_mem, other.states["v"]), options
                if options.get("tau_syn"):
                    assert same(one.i_syn, other.states["u"]), options
        assert active(torch.stack(spikes)), options


def test_several_spikes_are_seen(sinabs: Any) -> None:
    one, other = pair(sinabs.layers.IAF())
    x = stimulus(300, 2, 8, scale=2.0).transpose(0, 1)
    first = one(x)
    assert first.max() > 1
    assert same(first, other(x))
    assert not same(first, other(x))  # state is carried


def test_other_shapes_start_from_rest(sinabs: Any) -> None:
    one, other = pair(sinabs.layers.IAF())
    for size in (8, 4):
        x = stimulus(300, 2, size).transpose(0, 1)
        assert same(one(x), other(x))


def test_what_cannot_be_read_is_refused(sinabs: Any) -> None:
    Mine = type("Mine", (sinabs.layers.IAF,), {})

    Own = type("Own", (sinabs.activation.MembraneReset,), {})

    assert refusal(sinabs.layers.LIF(tau_mem=torch.tensor([2.0, 3.0]))) == ("NC203", "tau_mem")
    assert refusal(Mine())[0] == "NC111"
    assert refusal(sinabs.layers.ExpLeak(tau_mem=3.0))[0] == "NC111"
    assert "reset_fn" in refusal(sinabs.layers.IAF(reset_fn=Own()))[1]
    assert "reset_fn" in refusal(sinabs.layers.IAF(reset_fn=lambda s, state, th: state))[1]


class Conversion(nn.Module):
    """A converted network on [B, T, ...]; its outputs summed over time."""

    def __init__(self, net: nn.Module, sizes: tuple[int, int]) -> None:
        super().__init__()
        self.net, self.sizes = net, sizes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.net(x.flatten(0, 1)).unflatten(0, self.sizes).sum(1)
        return out


def on_grid(model: nn.Module) -> nn.Module:
    """Weights in 1/64, shifted up so that neurons fire."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(((parameter + 0.03) * 64).round() / 64)
    return model


def conversion(sinabs: Any, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    ann = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                        nn.Linear(36, 10, bias=False), nn.ReLU(), nn.Linear(10, 3, bias=False))
    net = sinabs.from_torch.from_model(on_grid(ann), batch_size=2, **options)
    return Conversion(net, (2, 5))


def test_converted_network_is_captured(sinabs: Any) -> None:
    """What `from_model` makes by default: several spikes a tick, a lower bound of v."""
    graph = active_graph(conversion(sinabs), torch.randint(0, 3, (2, 5, 1, 8, 8)).float())
    assert {graph.profile(node).name for node in graph.neurons()} == {"sinabs-multi-subtract-min"}


def test_recurrent_layers_are_captured(sinabs: Any) -> None:
    torch.manual_seed(0)
    for name in ("IAFRecurrent", "LIFRecurrent"):
        net = nn.Sequential(make(sinabs, name, spike_fn=sinabs.activation.SingleSpike))
        active_graph(net, torch.randint(0, 8, (2, 5, 8)).float())
