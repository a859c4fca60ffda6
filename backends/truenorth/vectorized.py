"""The engine in NumPy alone: slower, and the same to the bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.engine import CoreActivity, Ints, Words, start
from neurocompile.backends.truenorth.noise import Keys, draw_words, keys_of
from neurocompile.backends.truenorth.program import COUNT_BITS, KEEP, LINEAR, SATURATE, Program
from neurocompile.semantics.truenorth import (
    AXONS,
    GOLDEN,
    NEURONS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    SLOTS,
)

_CHUNK = 1 << 13  # active axons whose rows are expanded at once
_GOLDEN = np.uint64(GOLDEN)
_Wide = NDArray[np.int64]
_Which = slice | Ints  # cores


class NumpyEngine:
    """All samples and cores in one array operation after the other."""

    def __init__(self, program: Program, activity: CoreActivity, samples: range, seed: int) -> None:
        shape = len(samples), len(program)
        self.v = start(program, len(samples))
        self.spikes_now = np.zeros((*shape, NEURONS // 64), np.uint64)
        self._program, self._activity = program, activity
        self._ring = np.zeros((SLOTS, *shape, AXONS), np.bool_)
        self._special = np.flatnonzero(program.special)
        self._keys = Keys(seed, samples, len(program))

    def inject(self, tick: int, sample: Ints, core: Ints, axon: Ints) -> None:
        """Set axons for this tick."""
        self._ring[tick % SLOTS, sample, core, axon] = True

    def advance(self, tick: int) -> None:
        """One tick of the chip."""
        program, now = self._program, self._ring[tick % SLOTS]
        sample, core, axon = np.nonzero(now)
        self._count(core, axon)
        self._add(sample, core, axon)
        before = self.v[:, self._special]
        spikes = self._settle()
        if len(self._special):
            special = np.isin(core, self._special)
            spikes[:, self._special] = self._finish(before, self._keys.at(tick), sample[special],
                                                    core[special], axon[special])
        now[...] = False
        self.spikes_now[...] = np.packbits(spikes, axis=-1, bitorder="little").view(np.uint64)
        self._activity.spikes[:] += spikes.sum((0, 2))
        s, c, n = np.nonzero(spikes & (program.route >= 0))
        way = program.route[c, n]
        self._ring[(tick + (way & 15)) % SLOTS, s, way >> 12, (way >> 4) & 255] = True

    def _count(self, core: Ints, axon: Ints) -> None:
        cores = len(self._program)
        synapses = self._program.axons[core, axon] & ((1 << COUNT_BITS) - 1)
        self._activity.axon_events[:] += np.bincount(core, minlength=cores)
        self._activity.synaptic_events[:] += np.bincount(core, synapses, cores).astype(np.int64)

    def _add(self, sample: Ints, core: Ints, axon: Ints) -> None:
        """The deterministic weights of all active axons; they come sorted by sample and core."""
        program = self._program
        for at in range(0, len(core), _CHUNK):
            s, c, a = (x[at:at + _CHUNK] for x in (sample, core, axon))
            there = np.unpackbits(program.cores.crossbar[c, a], axis=1, bitorder="little")
            amounts = program.weights[c, program.axons[c, a] >> COUNT_BITS] * there.astype(np.int16)
            where = s * len(program) + c
            first = np.flatnonzero(np.diff(where, prepend=-1))
            self.v[s[first], c[first]] += np.add.reduceat(amounts, first, axis=0, dtype=np.int32)

    def _settle(self) -> NDArray[np.bool_]:
        """Leaks, thresholds and resets of deterministic neurons, in place; the spikes."""
        p, v = self._program, self.v
        v += p.leak
        np.clip(v, POTENTIAL_MIN, POTENTIAL_MAX, out=v)
        every = slice(None)
        above, below = v >= p.threshold, v < -p.floor
        np.copyto(v, self._down(every, v, p.floor), where=below & ~above)
        np.copyto(v, self._up(every, v, p.threshold), where=above)
        return above

    def _up(self, cores: _Which, v: _Wide | NDArray[np.int32], top: _Wide | NDArray[np.int32]) -> _Wide:
        """What a spike leaves of v."""
        modes, back = self._program.modes[cores], self._program.reset[self._program.reset_row[cores]]
        rest = np.where(modes & LINEAR, v - top, v)
        return np.where(modes & KEEP, rest, back)

    def _down(self, cores: _Which, v: _Wide | NDArray[np.int32],
              floor: _Wide | NDArray[np.int32]) -> _Wide:
        """What v below the negative threshold becomes."""
        modes, back = self._program.modes[cores], self._program.reset[self._program.reset_row[cores]]
        rest = np.where(modes & LINEAR, v + floor, v)
        mirror = np.where(modes & KEEP, rest, -back)
        return np.where(modes & SATURATE, -floor, mirror)

    def _finish(self, before: NDArray[np.int32], keys: Words, sample: Ints, core: Ints,
                axon: Ints) -> NDArray[np.bool_]:
        """The special cores again from their sums, with all modes, in place; their spikes."""
        p, at = self._program, self._special
        c = p.cores
        states = keys_of(keys[:, at], range(NEURONS))
        v = before.astype(np.int64)
        self._draw_synapses(v, states, sample, np.searchsorted(at, core), core, axon)
        leak = np.broadcast_to(p.leak[at].astype(np.int64), v.shape)
        states += np.where(c.random_leak[at], _GOLDEN, np.uint64(0))
        leak = np.where(c.random_leak[at], _chance(leak, states), leak)
        v += np.where(c.leak_reversal[at], leak * np.sign(v), leak)
        np.clip(v, POTENTIAL_MIN, POTENTIAL_MAX, out=v)
        noise = draw_words(states + _GOLDEN) & c.threshold_mask[at]
        top = p.threshold[at] + noise
        floor = p.floor[at] + np.where(c.saturate[at], 0, noise)
        above, below = v >= top, v < -floor
        up, down = self._up(at, v, top), self._down(at, v, floor)
        self.v[:, at] = np.where(above, up, np.where(below, down, v))
        return above

    def _draw_synapses(self, v: _Wide, states: Words, sample: Ints, place: Ints, core: Ints,
                       axon: Ints) -> None:
        """Random synapses in the order of axons; `place` is a core's number among the special."""
        p, c = self._program, self._program.cores
        group = sample * len(self._special) + place
        rank = np.arange(len(group)) - np.searchsorted(group, group)
        for turn in range(rank.max(initial=-1) + 1):
            k = np.flatnonzero(rank == turn)
            kind = p.axons[core[k], axon[k]] >> COUNT_BITS
            there = np.unpackbits(c.crossbar[core[k], axon[k]], axis=1, bitorder="little") != 0
            there &= c.random_synapse[core[k], :, kind]
            at = sample[k], place[k]
            next_states = states[at] + np.where(there, _GOLDEN, np.uint64(0))
            states[at] = next_states
            weights = c.weights[core[k], :, kind].astype(np.int64)
            v[at] += np.where(there, _chance(weights, next_states), 0)


def _chance(amount: _Wide, states: Words) -> _Wide:
    """As in `semantics.truenorth`, for the number that each state draws."""
    return np.where(np.abs(amount) >= draw_words(states) & 255, np.sign(amount), 0)
