"""Networks whose loops over ticks are unrolled: what capture takes grows with their ticks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

T, DECAY, V_TH = 6, 0.25, 0.5


class _Fire(torch.autograd.Function):
    """A threshold with a surrogate gradient."""

    @staticmethod
    def forward(ctx: object, v: Tensor) -> Tensor:
        return v.gt(V_TH).float()


class _Neurons(nn.Module):
    """Leaky neurons written by hand, [T, B, ...] to [T, B, ...]."""

    def forward(self, x: Tensor) -> Tensor:
        v, spike, output = torch.zeros_like(x[0]), torch.zeros_like(x[0]), torch.zeros_like(x)
        for t in range(T):
            v = v * DECAY * (1 - spike.detach()) + x[t] if t else x[t]
            spike = _Fire.apply(v)
            output[t] = spike
        return output


class _Conv(nn.Conv2d):
    """A convolution in each tick."""

    def forward(self, x: Tensor) -> Tensor:
        side = [(n + 2 * self.padding[0] - self.kernel_size[0]) // self.stride[0] + 1
                for n in x.shape[3:]]
        output = torch.zeros(T, x.shape[1], self.out_channels, *side)
        for t in range(T):
            output[t] = F.conv2d(x[t], self.weight, None, self.stride, self.padding)
        return output


class _Norm(nn.BatchNorm3d):
    """A BatchNorm over ticks and pixels."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x.permute(1, 2, 0, 3, 4).contiguous())
        return y.permute(2, 0, 1, 3, 4)


class _Block(nn.Module):
    """Two convolutions behind neurons, and the membrane shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _Neurons(), _Conv(before, after, 3, stride, 1, bias=False), _Norm(after),
            _Neurons(), _Conv(after, after, 3, 1, 1, bias=False), _Norm(after))
        self.shortcut = nn.Sequential() if before == after else nn.Sequential(
            _Conv(before, after, 1, stride, 0, bias=False), _Norm(after))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.residual(x) + self.shortcut(x)
        return result


class MsResNet(nn.Module):
    """A network in the style of MS-ResNet, its neurons and convolutions in loops over ticks."""

    def __init__(self, blocks: tuple[int, ...] = (3, 8, 32, 8), width: int = 16) -> None:
        super().__init__()
        stages = [(width << max(k - (j == 0), 0), width << k, 2 if k and j == 0 else 1)
                  for k, count in enumerate(blocks) for j in range(count)]
        self.stem = nn.Sequential(_Conv(3, width, 7, 2, 3, bias=False), _Norm(width))
        self.blocks = nn.Sequential(*(_Block(*stage) for stage in stages))
        self.neurons, self.head = _Neurons(), nn.Linear(stages[-1][1], 100)

    def forward(self, x: Tensor) -> Tensor:
        x = self.neurons(self.blocks(self.stem(x.unsqueeze(0).repeat(T, 1, 1, 1, 1))))
        result: Tensor = self.head(x.mean((3, 4)).sum(0) / T)
        return result


class LeakyLoop(nn.Module):
    """snnTorch: two layers in a loop over ticks."""

    def __init__(self, ticks: int = 128) -> None:
        import snntorch

        super().__init__()
        self.ticks = ticks
        self.fc1, self.lif1 = nn.Linear(100, 64), snntorch.Leaky(beta=0.9, threshold=0.2)
        self.fc2, self.lif2 = nn.Linear(64, 10), snntorch.Leaky(beta=0.9, threshold=0.2)

    def forward(self, x: Tensor) -> Tensor:
        v1, v2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes = []
        for _ in range(self.ticks):
            s, v1 = self.lif1(self.fc1(x), v1)
            s, v2 = self.lif2(self.fc2(s), v2)
            spikes.append(s)
        return torch.stack(spikes).sum(0)
