"""What the architectures of the zoo share: neurons, layers over all ticks, parameter counts.

Tensors are [T, B, ...]; neurons run in SpikingJelly's step mode m. Weighted layers see T and B
folded into one axis (`per_tick`), so batch statistics are shared over ticks.

Findings point to the deepest user line inside a `forward`. Whatever can be accused is therefore
called in the architecture's own file: this file has functions, and modules of torch and
SpikingJelly, but no `forward` that computes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor, nn

Spiking = Callable[[], nn.Module]  # makes a neuron


def lif(v_threshold: float = 1.0, tau: float = 2.0) -> nn.Module:
    """LIF with v <- v + (x - v) / tau, a spike at v >= v_threshold and reset to zero."""
    node: nn.Module = neuron.LIFNode(
        tau=tau, decay_input=True, v_threshold=v_threshold, v_reset=0.0,
        surrogate_function=surrogate.Sigmoid(), detach_reset=True, step_mode="m")
    return node


def if_(v_threshold: float = 1.0) -> nn.Module:
    """IF with v <- v + x, a spike at v >= v_threshold and reset to zero."""
    node: nn.Module = neuron.IFNode(
        v_threshold=v_threshold, v_reset=0.0, surrogate_function=surrogate.Sigmoid(),
        detach_reset=True, step_mode="m")
    return node


def repeat(image: Tensor, T: int) -> Tensor:
    """A static image [B, ...] as a constant current [T, B, ...] (direct coding)."""
    return image.unsqueeze(0).repeat(T, *([1] * image.ndim))


def per_tick(layer: nn.Module, x: Tensor) -> Tensor:
    """A stateless layer of [N, ...] applied to [T, B, ...]."""
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class Swap(nn.Module):
    """[..., a, b] to [..., b, a]: channels first for BatchNorm1d, and back."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(-1, -2)


def conv_bn(c_in: int, c_out: int, kernel: int = 3, stride: int = 1, *, bias: bool = False,
            groups: int = 1) -> nn.Sequential:
    """Conv2d with padding (kernel - 1) / 2, then BatchNorm2d."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=bias),
        nn.BatchNorm2d(c_out))


def conv1_bn(c_in: int, c_out: int, *, bias: bool = False) -> nn.Sequential:
    """Conv1d 1x1 over [N, C, tokens], then BatchNorm1d."""
    return nn.Sequential(nn.Conv1d(c_in, c_out, 1, bias=bias), nn.BatchNorm1d(c_out))


def linear_bn(c_in: int, c_out: int, *, bias: bool = True) -> nn.Sequential:
    """Linear over [N, tokens, C], then BatchNorm1d of the channels."""
    return nn.Sequential(nn.Linear(c_in, c_out, bias=bias), Swap(), nn.BatchNorm1d(c_out), Swap())


def parameters(model: nn.Module) -> int:
    """Number of trainable values, dead modules included."""
    return sum(p.numel() for p in model.parameters())


def on_meta(factory: Callable[[], nn.Module]) -> nn.Module:
    """A model without storage, for counting the parameters of full-size networks."""
    with torch.device("meta"):
        return factory()
