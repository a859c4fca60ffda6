"""Small networks in the frameworks' own code, as users write them."""

from __future__ import annotations

from typing import Any, TypeVar

import snntorch
import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def lively(model: Model) -> Model:
    """Every layer fires, and all sums are exact in float32 whatever their order; eval mode.

    Weights are multiples of 1/64, BatchNorm scales by powers of two.
    """
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if module.affine:
                nn.init.constant_(module.weight, 1.0)
                nn.init.uniform_(module.bias, -0.25, 1.25)
            module.eps = 2.0**-10
            if module.track_running_stats:
                module.running_var.fill_(0.0625 - module.eps)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim:
                parameter.copy_((parameter * 64).round() / 64)
    return model.eval()


def image(*shape: int) -> torch.Tensor:
    """Values 0 to 1 in steps of 1/16."""
    return torch.randint(0, 17, shape) / 16


class MultiStep(nn.Module):
    """SpikingJelly, step mode m, direct coding, mean over time at the head."""

    def __init__(self, node: type = neuron.LIFNode, ticks: int = 4, **options: Any) -> None:
        super().__init__()
        self.ticks = ticks
        self.conv = layer.Conv2d(2, 6, 3, padding=1, bias=False, step_mode="m")
        self.bn = layer.BatchNorm2d(6, step_mode="m")
        self.lif1 = node(step_mode="m", **options)
        self.pool = layer.AvgPool2d(2, step_mode="m")
        self.fc = nn.Linear(6 * 16, 12)
        nn.init.uniform_(self.fc.weight, -0.05, 0.1)
        self.lif2 = node(step_mode="m", **options)
        self.head = nn.Linear(12, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.lif1(self.bn(self.conv(x.unsqueeze(0).repeat(self.ticks, 1, 1, 1, 1)))))
        return self.head(self.lif2(self.fc(x.flatten(2)) * 8)).mean(0)


class SingleStepLoop(nn.Module):
    """SpikingJelly, step mode s inside a Python loop over ticks."""

    def __init__(self, ticks: int = 4) -> None:
        super().__init__()
        self.ticks = ticks
        self.fc1, self.lif1 = nn.Linear(10, 16), neuron.LIFNode(v_threshold=0.4)
        self.fc2, self.lif2 = nn.Linear(16, 5), neuron.IFNode(v_threshold=0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(len(x), 5)
        for _ in range(self.ticks):
            out = out + self.lif2(self.fc2(self.lif1(self.fc1(x))))
        return out / self.ticks


class OneTick(nn.Module):
    """SpikingJelly, step mode s, one tick a call."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(10, 16), neuron.LIFNode(v_threshold=0.4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(self.fc(x))


class LeakyLoop(nn.Module):
    """snnTorch, explicit state, output spikes summed over ticks."""

    def __init__(self, ticks: int = 6, **options: Any) -> None:
        super().__init__()
        self.ticks = ticks
        self.fc1, self.lif1 = nn.Linear(10, 20), snntorch.Leaky(beta=0.8, **options)
        self.fc2, self.lif2 = nn.Linear(20, 4), snntorch.Leaky(beta=0.8, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        spikes = []
        for _ in range(self.ticks):
            s1, mem1 = self.lif1(self.fc1(x) * 2, mem1)
            s2, mem2 = self.lif2(self.fc2(s1) * 2, mem2)
            spikes.append(s2)
        return torch.stack(spikes).sum(0)


class SynapticLoop(nn.Module):
    """snnTorch CUBA neurons with explicit state."""

    def __init__(self, ticks: int = 6, reset: str = "subtract") -> None:
        super().__init__()
        self.ticks = ticks
        self.fc = nn.Linear(10, 20)
        self.lif = snntorch.Synaptic(alpha=0.5, beta=0.8, reset_mechanism=reset)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        syn, mem = self.lif.reset_mem()
        total = torch.zeros(len(x), 20)
        for _ in range(self.ticks):
            s, syn, mem = self.lif(self.fc(x), syn, mem)
            total = total + s
        return total


class HiddenState(nn.Module):
    """snnTorch with init_hidden: state lives in the neurons."""

    def __init__(self, ticks: int = 5) -> None:
        super().__init__()
        self.ticks = ticks
        self.fc = nn.Linear(10, 20)
        self.lif = snntorch.Leaky(beta=0.8, init_hidden=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.lif.reset_mem()
        return torch.stack([self.lif(self.fc(x) * 2) for _ in range(self.ticks)]).mean(0)


class Recurrent(nn.Module):
    """snnTorch with spikes fed back to the same layer one tick later."""

    def __init__(self, ticks: int = 6) -> None:
        super().__init__()
        self.ticks = ticks
        self.fc, self.back = nn.Linear(10, 20), nn.Linear(20, 20, bias=False)
        self.lif = snntorch.Leaky(beta=0.8, reset_mechanism="zero")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mem = self.lif.reset_mem()
        spikes = torch.zeros(len(x), 20)
        total = torch.zeros(len(x), 20)
        for _ in range(self.ticks):
            spikes, mem = self.lif(self.fc(x) * 2 + self.back(spikes), mem)
            total = total + spikes
        return total
