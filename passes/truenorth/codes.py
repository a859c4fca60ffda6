"""Codes: exact weights by copies of axons.

An axon's type is shared by a core's neurons, a neuron has one value per type. So an input that
sets several axons reaches neuron j with any weight `sum over g of k[g] * values[j, g]`, where k[g]
axons of type g have a synapse onto j. A code gives the digits k of all weights of a range, up to
a factor of the neuron's own. Where a core has four types, that is two's complement up to 4 bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.semantics.truenorth import AXON_TYPES

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Code:
    """Values of the four types, and the most copies of each; for weights of so many bits."""

    bits: int
    values: tuple[int, int, int, int]
    copies: tuple[int, int, int, int]

    @property
    def axons(self) -> int:
        """Axons of an input that uses all of them."""
        return sum(self.copies)

    @cached_property
    def digits(self) -> dict[int, tuple[int, ...]]:
        """For each weight the digits with the fewest copies, of one whole range around 0."""
        by_value: dict[int, tuple[int, ...]] = {}
        for k in itertools.product(*(range(n + 1) for n in self.copies)):
            weight = sum(a * b for a, b in zip(k, self.values, strict=True))
            if weight not in by_value or sum(k) < sum(by_value[weight]):
                by_value[weight] = k
        low, high = 0, 0
        while low - 1 in by_value:
            low -= 1
        while high + 1 in by_value:
            high += 1
        return {w: by_value[w] for w in range(low, high + 1)}

    @cached_property
    def low(self) -> int:
        """The smallest weight."""
        return min(self.digits)

    @cached_property
    def high(self) -> int:
        """The largest weight."""
        return max(self.digits)

    @cached_property
    def reach(self) -> int:
        """The largest magnitude of a value."""
        return max(map(abs, self.values))

    @cached_property
    def table(self) -> Ints:
        """Digits [weight - low, types]."""
        return np.array([self.digits[w] for w in range(self.low, self.high + 1)], np.int64)


_UNARY = Code(1, (1, 0, 0, 0), (1, 0, 0, 0))
_TERNARY = (Code(2, (1, -1, 0, 0), (1, 1, 0, 0)), Code(2, (1, -2, 0, 0), (1, 1, 0, 0)))
_OCTAL = Code(3, (1, 2, -4, 0), (1, 1, 1, 0))
CODES: Mapping[int, tuple[Code, ...]] = MappingProxyType({  # by types; fewest axons first
    1: (_UNARY,),
    2: (_UNARY, *_TERNARY,
        Code(3, (1, -4, 0, 0), (3, 1, 0, 0)),
        Code(4, (1, -8, 0, 0), (7, 1, 0, 0)),
        Code(5, (3, -4, 0, 0), (7, 6, 0, 0)),
        Code(6, (5, -7, 0, 0), (11, 8, 0, 0)),
        Code(7, (7, -8, 0, 0), (15, 14, 0, 0)),
        Code(8, (9, -11, 0, 0), (23, 19, 0, 0)),
        Code(9, (16, -15, 0, 0), (29, 31, 0, 0))),
    3: (_UNARY, *_TERNARY, _OCTAL,
        Code(4, (1, 2, -8, 0), (1, 3, 1, 0)),
        Code(5, (1, 4, -16, 0), (3, 3, 1, 0)),
        Code(6, (1, 12, -8, 0), (3, 3, 5, 0)),
        Code(7, (1, 25, -15, 0), (4, 4, 7, 0)),
        Code(8, (1, 34, -27, 0), (6, 6, 8, 0)),
        Code(9, (1, 40, -56, 0), (7, 11, 8, 0))),
    4: (_UNARY, *_TERNARY, _OCTAL,
        Code(4, (1, 2, 4, -8), (1, 1, 1, 1)),
        Code(5, (1, 2, 6, -16), (1, 2, 2, 1)),
        Code(6, (1, 3, 12, -32), (2, 3, 2, 1)),
        Code(7, (1, 4, 16, -64), (3, 3, 3, 1)),
        Code(8, (1, 6, 30, -127), (5, 4, 4, 1)),
        Code(8, (1, 6, 30, -128), (5, 4, 4, 1)),
        Code(9, (1, 6, 36, -255), (5, 5, 7, 1))),  # sums of weights of 8 bits
})


@dataclass(frozen=True, eq=False)
class Encoding:
    """Values [neurons, types] of neurons, and digits [synapses, types] of their synapses."""

    values: Ints
    digits: Ints
    code: Ints  # [neurons] of the codes for a core's types; -1: values of the neuron's own
    factor: Ints  # [neurons] of the code's values, signed

    def decode(self, synapses: sp.csr_array) -> Ints:
        """The weights, in the order of the synapses."""
        row = np.repeat(np.arange(len(self.values)), np.diff(synapses.indptr))
        return np.asarray((self.digits * self.values[row]).sum(axis=1), np.int64)

    def axons(self, synapses: sp.csr_array) -> Ints:
        """Axons that each neuron needs on a core of its own."""
        return row_sums(synapses, self.digits.sum(axis=1))


def row_sums(synapses: sp.csr_array, amounts: Ints) -> Ints:
    """Per row the sum of an amount for each synapse."""
    total = np.concatenate([[0], np.cumsum(amounts, dtype=np.int64)])
    return np.asarray(total[synapses.indptr[1:]] - total[synapses.indptr[:-1]], np.int64)


def encodings(synapses: sp.csr_array, blocks: Ints, factors_of: Ints, crossbar: Crossbar
              ) -> Iterator[Encoding]:
    """Ways to write all weights [neurons, columns] without zeros; none if they have none.

    `blocks` [columns] numbers the feeds that columns belong to. A code's factor divides
    `factors_of` [neurons] as well, where that is not 0.
    """
    own = _encode(synapses, factors_of, crossbar, uniform=False)
    book = _own_values(synapses, own, crossbar)
    if book is not None:
        yield book
    if own is not None:
        yield own
        if len(np.unique(own.code)) > 1:
            uniform = _encode(synapses, factors_of, crossbar, uniform=True)
            if uniform is not None:
                yield uniform
    by_block = _by_block(synapses, blocks, crossbar)
    if by_block is not None:
        yield by_block


def _encode(synapses: sp.csr_array, factors_of: Ints, crossbar: Crossbar, *, uniform: bool
           ) -> Encoding | None:
    """Per neuron the smallest code; with `uniform` that of the neuron that needs the largest."""
    codes = CODES[crossbar.axon_types]
    code, factor = _choice(synapses, factors_of, crossbar, 0)
    if (code < 0).any():
        return None
    if uniform:
        wide, wide_factor = _choice(synapses, factors_of, crossbar, int(code.max(initial=0)))
        factor = np.where(wide < 0, factor, wide_factor)
        code = np.where(wide < 0, code, wide)
    row = np.repeat(np.arange(len(code)), np.diff(synapses.indptr))
    ratio = synapses.data // factor[row]
    digits = np.zeros((len(row), AXON_TYPES), np.int64)
    for number in np.unique(code):
        at = code[row] == number
        digits[at] = codes[number].table[ratio[at] - codes[number].low]
    values = np.array([c.values for c in codes], np.int64)[code] * factor[:, None]
    values[row_sums(synapses, np.ones(len(row), np.int64)) == 0] = 0
    return Encoding(values, digits, code, factor)


def _choice(synapses: sp.csr_array, factors_of: Ints, crossbar: Crossbar, smallest: int
            ) -> tuple[Ints, Ints]:
    """Per neuron the first code from `smallest` that holds its weights (-1: none), its factor."""
    n = synapses.shape[0]
    low, high, common = np.zeros(n, np.int64), np.zeros(n, np.int64), np.abs(factors_of)
    full = np.flatnonzero(np.diff(synapses.indptr))
    if len(full):
        starts = synapses.indptr[full]
        low[full] = np.minimum(np.minimum.reduceat(synapses.data, starts), 0)
        high[full] = np.maximum(np.maximum.reduceat(synapses.data, starts), 0)
        common[full] = np.gcd(common[full], np.gcd.reduceat(np.abs(synapses.data), starts))
    common = np.maximum(common, 1)
    choice, factor = np.full(n, -1, np.int64), np.ones(n, np.int64)
    for number, code in enumerate(CODES[crossbar.axon_types][smallest:], smallest):
        for size, sign in itertools.product((common, np.ones(n, np.int64)), (1, -1)):
            least, most = (low, high) if sign > 0 else (-high, -low)
            fits = ((choice < 0) & (least >= code.low * size) & (most <= code.high * size)
                    & (size * code.reach <= crossbar.weight_max))
            choice[fits], factor[fits] = number, sign * size[fits]
    return choice, factor


def _own_values(synapses: sp.csr_array, by_digits: Encoding | None, crossbar: Crossbar
                ) -> Encoding | None:
    """Values of a neuron's own where it has no more weights than axons have types, else its code.

    Positive weights take types from the first up, negative ones from the last down, by magnitude.
    """
    n, types = synapses.shape[0], crossbar.axon_types
    row = np.repeat(np.arange(n), np.diff(synapses.indptr))
    span = 2 * int(np.abs(synapses.data).max(initial=0)) + 2
    keys, of = np.unique(row * span + synapses.data + span // 2, return_inverse=True)
    owner, weight = keys // span, keys % span - span // 2
    few = np.bincount(owner, minlength=n) <= types
    few &= np.bincount(owner, np.abs(weight) > crossbar.weight_max, minlength=n) == 0
    if not few.any() or (by_digits is None and not few.all()):
        return None
    first = np.searchsorted(owner, np.arange(n))
    negative = np.bincount(owner, weight < 0, minlength=n).astype(np.int64)
    rank = np.arange(len(keys)) - first[owner]
    kind = np.where(weight < 0, types - negative[owner] + rank, rank - negative[owner])
    values = np.zeros((n, AXON_TYPES), np.int64) if by_digits is None else by_digits.values.copy()
    digits = (np.zeros((len(row), AXON_TYPES), np.int64) if by_digits is None
              else by_digits.digits.copy())
    code = np.full(n, -1, np.int64) if by_digits is None else by_digits.code.copy()
    factor = np.ones(n, np.int64) if by_digits is None else by_digits.factor
    values[few], code[few] = 0, -1
    own = few[owner]
    values[owner[own], kind[own]] = weight[own]
    at = few[row]
    digits[at] = np.eye(AXON_TYPES, dtype=np.int64)[kind[of[at]]]
    return Encoding(values, digits, code, factor)


def _by_block(synapses: sp.csr_array, blocks: Ints, crossbar: Crossbar) -> Encoding | None:
    """A type for each feed, where every neuron has one weight for all that it gets of it."""
    n, columns = synapses.shape[0], np.unique(blocks[synapses.indices])
    if not 1 <= len(columns) <= crossbar.axon_types:
        return None
    row = np.repeat(np.arange(n), np.diff(synapses.indptr))
    kind = np.searchsorted(columns, blocks[synapses.indices])
    values = np.zeros((n, AXON_TYPES), np.int64)
    values[row, kind] = synapses.data
    if (np.any(values[row, kind] != synapses.data)
            or np.abs(values).max(initial=0) > crossbar.weight_max):
        return None
    return Encoding(values, np.eye(AXON_TYPES, dtype=np.int64)[kind], np.full(n, -1, np.int64),
                    np.ones(n, np.int64))
