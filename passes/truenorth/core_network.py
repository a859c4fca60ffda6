"""The core network: TrueNorth cores as arrays, with the tables that join them to the host.

Every core has the semantics' `AXONS`, `NEURONS` and a binary crossbar between them, of which a
network for smaller cores uses the first ones. A core network is what legalization makes of a
Network, what the network file holds, and what the simulator runs. Times are in ticks of the chip;
tick t of a sample's model is `t * step` of the chip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.crossbar import WHOLE, Crossbar

if TYPE_CHECKING:
    from neurocompile.ir.mapping import CoreId

NOWHERE, OUTPUT = -1, -2  # as a target core: the spike goes nowhere; it leaves the chip

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cores:
    """Parameters of all cores; names as in `semantics.truenorth`."""

    axon_types: NDArray[np.uint8]  # [cores, AXONS]
    crossbar: NDArray[np.uint8]  # [cores, AXONS, NEURONS / 8]: bit n % 8 of byte n // 8 is neuron n
    weights: NDArray[np.int16]  # [cores, NEURONS, AXON_TYPES]
    leak: NDArray[np.int16]  # [cores, NEURONS], as all below
    threshold: NDArray[np.int32]
    floor: NDArray[np.int32]  # not negative; the negative threshold is -floor
    reset_value: NDArray[np.int32]
    reset_mode: NDArray[np.uint8]  # a ResetMode
    saturate: Bools
    leak_reversal: Bools
    random_synapse: Bools  # [cores, NEURONS, AXON_TYPES]
    random_leak: Bools
    threshold_mask: NDArray[np.int32]  # 0: no noise
    potential: NDArray[np.int32]  # at the start of a sample
    target_core: NDArray[np.int32]  # a core's number, NOWHERE or OUTPUT
    target_axon: NDArray[np.int32]  # an axon's number; of OUTPUT a line of the output bus
    delay: NDArray[np.uint8]  # 1..15 ticks

    def __len__(self) -> int:
        """Cores."""
        return len(self.axon_types)

    @property
    def stochastic(self) -> bool:
        """Whether any neuron draws random numbers."""
        return bool(self.random_synapse.any() or self.random_leak.any()
                    or self.threshold_mask.any())


@dataclass(frozen=True, eq=False)
class InputTable:
    """Where the host sends an input's spikes: one row for each axon that an element sets.

    A spike of element `element[k]` in tick t of the model sets axon `axon[k]` of core `core[k]` in
    tick `t * step + delay[k]` of the chip: that is when its neurons integrate it.
    """

    name: str
    element: Ints  # flat index into the input's shape
    core: Ints
    axon: Ints
    delay: Ints
    always: bool = False  # a source that spikes in every tick of the model


@dataclass(frozen=True, eq=False)
class PopulationTable:
    """Where a population's neurons are, and when they compute.

    Neuron n is slot `slot[n]` of core `core[n]` (the first copy, if there are several). It spikes
    for tick t of the model in tick `t * step + depth` of the chip. `line[n]` is its line of the
    output bus, -1 where the host does not read it; empty where it reads none.
    """

    name: str
    core: Ints  # [neurons]
    slot: Ints  # [neurons]
    depth: int
    line: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class CoreNetwork:
    """Cores, the host's tables, and the time of a sample."""

    cores: Cores
    inputs: tuple[InputTable, ...]
    populations: tuple[PopulationTable, ...]
    n_ticks: int  # of the model, per sample
    step: int = 1  # ticks of the chip per tick of the model
    reload: bool = True  # whether potentials must be loaded again before each sample
    roles: tuple[str, ...] = ()  # [cores]: the population that a core computes, or "splitter of NAME", ...
    places: tuple[CoreId, ...] = ()  # [cores] on the mesh; empty before placement
    crossbar: Crossbar = WHOLE  # what the cores may use of the arrays

    @property
    def latency(self) -> int:
        """Ticks of the chip from a sample's first input to the last population's first spike."""
        return max((p.depth for p in self.populations), default=0)

    @property
    def ticks_per_sample(self) -> int:
        """Ticks of the chip until the last spike of a sample has fired."""
        return (self.n_ticks - 1) * self.step + self.latency + 1
