"""Small event-driven networks of every style, captured in one go and split by output."""

from __future__ import annotations

from collections.abc import Callable

import snntorch
import torch
from spikingjelly.activation_based import layer, neuron
from torch import Tensor, nn
from torch.nn import functional

from neurocompile.ir.graph import Graph
from tests.properties.captured_together import graphs_of

T, B = 3, 2


def lif() -> nn.Module:
    return neuron.LIFNode(tau=2.0, step_mode="m", detach_reset=True)


def conv(inputs: int, outputs: int, size: int = 3, groups: int = 1, stride: int = 1) -> nn.Module:
    """Convolution and BatchNorm over [T, B, C, H, W]."""
    return nn.Sequential(
        layer.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False,
                     step_mode="m"),
        layer.BatchNorm2d(outputs, step_mode="m"))


class Net(nn.Module):
    """`body(self, x)` between parts that are made on construction."""

    shape: tuple[int, ...] = (T, B, 5)

    def example(self) -> Tensor:
        return torch.rand(self.shape)


class DenseNet(Net):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(5, 8), nn.Linear(8, 7), nn.Linear(7, 4)
        self.lif1, self.lif2, self.lif3 = lif(), neuron.IFNode(step_mode="m"), lif()

    def forward(self, x: Tensor) -> Tensor:
        return self.lif3(self.fc3(self.lif2(self.fc2(self.lif1(self.fc1(x)))))).mean(0)


class ConvNet(Net):
    """Convolution, BatchNorm, average pooling, classifier; the image is coded directly."""

    shape = (B, 3, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(3, 4), conv(4, 5)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()
        self.pool, self.fc, self.head = layer.AvgPool2d(2, step_mode="m"), nn.Linear(80, 7), (
            nn.Linear(7, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(0).repeat(T, 1, 1, 1, 1)
        x = self.pool(self.lif2(self.conv2(self.lif1(self.conv1(x)))))
        return self.head(self.lif3(self.fc(x.flatten(2)))).mean(0)


class TokenMixer(Net):
    """Static matrices over tokens and channels, membrane shortcuts."""

    shape = (T, B, 8, 4)  # channels, tokens

    def __init__(self) -> None:
        super().__init__()
        self.lifs = nn.ModuleList(lif() for _ in range(4))
        self.mix = nn.Parameter(torch.rand(2, 4, 4))
        self.bn1, self.bn2 = nn.BatchNorm1d(8), nn.BatchNorm1d(8)
        self.fc1, self.fc2, self.head = nn.Linear(8, 10), nn.Linear(10, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(x.flatten(0, 1)).reshape(T, B, 8, 4)
        y = self.lifs[0](x).reshape(T, B, 2, 4, 4).transpose(-1, -2)
        y = (self.mix @ y).transpose(-1, -2).reshape(T, B, 8, 4)
        x = x + self.bn2(y.flatten(0, 1)).reshape(T, B, 8, 4)
        y = self.lifs[2](self.fc1(self.lifs[1](x).transpose(-1, -2)))
        x = x + self.fc2(y).transpose(-1, -2)
        return self.head(self.lifs[3](x).mean(-1)).mean(0)


class MembraneShortcut(Net):
    """Residual blocks whose sum feeds neurons only (MS-ResNet)."""

    shape = (T, B, 2, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b = conv(2, 5), conv(5, 5), conv(5, 5)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()
        self.fc = nn.Linear(80, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.a(self.lif1(x))
        x = x + self.b(self.lif2(x))
        return self.fc(self.lif3(x).flatten(2)).mean(0)


class Skip(Net):
    """Spikes that skip a layer are added to its current, inside the next neuron."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.skip = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(self.fc1(x))
        t = self.lif2(self.fc2(s))
        return self.lif3(t * 0.5 + self.skip(s) - s).sum(0)


class Concat(Net):
    """Spikes side by side, as in DenseNets and CSP blocks."""

    shape = (T, B, 2, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(2, 4), conv(4, 5), conv(9, 3, 1)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(self.a(x))
        t = self.lif2(self.b(s))
        return self.lif3(self.c(torch.cat([s, t], 2))).mean((0, 3, 4))


class RepConv(Net):
    """A straight chain of linear layers, with parallel branches of one source."""

    shape = (T, B, 2, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(4, 4, 3, 4), conv(4, 4, 1), conv(4, 5, 1)
        self.stem, self.lif1, self.lif2 = conv(2, 4), lif(), lif()

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(self.stem(x))
        return self.lif2(self.c(self.a(s) + self.b(s))).flatten(2).sum(0)


class UpAndDown(Net):
    """Strided convolution, nearest upsampling, static crop and zero padding."""

    shape = (T, B, 2, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(2, 4, stride=2), conv(4, 4), conv(4, 3)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif2(self.b(self.lif1(self.a(x))))
        up = functional.interpolate(s.flatten(0, 1), scale_factor=2, mode="nearest")
        up = functional.pad(up[:, :, 1:7, 1:7], (1, 1, 1, 1)).unflatten(0, (T, B))
        return self.lif3(self.c(up)).mean((0, 3, 4))


class Bypass(Net):
    """The analog input joins the stream of spikes (STMixer's IPSPS)."""

    shape = (B, 5)

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc1(x)).unsqueeze(0).repeat(T, 1, 1)
        y = x + self.fc2(self.lif1(x))
        y = y + self.fc3(self.lif2(y))
        return self.lif3(y).mean(0)


class Heads(Net):
    """Channels split into heads and halves, static einsum per head."""

    shape = (T, B, 4, 8)

    def __init__(self) -> None:
        super().__init__()
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()
        self.weight, self.head = nn.Parameter(torch.rand(2, 4, 4)), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(x).reshape(T, B, 4, 2, 4)
        y = torch.einsum("tbnhc,hcd->tbnhd", s, self.weight).reshape(T, B, 4, 8)
        one, two = self.lif2(y).chunk(2, -1)
        return self.head(self.lif3(one - 0.5 * two).sum(2)).mean(0)


class LeakyLoop(Net):
    """snnTorch: a Python loop over ticks, states passed by hand."""

    shape = (B, 5)

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(5, 8), nn.Linear(8, 4)
        self.lif1, self.lif2 = snntorch.Leaky(beta=0.9), snntorch.Leaky(beta=0.8)

    def forward(self, x: Tensor) -> Tensor:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes = []
        for _ in range(T):
            s, mem1 = self.lif1(self.fc1(x), mem1)
            s, mem2 = self.lif2(self.fc2(s) * 2.0, mem2)
            spikes.append(s)
        return torch.stack(spikes).mean(0)


class SynapticLoop(Net):
    """snnTorch CUBA neurons, spikes added up inside the loop."""

    shape = (B, 5)

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(5, 7), nn.Linear(7, 4, bias=False)
        self.lif1, self.lif2 = (snntorch.Synaptic(alpha=0.5, beta=0.8) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        syn1, mem1 = self.lif1.init_synaptic()
        syn2, mem2 = self.lif2.init_synaptic()
        total = torch.zeros(B, 4)
        for _ in range(T):
            s, syn1, mem1 = self.lif1(self.fc1(x), syn1, mem1)
            s, syn2, mem2 = self.lif2(self.fc2(s), syn2, mem2)
            total = total + s
        return total


class Recurrent(Net):
    """Spikes fed back one tick later."""

    shape = (B, 5)

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.back, self.out = nn.Linear(5, 7), nn.Linear(7, 7), nn.Linear(7, 4)
        self.lif1, self.lif2 = snntorch.Leaky(beta=0.8), snntorch.Leaky(beta=0.7)

    def forward(self, x: Tensor) -> Tensor:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        s, spikes = torch.zeros(B, 7), []
        for _ in range(T):
            s, mem1 = self.lif1(self.fc(x) + self.back(s), mem1)
            t, mem2 = self.lif2(self.out(s), mem2)
            spikes.append(t)
        return torch.stack(spikes).sum(0)


NETS: tuple[Callable[[], Net], ...] = (
    DenseNet, ConvNet, TokenMixer, MembraneShortcut, Skip, Concat, RepConv, UpAndDown, Bypass,
    Heads, LeakyLoop, SynapticLoop, Recurrent)
LOOPS = ("LeakyLoop", "SynapticLoop", "Recurrent")


def graphs() -> dict[str, Graph]:
    """The Graph of every net by name."""
    torch.manual_seed(0)
    nets = [make() for make in NETS]
    return {type(net).__name__: graph for net, graph in zip(nets, graphs_of(nets), strict=True)}
