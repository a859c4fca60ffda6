"""Small models, each of a kind whose spikes quantization once lost, with what is fed into them."""

from __future__ import annotations

from itertools import pairwise

import snntorch
import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn


def if_node(v_threshold: float = 1.0) -> nn.Module:
    return neuron.IFNode(v_threshold=v_threshold, step_mode="m")


class Difference(nn.Module):
    """Fires where one image is brighter than another; static inputs [B, 6] each."""

    def __init__(self) -> None:
        super().__init__()
        self.plus, self.minus = nn.Linear(6, 5, bias=False), nn.Linear(6, 5, bias=False)
        self.n, self.out = if_node(), nn.Linear(5, 3)
        with torch.no_grad():
            weight = torch.tensor([[1.0, 2.0, 0.5, 0.0, 1.0, 0.25]]).repeat(5, 1)
            self.plus.weight.copy_(weight)
            self.minus.weight.copy_(-weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        current = self.plus(x) + self.minus(y)
        return self.out(self.n(current.unsqueeze(0).repeat(6, 1, 1))).mean(0)


class Coincidence(nn.Module):
    """Ternary weights and a leak of a half: one spike reaches the threshold [T, B, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(10, 14, bias=False), nn.Linear(14, 9, bias=False)
        self.n, self.m = (neuron.LIFNode(tau=2.0, decay_input=False, step_mode="m")
                          for _ in range(2))
        for layer in (self.a, self.b):
            layer.weight.data = torch.randint(-1, 2, layer.weight.shape).float()

    def forward(self, x: Tensor) -> Tensor:
        return self.m(self.b(self.n(self.a(x)))).mean(0)


class Snn(nn.Module):
    """Layers of snnTorch neurons over spikes [T, B, n]."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        states: list[tuple[Tensor, ...]] = [
            layer.init_synaptic() if isinstance(layer, snntorch.Synaptic) else (layer.reset_mem(),)
            if isinstance(layer, snntorch.Leaky) else () for layer in self.layers]
        out = []
        for tick in range(x.shape[0]):
            value = x[tick]
            for number, layer in enumerate(self.layers):
                if isinstance(layer, nn.Linear):
                    value = layer(value)
                else:
                    value, *after = layer(value, *states[number])
                    states[number] = tuple(after)
            out.append(value)
        return torch.stack(out).mean(0)


class StaticCurrent(nn.Module):
    """A static image [B, 5] into synaptic currents, beside their bias."""

    def __init__(self, alpha: float, beta: float) -> None:
        super().__init__()
        self.a, self.n = nn.Linear(5, 8), snntorch.Synaptic(alpha=alpha, beta=beta)

    def forward(self, x: Tensor) -> Tensor:
        u, v = self.n.init_synaptic()
        out = []
        for _ in range(12):
            spikes, u, v = self.n(self.a(x), u, v)
            out.append(spikes)
        return torch.stack(out).mean(0)


class Exposure(nn.Module):
    """A static image [B, 12] over many ticks, neurons without leak."""

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.ticks, self.a, self.n = ticks, nn.Linear(12, 10), if_node()
        self.b, self.m = nn.Linear(10, 5), if_node()

    def forward(self, x: Tensor) -> Tensor:
        return self.m(self.b(self.n(self.a(x).unsqueeze(0).repeat(self.ticks, 1, 1)))).mean(0)


def counters(inputs: int, v_threshold: float) -> nn.Module:
    """Many inputs of equal weight into neurons without leak [T, B, inputs]."""
    layer = nn.Linear(inputs, 4, bias=False)
    rows = torch.tensor([1.0, -1.0, 0.002, 0.5])
    layer.weight.data = rows[:, None].repeat(1, inputs)
    return nn.Sequential(layer, if_node(v_threshold))


def dense(sizes: tuple[int, ...]) -> nn.Module:
    """Layers of neurons without leak, as PyTorch makes them at first [T, B, n]."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), if_node()]
    return nn.Sequential(*layers)


def outlier_current() -> nn.Module:
    """Small biases beside one weight that is much larger than the rest [T, B, 14]."""
    a, b = nn.Linear(14, 18), nn.Linear(18, 8)
    a.weight.data *= 4
    b.weight.data *= 2
    b.weight.data[1, 2] = 8.0
    b.bias.data = torch.linspace(0.22, 0.36, 8)
    return Snn(a, snntorch.Synaptic(alpha=0.5, beta=0.55), b,
               snntorch.Synaptic(alpha=0.5, beta=0.55))


def frames(ticks: int, size: int, density: float, samples: int = 4, seed: int = 1) -> Tensor:
    """Spikes [T, B, n] of sources with rates up to twice the density."""
    random = torch.Generator().manual_seed(seed)
    rates = 2 * density * torch.rand(1, samples, size, generator=random)
    return (torch.rand(ticks, samples, size, generator=random) < rates).float()
