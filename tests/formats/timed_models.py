"""Networks with time first, second, last or none, in SpikingJelly's and in snnTorch's way.

Their weights are sums of powers of two, so that every order of additions gives the same spikes.
"""

from __future__ import annotations

import snntorch
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

FIRST, SECOND, LAST, NONE = "first", "second", "last", "none"
PLACES = (FIRST, SECOND, LAST, NONE)
TICKS = 3  # of models that get their input once


class MultiStep(nn.Module):
    """SpikingJelly's multi-step mode: layers over [ticks, samples, features]."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place
        self.net = nn.Sequential(layer.Linear(8, 12), neuron.LIFNode(tau=2.0, v_threshold=0.25),
                                 layer.Linear(12, 4), neuron.IFNode(v_threshold=0.5))
        functional.set_step_mode(self, "m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sums of spikes [samples, 4]."""
        if self.place == NONE:
            x = x.repeat(TICKS, 1, 1)
        if self.place in (SECOND, LAST):
            x = x.permute((1, 0, 2) if self.place == SECOND else (2, 0, 1))
        spikes: torch.Tensor = self.net(x)
        return spikes.sum(0)


class HandLoop(nn.Module):
    """snnTorch: a loop over one axis of the input."""

    def __init__(self, place: str, ticks: int | None = None) -> None:
        super().__init__()
        self.axis, self.ticks = {FIRST: 0, SECOND: 1, LAST: 2}.get(place), ticks
        self.fc1, self.fc2 = nn.Linear(8, 12), nn.Linear(12, 4)
        self.node1 = snntorch.Leaky(beta=0.5, threshold=0.5)
        self.node2 = snntorch.Leaky(beta=0.75, threshold=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sums of spikes [samples, 4]."""
        state1, state2 = self.node1.init_leaky(), self.node2.init_leaky()
        ticks = TICKS if self.axis is None else x.shape[self.axis]
        out = []
        for tick in range(self.ticks or ticks):
            now = x if self.axis is None else x.select(self.axis, tick)
            spikes, state1 = self.node1(self.fc1(now), state1)
            spikes, state2 = self.node2(self.fc2(spikes), state2)
            out.append(spikes)
        return torch.stack(out).sum(0)


class OneTick(nn.Module):
    """One tick a call."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 12), neuron.LIFNode(tau=2.0, v_threshold=0.25),
                                 nn.Linear(12, 4), neuron.IFNode(v_threshold=0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes [samples, 4]."""
        spikes: torch.Tensor = self.net(x)
        return spikes


def exact(model: nn.Module) -> nn.Module:
    """The model, all its weights and biases sixteenths."""
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim:
                parameter.copy_(torch.randint(-3, 5, parameter.shape, generator=random) / 16)
    return model.eval()


def multi_step(place: str = FIRST) -> nn.Module:
    """A `MultiStep`."""
    return exact(MultiStep(place))


def hand_loop(place: str = FIRST, ticks: int | None = None) -> nn.Module:
    """A `HandLoop`, of so many ticks whatever its input has."""
    return exact(HandLoop(place, ticks))


def one_tick() -> nn.Module:
    """A `OneTick`."""
    return exact(OneTick())
