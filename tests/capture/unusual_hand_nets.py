"""Hand-written neurons that are written in unusual forms, or that are almost none."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Shared(nn.Module):
    """One neuron module with local state, used for two populations; batch in front of time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.sn = nn.Linear(8, 12), nn.Linear(12, 6), self.Neuron()

    class Neuron(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            out, mem = torch.zeros_like(x), torch.zeros_like(x[:, 0])
            for t in range(x.shape[1]):
                mem = 0.5 * mem + x[:, t]
                spike = torch.where(0.5 <= mem, 1.0, 0.0)
                mem[spike > 0] = 0.25
                out[:, t] = spike
            return out

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc1(x).unsqueeze(1).repeat(1, 4, 1)
        return self.sn(self.fc2(self.sn(y))).mean(1)


class Drifting(nn.Module):
    """A constant per neuron beside the input, the membrane itself returned."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drift = nn.Linear(8, 12), nn.Parameter(torch.arange(12) / 16)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        current, mem, total = self.fc(x), torch.zeros(len(x), 12), torch.zeros(len(x), 12)
        for _ in range(4):
            mem = mem + current * 0.5 + self.drift
            spike = torch.gt(mem, torch.tensor(1.0)).int().float()
            mem = mem - spike
            total = total + spike
        return total, mem


class Threshold(nn.Module):
    """A plain threshold of one tick."""

    def forward(self, x: Tensor) -> Tensor:
        return (x >= 0.25).float()


class Plain(nn.Module):
    """One tick: linear, threshold, linear, threshold, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.s1, self.fc2, self.s2 = nn.Linear(8, 12), Threshold(), nn.Linear(12, 6), Threshold()
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.s2(self.fc2(self.s1(self.fc1(x)))))


class Near(nn.Module):
    """One layer of a neuron that is nearly one; `kind` says in what it differs."""

    def __init__(self, kind: str, ticks: int = 4) -> None:
        super().__init__()
        self.fc, self.kind, self.ticks = nn.Linear(8, 12), kind, ticks
        self.decay = nn.Parameter(torch.linspace(0.1, 0.9, 12))

    def forward(self, x: Tensor) -> Tensor:
        mem = spike = total = torch.zeros(len(x), 12)
        rise = torch.zeros(len(x), 12)
        for t in range(self.ticks):
            current = self.fc(x)
            if self.kind == "decay":
                mem = mem * self.decay * (1 - spike) + current  # decay
            elif self.kind == "adaptive":
                rise = 0.9 * rise + spike  # adaptive
                mem = 0.5 * mem + current - rise
            elif self.kind == "noise":
                mem = 0.5 * mem * (1 - spike) + current + torch.randn_like(mem)  # noise
            elif self.kind == "square":
                mem = 0.5 * mem + current - 0.1 * mem.pow(2)  # square
            elif self.kind == "straight-through":
                mem = 0.5 * mem + current - spike
                soft = torch.sigmoid(mem - 1.0)  # straight-through
                spike = (mem > 1.0).float() + soft - soft.detach()
                total = total + spike
                continue
            elif self.kind == "sign":
                mem = 0.5 * mem + current - spike
                spike = (torch.sign(mem - 1.0) + 1) / 2  # sign
                total = total + spike
                continue
            elif self.kind == "gated":
                mem = mem * current + current  # gated
            elif self.kind == "steps":
                mem = (0.5 if t < 2 else 0.25) * mem * (1 - spike) + current  # steps
            else:
                mem = 0.5 * mem * (1 - spike) + current
            if self.kind == "sigmoid":
                spike = torch.sigmoid(4 * (mem - 1.0))  # sigmoid
            else:
                spike = (mem > 1.0).float()
            total = total + spike
        return total


class Memoryless(nn.Module):
    """Thresholds without memory beside a neuron with one, and one of the input alone."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(8, 12), nn.Linear(12, 12), nn.Linear(12, 6)

    def forward(self, x: Tensor) -> Tensor:
        x, mem, total = (x > 0.5).float() * 2, torch.zeros(len(x), 12), torch.zeros(len(x), 6)
        for _ in range(4):
            mem = 0.5 * mem + self.fc1(x)
            first = (mem > 1.0).float()
            mem = mem * (1 - first)
            second = (self.fc2(first) >= 0.25).float()
            total = total + (self.fc3(second) >= 0.25).float()
        return total
