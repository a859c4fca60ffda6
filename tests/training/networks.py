"""Small networks of SpikingJelly and snnTorch with weights as training leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

TICKS = 4


class Convolutions(nn.Module):
    """BatchNorm, average pooling in front, a scaled residual, both resets; `leaky`: a gain of 1/tau."""

    def __init__(self, leaky: bool = False) -> None:
        super().__init__()
        self.conv1 = layer.Conv2d(1, 6, 3, padding=1, bias=False, step_mode="m")
        self.bn1 = layer.BatchNorm2d(6, step_mode="m")
        self.n1 = neuron.LIFNode(tau=2.0, step_mode="m") if leaky else neuron.IFNode(step_mode="m")
        self.pool = layer.AvgPool2d(2, step_mode="m")
        self.conv2 = layer.Conv2d(6, 6, 3, padding=1, step_mode="m")
        self.alpha = nn.Parameter(torch.tensor(0.7))
        self.n2 = neuron.IFNode(step_mode="m")
        self.fc = layer.Linear(6 * 16, 20, step_mode="m")
        self.n3 = neuron.IFNode(v_reset=None, step_mode="m")
        self.head = nn.Linear(20, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.n1(self.bn1(self.conv1(x))))
        x = self.n2(self.alpha * self.conv2(x) + x)
        return self.head(self.n3(self.fc(x.flatten(2)))).mean(0)


class Shared(nn.Module):
    """One layer before two populations, and a chain of two layers without neurons between."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(12, 16, bias=False)
        self.n1 = neuron.IFNode(step_mode="m")
        self.both = nn.Linear(16, 16)
        self.n2, self.n3 = (neuron.IFNode(step_mode="m") for _ in range(2))
        self.wide, self.narrow = nn.Linear(16, 24), nn.Linear(24, 10)
        self.n4 = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.n2(self.both(self.n1(self.fc1(x))))
        return self.n4(self.narrow(self.wide(self.n3(self.both(x))))).sum(0)


class Leaky(nn.Module):
    """snnTorch's loop: a static image of 0 and 1 into neurons that subtract, and recurrence."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 16), nn.Linear(16, 16), nn.Linear(16, 5)
        self.back = nn.Linear(16, 16, bias=False)
        self.n1 = snn.Leaky(beta=1.0)
        self.n2 = snn.Leaky(beta=0.5, reset_mechanism="zero")
        self.n3 = snn.Leaky(beta=1.0, reset_mechanism="zero")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        v1, v2, v3 = self.n1.reset_mem(), self.n2.reset_mem(), self.n3.reset_mem()
        s2, counts = torch.zeros(len(x), 16), []
        for _ in range(TICKS):
            s1, v1 = self.n1(self.fc1(x), v1)
            s2, v2 = self.n2(self.fc2(s1) + self.back(s2), v2)
            s3, v3 = self.n3(self.fc3(s2), v3)
            counts.append(s3)
        return torch.stack(counts).sum(0)


def trained_like(module: nn.Module, seed: int = 0, gain: float = 2.0) -> nn.Module:
    """Weights that keep all populations busy, and statistics of a BatchNorm."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in module.modules():
            weight = getattr(one, "weight", None)
            if isinstance(one, nn.modules.batchnorm._BatchNorm):
                assert one.running_mean is not None
                assert one.running_var is not None
                one.weight.uniform_(0.7, 1.4, generator=generator)
                one.bias.uniform_(-0.2, 0.3, generator=generator)
                one.running_mean.uniform_(-0.1, 0.1, generator=generator)
                one.running_var.uniform_(0.5, 1.5, generator=generator)
            elif isinstance(weight, torch.Tensor):
                reach = gain / weight[0].numel() ** 0.5
                weight.uniform_(-reach, 1.3 * reach, generator=generator)
    return module.eval()


def frames(shape: Sequence[int], samples: int = 8, seed: int = 1) -> NDArray[np.float32]:
    """Spikes [samples, ticks, *shape]."""
    draws = np.random.default_rng(seed).random((samples, TICKS, *shape))
    return (draws < 0.4).astype(np.float32)


def spikes_of(module: nn.Module, x: torch.Tensor, ticks: int = TICKS) -> dict[str, NDArray[Any]]:
    """What the neurons of a module emit in PyTorch, by path: [samples, ticks, neurons]."""
    calls: dict[str, list[torch.Tensor]] = {}
    hooks = []
    for name, one in module.named_modules():
        if isinstance(one, neuron.BaseNode | snn.Leaky):
            def keep(_: nn.Module, __: Any, result: Any, name: str = name) -> None:
                calls.setdefault(name, []).append(
                    result[0] if isinstance(result, tuple) else result)
            hooks.append(one.register_forward_hook(keep))
    functional.reset_net(module)
    with torch.no_grad():
        module(x)
    functional.reset_net(module)
    for hook in hooks:
        hook.remove()
    trains = {name: parts[0] if len(parts) == 1 else torch.stack(parts)
              for name, parts in calls.items()}
    return {name: train.transpose(0, 1).reshape(train.shape[1], ticks, -1).numpy()
            for name, train in trains.items()}
