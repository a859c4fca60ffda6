"""The kernel of `CompiledEngine` in numba."""

from __future__ import annotations

from typing import Any

from neurocompile.backends.truenorth import kernel
from neurocompile.backends.truenorth.engine import Ints, Range, State, Words
from neurocompile.backends.truenorth.program import Program
from neurocompile.semantics.truenorth import SLOTS


class NumbaKernel:
    """The loops of `kernel.py` over one program."""

    def __init__(self, program: Program) -> None:
        p, c = program, program.cores
        self._program: tuple[Any, ...] = (
            p.rows, p.axons, p.weights, p.leak, p.threshold, p.floor, p.modes, p.reset,
            p.reset_row, p.special)
        self._modes: tuple[Any, ...] = (
            c.weights, c.leak_reversal, c.random_synapse, c.random_leak, c.threshold_mask)

    def inject(self, state: State, tick: int, sample: Ints, core: Ints, axon: Ints) -> None:
        """Set axons for the present tick."""
        kernel.inject(state.ring[tick % SLOTS], sample, core, axon)

    def integrate(self, state: State, tick: int, cores: Range) -> None:
        """Move a range of cores."""
        kernel.integrate(*cores, state.ring[tick % SLOTS], state.v, state.spikes_now,
                         state.activity.axon_events, state.activity.synaptic_events, self._program)

    def finish_special(self, state: State, tick: int, cores: Range, keys: Words) -> None:
        """The rest of it for special cores."""
        kernel.finish_special(*cores, keys, state.ring[tick % SLOTS], state.v, state.spikes_now,
                              self._program, self._modes)

    def deliver(self, state: State, tick: int) -> None:
        """Set the axons that spikes reach."""
        kernel.deliver(tick, state.ring, state.spikes_now, state.program.route,
                       state.activity.spikes)
