"""TrueNorth's populations over arrays: the tick of `TrueNorthNeurons`, in torch and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import BatchShape, IntegerBatch, Ints

if TYPE_CHECKING:  # which imports this when it runs
    from neurocompile.semantics.truenorth import TrueNorthNeurons


class TrueNorthBatch(IntegerBatch):
    """Advanced by the rules of TrueNorth's populations."""

    def __init__(self, neurons: TrueNorthNeurons, bias: torch.Tensor | None, shape: BatchShape,
                 device: str) -> None:
        super().__init__(neurons.states, bias, shape, device)
        self.neurons = neurons
        self.threshold = torch.as_tensor(neurons.threshold, device=device)

    def _loop(self, current: Ints, bias: Ints, states: Mapping[str, Ints],
              spikes: NDArray[np.bool_], trace: Ints) -> None:
        v = states["v"]
        threshold = np.ascontiguousarray(
            np.broadcast_to(self.neurons.threshold, v.shape[1:]), np.int64)
        _ticks(current, bias, v, threshold, self.neurons.memory, self.neurons.reset is Reset.HARD,
               spikes, trace)

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        v = self.states["v"] + current if self.neurons.memory else current
        if self.bias is not None:
            v = v + self.bias
        spike = v >= self.threshold
        if not self.neurons.memory:
            v = torch.zeros_like(v)
        elif self.neurons.reset is Reset.HARD:
            v = v.masked_fill(spike, 0)
        else:
            v = v - spike * self.threshold
        self.states = {"v": v}
        return spike


@numba.njit(cache=True)
def _ticks(current: Any, bias: Any, v: Any, threshold: Any, memory: bool, hard: bool, spikes: Any,
           trace: Any) -> None:
    samples, ticks, neurons = current.shape
    for s in range(samples):
        for t in range(ticks):
            b = bias[s if len(bias) > 1 else 0, t if bias.shape[1] > 1 else 0]
            for n in range(neurons):
                y = (v[s, n] if memory else 0) + current[s, t, n] + b[n]
                spike = y >= threshold[n]
                if not memory or (spike and hard):
                    y = 0
                elif spike:
                    y -= threshold[n]
                v[s, n] = y
                spikes[s, t, n] = spike
                if len(trace):
                    trace[s, t, n] = y
