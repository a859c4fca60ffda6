"""The model of a .nir file: a torch module that capture reads like any other.

Inputs are [ticks, batch, *shape]; or [batch, *shape] held for `n_ticks`, where a tick number is
given. An output is what reaches an Output node: of every tick, [ticks, batch, *shape], unless the
file is ours and says that it is the sum over all ticks or the value of one.
Feed-forward graphs compute all ticks of a node at once. Graphs with cycles, delays or leaky
outputs loop over ticks; the spikes of edges that close a cycle arrive a tick later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurocompile.capture.adapters.base import StandIn
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.graph import FlatGraph, late_edges, order
from neurocompile.formats.nir.ours import Ticks
from neurocompile.formats.nir.producers import Meaning


class NirNeuron(nn.Module):
    """A neuron; its input is scaled and shifted where that differs between neurons."""

    def __init__(self, meaning: Meaning, path: str) -> None:
        super().__init__()
        self.gain = None if meaning.gain is None else _single(meaning.gain)
        self.offset = None if meaning.offset is None else _single(meaning.offset)
        self.neuron = StandIn(meaning.profile, meaning.constants, path, meaning.rest)

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        """What is emitted [T, B, ...] for inputs [T, B, ...]."""
        x_seq = x_seq if self.gain is None else x_seq * self.gain
        return self.neuron.ticks(x_seq if self.offset is None else x_seq + self.offset)


class NirDelay(nn.Module):
    """Each element as it was so many ticks ago, and 0 before."""

    def __init__(self, ticks: NDArray[np.int64], shape: n.Shape) -> None:
        super().__init__()
        every = np.broadcast_to(ticks, shape)
        self.taps = {int(k): _single(every == k) for k in np.unique(every)}

    def forward(self, history: list[torch.Tensor], tick: int, silence: torch.Tensor
                ) -> torch.Tensor:
        """The value of a tick, of the values [B, ...] of all ticks up to it, or to before it."""
        output = silence
        for ticks, mask in self.taps.items():
            if tick >= ticks:
                past = history[tick - ticks]
                output = past if len(self.taps) == 1 else output + past * mask
        return output


class _Scale(nn.Module):
    def __init__(self, scale: n.Floats) -> None:
        super().__init__()
        self.scale = _single(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


class _Conv1d(nn.Module):
    """A convolution over (channels, length), as one over (channels, 1, length)."""

    def __init__(self, node: n.Conv1d) -> None:
        super().__init__()
        padding = node.padding if isinstance(node.padding, str) else (0, *node.padding)
        self.conv = _convolution(node.weight[:, :, None], node.bias, (1, *node.stride), padding,
                                 (1, *node.dilation), node.groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x.unsqueeze(-2)).squeeze(-2)
        return y


def _single(array: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(array, np.float32))


def _convolution(weight: n.Floats, bias: n.Floats, stride: tuple[int, ...],
                 padding: tuple[int, ...] | str, dilation: tuple[int, ...], groups: int
                 ) -> nn.Conv2d:
    out, per_group = weight.shape[:2]
    pairs = [(int(a[0]), int(a[1])) for a in (weight.shape[2:], stride, dilation)]
    conv = nn.Conv2d(per_group * groups, out, pairs[0], pairs[1],
                     padding if isinstance(padding, str) else (int(padding[0]), int(padding[1])),
                     pairs[2], groups, bias=bool(np.any(bias)), device="meta")
    conv.weight = nn.Parameter(_single(weight))
    if conv.bias is not None:
        conv.bias = nn.Parameter(_single(np.broadcast_to(bias, (out,))))
    return conv


def _dense(weight: n.Floats, bias: n.Floats | None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    linear.weight = nn.Parameter(_single(weight))
    if bias is not None:
        linear.bias = nn.Parameter(_single(np.broadcast_to(bias, weight.shape[:1])))
    return linear


def stateless(node: n.Stateless, shape: n.Shape) -> nn.Module:
    """A node without memory, over [batch, *shape]."""
    if isinstance(node, n.Affine):
        return _dense(node.weight, node.bias)
    if isinstance(node, n.Linear):
        return _dense(node.weight, None)
    if isinstance(node, n.Scale):
        return _Scale(node.scale)
    if isinstance(node, n.Conv1d):
        return _Conv1d(node)
    if isinstance(node, n.Conv2d):
        return _convolution(node.weight, node.bias, node.stride, node.padding, node.dilation,
                            node.groups)
    if isinstance(node, n.SumPool2d):
        ones = np.ones((shape[0], 1, *node.kernel_size))
        return _convolution(ones, np.zeros(()), node.stride, node.padding, (1, 1), shape[0])
    if isinstance(node, n.AvgPool2d):
        return nn.AvgPool2d(node.kernel_size, node.stride, node.padding)
    dims = len(shape)
    start, end = (d + dims if d < 0 else d for d in (node.start_dim, node.end_dim))
    return nn.Flatten(start + 1, end + 1)


class NirModel(nn.Module):
    """A flat graph as a module; its parts are called as their nodes, as far as torch can."""

    def __init__(self, graph: FlatGraph, meanings: Mapping[str, Meaning],
                 delays: Mapping[str, NDArray[np.int64]], n_ticks: int | None = None,
                 ticks: Mapping[str, Ticks] | None = None) -> None:
        super().__init__()
        self.ticks = {} if ticks is None else dict(ticks)  # of outputs; else "each"
        self.n_ticks, self.sources, self.shapes = n_ticks, graph.sources, graph.shapes
        self.inputs, self.outputs = graph.names_of(n.Input), graph.names_of(n.Output)
        self.waiting = sorted(name for name, ticks in delays.items() if np.all(ticks > 0))
        self.late = late_edges(graph, self.waiting)
        self.order = order(graph, self.late, self.waiting)
        self.looped = bool(self.late or any(np.any(ticks) for ticks in delays.values()))
        self.part_names: dict[str, str] = {}  # the part of a node
        for name, node in graph.nodes.items():
            part: nn.Module | None = None
            if name in meanings:
                part = NirNeuron(meanings[name], name)
            elif name in delays:
                part = NirDelay(delays[name], graph.shapes[name])
            elif isinstance(node, n.Stateless):
                part = stateless(node, graph.shapes[graph.sources[name][0]])
            if part is not None:
                self.part_names[name] = self._free(name)
                self.add_module(self.part_names[name], part)

    def _free(self, name: str) -> str:
        """A name that a module can have: no dots, and not taken."""
        free = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
        while hasattr(self, free):
            free += "_"
        return free

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """All outputs, in the order of their names."""
        values = dict(zip(self.inputs, inputs, strict=True))
        if self.n_ticks is not None:
            values = {name: x.unsqueeze(0).repeat(self.n_ticks, *(1 for _ in x.shape))
                     for name, x in values.items()}
        streams = self._by_tick(values) if self.looped else self._at_once(values)
        results = [self._read(name, stream) for name, stream in zip(self.outputs, streams,
                                                                  strict=True)]
        return results[0] if len(results) == 1 else tuple(results)

    def _read(self, name: str, stream: torch.Tensor) -> torch.Tensor:
        """An output of its values [T, B, ...]."""
        ticks = self.ticks.get(name, "each")
        if ticks == "each":
            return stream
        return stream.sum(0) if ticks == "sum" else stream[ticks]

    def _at_once(self, start: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        values = dict(start)
        for name in self.order:
            if name not in values:
                values[name] = self._through(name, _sum([values[a] for a in self.sources[name]]))
        return [values[name] for name in self.outputs]

    def _through(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """A node's output [T, B, ...] for its input; a delay of no ticks changes nothing."""
        part = getattr(self, self.part_names[name]) if name in self.part_names else None
        if part is None or isinstance(part, NirDelay):
            return x
        y: torch.Tensor = part(x) if isinstance(part, NirNeuron) else part(
            x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return y

    def _by_tick(self, start: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        first = next(iter(start.values()))
        silence = {name: first.new_zeros((first.shape[1], *self.shapes[name]))
                   for name in self.sources}
        before = silence
        history: dict[str, list[torch.Tensor]] = {
            name: [] for name, part in self.part_names.items()
            if isinstance(getattr(self, part), NirDelay)}
        streams: list[list[torch.Tensor]] = [[] for _ in self.outputs]
        for tick in range(len(first)):
            now = {name: x[tick] for name, x in start.items()}
            for name in self.order:
                if name not in now:
                    now[name] = self._at(name, tick, now, before, history, silence[name])
            for name in self.waiting:
                history[name].append(_sum([now[a] for a in self.sources[name]]))
            for name, stream in zip(self.outputs, streams, strict=True):
                stream.append(now[name])
            before = now
        return [torch.stack(stream) for stream in streams]

    def _at(self, name: str, tick: int, now: dict[str, torch.Tensor],
            before: dict[str, torch.Tensor], history: dict[str, list[torch.Tensor]],
            silence: torch.Tensor) -> torch.Tensor:
        """A node's output [B, ...] in a tick."""
        if name not in self.waiting:
            x = _sum([(before if (a, name) in self.late else now)[a] for a in self.sources[name]])
            if name not in history:
                return self._through(name, x.unsqueeze(0)).squeeze(0)
            history[name].append(x)
        y: torch.Tensor = getattr(self, self.part_names[name])(history[name], tick, silence)
        return y


def _sum(values: list[torch.Tensor]) -> torch.Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
