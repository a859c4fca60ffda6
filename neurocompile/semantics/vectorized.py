"""Populations over arrays: the ticks of `semantics` for many samples and neurons at once.

A batch holds one population's states for a number of samples and moves them on, tick by tick. It
must equal the executable specification of its neuron.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

POTENTIAL = "v"  # the state that a threshold compares, that is traced and read

BatchShape = tuple[int, int]  # samples, neurons
Ints = NDArray[np.int64]


class Batch(ABC):
    """A population for several samples: its states by name, [samples, neurons] each."""

    states: dict[str, torch.Tensor]
    saturations: int = 0  # ticks of neurons in which a register clipped the potential
    peak: float = 0.0  # of float neurons: the largest |v| that decided a spike; see FloatBatch
    ties: int = 0  # of float neurons: how often v lay on the threshold; see FloatBatch

    @property
    def potential(self) -> torch.Tensor:
        """The potentials [samples, neurons], as the last tick leaves them."""
        return self.states[POTENTIAL]

    @abstractmethod
    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """What it sends [samples, ticks, neurons] for synaptic sums of those ticks.

        The potential of every tick goes into `trace`, of the same shape, where there is one.
        """


class NeuronBatch(Batch):
    """Neurons that spike; their states are zero at the start.

    The bias is [neurons], [samples, neurons], or one for every tick [samples, ticks, neurons].
    """

    def __init__(self, states: Iterable[str], bias: torch.Tensor | None, shape: BatchShape,
                 dtype: torch.dtype, device: str) -> None:
        self._biases, self._now = bias, 0
        self.bias = bias
        self.states = {name: torch.zeros(shape, dtype=dtype, device=device) for name in states}

    @abstractmethod
    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        """Advance by one tick; returns which neurons spike."""

    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """As the base class says; bool."""
        spikes = torch.empty(current.shape, dtype=torch.bool, device=current.device)
        for tick in range(current.shape[1]):
            if self._biases is not None and self._biases.ndim == 3:
                self.bias = self._biases[:, self._now]
            self._now += 1
            spikes[:, tick] = self._tick(current[:, tick])
            if trace is not None:
                trace[:, tick] = self.potential
        return spikes


class IntegerBatch(NeuronBatch):
    """Neurons of whole numbers: on the CPU all ticks in one compiled loop."""

    def __init__(self, states: Iterable[str], bias: torch.Tensor | None, shape: BatchShape,
                 device: str) -> None:
        super().__init__(states, bias, shape, torch.int64, device)

    @abstractmethod
    def _loop(self, current: Ints, bias: Ints, states: Mapping[str, Ints],
              spikes: NDArray[np.bool_], trace: Ints) -> None:
        """Advance by all ticks of `current`, in place, and fill `spikes` and `trace`.

        `bias` is [samples or 1, ticks or 1, neurons]; `trace` has no samples where none is asked
        for.
        """

    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """As the base class says."""
        if current.device.type != "cpu":
            return super().advance(current, trace)
        states = {name: state.numpy() for name, state in self.states.items()}
        spikes = np.empty(current.shape, np.bool_)
        self._loop(current.numpy(), self._next_biases(*current.shape[1:]), states, spikes,
                   np.empty((0, 0, 0), np.int64) if trace is None else trace.numpy())
        return torch.from_numpy(spikes)

    def _next_biases(self, ticks: int, neurons: int) -> Ints:
        """The biases of these ticks, [samples or 1, ticks or 1, neurons]."""
        bias = torch.zeros(neurons, dtype=torch.int64) if self._biases is None else self._biases
        if bias.ndim == 3:
            bias = bias[:, self._now:self._now + ticks]
        self._now += ticks
        shape = (1, 1, -1) if bias.ndim == 1 else (len(bias), -1, neurons)
        array: Ints = bias.reshape(shape).contiguous().numpy()
        return array
