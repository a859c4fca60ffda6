"""What compiling for TrueNorth makes, and what it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.families.compilation import Compilation, Structure
from neurocompile.ir.mapping import ChipMapping
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.legalize import Legalization
from neurocompile.target.truenorth import TrueNorthTarget


@dataclass(frozen=True, eq=False)
class Activity:
    """What the cores of a core network do on the first samples, in the simulator."""

    samples: int
    rate: NDArray[np.float64]  # [cores, slots] spikes per tick of the model
    inputs: Mapping[str, NDArray[np.float64]]  # the same of each input, by element
    synaptic_events: float  # per sample


@dataclass(frozen=True, eq=False, kw_only=True)
class TrueNorthStructure(Structure):
    """A float network of neurons that a crossbar has."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrueNorthCompilation(Compilation):
    """Crossbars of TrueNorth chips."""

    target: TrueNorthTarget
    legalization: Legalization
    mapping: ChipMapping
    activity: Activity | None = None  # None: no sample was given

    @property
    def cores(self) -> CoreNetwork:
        """The network on cores."""
        return self.legalization.network

    @property
    def n_cores(self) -> int:
        """Cores that the network takes."""
        return len(self.cores.cores)
