"""TrueNorth's neuron: the executable specification that every executor must equal.

Equations: Cassidy et al., IJCNN 2013; Merolla et al., Science 2014 (supplement). All numbers are
Python integers. One tick of one neuron, after its active axons in the order of their numbers::

    v += weights[type]            for each active axon with a synapse onto the neuron
    v += leak                     (times the sign of v with `leak_reversal`)
    v = clip20(v)
    spike = v >= threshold        (plus noise under `threshold_mask`)
    v = reset_value, v - threshold or v, by the reset mode
    else, where v < -floor:       v = -floor if `saturate`, else the reset mode's mirror image

The papers give v 20 bits and do not say when it saturates. Here the sum of a tick does, once, so
that the order of axons cannot matter; on a chip that clips within the sum it could where
abs(v) > 2**19 - 2**16, which networks of ours never reach.

Stochastic modes follow the equations with random numbers of our own (`draws`), since the chip's
generator is not published: statistically faithful, and the same in every executor. A neuron draws
in this order: for each active axon whose type is random, by axon number; for a random leak; for
the threshold.

A spike sets one axon of one core for the tick that is `delay` ticks later, 1 to 15. Two spikes for
one axon in one tick are one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from neurocompile.semantics.reset import Reset

if TYPE_CHECKING:  # a target file is read without any
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from neurocompile.semantics.vectorized import Batch

AXONS = NEURONS = 256  # of a core
AXON_TYPES = 4
THRESHOLD_BITS, POTENTIAL_BITS = 18, 20
FLOOR_MAX = THRESHOLD_MAX = (1 << THRESHOLD_BITS) - 1
WEIGHT_MAX = LEAK_MAX = 255
DELAY_MAX = 15
SLOTS = DELAY_MAX + 1  # ticks that a core's scheduler holds: the present one and those ahead
POTENTIAL_MIN, POTENTIAL_MAX = -(1 << (POTENTIAL_BITS - 1)), (1 << (POTENTIAL_BITS - 1)) - 1
MAXIMA: Mapping[str, int] = MappingProxyType({  # by key of a target, which may only have less
    "core.neurons": NEURONS, "core.axons": AXONS, "core.axon_types": AXON_TYPES,
    "core.max_delay": DELAY_MAX, "neuron.weight_max": WEIGHT_MAX, "neuron.leak_max": LEAK_MAX,
    "neuron.threshold_bits": THRESHOLD_BITS, "neuron.potential_bits": POTENTIAL_BITS})
GOLDEN = 0x9E3779B97F4A7C15  # splitmix64's increment
WORD = (1 << 64) - 1


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

    states: ClassVar[tuple[str, ...]] = ("v",)

    @property
    def model(self) -> str:
        """Its model in a word."""
        return "IF" if self.memory else "stateless"

    def executor(self, bias: torch.Tensor | None, shape: tuple[int, int], device: str) -> Batch:
        """A population of [samples, neurons] of them, on a device; see `NeuronBatch`."""
        from neurocompile.semantics.truenorth_vectorized import TrueNorthBatch
        return TrueNorthBatch(self, bias, shape, device)


@dataclass(frozen=True, slots=True)
class TrueNorthNeuron:
    """Parameters of one neuron of a core: all modes of the chip."""

    weights: tuple[int, int, int, int] = (0, 0, 0, 0)  # by axon type
    leak: int = 0
    threshold: int = 1
    floor: int = 0  # not negative; the negative threshold is -floor
    reset_value: int = 0
    reset_mode: ResetMode = ResetMode.NORMAL
    saturate: bool = True
    leak_reversal: bool = False
    random_synapse: tuple[bool, bool, bool, bool] = (False, False, False, False)
    random_leak: bool = False
    threshold_mask: int = 0  # bits of the noise that is added to the threshold


def step(neuron: TrueNorthNeuron, v: int, types: Iterable[int],
         draw: Callable[[], int]) -> tuple[int, bool]:
    """The potential after one tick, and whether the neuron spikes.

    `types`: of the active axons that have a synapse onto the neuron, by axon number. `draw` gives
    the next random number of 32 bits; deterministic neurons draw none.
    """
    for kind in types:
        weight = neuron.weights[kind]
        v += _chance(weight, draw) if neuron.random_synapse[kind] else weight
    leak = _chance(neuron.leak, draw) if neuron.random_leak else neuron.leak
    v += leak * _sign(v) if neuron.leak_reversal else leak
    v = max(POTENTIAL_MIN, min(POTENTIAL_MAX, v))
    noise = draw() & neuron.threshold_mask if neuron.threshold_mask else 0
    mode = neuron.reset_mode
    if v >= neuron.threshold + noise:
        after_reset = {ResetMode.NORMAL: neuron.reset_value, ResetMode.NONE: v,
                       ResetMode.LINEAR: v - neuron.threshold - noise}
        return after_reset[mode], True
    if neuron.saturate:
        return max(v, -neuron.floor), False
    if v < -(neuron.floor + noise):
        after_reset = {ResetMode.NORMAL: -neuron.reset_value, ResetMode.NONE: v,
                       ResetMode.LINEAR: v + neuron.floor + noise}
        return after_reset[mode], False
    return v, False


def _sign(x: int) -> int:
    return (x > 0) - (x < 0)


def _chance(amount: int, draw: Callable[[], int]) -> int:
    """The sign of `amount` with a chance of (abs(amount) + 1) / 256, else 0."""
    return _sign(amount) * (abs(amount) >= draw() & 255)


def mix(x: int) -> int:
    """splitmix64's finalizer (Steele et al., OOPSLA 2014; Stafford's variant 13) on 64 bits."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def draws(seed: int, sample: int, core: int, tick: int, neuron: int) -> Iterator[int]:
    """Random numbers of 32 bits for one neuron and tick of the chip, from the sample's first."""
    state = seed & WORD
    for number in (sample, core, tick, neuron):
        state = mix((state + (number + 1) * GOLDEN) & WORD)
    while True:
        state = (state + GOLDEN) & WORD
        yield mix(state) >> 32
