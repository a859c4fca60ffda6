"""A population in training: forward in the chip's integers, backward through its float equations."""

from __future__ import annotations

import math
from typing import Any

import torch

from neurocompile.ir.network import IntegerNeuron
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import Batch


class _Spike(torch.autograd.Function):
    """The chip's spikes, with the derivative of an arc tangent of the float potential."""

    @staticmethod
    def forward(ctx: Any, above: torch.Tensor, spikes: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(above)
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        above, = ctx.saved_tensors
        return grads[0] / (1 + (math.pi * above) ** 2), None


def straight_through(value: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """The one's value with the other's gradient."""
    return gradient + (value - gradient).detach()


class TrainedPopulation:
    """A population of [samples, neurons]; its states are the chip's.

    `unit`: of v, per float unit, for all neurons or each. `bias` is in floats, to be
    differentiated; `bias_of_v` are the integers that the chip adds for it.
    """

    def __init__(self, floating: FloatNeuron, integers: IntegerNeuron, unit: torch.Tensor,
                 current_unit: int) -> None:
        self.floating, self.integers = floating, integers
        self.unit, self.current_unit = unit, current_unit

    def start(self, bias: torch.Tensor, bias_of_v: torch.Tensor, shape: tuple[int, int]) -> None:
        """Begin samples of these constant currents at rest."""
        device = str(bias.device)
        self._batch: Batch = self.integers.executor(bias_of_v, shape, device)
        self._bias = bias
        self._u = self._v = bias.new_zeros(shape)
        self._tick = 0

    def advance(self, current: torch.Tensor) -> torch.Tensor:
        """Spikes [samples, ticks, neurons] of currents of those ticks, in floats."""
        with torch.no_grad():
            whole = torch.round(current.double() * (self.unit / self.current_unit)).long()
            trace = torch.empty_like(whole)
            spikes = self._batch.advance(whole, trace).to(current.dtype)
            potential = (trace.double() / self.unit).to(current.dtype)
        return torch.stack([self._step(current[:, tick], spikes[:, tick], potential[:, tick])
                            for tick in range(current.shape[1])], dim=1)

    def _step(self, current: torch.Tensor, spikes: torch.Tensor,
              potential: torch.Tensor) -> torch.Tensor:
        neuron = self.floating
        self._u = current if neuron.alpha is None else neuron.alpha * self._u + current
        bias = self._bias if self._bias.ndim < 3 else self._bias[:, self._tick]
        v = neuron.decay * self._v + self._u + bias
        train: torch.Tensor = _Spike.apply(  # type: ignore[no-untyped-call]
            (v - neuron.v_th) / abs(neuron.v_th or 1.0), spikes)
        if neuron.reset is Reset.HARD:
            v = v * (1 - spikes)
        elif neuron.reset is Reset.SOFT:
            v = v - spikes * neuron.v_th
        self._v = straight_through(potential, v)
        self._tick += 1
        return train
