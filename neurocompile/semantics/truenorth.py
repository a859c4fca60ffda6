"""TrueNorth's neuron: the executable specification that every executor must equal.

Equations: Cassidy et al., IJCNN 2013; Merolla et al., Science 2014 (supplement). All numbers are
Python integers. One tick of one neuron, after its active axons in the order of their numbers::

    v += weights[type]            for each active axon with a synapse onto the neuron
    v += leak                     (times the sign of v with `leak_reversal`)
    spike = v >= threshold        (plus noise under `threshold_mask`)
    v = reset_value, v - threshold or v, by the reset mode
    else, where v < -floor:       v = -floor if `saturate`, else the reset mode's mirror image

A spike sets one axon of one core for the tick that is `delay` ticks later, 1 to 15. Two spikes for
one axon in one tick are one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.semantics.loihi import Reset

AXON_TYPES = 4
FLOOR_MAX = THRESHOLD_MAX = (1 << 18) - 1
WEIGHT_MAX = LEAK_MAX = 255
DELAY_MAX = 15


class ResetMode(enum.IntEnum):
    """What a spike leaves of the potential (gamma in the papers)."""

    NORMAL = 0  # reset_value
    LINEAR = 1  # v - threshold
    NONE = 2  # v


@dataclass(frozen=True, eq=False)
class TrueNorthNeurons:
    """A population of an integer network for TrueNorth: integrate and fire, or stateless.

    One tick, `a` being what the synapses of a neuron delivered::

        v = (v if memory else 0) + a + bias
        spike = v >= threshold
        v = 0 (HARD) or v - threshold (SOFT) after a spike; without memory v is 0 after every tick
    """

    threshold: NDArray[np.int64]  # [neurons], at least 1 where there is memory
    reset: Reset = Reset.HARD  # HARD or SOFT
    memory: bool = True
