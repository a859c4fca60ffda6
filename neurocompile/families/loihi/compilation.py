"""What compiling for Loihi makes, and what it starts from."""

from __future__ import annotations

from dataclasses import dataclass

from neurocompile.families.compilation import Compilation, Structure
from neurocompile.ir.mapping import ChipMapping
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.resources import Usage
from neurocompile.passes.loihi.streams.adders import Choice
from neurocompile.target.loihi import LoihiTarget


@dataclass(frozen=True, eq=False, kw_only=True)
class LoihiStructure(Structure):
    """A float network with its adders and sums, and when each population computes a tick."""

    schedule: Schedule
    streams: Choice | None  # None: no two populations share a sum


@dataclass(frozen=True, eq=False, kw_only=True)
class LoihiCompilation(Compilation):
    """Slices of populations on the cores of Loihi chips."""

    target: LoihiTarget
    schedule: Schedule
    mapping: ChipMapping
    usage: Usage
    streams: Choice | None = None  # None: no two populations share a sum

    @property
    def n_cores(self) -> int:
        """Cores that the network takes."""
        return len(self.usage.cores)
