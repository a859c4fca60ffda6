"""The integer neurons' ticks as compiled loops, for the CPU."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neurocompile.semantics.loihi import ACTIVATION_SHIFT, DECAY_ONE, STATE_MAX, LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons

_MODES = {Reset.HARD: 0, Reset.SOFT: 1, Reset.SOFT_DELAYED: 2, Reset.HARD_DELAYED: 3, Reset.NONE: 4}
Ints = NDArray[np.int64]


def advance(neuron: LoihiNeuron, current: Ints, bias: Ints, u: Ints, v: Ints,
            trace: Ints | None) -> NDArray[np.bool_]:
    """Spikes [samples, ticks, neurons] for synaptic sums of those ticks; u and v move on in place.

    `bias` is [samples or 1, ticks or 1, neurons]; v of every tick goes into `trace`, if given.
    """
    spikes = np.empty(current.shape, np.bool_)
    recorded = trace if trace is not None else np.empty((0, 0, 0), np.int64)
    _ticks(current, bias, u, v, DECAY_ONE - (neuron.du + 1), DECAY_ONE - neuron.dv,
           neuron.vth << ACTIVATION_SHIFT, neuron.v_sub << ACTIVATION_SHIFT, _MODES[neuron.reset],
           spikes, recorded)
    return spikes


def advance_truenorth(neurons: TrueNorthNeurons, current: Ints, bias: Ints, v: Ints,
                      trace: Ints | None) -> NDArray[np.bool_]:
    """As `advance`, by the rules of TrueNorth's populations."""
    spikes = np.empty(current.shape, np.bool_)
    recorded = trace if trace is not None else np.empty((0, 0, 0), np.int64)
    threshold = np.ascontiguousarray(np.broadcast_to(neurons.threshold, v.shape[1:]), np.int64)
    _truenorth_ticks(current, bias, v, threshold, neurons.memory, neurons.reset is Reset.HARD,
                     spikes, recorded)
    return spikes


@numba.njit(cache=True)
def _truenorth_ticks(current: Any, bias: Any, v: Any, threshold: Any, memory: bool, hard: bool,
                     spikes: Any, trace: Any) -> None:
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


@numba.njit(cache=True)
def _ticks(current: Any, bias: Any, u: Any, v: Any, keep_u: int, keep_v: int, level: int, sub: int,
           mode: int, spikes: Any, trace: Any) -> None:
    samples, ticks, neurons = current.shape
    span = 2 * (STATE_MAX + 1)
    for s in range(samples):
        for t in range(ticks):
            b = bias[s if len(bias) > 1 else 0, t if bias.shape[1] > 1 else 0]
            for n in range(neurons):
                before = v[s, n]
                fired = before > level and (mode == 2 or mode == 3)
                p = u[s, n] * keep_u
                x = ((p + ((p >> 63) & (DECAY_ONE - 1))) >> 12) + (
                    current[s, t, n] << ACTIVATION_SHIFT)
                if x > STATE_MAX + 1:
                    x -= span
                elif x <= -(STATE_MAX + 1):
                    x += span
                u[s, n] = x
                p = before * keep_v
                y = ((p + ((p >> 63) & (DECAY_ONE - 1))) >> 12) + x + b[n]
                if fired and mode == 2:
                    y -= sub
                y = min(max(y, -STATE_MAX), STATE_MAX)
                if fired and mode == 3:
                    y = 0
                spike = y > level
                if spike and mode == 0:
                    y = 0
                elif spike and mode == 1:
                    y -= sub
                v[s, n] = y
                spikes[s, t, n] = spike
                if len(trace):
                    trace[s, t, n] = y
