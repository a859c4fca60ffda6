"""A network in training: the chip's integers forward, straight through all rounding backward.

Weights and biases are rounded to their grids, static and analog inputs to the host's currents, and
populations compute as on the chip; gradients pass the rounding as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Input, InputKind, Network, Projection, Readout
from neurocompile.ir.operators import Array, Operator
from neurocompile.training.exactness import comparisons
from neurocompile.training.fitting import Fit
from neurocompile.training.grids import Grid
from neurocompile.training.layers import Layers, Part
from neurocompile.training.neurons import TrainedPopulation, straight_through
from neurocompile.training.slots import Slot, constants, operators, synapses_slot, weights_as
from neurocompile.training.torch_maps import WeightedMap, weighted_map
from neurocompile.training.trace import Sum, Trace

Messages = dict[str, list[torch.Tensor]]  # [samples, ticks, sources] by source, tick by tick or all


class Numbers(nn.Module):
    """A part's numbers, trained in floats and used on their grid."""

    def __init__(self, part: Part, grid: Grid, device: str) -> None:
        super().__init__()
        self.row = nn.Parameter(torch.tensor(part.row, dtype=torch.float32, device=device))
        self.part, self.device = part, device
        self.use(grid)

    def use(self, grid: Grid) -> None:
        """Round to another grid from now on."""
        step, low, high = (torch.tensor(array, dtype=torch.float32, device=self.device)
                           for array in grid.limits(self.part))
        self.rounds = step > 0
        self.step, self.low, self.high = torch.where(self.rounds, step, 1.0), low, high

    def forward(self) -> torch.Tensor:
        """The numbers on their grid."""
        steps = (self.row / self.step).round().clamp(self.low, self.high) * self.step
        return straight_through(torch.where(self.rounds, steps, self.row), self.row)

    @torch.no_grad()
    def clip(self) -> None:
        """Keep the numbers within their grid, where gradients can move them."""
        self.row.copy_(torch.where(self.rounds, self.row.clamp(
            self.low * self.step, self.high * self.step), self.row))


@dataclass(frozen=True, eq=False)
class _Values:
    """A slot's values: constants, or numbers times factors and offsets."""

    part: str  # "weights", "additions" or "": constants
    number: torch.Tensor  # of each value; of sums: [2, entries] of a matrix
    factor: torch.Tensor
    offset: torch.Tensor

    @classmethod
    def of(cls, part: str, trace: Trace | Sum, device: str) -> _Values:
        if isinstance(trace, Sum):
            coo = trace.matrix.tocoo()
            places, factors = np.stack(coo.coords).astype(np.int64), coo.data
            return cls(part if trace.varies else "", torch.as_tensor(places, device=device),
                       torch.as_tensor(factors, dtype=torch.float32, device=device),
                       torch.as_tensor(trace.offset, dtype=torch.float32, device=device))
        return cls(part if trace.varies else "",
                   torch.as_tensor(np.maximum(trace.number, 0), device=device),
                   torch.as_tensor(trace.factor, dtype=torch.float32, device=device),
                   torch.as_tensor(trace.offset, dtype=torch.float32, device=device))

    def at(self, rows: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The values for rows of numbers."""
        if not self.part:
            return self.offset
        if self.number.ndim > 1:
            terms = rows[self.part][self.number[1]] * self.factor
            return self.offset.index_add(0, self.number[0], terms)
        return rows[self.part][self.number] * self.factor + self.offset


class IntegerForward(nn.Module):
    """The integer network of a model's numbers, differentiable in them."""

    def __init__(self, layers: Layers, numbers: Fit, current_unit: int, device: str) -> None:
        super().__init__()
        self.device, self.current_unit = device, current_unit
        self.network: Network = layers.additions.network
        self._inputs = {item.name: item for item in self.network.inputs}
        self.weights = Numbers(layers.weights, numbers.weight_grid, device)
        self.additions = Numbers(layers.additions, numbers.addition_grid, device)
        self._slots: dict[Slot, _Values] = {}
        for name, part in (("weights", layers.weights), ("additions", layers.additions)):
            for slot, one in part.of_slot.items():
                if one.varies or slot not in self._slots:
                    self._slots[slot] = _Values.of(name, one, device)
        patterns = operators(self.network) | operators(layers.weights.network)
        self._maps: dict[Slot, WeightedMap] = {
            slot: weighted_map(operator, device) for slot, operator in patterns.items()}
        self._patterns = {slot: operator for slot, operator in patterns.items()
                          if slot not in self._slots}
        self._by_tick = any(p.delay for p in self.network.projections)
        self.use(numbers)

    def use(self, numbers: Fit) -> None:
        """Compute as the integer network of these numbers: its grids, thresholds and scales."""
        self.weights.use(numbers.weight_grid)
        self.additions.use(numbers.addition_grid)
        scales = {one.population: one.scale * self.current_unit for one in comparisons(
            numbers.floating, numbers.integers, self.current_unit)}
        floating = constants(numbers.floating) | {
            slot: weights_as(operator, self._patterns[slot])
            for slot, operator in operators(numbers.floating).items() if slot in self._patterns}
        for slot, array in floating.items():
            if array is not None and (slot in self._patterns or slot not in self._slots):
                self._slots[slot] = _Values("", torch.zeros(0), torch.zeros(0), torch.as_tensor(
                    array.copy(), dtype=torch.float32, device=self.device))
        self._encoders = {e.target: e for e in numbers.integers.encoders}
        scales |= {e.target: np.array(_unit(e, numbers.floating)) for e in numbers.integers.encoders}
        self._populations = {}
        for population in self.network.order():
            neuron = numbers.integers.population(population.name).chip_neuron
            unit = torch.as_tensor(scales.get(population.name, np.array(float(self.current_unit))),
                                   dtype=torch.float64, device=self.device)
            self._populations[population.name] = TrainedPopulation(
                population.floating, neuron, unit, self.current_unit)

    def forward(self, inputs: Mapping[str, Array]) -> torch.Tensor:
        """The first readout's values [samples, outputs], added up over ticks that it reads singly."""
        rows = {"weights": self.weights(), "additions": self.additions()}
        arrays = self.network.feeds(inputs)
        samples, ticks = len(next(iter(arrays.values()))), self.network.n_ticks
        messages: Messages = {item.name: [self._input_messages(item, arrays, samples)]
                              for item in self.network.inputs}
        order = self.network.order()
        for population in order:
            messages[population.name] = []
            bias, whole = self._constant(population.name, rows, messages)
            self._populations[population.name].start(bias, whole, (samples, population.size))
        step = 1 if self._by_tick else ticks
        for start in range(0, ticks, step):
            for population in order:
                current = self._current(population.name, rows, messages, (start, start + step))
                if current is None:
                    current = rows["weights"].new_zeros(samples, step, population.size)
                messages[population.name].append(
                    self._populations[population.name].advance(current))
        return self._read(self.network.readouts[0], rows, messages)

    def _input_messages(self, item: Input, arrays: Mapping[str, Array], samples: int) -> torch.Tensor:
        if item.kind is InputKind.ONE:
            return torch.ones(samples, 1, item.size, device=self.device)
        ticks = 1 if item.kind is InputKind.STATIC else self.network.n_ticks
        return torch.as_tensor(arrays[item.name], dtype=torch.float32, device=self.device).reshape(
            samples, ticks, item.size)

    def _constant(self, name: str, rows: Mapping[str, torch.Tensor],
                  messages: Messages) -> tuple[torch.Tensor, torch.Tensor]:
        """A population's constant currents in floats, and what the chip adds to v for them."""
        bias = self._slots[Slot("bias", name)].at(rows)
        unit = self._populations[name].unit
        encoder = self._encoders.get(name)
        if encoder is None:
            whole = torch.round(bias.detach().double() * unit).long()
            return straight_through((whole / unit).float(), bias), whole
        total: torch.Tensor = bias
        for projection in self._analog(encoder):
            total = total + self._through(synapses_slot(projection), rows,
                                          messages[projection.source][0])
        mantissas = torch.round(total.detach().double() * unit / 2.0**encoder.exponent).clamp(
            encoder.low, encoder.high)
        whole = mantissas.long() << encoder.exponent
        steady = all(self._inputs[source].kind is InputKind.STATIC for source in encoder.sources)
        total = straight_through((whole / unit).float(), total)
        return (total[:, 0], whole[:, 0]) if steady else (total, whole)

    def _analog(self, encoder: Encoder) -> Iterator[Projection]:
        """The float projections whose currents an encoder computes."""
        return (p for p in self.network.into(encoder.target) if p.source in encoder.sources)

    def _current(self, name: str, rows: Mapping[str, torch.Tensor], messages: Messages,
                 ticks: tuple[int, int]) -> torch.Tensor | None:
        """The synaptic currents of these ticks; None where nothing arrives."""
        total: torch.Tensor | None = None
        for projection in self.network.into(name):
            encoder = self._encoders.get(name)
            if encoder is not None and projection.source in encoder.sources:
                continue
            first = ticks[0] - projection.delay
            item, parts = self._inputs.get(projection.source), messages[projection.source]
            if self._by_tick and first < 0:
                continue
            if item is not None:
                x = parts[0] if parts[0].shape[1] == 1 else parts[0][:, first:first + ticks[1] - ticks[0]]
            else:
                x = parts[first] if self._by_tick else parts[0]
            y = self._through(synapses_slot(projection), rows, x).expand(
                -1, ticks[1] - ticks[0], -1)
            total = y if total is None else total + y
        return total

    def _through(self, slot: Slot, rows: Mapping[str, torch.Tensor],
                 x: torch.Tensor) -> torch.Tensor:
        """What an operator makes of messages [samples, ticks, sources]."""
        flat = self._maps[slot](self._slots[slot].at(rows), x.reshape(-1, x.shape[-1]))
        return flat.reshape(*x.shape[:2], -1)

    def _read(self, readout: Readout, rows: Mapping[str, torch.Tensor],
              messages: Messages) -> torch.Tensor:
        total = self._slots[Slot("constant", readout.name)].at(rows)
        times = self.network.n_ticks if readout.ticks == "each" else 1
        total = total * times
        for source, _ in readout.terms:
            parts = torch.cat(messages[source], dim=1)
            if isinstance(readout.ticks, int):
                x = parts[:, readout.ticks if parts.shape[1] > 1 else 0]
            else:
                x = parts.sum(1) * (times if parts.shape[1] == 1 else 1)
            total = total + self._through(Slot("readout", readout.name, source), rows,
                                          x[:, None])[:, 0]
        return total.reshape(len(total), -1)


def _unit(encoder: Encoder, floating: Network) -> float:
    """What of v an encoder writes per float unit of current."""
    (source, integers), *_ = encoder.terms
    weights: Operator = next(p.operator for p in floating.into(encoder.target)
                             if p.source == source)
    largest = int(np.abs(integers.weights).argmax())
    ratio = integers.weights.reshape(-1)[largest] / weights.weights.reshape(-1)[largest]
    return float(ratio * 2.0 ** (encoder.exponent + encoder.input_shift - encoder.output_shift))
