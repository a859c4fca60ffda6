"""The layers of SLAYER around its neurons: synapses and blocks with fixed weights.

A synapse keeps time as its last axis and computes on [T, B, ...], so that its operator is an
ordinary linear or convolutional one. Sums of weights in 1 / 32 over spikes are exact in any order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

SYNAPSES = ("Dense", "Conv", "Pool")
BLOCKS = ("Input", *SYNAPSES)


class Synapse(nn.Module):
    """Weighted spikes [B, ..., T] of spikes [B, ..., T], as SLAYER's layer of that kind."""

    def __init__(self, layer: nn.Module, kind: str) -> None:
        super().__init__()
        m: Any = layer
        if m.weight_norm_enabled:
            for hook in m._forward_pre_hooks.values():  # sets the weight
                hook(m, ())
        weight = (m.weight if m.pre_hook_fx is None else m.pre_hook_fx(m.weight)).detach()
        self.kind = kind
        self.options = {name: getattr(m, name)[:2] for name in ("stride", "padding", "dilation")}
        self.groups = m.groups
        self.register_buffer("weight", weight[..., 0].clone())

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """The current of all ticks."""
        weight = self.get_buffer("weight")
        x = spikes.movedim(-1, 0)
        if self.kind == "Dense" and x.ndim == 3:
            return functional.linear(x, weight.flatten(1)).movedim(0, -1)
        images = x.flatten(0, 1)
        if self.kind == "Pool":
            images = self._pad(images)
            weight = weight.expand(images.shape[1], *weight.shape[1:])
        current = functional.conv2d(
            images, weight, groups=len(weight) if self.kind == "Pool" else self.groups,
            **self.options)
        return current.reshape(*x.shape[:2], *current.shape[1:]).movedim(0, -1)

    def _pad(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros below and right, as SLAYER adds them. Raises ValueError where windows overlap."""
        kernel = self.get_buffer("weight").shape[2:]
        extra = [size % k for size, k in zip(x.shape[2:], kernel, strict=True)]
        whole = all((size + e) % k == 0
                    for size, e, k in zip(x.shape[2:], extra, kernel, strict=True))
        if not whole or self.options != {"stride": tuple(kernel), "padding": (0, 0),
                                         "dilation": (1, 1)}:
            raise ValueError("this pooling reaches from one channel into the next")
        return functional.pad(x, (0, extra[1], 0, extra[0])) if any(extra) else x


class Block(nn.Module):
    """A synapse and its neurons; what they emit arrives one tick later if it is `late`."""

    def __init__(self, synapse: nn.Module | None, neuron: nn.Module | None, late: bool) -> None:
        super().__init__()
        self.synapse, self.neuron, self.late = synapse, neuron, late

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes [B, ..., T] of spikes [B, ..., T]."""
        if self.synapse is not None:
            x = self.synapse(x)
        if self.neuron is not None:
            x = self.neuron(x)
        return torch.cat((torch.zeros_like(x[..., :1]), x[..., :-1]), -1) if self.late else x


class InputScale(nn.Module):
    """What an Input block does before its neurons: rounded values, times weight, plus bias."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.hook, self.scale, self.offset = module.pre_hook_fx, module.weight, module.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The current of all ticks."""
        z: torch.Tensor = self.hook(x)
        if self.scale is not None:
            z = z * self.hook(self.scale)
        return z if self.offset is None else z + self.hook(self.offset)


def block(module: Any, kind: str) -> nn.Module:
    """The stand-in for a block, whose own neuron it keeps. Raises ValueError with the reason."""
    if module.count_log:
        raise ValueError("count_log=True returns event rates")
    if module.delay is not None:
        raise ValueError("delay=True shifts the spikes of every channel by a delay of its own")
    if module.delay_shift and getattr(module.neuron, "persistent_state", False):
        raise ValueError("persistent_state=True carries spikes from call to call")
    if kind == "Input":
        scale = None if module.neuron is None else InputScale(module)
        return Block(scale, module.neuron, bool(module.delay_shift))
    if getattr(module, "mask", None) is not None:
        if module.synapse.weight_norm_enabled:
            raise ValueError("with weight_norm=True its mask has no effect")
        module.synapse.weight.data *= module.mask
    return Block(module.synapse, module.neuron, bool(module.delay_shift))
