"""lava-dl SLAYER 0.6.0: neuron, synapses and blocks beside their stand-ins; networks captured.

The virtual environment has lava-dl, so this runs without the marker `frameworks`.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
import torch
from torch import nn

from neurocompile.capture.adapters.base import StandIn
from tests.frameworks.comparing import active, active_graph, pair, refusal, same, stimulus
from tests.frameworks.frameworks import STUBS

HALF = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.5}
ODD = {"threshold": 1.26, "current_decay": 0.2617, "voltage_decay": 0.0731}
NEURONS: dict[str, tuple[dict[str, Any], float]] = {  # options, scale of the current
    "half": (HALF, 1.0), "odd": (ODD, 0.3), "IF": ({**HALF, "voltage_decay": 0.0}, 0.5),
    "no current state": ({**HALF, "current_decay": 1.0}, 2.0),
    "just below 64": ({**HALF, "threshold": 63.99}, 64.0),
    "large": ({**HALF, "threshold": 64.0}, 64.0),
    "large graded": ({**HALF, "threshold": 64.0, "graded_spike": True}, 64.0),
    "graded": ({**ODD, "graded_spike": True}, 0.3),
    "persistent": ({**ODD, "persistent_state": True}, 0.3),
    "trained": ({**ODD, "requires_grad": True}, 0.3),
}
CUBA = {"threshold": 0.5, "current_decay": 0.25, "voltage_decay": 0.05}


@pytest.fixture(scope="module")
def slayer() -> Any:
    sys.path.append(str(STUBS))  # for matplotlib
    needs_opencv = "lava.lib.dl.slayer.object_detection"  # needs OpenCV
    sys.modules.setdefault(needs_opencv, types.ModuleType(needs_opencv))
    import lava.lib.dl.slayer
    return lava.lib.dl.slayer


@pytest.mark.parametrize("name", NEURONS)
def test_neuron_equals_its_stand_in(slayer: Any, name: str) -> None:
    """Three calls in a row over [B, N, T]; state is carried if it persists."""
    options, scale = NEURONS[name]
    with_dropout = {**options, "dropout": slayer.neuron.Dropout(0.2)}
    one, other = pair(slayer.neuron.cuba.Neuron(**with_dropout).eval())
    assert isinstance(other, StandIn)
    x = stimulus(300, 2, 8, scale=scale).movedim(0, -1)
    x[0, :2, 0] = float(options["threshold"])  # met exactly, from rest
    with torch.no_grad():
        for call in x.split(100, -1):
            out = one(call)
            assert same(out, other(call))
            assert active(out)
            if name == "persistent":
                assert same(one.voltage_state * 4096, other.states["v"])
                assert same(one.current_state * 4096, other.states["u"])


def off_grid(layer: Any, low: float = -0.5, high: float = 1.0) -> Any:
    """The layer, its weights drawn between the multiples of 1/32, two of them clipped."""
    torch.manual_seed(2)
    weight = dict(layer.named_parameters())
    for name, values in weight.items():
        if name.endswith(("weight", "weight_v")):
            with torch.no_grad():
                values.copy_(torch.rand(values.shape) * (high - low) + low)
                values.flatten()[0], values.flatten()[-1] = 5.0, -5.0
    return layer


def spikes(*shape: int) -> torch.Tensor:
    torch.manual_seed(1)
    return (torch.rand(shape) < 0.3).float()


BLOCKS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = {
    "dense": ("Dense", (12, 8), {}, (2, 12, 300)),
    "dense, images": ("Dense", ((4, 3, 2), 8), {}, (2, 2, 3, 4, 300)),
    "dense, normed": ("Dense", (12, 8), {"weight_norm": True}, (2, 12, 300)),
    "dense, masked": ("Dense", (12, 8), {"mask": torch.eye(12)[:8]}, (2, 12, 300)),
    "dense, not shifted": ("Dense", (12, 8), {"delay_shift": False}, (2, 12, 300)),
    "conv": ("Conv", (2, 4, 3), {"stride": 2, "padding": 1}, (2, 2, 6, 6, 300)),
    "conv, grouped": ("Conv", (2, 4, 3), {"groups": 2, "weight_norm": True}, (2, 2, 6, 6, 300)),
    "pool": ("Pool", (2,), {"weight_scale": 0.5}, (2, 3, 6, 6, 300)),
    "pool, padded": ("Pool", (2,), {}, (2, 3, 5, 5, 300)),
    "input": ("Input", (), {"weight": 0.7, "bias": 0.1}, (2, 8, 300)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block_equals_its_stand_in(slayer: Any, name: str) -> None:
    kind, args, more, shape = BLOCKS[name]
    params = {**CUBA, "threshold": 6.0} if kind == "Dense" and len(shape) > 3 else CUBA
    block = getattr(slayer.block.cuba, kind)(params, *args, **more)
    block = off_grid(block) if kind in ("Dense", "Conv") else block
    one, other = pair(block)
    x = spikes(*shape)
    with torch.no_grad():
        out = one(x)
        assert same(out, other(x))
        assert same(out, other(x))  # it starts from rest every time
    assert float(out.mean()) > 0.02, float(out.mean())


def test_what_cannot_be_read_is_refused(slayer: Any) -> None:
    Mine = type("Mine", (slayer.neuron.cuba.Neuron,), {})

    neuron, block = slayer.neuron.cuba.Neuron, slayer.block.cuba
    assert refusal(Mine(**HALF))[0] == "NC111"
    assert refusal(slayer.neuron.alif.Neuron(1.0, 0.1, 0.5, 0.5, 0.5, 0.5))[0] == "NC111"
    assert "shared_param" in refusal(neuron(**HALF, shared_param=False))[1]
    assert "norm" in refusal(neuron(**HALF, norm=slayer.neuron.norm.MeanOnlyBatchNorm))[1]
    assert "scale" in refusal(neuron(**HALF, scale=128))[1]
    assert "dropout" in refusal(neuron(**HALF, dropout=nn.Identity()))[1]
    assert "delay of its own" in refusal(block.Dense(CUBA, 4, 4, delay=True))[1]
    assert "count_log" in refusal(block.Dense(CUBA, 4, 4, count_log=True))[1]
    persistent = {**CUBA, "persistent_state": True}
    assert "persistent_state" in refusal(block.Dense(persistent, 4, 4))[1]
    assert refusal(block.Affine(CUBA, 4, 4))[0] == "NC111"


def test_pooling_over_channel_borders_is_refused(slayer: Any) -> None:
    _, other = pair(slayer.synapse.Pool(3))
    with pytest.raises(ValueError, match="one channel into the next"):
        other(spikes(1, 2, 5, 5, 3))


class Network(nn.Module):
    """Blocks in a row, as the tutorials write them; spikes per sample."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x.sum(-1)


def test_networks_are_captured(slayer: Any) -> None:
    c = slayer.block.cuba
    dense = Network(off_grid(c.Dense(CUBA, 12, 10, weight_norm=True)), off_grid(c.Dense(CUBA, 10, 4)))
    assert len(list(active_graph(dense, spikes(2, 12, 8)).neurons())) == 2
    conv = Network(off_grid(c.Conv(CUBA, 2, 4, 3)), c.Pool(CUBA, 2), c.Flatten(),
                   off_grid(c.Dense(CUBA, 16, 4)))
    graph = active_graph(conv, spikes(2, 2, 6, 6, 8))
    assert [graph.profile(node).name for node in graph.neurons()] == ["slayer-cuba"] * 3
