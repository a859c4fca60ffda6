"""Networks that say only what they do; a spelling says how it is written."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from tests.properties.spellings import Spelling

T, B, N = 4, 2, 6


def lif() -> nn.Module:
    return neuron.LIFNode(v_threshold=0.5, step_mode="m")


class Net(nn.Module):
    """A network over [T, B, N] in one spelling."""

    uses = frozenset({"spikes", "linear"})  # what it has to spell
    codes: frozenset[str] = frozenset()
    shape: tuple[int, ...] = (N,)
    binary = True  # its layers get spikes, not their sums

    def __init__(self) -> None:
        super().__init__()
        self.way = Spelling()
        self.a, self.b, self.c = (nn.Linear(N, N) for _ in "abc")
        self.one, self.two, self.three = lif(), lif(), lif()

    def pair(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Two populations' spikes."""
        return self.way.spikes(self.one(self.a(x))), self.two(self.b(x))


class Chain(Net):
    def forward(self, x: Tensor) -> Tensor:
        s = self.way.spikes(self.one(self.a(x)))
        t = self.way.spikes(self.two(self.way.linear(self.b, s)))
        return self.way.linear(self.c, t)


class Shortcut(Net):
    """Spikes and currents are added before a neuron."""

    uses = frozenset({"spikes", "add", "linear"})

    def forward(self, x: Tensor) -> Tensor:
        s, t = self.pair(x)
        total = self.way.add(s, t)
        return self.three(self.way.add(total, self.way.linear(self.c, s)))


class Beside(Net):
    """Two populations side by side before weights."""

    def __init__(self) -> None:
        super().__init__()
        self.d = nn.Linear(2 * N, N)

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat(self.pair(x), -1)
        return self.three(self.way.linear(self.d, self.way.spikes(both)))


class Readout(Net):
    """A sum of spikes that nobody but the host reads."""

    uses = frozenset({"spikes", "add"})

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.way.add(*self.pair(x))).mean(0)


class Image(Net):
    uses = frozenset({"spikes", "pool"})
    shape = (2, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.more = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        s = self.way.spikes(self.one(self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])))
        pool = self.more(self.way.pool(s.flatten(0, 1)))
        return self.two(pool.unflatten(0, x.shape[:2]))


class SumThenWeights(Net):
    uses = frozenset({"spikes", "add", "linear"})
    codes = frozenset({"NC125"})
    binary = False

    def forward(self, x: Tensor) -> Tensor:
        return self.three(self.way.linear(self.c, self.way.add(*self.pair(x))))


class CurrentThenWeights(Net):
    uses = frozenset({"spikes", "add", "linear"})
    codes = frozenset({"NC124"})
    binary = False

    def __init__(self) -> None:
        super().__init__()
        self.d = nn.Linear(N, N)

    def forward(self, x: Tensor) -> Tensor:
        s, t = self.pair(x)
        return self.three(self.way.linear(self.d, self.way.add(t, self.c(s))))


class Mask(Net):
    codes = frozenset({"NC121"})

    def forward(self, x: Tensor) -> Tensor:
        s, t = self.pair(x)
        return self.three(self.way.linear(self.c, s * t))


class Attention(Net):
    codes = frozenset({"NC120"})

    def forward(self, x: Tensor) -> Tensor:
        s, t = self.pair(x)
        scores = s.unsqueeze(-1) @ t.unsqueeze(-2)
        return self.three((scores @ self.way.linear(self.c, t).unsqueeze(-1)).squeeze(-1))


class Maxima(Image):
    uses = frozenset({"spikes"})
    codes = frozenset({"NC122"})

    def forward(self, x: Tensor) -> Tensor:
        s = self.way.spikes(self.one(self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])))
        pool = self.more(F.max_pool2d(s.flatten(0, 1), 2))
        return self.two(pool.unflatten(0, x.shape[:2]))


class Activation(Net):
    codes = frozenset({"NC123"})

    def forward(self, x: Tensor) -> Tensor:
        s, _ = self.pair(x)
        return self.three(torch.relu(self.way.linear(self.c, s)))


class OverTime(Net):
    codes = frozenset({"NC126"})

    def forward(self, x: Tensor) -> Tensor:
        s, _ = self.pair(x)
        return self.three(self.way.linear(self.c, s.flip(0)))


LEGAL: tuple[type[Net], ...] = (Chain, Shortcut, Beside, Readout, Image)
ILLEGAL: tuple[type[Net], ...] = (SumThenWeights, CurrentThenWeights, Mask, Attention, Maxima,
                                  Activation, OverTime)




class Together(nn.Module):
    """One network in many spellings, all with the same weights, on the same input."""

    def __init__(self, net: type[Net], ways: dict[str, Spelling]) -> None:
        super().__init__()
        self.nets = nn.ModuleList()
        for way in ways.values():
            torch.manual_seed(5)
            one = net()
            for parameter in one.parameters():
                nn.init.uniform_(parameter, -0.4, 0.8)
                parameter.data.mul_(64).round_().div_(64)
            one.way = way
            self.nets.append(one)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [net(x) for net in self.nets]
