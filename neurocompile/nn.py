"""Layers in plain PyTorch that take the place of what no event-driven chip can run."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LAYOUTS = ("NC", "CN")


class TokenMixer(nn.Module):
    """Static token mixing, in the place of spiking self-attention (STM of STMixer, NeurIPS 2024).

    The channels are split into `heads` equal parts; part h has one learned matrix over tokens:
    y[n, c] = sum over m of weight[h, n, m] x[m, c]. No bias, no scale; a neuron belongs on either
    side, as on either side of an attention product. Its input is spikes, its output a current.

    The last two axes are tokens and channels, in the order that `layout` names: "NC" for
    (T, B, N, C), "CN" for (T, B, C, N) as in STMixer, with any axes in front. The shape is kept.
    Raises ValueError for heads or tokens below 1 and another layout.
    """

    def __init__(self, tokens: int, heads: int = 1, layout: str = "NC") -> None:
        super().__init__()
        if min(tokens, heads) < 1 or layout not in LAYOUTS:
            raise ValueError(f"TokenMixer needs tokens and heads of at least 1 and a layout of "
                             f"{' or '.join(LAYOUTS)}, not {tokens}, {heads} and {layout!r}")
        self.layout = layout
        self.weight = nn.Parameter(torch.empty(heads, tokens, tokens))
        nn.init.uniform_(self.weight, -tokens**-0.5, tokens**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        if self.layout == "NC":
            return self._mix(x.transpose(-2, -1)).transpose(-2, -1)
        return self._mix(x)

    def _mix(self, x: Tensor) -> Tensor:
        heads = torch.unflatten(x, -2, (len(self.weight), -1))  # ..., head, C / head, N
        return torch.matmul(heads, self.weight.transpose(-2, -1)).flatten(-3, -2)

    def extra_repr(self) -> str:
        heads, tokens, _ = self.weight.shape
        return f"{tokens}, heads={heads}, layout={self.layout!r}"
