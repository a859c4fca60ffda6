"""Many small networks, captured in one go and split by output: it costs as much as one of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from torch import Tensor, nn

from neurocompile.capture.torch_model import capture
from neurocompile.ir.graph import INFO, Graph


class Net(Protocol):
    """A module with one output, and what it is captured on."""

    def example(self) -> Tensor:
        """Its input."""

    def __call__(self, x: Tensor) -> Tensor:
        """Its output."""


class _All(nn.Module):
    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(net(x) for net, x in zip(self.nets, inputs, strict=True))


def graphs_of(nets: Sequence[Net]) -> list[Graph]:
    """The Graphs of nets, in their order.

    None is replayed. Their gates run on seeded noise, as those of files without samples.
    """
    torch.manual_seed(0)
    modules = [net for net in nets if isinstance(net, nn.Module)]
    whole = capture(_All(modules), [net.example() for net in nets], prove=False)
    return [_part(whole, number) for number in range(len(nets))]


def _part(whole: Graph, number: int) -> Graph:
    part = whole.model.clone()
    value, item = part.graph.outputs[number], part.graph.inputs[number]
    part.graph.outputs[:] = [value]
    RemoveUnusedNodesPass()(part)
    part.graph.inputs[:] = [item]
    info = whole.info
    info |= {"inputs": [info["inputs"][number]], "outputs": [], "replay": {"spikes": {}}}
    part.metadata_props[INFO] = json.dumps(info)
    return Graph(part)
