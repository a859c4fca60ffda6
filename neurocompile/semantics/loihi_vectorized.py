"""Loihi's neurons over arrays: the tick of `semantics.loihi`, in torch and as a compiled loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE, STATE_MAX
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import BatchShape, IntegerBatch, Ints

if TYPE_CHECKING:  # which imports this when it runs
    from neurocompile.semantics.loihi import LoihiNeuron

_MODES = {Reset.HARD: 0, Reset.SOFT: 1, Reset.SOFT_DELAYED: 2, Reset.HARD_DELAYED: 3, Reset.NONE: 4}
_SPAN = 2 * (STATE_MAX + 1)


class LoihiBatch(IntegerBatch):
    """Advanced by Loihi's integer rules."""

    def __init__(self, neuron: LoihiNeuron, bias: torch.Tensor | None, shape: BatchShape,
                 device: str) -> None:
        super().__init__(neuron.states, bias, shape, device)
        self.neuron = neuron

    def _loop(self, current: Ints, bias: Ints, states: Mapping[str, Ints],
              spikes: NDArray[np.bool_], trace: Ints) -> None:
        neuron = self.neuron
        self.saturations += _ticks(
            current, bias, states["u"], states["v"], DECAY_ONE - (neuron.du + 1),
            DECAY_ONE - neuron.dv, neuron.vth << ACTIVATION_SHIFT,
            neuron.v_sub << ACTIVATION_SHIFT, _MODES[neuron.reset], spikes, trace)

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        neuron = self.neuron
        level, less = neuron.vth << ACTIVATION_SHIFT, neuron.v_sub << ACTIVATION_SHIFT
        u = current << ACTIVATION_SHIFT
        if neuron.du != DECAY_ONE - 1:
            u = u + _decay(self.states["u"], DECAY_ONE - (neuron.du + 1))
        u = u - (u > STATE_MAX + 1) * _SPAN + (u <= -STATE_MAX - 1) * _SPAN
        before = self.states["v"]
        v = _decay(before, DECAY_ONE - neuron.dv) + u
        if self.bias is not None:
            v = v + self.bias
        if neuron.reset is Reset.SOFT_DELAYED:
            v = v - (before > level) * less
        self.saturations += int((v.abs() > STATE_MAX).sum())
        v = v.clamp(-STATE_MAX, STATE_MAX)
        if neuron.reset is Reset.HARD_DELAYED:
            v = v.masked_fill(before > level, 0)
        spike = v > level
        if neuron.reset is Reset.HARD:
            v = v.masked_fill(spike, 0)
        elif neuron.reset is Reset.SOFT:
            v = v - spike * less
        self.states = {"u": u, "v": v}
        return spike


def _decay(x: torch.Tensor, keep: int) -> torch.Tensor:
    """x * keep / 4096, rounded toward zero; int64."""
    product = x * keep
    return (product + ((product >> 63) & (DECAY_ONE - 1))) >> 12


@numba.njit(cache=True)
def _ticks(current: Any, bias: Any, u: Any, v: Any, keep_u: int, keep_v: int, level: int, less: int,
           mode: int, spikes: Any, trace: Any) -> int:
    """Advance by all ticks; how many times a potential was clipped."""
    samples, ticks, neurons = current.shape
    saturations = 0
    for s in range(samples):
        for t in range(ticks):
            b = bias[s if len(bias) > 1 else 0, t if bias.shape[1] > 1 else 0]
            for n in range(neurons):
                before = v[s, n]
                late = before > level and (mode == 2 or mode == 3)
                p = u[s, n] * keep_u
                x = ((p + ((p >> 63) & (DECAY_ONE - 1))) >> 12) + (
                    current[s, t, n] << ACTIVATION_SHIFT)
                if x > STATE_MAX + 1:
                    x -= _SPAN
                elif x <= -(STATE_MAX + 1):
                    x += _SPAN
                u[s, n] = x
                p = before * keep_v
                y = ((p + ((p >> 63) & (DECAY_ONE - 1))) >> 12) + x + b[n]
                if late and mode == 2:
                    y -= less
                saturations += abs(y) > STATE_MAX
                y = min(max(y, -STATE_MAX), STATE_MAX)
                if late and mode == 3:
                    y = 0
                spike = y > level
                if spike and mode == 0:
                    y = 0
                elif spike and mode == 1:
                    y -= less
                v[s, n] = y
                spikes[s, t, n] = spike
                if len(trace):
                    trace[s, t, n] = y
    return saturations
