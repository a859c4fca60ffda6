"""Which number of a model's tensors each weight of its float network is.

A weight that comes from one number w is `factor * w + offset`: the factor is what gains, means and
pools make of it, the offset what a skip path adds. Four networks of chosen numbers show all three; a
fifth, of random ones, proves it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Network
from neurocompile.training.slots import Doubles, Slot, constants, operators, weights_as
from neurocompile.training.template import Template, Values

_DIGIT = 4096  # numbers are told apart by two digits
_NEAR = 1e-9  # relative: what float64 leaves of a product
_NOISE = 1e-12  # relative, of sums of a few such products
_MIDDLE = 0.75  # mantissas below are nearer to 1/2 than to 1
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trace:
    """A slot's weights as `factor * number + offset`; `number` -1: a constant, the offset."""

    number: Numbers
    factor: Doubles
    offset: Doubles

    @property
    def varies(self) -> bool:
        """Whether any weight is a number of a tensor."""
        return bool((self.number >= 0).any())

    @property
    def numbers(self) -> Numbers:
        """The numbers that it is made of."""
        return np.unique(self.number[self.number >= 0])

    @property
    def factors(self) -> Doubles:
        """The magnitudes of their factors."""
        return np.unique(np.abs(self.factor[self.number >= 0]))

    def values(self, numbers: Doubles) -> Doubles:
        """The slot's weights for all numbers of the tensors."""
        return self.offset + self.factor * (numbers[self.number] if len(numbers) else 0.0)


@dataclass(frozen=True, eq=False)
class Sum:
    """A slot's constants as sums of numbers: `matrix @ numbers + offset`."""

    matrix: sp.csr_array
    offset: Doubles

    @classmethod
    def of(cls, traces: Sequence[Trace], size: int) -> Sum:
        """The sum of traces in as many sets of numbers, of `size` in all."""
        offset = traces[0].offset
        matrix = sp.csr_array((len(offset), size))
        for one in traces:
            rows = np.flatnonzero(one.number >= 0)
            matrix = matrix + sp.csr_array(
                (one.factor[rows], (rows, one.number[rows])), shape=matrix.shape)
        return cls(sp.csr_array(matrix), offset)

    @property
    def varies(self) -> bool:
        """Whether any constant is a sum of numbers."""
        return bool(self.matrix.nnz)

    @property
    def numbers(self) -> Numbers:
        """The numbers that it is made of."""
        return np.unique(self.matrix.indices).astype(np.int64)

    @property
    def factors(self) -> Doubles:
        """The magnitudes of their factors."""
        return np.unique(np.abs(self.matrix.data))

    def values(self, numbers: Doubles) -> Doubles:
        """The slot's constants for all numbers of the tensors."""
        return np.asarray(self.matrix @ numbers) + self.offset


@dataclass(frozen=True, eq=False)
class Numbering:
    """The numbers of some tensors, in one row."""

    starts: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    size: int

    @classmethod
    def of(cls, tensors: Values, names: Collection[str]) -> Numbering:
        """The numbers of these tensors, in the order of `tensors`."""
        starts, shapes, size = {}, {}, 0
        for name, array in tensors.items():
            if name in names:
                starts[name], shapes[name] = size, array.shape
                size += array.size
        return cls(starts, shapes, size)

    def tensors(self, row: NDArray[np.floating]) -> dict[str, NDArray[np.float32]]:
        """The tensors of a row of numbers."""
        return {name: row[start:start + int(np.prod(self.shapes[name]))].reshape(
            self.shapes[name]).astype(np.float32) for name, start in self.starts.items()}

    def row(self, tensors: Values) -> Doubles:
        """The row of these tensors."""
        parts = [np.asarray(tensors[name], np.float64).reshape(-1) for name in self.starts]
        return np.concatenate(parts) if parts else np.zeros(0)

    def of_tensor(self, name: str) -> slice:
        """Where a tensor's numbers stand."""
        start = self.starts[name]
        return slice(start, start + int(np.prod(self.shapes[name])))


@dataclass(frozen=True, eq=False)
class Traces:
    """The traces by slot, and the slots that are no such numbers."""

    numbering: Numbering
    of_slot: Mapping[Slot, Trace]  # without those that are sums or products of several numbers
    network: Network  # of numbers that are not 0: the structure of all slots


def trace(template: Template, base: Values, names: Collection[str]) -> Traces:
    """The traces of all slots in the tensors of these names; the others are as in `base`."""
    numbering = Numbering.of(base, names)
    rng = np.random.default_rng(1)
    sizes = np.exp2(rng.integers(0, 4, numbering.size).astype(np.float64))
    high, low = np.divmod(np.arange(numbering.size), _DIGIT)
    random = rng.uniform(0.5, 1.5, numbering.size).astype(np.float32).astype(np.float64)
    networks = [template.network({**base, **numbering.tensors(row)}) for row in (
        sizes, 2 * sizes, sizes * (high + 1), sizes * (low + 1), random)]
    pattern = operators(networks[0])
    readings = [{**constants(network), **{
        slot: weights_as(operator, pattern[slot]) if slot in pattern else None
        for slot, operator in operators(network).items()}} for network in networks]
    of_slot: dict[Slot, Trace] = {}
    for slot in readings[0]:
        arrays = [array for one in readings if (array := one.get(slot)) is not None]
        solution = _solution(arrays, sizes, random) if len(arrays) == len(readings) else None
        if solution is not None:
            of_slot[slot] = solution
    return Traces(numbering, of_slot, networks[0])


def _solution(arrays: list[Doubles], sizes: Doubles, random: Doubles) -> Trace | None:
    """The trace of a slot with these values in the five networks; None where it has none."""
    once, twice, by_high, by_low, by_random = arrays
    share = twice - once  # factor * size of the number
    offset = once - share
    varies = np.abs(share) > _NEAR * np.abs(once)
    safe = np.where(varies, share, 1.0)
    high, low = ((values - offset) / safe - 1 for values in (by_high, by_low))
    number = np.where(varies, np.rint(high) * _DIGIT + np.rint(low), -1)
    if np.any((number < -1) | (number >= len(sizes))):
        return None
    number = number.astype(np.int64)
    factor = _without_noise(np.where(varies, share / (sizes[number] if len(sizes) else 1.0), 0.0))
    offset = np.where(np.abs(offset) > _NEAR * np.abs(once), offset, 0.0)
    trace = Trace(number, factor, offset)
    error = np.abs(trace.values(random) - by_random)
    exact = np.all(error <= _NEAR * (np.abs(offset) + np.abs(by_random)))
    return trace if exact else None


def _without_noise(factor: Doubles) -> Doubles:
    """Factors, as powers of two where float64 alone made them others."""
    mantissa, exponent = np.frexp(factor)
    power = np.sign(factor) * np.ldexp(1.0, exponent - (np.abs(mantissa) < _MIDDLE))
    return np.where(np.abs(factor - power) <= _NOISE * np.abs(factor), power, factor)
