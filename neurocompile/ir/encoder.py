"""Encoders: exact maps from analog inputs to constant currents, computed by the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Array, Operator


@dataclass(frozen=True, eq=False)
class Encoder:
    """Host-side exact map from analog inputs to the bias mantissas of a population.

    Each `x` is rounded half to even to `x * 2**input_shift` as an integer; then `mantissa = (sum of
    operator @ x + offset + half) >> output_shift`, all in 64-bit integers, so every machine
    computes the same mantissas. They are clipped to `low` and `high`.
    """

    target: str
    terms: tuple[tuple[str, Operator], ...]  # (input, operator with int64 weights)
    offset: NDArray[np.int64]  # [neurons]
    input_shift: int
    output_shift: int
    exponent: int  # the bias exponent that the mantissas are written with
    low: int  # the least mantissa
    high: int  # the largest
    lossless: bool = False  # what is clipped changes no spike

    @property
    def limit(self) -> int:
        """The largest magnitude of a mantissa."""
        return max(-self.low, self.high)

    @property
    def sources(self) -> tuple[str, ...]:
        """The inputs that it reads."""
        return tuple(source for source, _ in self.terms)

    def mantissas(self, inputs: Mapping[str, Array]) -> NDArray[np.int64]:
        """Bias mantissas [rows, neurons] for analog inputs [rows, *input shape] by name."""
        return np.clip(self.exact(inputs), self.low, self.high)

    def clip_count(self, inputs: Mapping[str, Array]) -> int:
        """How many of the mantissas for these inputs are clipped, and may change a spike."""
        exact = self.exact(inputs)
        return 0 if self.lossless else int(np.count_nonzero((exact < self.low) | (exact > self.high)))

    def exact(self, inputs: Mapping[str, Array]) -> NDArray[np.int64]:
        """The mantissas before they are clipped."""
        total: NDArray[np.int64] = self.offset[None, :]
        for source, operator in self.terms:
            x = np.asarray(inputs[source], np.float64)
            whole = np.rint(x.reshape(len(x), -1) * 2.0**self.input_shift).astype(np.int64)
            total = total + operator.apply(whole)
        half = np.int64(1) << np.int64(self.output_shift - 1)
        mantissas: NDArray[np.int64] = (total + half) >> np.int64(self.output_shift)
        return mantissas
