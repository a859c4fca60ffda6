"""The random numbers of `semantics.truenorth.draws`, for whole arrays of cores and neurons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurocompile.semantics.truenorth import GOLDEN, WORD

Words = NDArray[np.uint64]
_GOLDEN = np.uint64(GOLDEN)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix_words(x: Words) -> Words:
    """`semantics.truenorth.mix` of each word."""
    x = (x ^ (x >> np.uint64(30))) * _FACTORS[0]
    x = (x ^ (x >> np.uint64(27))) * _FACTORS[1]
    return x ^ (x >> np.uint64(31))


def keys_of(states: Words, numbers: range) -> Words:
    """The states [..., numbers] after one more number of the key."""
    steps = np.arange(numbers.start + 1, numbers.stop + 1, dtype=np.uint64) * _GOLDEN
    return mix_words(states[..., None] + steps)


class Keys:
    """States [samples, cores] after seed, sample, core and tick."""

    def __init__(self, seed: int, samples: range, cores: int) -> None:
        first_keys = keys_of(np.full((), seed & WORD, np.uint64), samples)
        self._states = keys_of(first_keys, range(cores))

    def at(self, tick: int) -> Words:
        """For one tick of the chip."""
        return keys_of(self._states, range(tick, tick + 1))[..., 0]


def draw_words(states: Words) -> NDArray[np.int64]:
    """The number that each state draws; the next one is drawn from state + GOLDEN."""
    return (mix_words(states) >> np.uint64(32)).astype(np.int64)
