"""One hand-written neuron in many spellings: its decay, its threshold, its reset, its updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

N, T = 6, 4
Step = Callable[[Tensor, Tensor, float, float], tuple[Tensor, Tensor]]  # v, x, decay, v_th


def plain(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    """The neuron as most write it."""
    v = decay * v + x
    s = (v >= v_th).float()
    return v * (1 - s), s


def vectors(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = torch.full((N,), decay) * v + x
    s = (v >= torch.full((N,), v_th)).float()
    return v * (1 - s), s


def scalars(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = v * torch.tensor(decay) + x
    s = (v >= torch.tensor([v_th])).float()
    return v * (1.0 - s), s


def in_place(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = v.clone().mul_(decay).add_(x)
    s = v.ge(v_th).to(v.dtype)
    return v.mul_(1 - s), s


def subtracts(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = v * decay + x
    s = (v - v_th >= 0).float()
    return v - v * s, s


def wheres(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = torch.add(v * decay, x)
    s = torch.where(v >= v_th, 1.0, 0.0)
    return torch.where(s > 0, torch.zeros(()), v), s


def fills(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = decay * v + x
    fired = v >= v_th
    return v.masked_fill(fired, 0.0), fired.float()


def negations(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = x + decay * v
    s = torch.logical_not(v < v_th).float()
    return v * (s == 0), s


def relus(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = decay * v + x
    s = torch.relu((v >= v_th).float())
    return v * (1 - s.clamp(0, 1)), s.abs()


def absent(v: Tensor, x: Tensor, decay: float, v_th: float) -> tuple[Tensor, Tensor]:
    v = 1.0 * (decay * v) + x + 0.0
    s = (v >= v_th).float() * 1.0
    return v * (1 - s) + 0.0 * v, s


STEPS: Mapping[str, Step] = {step.__name__: step for step in (
    plain, vectors, scalars, in_place, subtracts, wheres, fills, negations, relus, absent)}


class Cells(nn.Module):
    """One neuron over [samples, T, N], a tick a step."""

    def __init__(self, step: Step, decay: float, v_th: float) -> None:
        super().__init__()
        self.step, self.decay, self.v_th = step, decay, v_th

    def forward(self, x: Tensor) -> Tensor:
        v, spikes = torch.zeros(len(x), N), []
        for t in range(T):
            v, s = self.step(v, x[:, t], self.decay, self.v_th)
            spikes.append(s)
        return torch.stack(spikes, 1)


class Spellings(nn.Module):
    """A layer and its neurons in all spellings."""

    def __init__(self, decay: float, v_th: float, steps: Mapping[str, Step] = STEPS) -> None:
        super().__init__()
        self.fc = nn.Linear(N, N)
        with torch.no_grad():
            self.fc.weight.uniform_(-0.3, 0.7).mul_(64).round_().div_(64)
            self.fc.bias.zero_()
        self.cells = nn.ModuleDict({name: Cells(step, decay, v_th) for name, step in steps.items()})

    def forward(self, x: Tensor) -> list[Tensor]:
        current = self.fc(x)
        return [cells(current) for cells in self.cells.values()]
