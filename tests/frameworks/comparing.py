"""A framework's module beside its stand-in: what both return over many ticks and calls."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from neurocompile.capture.torch_model import capture, reset, swap
from neurocompile.diagnostics import UsageError
from neurocompile.ir.graph import Graph
from tests.frameworks.drive import drive

TICKS = 300


class Holder(nn.Module):
    """A module in a model of its own, so that its path is `it`."""

    def __init__(self, it: nn.Module) -> None:
        super().__init__()
        self.it = it

    def forward(self, x: torch.Tensor) -> Any:
        return self.it(x)


def pair(module: nn.Module) -> tuple[Any, Any]:
    """(the module, its stand-in), both without state."""
    holder = Holder(module)
    reset(holder)
    return holder.it, swap(holder).it


def refusal(module: nn.Module) -> tuple[str, str]:
    """(code, reason) of the finding that refuses a module."""
    try:
        swap(Holder(module))
    except UsageError as error:
        finding = error.diagnostics[0]
        return finding.code, str(finding.values.get("reason", finding.values.get("param")))
    raise ValueError("it was not refused")


def stimulus(*shape: int, scale: float = 1.0) -> torch.Tensor:
    """Input of that shape, whose first size is ticks: every tick differs, thresholds are met."""
    width = int(torch.Size(shape[1:]).numel())
    rows = torch.cat([drive(scale, seed=seed) for seed in range(-(-width // 8))], 1)[:, :width]
    return rows[:shape[0]].reshape(shape)


def same(one: Any, other: Any) -> bool:
    """Whether two nests of tensors are equal bit for bit."""
    a, b = tree_leaves(one), tree_leaves(other)
    return len(a) == len(b) > 0 and all(
        x.shape == y.shape and torch.equal(x, y) for x, y in zip(a, b, strict=True))


def active(spikes: torch.Tensor) -> bool:
    """Whether 5 % to 95 % of all values are spikes, or not 0."""
    return 0.05 < float((spikes != 0).float().mean()) < 0.95


def active_graph(model: nn.Module, x: torch.Tensor) -> Graph:
    """The Graph of a model, captured with the replay gate; every neuron module fires."""
    graph = capture(model, x)
    assert graph.info["replay"]["spikes"]
    assert all(count > 0 for count in graph.info["replay"]["spikes"].values())
    return graph
