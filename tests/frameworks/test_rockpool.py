"""Rockpool 3.1.0: LIFTorch beside its stand-in, and networks through capture."""

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
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "one spike": {"max_spikes_per_dt": torch.tensor(1.0)},
    "decays": {"leak_mode": "decays", "alpha": torch.tensor(0.75), "beta": torch.tensor(0.5)},
    "bitshifts": {"leak_mode": "bitshifts", "dash_mem": torch.tensor(2.0)},
    "odd": {"tau_mem": torch.tensor(0.01), "tau_syn": torch.tensor(0.002), "dt": 0.0023,
            "threshold": torch.tensor(0.7), "bias": torch.tensor(0.05)},
    "one per neuron": {"tau_mem": torch.full((8,), 0.01), "bias": torch.full((8,), 0.05)},
    "recurrent": {"has_rec": True, "tau_mem": torch.tensor(0.005)},
}


@pytest.fixture(scope="module")
def rockpool() -> Any:
    use("rockpool-3.1.0")
    import rockpool.nn.combinators
    import rockpool.nn.modules
    import rockpool.nn.modules.torch.lif_torch
    return rockpool.nn


def make(rockpool: Any, **options: Any) -> Any:
    if options.get("has_rec"):
        options["w_rec"] = recurrent_weights()
    return rockpool.modules.LIFTorch(8, **options)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("function", ["StepPWL", "PeriodicExponential"])
def test_layer_equals_its_stand_in(rockpool: Any, name: str, function: str) -> None:
    """Three calls in a row over [B, T, N]; the state of the first sample is carried on."""
    spikes = getattr(rockpool.modules.torch.lif_torch, function)
    one, other = pair(make(rockpool, spike_generation_fn=spikes, **OPTIONS[name]))
    assert isinstance(other, StandIn)
    slow = name in ("default", "one spike", "one per neuron")
    x = stimulus(300, 2, 8, scale=0.03 if slow else 0.5).transpose(0, 1)
    with torch.no_grad():
        for call in x.split(100, 1):
            out, _, _ = one(call)
            assert same(out, other(call)[0])
            assert same(one.vmem, other.states["v"])
            assert same(one.isyn[:, 0], other.states["u"])
            assert active(out)


def test_fewer_axes_and_one_channel_are_spread_as_the_module_does(rockpool: Any) -> None:
    for shape in ((300, 8), (300, 1), (300,), (2, 300, 1)):
        one, other = pair(make(rockpool))
        x = torch.rand(shape)
        assert same(one(x)[0], other(x)[0])


def test_torch_api_returns_the_output_alone(rockpool: Any) -> None:
    one, other = pair(make(rockpool).to_torch())
    x = stimulus(300, 2, 8).transpose(0, 1)
    assert same(one(x), other(x))


def test_what_cannot_be_read_is_refused(rockpool: Any) -> None:
    Mine = type("Mine", (rockpool.modules.LIFTorch,), {})

    lif = rockpool.modules.LIFTorch
    assert refusal(make(rockpool, threshold=torch.arange(1.0, 9.0))) == ("NC203", "threshold")
    assert refusal(Mine(8))[0] == "NC111"
    assert "synapses" in refusal(lif((16, 8)))[1]
    assert "noise_std" in refusal(make(rockpool, noise_std=0.1))[1]
    assert refusal(rockpool.modules.ExpSynTorch(8))[0] == "NC111"


def on_grid(net: Any) -> Any:
    torch.manual_seed(0)
    for name, weight in net.named_parameters():
        if name.endswith("weight"):
            with torch.no_grad():
                weight.copy_((torch.rand(weight.shape) * 48 - 12).round() / 32)
    return net


def sequential(rockpool: Any, **options: Any) -> Any:
    linear = rockpool.modules.LinearTorch
    return on_grid(rockpool.combinators.Sequential(
        linear((6, 8)), make(rockpool, **options), linear((8, 4)),
        rockpool.modules.LIFTorch(4, tau_mem=torch.tensor(0.01))))


class Sum(nn.Module):
    """A Rockpool network inside a torch model."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _, _ = self.net(x)
        total: torch.Tensor = out.sum(1)
        return total


@pytest.mark.parametrize("name", ["default", "one spike", "recurrent"])
def test_networks_are_captured(rockpool: Any, name: str) -> None:
    x = torch.randint(0, 2, (2, 6, 6)).float()
    net = sequential(rockpool, **OPTIONS[name])
    before = type(net(x))
    whole = active_graph(net, x)
    assert type(net(x)) is before is tuple  # the user's model is as it was
    assert len(list(whole.neurons())) == len(list(active_graph(Sum(net), x).neurons()))
