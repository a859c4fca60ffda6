"""Loihi's integer neuron: the executable specification that every executor must equal.

Equations: Lava 0.10.0, `proc/lif/models.py` (PyLifModelBitAcc), for hard reset; the soft resets
are neuron programs of our own over the same state. All numbers are Python integers.

One tick of one neuron, `a` being the sum that its synapses delivered::

    u = wrap24(toward_zero(u * (4096 - (du + 1)), 12) + (a << 6))
    v = clip24(toward_zero(v * (4096 - dv), 12) + u + (bias_mantissa << bias_exponent))
    spike = v > (vth << 6)                                        # strict

An adder sends `a` itself: a signed graded spike, silent where it is 0. Synapses multiply it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, DECAY_ONE, STATE_MAX
from neurocompile.semantics.reset import Reset

if TYPE_CHECKING:
    import torch

    from neurocompile.semantics.vectorized import Batch


@dataclass(frozen=True, slots=True)
class LoihiNeuron:
    """Parameters of a population in hardware units.

    `du`: 12-bit decay of u (4095: u is just the tick's input; -1 would be no decay).
    `dv`: 12-bit decay of v (0: no leak). `vth`: 17-bit threshold mantissa.
    `v_sub`: mantissa subtracted by the soft resets; 0 for the others.
    """

    du: int
    dv: int
    vth: int
    reset: Reset = Reset.HARD
    v_sub: int = 0

    states: ClassVar[tuple[str, ...]] = ("u", "v")

    @property
    def model(self) -> str:
        """Its model in a word."""
        return "CubaLIF" if self.du != DECAY_ONE - 1 else "LIF" if self.dv else "IF"

    def executor(self, bias: torch.Tensor | None, shape: tuple[int, int], device: str) -> Batch:
        """A population of [samples, neurons] of them, on a device; see `NeuronBatch`."""
        from neurocompile.semantics.loihi_vectorized import LoihiBatch
        return LoihiBatch(self, bias, shape, device)


@dataclass(slots=True)
class State:
    """u and v of one neuron, 24 bit signed; both 0 at the start of a sample."""

    u: int = 0
    v: int = 0


def toward_zero(x: int, shift: int) -> int:
    """x / 2**shift, rounded toward zero."""
    return (x >> shift) if x >= 0 else -((-x) >> shift)


def wrap24(x: int) -> int:
    """x wrapped once into 24 bits, as Lava wraps u."""
    if x > STATE_MAX + 1:
        return x - (1 << 24)
    return x + (1 << 24) if x <= -(STATE_MAX + 1) else x


def clip24(x: int) -> int:
    """x clipped to the 24-bit range, as Lava clips v."""
    return max(-STATE_MAX, min(STATE_MAX, x))


def add(state: State, a: int) -> int:
    """One tick of an adder with synaptic sum `a`: what it sends, which is also its v."""
    state.v = a
    return a


def step(neuron: LoihiNeuron, state: State, a: int, bias: int) -> bool:
    """Advance `state` by one tick with synaptic sum `a` and bias `bias` (mantissa << exponent).

    Returns whether the neuron spikes. `state.v` is left as the reset leaves it.
    """
    level = neuron.vth << ACTIVATION_SHIFT
    fired_before = state.v > level  # only the delayed resets leave v above the threshold
    state.u = wrap24(toward_zero(state.u * (DECAY_ONE - (neuron.du + 1)), 12)
                     + (a << ACTIVATION_SHIFT))
    v = toward_zero(state.v * (DECAY_ONE - neuron.dv), 12)
    if fired_before and neuron.reset is Reset.SOFT_DELAYED:
        v -= neuron.v_sub << ACTIVATION_SHIFT
    v = clip24(v + state.u + bias)
    if fired_before and neuron.reset is Reset.HARD_DELAYED:
        v = 0
    spike = v > level
    if spike and neuron.reset is Reset.HARD:
        v = 0
    elif spike and neuron.reset is Reset.SOFT:
        v -= neuron.v_sub << ACTIVATION_SHIFT
    state.v = v
    return spike
