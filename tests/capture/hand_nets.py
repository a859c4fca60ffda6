"""Networks with hand-written neurons, as people write them. Lines that are refused say so."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

THRESH, LENS, DECAY, TIME_WINDOW = 0.5, 0.5, 0.25, 4


class ActFun(torch.autograd.Function):
    """Rectangular surrogate: strictly above the module-global threshold."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value)
        return value.gt(THRESH).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        value, = ctx.saved_tensors
        return grad * (abs(value - THRESH) < LENS).float()


class Ones(torch.autograd.Function):
    """Writes ones where the value is positive."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        out = torch.zeros_like(value)
        out[value > 0] = 1.0
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


def over_ticks(x: Tensor, ticks: int) -> Tensor:
    return x.unsqueeze(0).repeat(ticks, *([1] * x.ndim))


class MemUpdate(nn.Module):
    """MS-ResNet's neuron over [T, B, ...], its artificial activation unused."""

    def __init__(self, act: bool = False) -> None:
        super().__init__()
        self.relu, self.act = nn.ReLU(), act

    def forward(self, x: Tensor) -> Tensor:
        mem = torch.zeros_like(x[0])
        spike = torch.zeros_like(x[0])
        output = torch.zeros_like(x)
        mem_old: Any = 0
        for i in range(TIME_WINDOW):
            mem = mem_old * DECAY * (1 - spike.detach()) + x[i] if i >= 1 else x[i]
            spike = self.relu(mem) if self.act else ActFun.apply(mem)
            mem_old = mem.clone()
            output[i] = spike
        return output


class LocalState(nn.Module):
    """STMixer's neuron: time merged with batch in front, hard or soft reset, state local."""

    def __init__(self, ticks: int, soft: bool = False, use_ann: bool = False,
                 keep: bool = False) -> None:
        super().__init__()
        self.keep = keep  # the input is [T, B, ...]
        self.ticks, self.thresh, self.tau, self.soft = ticks, 1.0, 0.5, soft
        self.use_ann, self.relu = use_ann, nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        if self.use_ann:
            return self.relu(x)
        if not self.keep:
            x = x.view(self.ticks, -1, *x.shape[1:])
        mem: Any = 0
        spikes = []
        for t in range(self.ticks):
            mem = mem * self.tau + x[t]
            spike = ((mem - self.thresh) >= 0).float()
            mem = mem - spike * self.thresh if self.soft else mem * (1 - spike)
            spikes.append(spike)
        return torch.stack(spikes) if self.keep else torch.stack(spikes).flatten(0, 1)


class IntegerSpikes(nn.Module):
    """SpikeYOLO's neuron: whole numbers up to 4, subtracted in the next tick."""

    def forward(self, x: Tensor) -> Tensor:
        spike = torch.zeros_like(x[0])
        output = torch.zeros_like(x)
        mem_old: Any = 0
        for i in range(TIME_WINDOW):
            mem = (mem_old - spike.detach()) * DECAY + x[i] if i >= 1 else x[i]
            spike = torch.round(torch.clamp(mem, min=0, max=4))
            mem_old = mem.clone()
            output[i] = spike
        return output


class TwoLayers(nn.Module):
    """Linear, neuron, linear, neuron over [T, B, ...]; mean over ticks."""

    def __init__(self, make: Any, one_module: bool = False, ticks: int = TIME_WINDOW) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(8, 12), make()
        self.fc2, self.lif2 = nn.Linear(12, 6), make()
        self.one_module, self.ticks = one_module, ticks

    def forward(self, x: Tensor) -> Tensor:
        x = over_ticks(x, self.ticks)
        if self.one_module:
            spikes = self.lif2(self.fc2(self.lif1(self.fc1(x.flatten(0, 1)))))
            return spikes.view(self.ticks, -1, 6).mean(0)
        return self.lif2(self.fc2(self.lif1(self.fc1(x)))).mean(0)


class HiddenState(nn.Module):
    """One tick a call, the potential kept in the module; hard reset by `torch.where`."""

    mem: Any

    def __init__(self, v_th: float = 1.0, v_reset: float = 0.0, start: float | None = None) -> None:
        super().__init__()
        self.v_th, self.v_reset, self.mem = v_th, v_reset, start

    def forward(self, x: Tensor) -> Tensor:
        if self.mem is None:
            self.mem = torch.zeros_like(x)
        self.mem = self.mem + (x - self.mem) / 2.0
        spike = Ones.apply(self.mem - self.v_th)
        self.mem = torch.where(spike > 0, torch.full_like(x, self.v_reset), self.mem)
        return spike


class Integrator(nn.Module):
    """IF with the threshold subtracted, its state starting as the number 0."""

    def __init__(self) -> None:
        super().__init__()
        self.mem: Any = 0.0

    def forward(self, x: Tensor) -> Tensor:
        self.mem = self.mem + x
        spike = torch.heaviside(self.mem - 1.0, torch.tensor(1.0))
        self.mem = self.mem - spike
        return spike


class ExplicitState(nn.Module):
    """Spikes and potential out, potential in; a masked fill resets."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.thresh = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.75))

    def forward(self, x: Tensor, mem: Tensor) -> tuple[Tensor, Tensor]:
        mem = torch.sigmoid(self.w) * mem + x
        spike = (mem > self.thresh).to(x.dtype)
        return spike, mem.masked_fill(spike.bool(), 0.0)


class Cuba(nn.Module):
    """Synaptic current and potential, soft reset in the next tick."""

    def __init__(self, alpha: float = 0.5, gain: float = 1.0) -> None:
        super().__init__()
        self.alpha, self.beta, self.gain = alpha, 0.75, gain

    def forward(self, x: Tensor) -> Tensor:
        syn = mem = spike = torch.zeros_like(x[0])
        out = []
        for current in x:
            syn = self.alpha * syn + current
            mem = self.beta * mem + syn * self.gain - spike * 1.0
            spike = (mem >= 1.0).float()
            out.append(spike)
        return torch.stack(out)


class Loop(nn.Module):
    """Ticks in the network's own forward: hidden-state or explicit-state neurons."""

    def __init__(self, make: Any, ticks: int = 5, explicit: bool = False) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(8, 12), make()
        self.fc2, self.lif2 = nn.Linear(12, 6), make()
        self.ticks, self.explicit = ticks, explicit

    def forward(self, x: Tensor) -> Tensor:
        total: Any = 0
        mem1, mem2 = torch.zeros(len(x), 12), torch.zeros(len(x), 6)
        for _ in range(self.ticks):
            if self.explicit:
                s, mem1 = self.lif1(self.fc1(x), mem1)
                s, mem2 = self.lif2(self.fc2(s), mem2)
            else:
                s = self.lif2(self.fc2(self.lif1(self.fc1(x))))
            total = total + s
        return total / self.ticks


class Deep(nn.Module):
    """Six kinds of neurons one after the other, over [T, B, ...]."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(8, 12), *(nn.Linear(12, 12) for _ in range(5))])
        self.neurons = nn.ModuleList([
            MemUpdate(), Cuba(), FirstTickApart(), LocalState(4, soft=True, keep=True), Cuba(0.25, 0.5),
            LocalState(4, keep=True)])

    def forward(self, x: Tensor) -> Tensor:
        x = over_ticks(x, 4)
        for fc, neuron in zip(self.fc, self.neurons, strict=True):
            x = neuron(fc(x))
        return x.mean(0)


class Steps(nn.Module):
    """Five kinds of one-tick neurons one after the other, in a loop over ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(8, 12), *(nn.Linear(12, 12) for _ in range(4))])
        self.neurons = nn.ModuleList([
            HiddenState(), Integrator(), ExplicitState(), Buffer(), HiddenState(1.0, -0.25, -0.25)])

    def forward(self, x: Tensor) -> Tensor:
        total: Any = 0
        mem: Any = torch.zeros(len(x), 12)
        for _ in range(4):
            s = x
            for fc, neuron in zip(self.fc, self.neurons, strict=True):
                if isinstance(neuron, ExplicitState):
                    s, mem = neuron(fc(s), mem)
                else:
                    s = neuron(fc(s))
            total = total + s
        return total / 4


class OneTick(nn.Module):
    """One tick a call, run for n_ticks by the capture."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(8, 12), make()

    def forward(self, x: Tensor) -> Tensor:
        return self.lif(self.fc(x))


def mem_update(layer: nn.Module, x: Tensor, mem: Tensor, spike: Tensor) -> tuple[Tensor, Tensor]:
    mem = mem * DECAY * (1.0 - spike) + layer(x)
    return mem, ActFun.apply(mem)


class Inline(nn.Module):
    """Two layers by a function, their states locals of the forward."""

    def __init__(self, ticks: int = 5) -> None:
        super().__init__()
        self.fc1, self.fc2, self.ticks = nn.Linear(8, 12), nn.Linear(12, 6), ticks

    def forward(self, x: Tensor) -> Tensor:
        mem1 = spike1 = torch.zeros(len(x), 12)
        mem2 = spike2 = total = torch.zeros(len(x), 6)
        for _ in range(self.ticks):
            mem1, spike1 = mem_update(self.fc1, x, mem1, spike1)
            mem2, spike2 = mem_update(self.fc2, spike1, mem2, spike2)
            total = total + spike2
        return total / self.ticks


class InlineLayers(nn.Module):
    """A loop over layers inside the loop over ticks."""

    def __init__(self, ticks: int = 5) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 12), nn.Linear(12, 12), nn.Linear(12, 6)])
        self.ticks = ticks

    def forward(self, x: Tensor) -> Tensor:
        mems: list[Any] = [0.0] * len(self.layers)
        total: Any = 0.0
        for _ in range(self.ticks):
            s = x
            for number, layer in enumerate(self.layers):
                mem = 0.75 * mems[number] + layer(s)
                s = (mem > 0.5).float()
                mems[number] = mem - s * 0.5
            total = total + s
        return total / self.ticks


class FirstTickApart(nn.Module):
    """The first tick is written before the loop."""

    def forward(self, x: Tensor) -> Tensor:
        mem = x[0]
        spike = (mem > 0.5).float()
        out = [spike]
        for t in range(1, len(x)):
            mem = 0.5 * mem * (1 - spike) + x[t]
            spike = (mem > 0.5).float()
            out.append(spike)
        return torch.stack(out)


class Buffer(nn.Module):
    """The potential is a buffer; relu(sign) as threshold, the mask negated as reset."""

    mem: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mem", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.mem = 0.5 * self.mem + x
        spike = torch.relu(torch.sign(self.mem - 0.5))
        self.mem = self.mem * spike.eq(0)
        return spike


class Recurrent(nn.Module):
    """Spikes fed back through a linear layer; the reset compares the old potential again."""

    def __init__(self, ticks: int = 5) -> None:
        super().__init__()
        self.fc, self.back, self.ticks = nn.Linear(8, 12), nn.Linear(12, 12, bias=False), ticks

    def forward(self, x: Tensor) -> Tensor:
        mem = spike = total = torch.zeros(len(x), 12)
        for _ in range(self.ticks):
            reset = (mem > 1.0).float()
            mem = 0.75 * mem + self.fc(x) + self.back(spike) - reset * 1.0
            spike = (mem > 1.0).float()
            total = total + spike
        return total / self.ticks
