"""Engines: the state of a batch of samples, and how a tick moves it."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.noise import Keys
from neurocompile.backends.truenorth.program import Program
from neurocompile.semantics.truenorth import AXONS, NEURONS, SLOTS

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Range = tuple[int, int]


@dataclass(frozen=True, eq=False)
class CoreActivity:
    """Events of each core, summed over samples and ticks."""

    axon_events: Ints  # active axons
    synaptic_events: Ints  # synapses of active axons
    spikes: Ints

    @staticmethod
    def zero(cores: int) -> CoreActivity:
        """Nothing yet."""
        return CoreActivity(*(np.zeros(cores, np.int64) for _ in range(3)))


class Engine(Protocol):
    """A batch of samples in the state before the next tick."""

    v: NDArray[np.int32]  # [samples, cores, NEURONS]
    spikes_now: Words  # [samples, cores, NEURONS / 64]: spikes of the last tick

    def inject(self, tick: int, sample: Ints, core: Ints, axon: Ints) -> None:
        """Set axons for this tick; before `advance`."""

    def advance(self, tick: int) -> None:
        """One tick of the chip; ticks follow each other from 0."""


@dataclass(frozen=True, eq=False)
class State:
    """What the loops of a compiled engine read and write."""

    program: Program
    activity: CoreActivity
    v: NDArray[np.int32]
    spikes_now: Words
    ring: Words  # [SLOTS, samples, cores, AXONS / 64]


class Kernel(Protocol):
    """Compiled loops over a state; `kernel.py` says what they do."""

    def inject(self, state: State, tick: int, sample: Ints, core: Ints, axon: Ints) -> None:
        """Set axons for the present tick."""

    def integrate(self, state: State, tick: int, cores: Range) -> None:
        """Move a range of cores."""

    def finish_special(self, state: State, tick: int, cores: Range, keys: Words) -> None:
        """The rest of it for special cores."""

    def deliver(self, state: State, tick: int) -> None:
        """Set the axons that spikes reach."""


class CompiledEngine:
    """A kernel over all cores: in as many ranges as the pool has threads."""

    def __init__(self, kernel: Kernel, program: Program, activity: CoreActivity, samples: range,
                 seed: int, pool: ThreadPoolExecutor | None, threads: int) -> None:
        shape = len(samples), len(program)
        self.v = start(program, len(samples))
        self.spikes_now = np.zeros((*shape, NEURONS // 64), np.uint64)
        ring = np.zeros((SLOTS, *shape, AXONS // 64), np.uint64)
        self._state = State(program, activity, self.v, self.spikes_now, ring)
        self._kernel, self._pool = kernel, pool
        self._keys = Keys(seed, samples, len(program)) if program.special.any() else None
        cuts = np.linspace(0, len(program), threads + 1).astype(int).tolist()
        self._ranges = [(a, b) for a, b in itertools.pairwise(cuts) if a < b]

    def inject(self, tick: int, sample: Ints, core: Ints, axon: Ints) -> None:
        """Set axons for this tick."""
        self._kernel.inject(self._state, tick, sample, core, axon)

    def advance(self, tick: int) -> None:
        """One tick of the chip."""
        keys = self._keys.at(tick) if self._keys is not None else None

        def one(cores: Range) -> None:
            self._kernel.integrate(self._state, tick, cores)
            if keys is not None:
                self._kernel.finish_special(self._state, tick, cores, keys)
        if self._pool is None:
            for cores in self._ranges:
                one(cores)
        else:
            list(self._pool.map(one, self._ranges))
        self._kernel.deliver(self._state, tick)


def start(program: Program, samples: int) -> NDArray[np.int32]:
    """Potentials at the start of each sample."""
    return np.repeat(program.cores.potential[None].astype(np.int32), samples, axis=0)
