"""The simulator's tick as compiled loops.

`integrate` moves the potentials of a range of cores and notes their spikes; `deliver` then sets the
axons of later ticks. Ranges can run in parallel: no core reads what another writes in `integrate`.
Spikes and axons are bits, 64 to a word.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from neurocompile.backends.truenorth.program import COUNT_BITS, SATURATE
from neurocompile.semantics.truenorth import (
    AXONS,
    GOLDEN,
    NEURONS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    SLOTS,
)

WORDS = AXONS // 64
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)  # its 64 windows of 6 bits differ: a power of 2 to its bit
_BIT = np.zeros(64, np.int64)
_BIT[[((1 << bit) * int(_DE_BRUIJN) & 2**64 - 1) >> 58 for bit in range(64)]] = np.arange(64)
_SPREAD = np.uint64(0x0102040810204080)  # gathers the lowest bits of 8 bytes in the highest byte
_ZERO, _ONE, _TOP = np.uint64(0), np.uint64(1), np.uint64(58)
_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(n) for n in (GOLDEN, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_TYPE, _COUNT = COUNT_BITS, (1 << COUNT_BITS) - 1


@numba.njit(cache=True, nogil=True)
def _lowest(word: Any) -> Any:
    """Number of the lowest bit that is set."""
    return _BIT[((word & (~word + _ONE)) * _DE_BRUIJN) >> _TOP]


@numba.njit(cache=True, nogil=True)
def inject(now: Any, sample: Any, core: Any, axon: Any) -> None:
    """Set axons for the present tick."""
    for k in range(len(sample)):
        now[sample[k], core[k], axon[k] >> 6] |= _ONE << np.uint64(axon[k] & 63)


@numba.njit(cache=True, nogil=True)
def integrate(first: int, last: int, now: Any, v: Any, spikes_now: Any, events: Any, synapses: Any,
              program: Any) -> None:
    """One tick of cores first..last - 1 for all samples, without what special neurons draw.

    `now` [samples, cores, WORDS] are the active axons, v [samples, cores, NEURONS]; `spikes_now`
    [samples, cores, WORDS] is written. The sum of a tick stays in v for special cores.
    """
    rows, axons, weights, leak, threshold, floor, modes, reset, reset_row, special = program
    total, spike = np.empty(NEURONS, np.int32), np.empty(NEURONS, np.uint8)
    for c in range(first, last):
        for s in range(len(v)):
            own = v[s, c]
            for n in range(NEURONS):
                total[n] = own[n]
            for w in range(WORDS):
                word = now[s, c, w]
                while word != _ZERO:
                    a = w * 64 + _lowest(word)
                    word &= word - _ONE
                    entry = axons[c, a]
                    events[c] += 1
                    synapses[c] += entry & _COUNT
                    row, weight = rows[c, a], weights[c, entry >> _TYPE]
                    for k in range(NEURONS // 32):
                        x = row[k]
                        for b in range(32):
                            there = -np.int32((x >> np.uint32(b)) & np.uint32(1))
                            total[k * 32 + b] += np.int32(weight[k * 32 + b]) & there
            if special[c]:
                for n in range(NEURONS):
                    own[n] = total[n]
                continue
            back = reset[reset_row[c]]
            for n in range(NEURONS):
                x = np.int32(min(max(total[n] + leak[c, n], POTENTIAL_MIN), POTENTIAL_MAX))
                mode, top, bottom = np.int32(modes[c, n]), threshold[c, n], -floor[c, n]
                linear, keep = -(mode & 1), -((mode >> 1) & 1)
                above, below = x >= top, x < bottom
                up = ((x - (top & linear)) & keep) + back[n]
                down = bottom if mode & SATURATE else ((x - (bottom & linear)) & keep) - back[n]
                own[n] = up if above else (down if below else x)
                spike[n] = above
            _pack(spike, spikes_now[s, c])


@numba.njit(cache=True, nogil=True)
def _pack(spike: Any, words: Any) -> None:
    eights = spike.view(np.uint64)
    for w in range(WORDS):
        words[w] = _ZERO
        for k in range(8):
            eight = eights[w * 8 + k]
            if eight != _ZERO:
                words[w] |= ((eight * _SPREAD) >> np.uint64(56)) << np.uint64(8 * k)


@numba.njit(cache=True, nogil=True)
def deliver(tick: int, ring: Any, spikes_now: Any, route: Any, spikes: Any) -> None:
    """Set the axons that spikes reach, clear the present tick's, count spikes by core."""
    ring[tick % SLOTS] = _ZERO
    for s in range(len(spikes_now)):
        for c in range(spikes_now.shape[1]):
            for w in range(WORDS):
                word = spikes_now[s, c, w]
                while word != _ZERO:
                    way = route[c, w * 64 + _lowest(word)]
                    word &= word - _ONE
                    spikes[c] += 1
                    if way >= 0:
                        axon = (way >> 4) & 255
                        slot = (tick + (way & 15)) % SLOTS
                        ring[slot, s, way >> 12, axon >> 6] |= _ONE << np.uint64(axon & 63)


@numba.njit(cache=True, nogil=True)
def _mix(x: Any) -> Any:
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _sign(x: Any) -> Any:
    return (x > 0) - (x < 0)


@numba.njit(cache=True, nogil=True)
def _draw(state: Any) -> Any:
    return np.int64(_mix(state) >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def _chance(amount: Any, state: Any) -> Any:
    """As in `semantics.truenorth`; draws the number of `state`."""
    return np.int64(_sign(amount) if abs(amount) >= _draw(state) & 255 else 0)


@numba.njit(cache=True, nogil=True)
def _random_sum(neuron: int, active: Any, rows: Any, axons: Any, weights: Any, random: Any,
                state: Any) -> Any:
    """What a neuron's random synapses add, and its state of draws after them."""
    total = np.int64(0)
    for a in range(AXONS):
        there = (active[a >> 6] >> np.uint64(a & 63)) & _ONE
        if there == _ZERO or (rows[a, neuron >> 5] >> np.uint32(neuron & 31)) & 1 == 0:
            continue
        kind = axons[a] >> _TYPE
        if random[kind]:
            state += _GOLDEN
            total += _chance(np.int64(weights[kind]), state)
    return total, state


@numba.njit(cache=True, nogil=True)
def finish_special(first: int, last: int, keys: Any, now: Any, v: Any, spikes_now: Any, program: Any,
                   extra: Any) -> None:
    """The rest of a tick for special cores: random synapses, leak, thresholds; `semantics.step`.

    `keys` [samples, cores] are the states of `semantics.draws` after seed, sample, core and tick.
    """
    rows, axons, _, leak, threshold, floor, modes, reset, reset_row, special = program
    weights, reversal, random_synapse, random_leak, mask = extra
    spike = np.empty(NEURONS, np.uint8)
    for c in range(first, last):
        if not special[c]:
            continue
        for s in range(len(v)):
            for n in range(NEURONS):
                state = _mix(keys[s, c] + np.uint64(n + 1) * _GOLDEN)
                random_sum, state = _random_sum(n, now[s, c], rows[c], axons[c], weights[c, n],
                                           random_synapse[c, n], state)
                x, step, noise = v[s, c, n] + random_sum, np.int64(leak[c, n]), np.int64(0)
                if random_leak[c, n]:
                    state += _GOLDEN
                    step = _chance(step, state)
                x += step * _sign(x) if reversal[c, n] else step
                x = min(max(x, POTENTIAL_MIN), POTENTIAL_MAX)
                if mask[c, n] != 0:
                    noise = _draw(state + _GOLDEN) & mask[c, n]
                top, bottom, mode = threshold[c, n] + noise, -floor[c, n], np.int64(modes[c, n])
                linear, keep, back = -(mode & 1), -((mode >> 1) & 1), reset[reset_row[c], n]
                spike[n] = x >= top
                if spike[n]:
                    x = ((x - (top & linear)) & keep) + back
                elif mode & SATURATE:
                    x = max(x, bottom)
                elif x < bottom - noise:
                    x = ((x - ((bottom - noise) & linear)) & keep) - back
                v[s, c, n] = x
            _pack(spike, spikes_now[s, c])
