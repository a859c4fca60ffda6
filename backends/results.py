"""What backends give: the files of a program, and its comparison with the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.operators import Array


@dataclass(frozen=True, slots=True)
class Emission:
    """What was written, and what has to be said about it."""

    files: tuple[Path, ...]
    diagnostics: tuple[Diagnostic, ...]


class Reference(Protocol):
    """A run of the same network: arrays [samples, ticks, neurons] by population name."""

    @property
    def spikes(self) -> Mapping[str, Array]:
        """0 or 1; of adders the sums that they send."""

    @property
    def v(self) -> Mapping[str, Array]:
        """Membranes as the reset leaves them; empty when they were not recorded."""

    @property
    def sums(self) -> Mapping[str, Array]:
        """v of accumulators at a sample's end: arrays [samples, neurons]."""


@dataclass(frozen=True, slots=True)
class PopulationComparison:
    """One population of the program beside the reference's."""

    name: str
    neurons: int
    spikes: int  # of the reference; of adders those that are not 0
    differences: int  # neuron-ticks that differ; of an accumulator, sums
    sums: int = 0  # of the reference, other than 0: what an accumulator holds at samples' ends


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, and what was found."""

    samples: int
    ticks: int  # per sample
    populations: tuple[PopulationComparison, ...]
    diagnostics: tuple[Diagnostic, ...]
    seconds: float  # of running the program

    @property
    def spikes(self) -> int:
        """Reference spikes that were compared."""
        return sum(p.spikes for p in self.populations)

    @property
    def sums(self) -> int:
        """Sums of the reference that were compared."""
        return sum(p.sums for p in self.populations)

    @property
    def differences(self) -> int:
        """Neuron-ticks that differ."""
        return sum(p.differences for p in self.populations)

    @property
    def summary(self) -> str:
        """One line that claims no more than was compared."""
        sums = f", {self.sums:,} sums" if self.sums else ""
        return (f"verified on {self.samples:,} samples, {self.samples * self.ticks:,} ticks, "
                f"{self.spikes:,} spikes{sums}: {self.differences:,} differences")
