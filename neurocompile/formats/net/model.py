"""A lava-dl `.net` file as a PyTorch model that computes what netx's processes compute.

Layers keep their number in the file (`layer.1`), arrays are in torch's order (channels, height,
width). The hop of a step that each layer takes on the chip is not part of the model; delays are.

Input: where the file's input layer has a neuron, an image x [batch, *shape], for which the bias
mantissas of that layer are `weight x + bias`, rounded, in every tick; else spikes
[ticks, batch, *shape]. Output: spikes per sample of the last layer, or, where that has no neuron
or one that only adds up, the sum of its current (netx's v >> 6).
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import nn

from neurocompile.capture.adapters.base import StandIn
from neurocompile.formats.net.layers import Cell, ConvLayer, DenseLayer, InputLayer, Layer, NetFile
from neurocompile.semantics.floating import Constants
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE
from neurocompile.semantics.profiles import PROFILES, lava

SPIKE_RATE = 0.2  # of a made-up input


def example(net: NetFile, ticks: int, batch: int) -> torch.Tensor:
    """A seeded input: an image of values from 0 to 1, or spikes."""
    generator = torch.Generator().manual_seed(0)
    if net.input.cell is not None:
        return torch.rand(batch, *net.input.shape, generator=generator)
    noise = torch.rand(ticks, batch, *net.input.shape, generator=generator)
    return (noise < SPIKE_RATE).float()


class NetModel(nn.Module):
    """The whole chain, `ticks` ticks a sample.

    With delays or feedback every tick is a step of its own, otherwise layers run all ticks at once.
    """

    def __init__(self, net: NetFile, ticks: int) -> None:
        super().__init__()
        self.ticks = ticks
        self.by_tick = any(isinstance(layer, DenseLayer) and (
            layer.delay is not None or layer.recurrent is not None)
            for layer in net.layers.values())
        self.source = None if net.input.cell is None else _Source(net.input, net.input.cell)
        self.layer = nn.ModuleDict({str(i): _Layer(_read_out(layer, i == max(net.layers), ticks),
                                                   f"layer.{i}")
                                    for i, layer in net.layers.items()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs [batch, *shape of the last layer]."""
        if self.by_tick:
            return self._ticks(x)
        spikes = x if self.source is None else self.source(x.unsqueeze(0).expand(
            self.ticks, *x.shape))
        for layer in self._layers():
            spikes = layer(spikes)
        return spikes.sum(0)

    def _layers(self) -> list[_Layer]:
        return [cast(_Layer, layer) for layer in self.layer.values()]

    def _ticks(self, x: torch.Tensor) -> torch.Tensor:
        spikes = [x[t] if self.source is None else self.source(x.unsqueeze(0))[0]
                  for t in range(self.ticks)]
        for layer in self._layers():
            spikes = layer.steps(spikes)
        return torch.stack(spikes).sum(0)


def _read_out(layer: Layer, last: bool, ticks: int) -> Layer:
    """A last layer without its neurons where they provably only add up: no leak, no spike."""
    cell = layer.cell
    if not last or not isinstance(layer, DenseLayer) or layer.recurrent is not None or (
            cell is None or (cell.i_decay, cell.v_decay) != (DECAY_ONE, 0)):
        return layer
    most = np.maximum(layer.weight, 0).sum(1) + (0 if layer.bias is None else layer.bias)
    return layer if most.max() * ticks > cell.threshold else replace(layer, cell=None)


class _Source(nn.Module):
    """The input layer's neurons: no synapses, a current from the host."""

    def __init__(self, layer: InputLayer, cell: Cell) -> None:
        super().__init__()
        self.weight, self.bias = float(layer.weight), float(layer.bias)
        self.neuron = StandIn(PROFILES[lava.INPUT], _constants(cell, lava.INPUT), "layer.0")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes [ticks, batch, *shape] of images [ticks, batch, *shape]."""
        return self.neuron.ticks(x * self.weight + self.bias)


class _Layer(nn.Module):
    """Synapses and neurons; without neurons, the current itself."""

    def __init__(self, layer: Layer, path: str) -> None:
        super().__init__()
        self.flat = isinstance(layer, DenseLayer)
        self.synapses = _synapses(layer)
        self.feedback = None
        if isinstance(layer, DenseLayer) and layer.recurrent is not None:
            self.feedback = _linear(torch.from_numpy(layer.recurrent))
        self.neuron = None
        if layer.cell is not None:
            name = lava.CUBA if layer.bias is None else lava.CUBA_BIAS
            self.neuron = StandIn(PROFILES[name], _constants(layer.cell, name), path)
        self.bias = None
        if layer.bias is not None:
            self.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()).float())

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """All ticks at once: [ticks, batch, *shape]."""
        (_, operator), = self.synapses.items()
        if self.flat:
            return self._fire(operator(spikes.flatten(2)))
        current = operator(spikes.flatten(0, 1))
        return self._fire(current.unflatten(0, spikes.shape[:2]))

    def steps(self, spikes: list[torch.Tensor]) -> list[torch.Tensor]:
        """Tick by tick: a list of [batch, *shape]."""
        outputs: list[torch.Tensor] = []
        arriving = [s.flatten(1) for s in spikes] if self.flat else spikes
        for tick, now in enumerate(arriving):
            current: torch.Tensor | None = None
            for delay, operator in self.synapses.items():
                if tick >= int(delay):
                    part = operator(arriving[tick - int(delay)])
                    current = part if current is None else current + part
            if self.feedback is not None and tick:
                echo = self.feedback(outputs[-1])
                current = echo if current is None else current + echo
            if current is None:  # everything is still on its way
                current = next(iter(self.synapses.values()))(now) * 0
            outputs.append(self._fire(current.unsqueeze(0))[0])
        return outputs

    def _fire(self, current: torch.Tensor) -> torch.Tensor:
        if self.neuron is None:
            return current if self.bias is None else current + self.bias
        if self.bias is None:
            return self.neuron.ticks(current)
        return self.neuron.ticks(current, self.bias.expand(len(current), 1, *self.bias.shape))


def _synapses(layer: Layer) -> nn.ModuleDict:
    """One operator per delay, by the delay as text."""
    weight = torch.from_numpy(layer.weight)
    if isinstance(layer, ConvLayer):
        height, width = weight.shape[2:]
        conv = nn.Conv2d(weight.shape[1] * layer.groups, len(weight), (height, width),
                         layer.stride, layer.padding, layer.dilation, layer.groups, bias=False)
        conv.weight = nn.Parameter(weight.float())
        return nn.ModuleDict({"0": conv})
    if layer.delay is None:
        return nn.ModuleDict({"0": _linear(weight)})
    return nn.ModuleDict({str(d): _linear(torch.from_numpy(layer.weight * (layer.delay == d)))
                          for d in np.unique(layer.delay)})


def _linear(weight: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = nn.Parameter(weight.float())
    return linear


def _constants(cell: Cell, name: str) -> Constants:
    numbers = {"keep_u": DECAY_ONE - cell.i_decay, "keep_v": DECAY_ONE - cell.v_decay,
               "v_th": cell.threshold << ACTIVATION_SHIFT}
    return {constant: float(numbers[constant]) for constant in PROFILES[name].constants}
