"""Vectorized neurons of the reference: the tick of `semantics` over [samples, neurons] tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray

from neurocompile.backends.synchronous import kernel
from neurocompile.semantics.loihi import ACTIVATION_SHIFT, DECAY_ONE, STATE_MAX, LoihiNeuron
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons

_Shape = tuple[int, int]
_Ints = NDArray[np.int64]


def _decayed(x: torch.Tensor, keep: int) -> torch.Tensor:
    """x * keep / 4096, rounded toward zero; int64."""
    product = x * keep
    return (product + ((product >> 63) & (DECAY_ONE - 1))) >> 12


class _Neurons(ABC):
    """u and v of a population on [samples, neurons]; zero at the start.

    The bias is [neurons], [samples, neurons], or one for every tick [samples, ticks, neurons].
    """

    def __init__(self, bias: torch.Tensor | None, shape: _Shape, dtype: torch.dtype,
                 device: str) -> None:
        self._biases, self._elapsed = bias, 0
        self.bias = bias
        self.u = torch.zeros(shape, dtype=dtype, device=device)
        self.v = torch.zeros_like(self.u)

    @abstractmethod
    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        """Advance by one tick; returns which neurons spike."""

    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """Spikes [samples, ticks, neurons] for synaptic sums of those ticks; v into `trace`."""
        spikes = torch.empty(current.shape, dtype=torch.bool, device=current.device)
        for tick in range(current.shape[1]):
            if self._biases is not None and self._biases.ndim == 3:
                self.bias = self._biases[:, self._elapsed]
            self._elapsed += 1
            spikes[:, tick] = self._tick(current[:, tick])
            if trace is not None:
                trace[:, tick] = self.v
        return spikes


class AdderPopulation:
    """Sends the sums themselves, integer or float; they are its v as well."""

    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """The sums [samples, ticks, neurons]; v into `trace`."""
        if trace is not None:
            trace.copy_(current)
        return current


class IntegerNeurons(_Neurons):
    """Integers: on the CPU all ticks in one compiled loop."""

    def __init__(self, bias: torch.Tensor | None, shape: _Shape, device: str) -> None:
        super().__init__(bias, shape, torch.int64, device)

    @abstractmethod
    def _compiled(self, current: _Ints, bias: _Ints, trace: _Ints | None) -> NDArray[np.bool_]:
        """Spikes of these ticks; `bias` is [samples or 1, ticks or 1, neurons]."""

    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """As the base class says."""
        if current.device.type != "cpu":
            return super().advance(current, trace)
        ticks = current.shape[1]
        bias = torch.zeros(self.v.shape[1], dtype=torch.int64) if self._biases is None else (
            self._biases)
        if bias.ndim == 3:
            bias = bias[:, self._elapsed:self._elapsed + ticks]
        self._elapsed += ticks
        bias = bias.reshape((1, 1, -1) if bias.ndim == 1 else (
            len(bias), -1, bias.shape[-1])).contiguous()
        return torch.from_numpy(self._compiled(
            current.numpy(), bias.numpy(), None if trace is None else trace.numpy()))


class IntegerPopulation(IntegerNeurons):
    """Advanced by Loihi's integer rules."""

    def __init__(self, neuron: LoihiNeuron, bias: torch.Tensor | None, shape: _Shape,
                 device: str) -> None:
        super().__init__(bias, shape, device)
        self.neuron = neuron

    def _compiled(self, current: _Ints, bias: _Ints, trace: _Ints | None) -> NDArray[np.bool_]:
        return kernel.advance(self.neuron, current, bias, self.u.numpy(), self.v.numpy(), trace)

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        neuron = self.neuron
        level = neuron.vth << ACTIVATION_SHIFT
        u = current << ACTIVATION_SHIFT
        if neuron.du != DECAY_ONE - 1:
            u = u + _decayed(self.u, DECAY_ONE - (neuron.du + 1))
        span = 2 * (STATE_MAX + 1)
        u = torch.where(u > STATE_MAX + 1, u - span, torch.where(u <= -STATE_MAX - 1, u + span, u))
        v = _decayed(self.v, DECAY_ONE - neuron.dv) + u
        if self.bias is not None:
            v = v + self.bias
        fired_before = None
        if neuron.reset in (Reset.SOFT_DELAYED, Reset.HARD_DELAYED):
            fired_before = self.v > level
        if neuron.reset is Reset.SOFT_DELAYED and fired_before is not None:
            v = v - fired_before * (neuron.v_sub << ACTIVATION_SHIFT)
        v = v.clamp(-STATE_MAX, STATE_MAX)
        if neuron.reset is Reset.HARD_DELAYED and fired_before is not None:
            v = v.masked_fill(fired_before, 0)
        spike = v > level
        if neuron.reset is Reset.HARD:
            v = v.masked_fill(spike, 0)
        elif neuron.reset is Reset.SOFT:
            v = v - spike * (neuron.v_sub << ACTIVATION_SHIFT)
        self.u, self.v = u, v
        return spike


class TrueNorthPopulation(IntegerNeurons):
    """Advanced by the rules of TrueNorth's populations."""

    def __init__(self, neurons: TrueNorthNeurons, bias: torch.Tensor | None, shape: _Shape,
                 device: str) -> None:
        super().__init__(bias, shape, device)
        self.neurons = neurons
        self.threshold = torch.as_tensor(neurons.threshold, device=device)

    def _compiled(self, current: _Ints, bias: _Ints, trace: _Ints | None) -> NDArray[np.bool_]:
        return kernel.advance_truenorth(self.neurons, current, bias, self.v.numpy(), trace)

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        v = self.v + current if self.neurons.memory else current
        if self.bias is not None:
            v = v + self.bias
        spike = v >= self.threshold
        if not self.neurons.memory:
            v = torch.zeros_like(v)
        elif self.neurons.reset is Reset.HARD:
            v = v.masked_fill(spike, 0)
        else:
            v = v - spike * self.threshold
        self.v = v
        return spike


class FloatPopulation(_Neurons):
    """Advanced by the float normal form; a bias is added to v, beside the synaptic current."""

    def __init__(self, neuron: FloatNeuron, bias: torch.Tensor | None, shape: _Shape,
                 device: str) -> None:
        super().__init__(bias, shape, torch.float64, device)
        self.neuron = neuron

    def _kept(self, state: torch.Tensor, share: float) -> torch.Tensor:
        """What a state keeps over a tick."""
        quantum = self.neuron.quantum
        if quantum is None:
            return share * state
        return torch.trunc(share * state / quantum) * quantum

    def _fires(self, v: torch.Tensor) -> torch.Tensor:
        return v > self.neuron.v_th if self.neuron.strict else v >= self.neuron.v_th

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        neuron = self.neuron
        u = current if neuron.alpha is None else self._kept(self.u, neuron.alpha) + current
        self.u = u
        driven = u if self.bias is None else u + self.bias
        fired_before = self._fires(self.v)
        v = self._kept(self.v, neuron.decay) + driven
        if neuron.reset is Reset.SOFT_DELAYED:
            v = v - fired_before * neuron.v_th
        elif neuron.reset is Reset.HARD_DELAYED:
            v = v.masked_fill(fired_before, 0.0)
        spike = self._fires(v)
        if neuron.reset is Reset.HARD:
            v = v.masked_fill(spike, 0.0)
        elif neuron.reset is Reset.SOFT:
            v = v - spike * neuron.v_th
        self.v = v
        return spike
