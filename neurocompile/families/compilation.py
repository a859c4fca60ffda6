"""What a compilation is given and what it makes: options, the stages that ran, the results.

`Compiled` holds what compiling for any chip makes; each family has a type of its own beside it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import (
    Diagnostic,
    FindingsError,
    InternalError,
    Severity,
    errors,
)
from neurocompile.families.fidelity import Fidelity
from neurocompile.ir.graph import Graph
from neurocompile.ir.mapping import ChipMapping
from neurocompile.ir.network import Network
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.resources import Usage
from neurocompile.passes.loihi.streams.adders import Choice
from neurocompile.passes.pruning.prune import Pruning
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.legalize import Legalized
from neurocompile.passes.truenorth.quantization.quantize import WEIGHT_BITS
from neurocompile.target import Target
from neurocompile.target.loihi import LoihiTarget
from neurocompile.target.truenorth import TrueNorthTarget

Progress = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What a build can be told. All of it lands in the manifest."""

    weight_bits: int = 0  # 0: those of the target's family, 8 on Loihi and 4 on TrueNorth
    encoder: str = "auto"
    streams: str = "auto"
    timing: str = "tick"
    max_cores: int | None = None
    max_chips: int | None = None
    max_synapses: int | None = None
    allow: tuple[str, ...] = ()  # exact rewrites that are priced instead of refused
    readout: str = "auto"  # where sums over all ticks are made: on the host or on the chip
    prune_tokens: float = 0.0  # share of tokens to drop, 0 <= share < 1
    prune_steps: float = 0.0  # share of ticks to drop
    encoding: str = "dense"  # how synapses are stored
    fan_in: str = "reject"  # what becomes of neurons with more inputs than a crossbar takes

    @property
    def budgets(self) -> dict[str, int]:
        """The budgets that are set, by resource."""
        given = {"cores": self.max_cores, "chips": self.max_chips, "synapses": self.max_synapses}
        return {name: limit for name, limit in given.items() if limit is not None}

    def on(self, target: Target) -> Options:
        """The options with the target's own defaults where nothing was said."""
        usual = WEIGHT_BITS if isinstance(target, TrueNorthTarget) else 8
        return replace(self, weight_bits=self.weight_bits or usual)


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage that ran: wall seconds, and the size of its result in words."""

    name: str
    seconds: float
    result: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Compiled(ABC):
    """What compiling for any chip makes. Stages that did not run are absent."""

    graph: Graph
    target: Target
    options: Options
    floating: Network
    network: Network
    diagnostics: tuple[Diagnostic, ...]
    stages: tuple[StageRecord, ...]
    fidelity: Fidelity | None = None  # None: no sample was given
    pruning: Pruning | None = None  # None: all tokens and ticks are there

    @property
    @abstractmethod
    def n_cores(self) -> int:
        """Cores that the network takes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LoihiCompiled(Compiled):
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


@dataclass(frozen=True, eq=False)
class Activity:
    """What the cores of a core network do on the first samples, in the simulator."""

    samples: int
    rate: NDArray[np.float64]  # [cores, slots] spikes per tick of the model
    inputs: Mapping[str, NDArray[np.float64]]  # the same of each input, by element
    synaptic_events: float  # per sample


@dataclass(frozen=True, eq=False, kw_only=True)
class TrueNorthCompiled(Compiled):
    """Crossbars of TrueNorth chips."""

    target: TrueNorthTarget
    legalized: Legalized
    mapping: ChipMapping
    activity: Activity | None = None  # None: no sample was given

    @property
    def cores(self) -> CoreNetwork:
        """The network on cores."""
        return self.legalized.network

    @property
    def n_cores(self) -> int:
        """Cores that the network takes."""
        return len(self.cores.cores)


@dataclass
class Recorder:
    """Runs stages, times them and checks what must hold after them."""

    progress: Progress
    records: list[StageRecord] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)

    def stage(self, name: str, run: Callable[[], T], describe: Callable[[T], str],
              ensures: Callable[[T], Iterable[Diagnostic]] = lambda _: ()) -> T:
        """The stage's result. Raises InternalError (NC901) when a promise is broken."""
        self.progress(name)
        start = time.perf_counter()
        result = run()
        broken = [d for d in ensures(result) if d.level == Severity.ERROR]
        if broken:
            raise InternalError(Diagnostic("NC901", broken[0].where, {
                "stage": name, "predicate": broken[0].name, "detail": broken[0].message}))
        self.records.append(StageRecord(name, time.perf_counter() - start, describe(result)))
        return result

    def stop(self) -> None:
        """Raise FindingsError when an error has been found so far."""
        found = errors(self.found)
        if found:
            self.found = [d for d in self.found if d not in found]
            raise FindingsError(*found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found, errors first."""
        return tuple(sorted(self.found, key=Diagnostic.sort_key))


def network_size(network: Network) -> str:
    """A network in words."""
    return (f"{len(network.populations)} populations, "
            f"{sum(p.size for p in network.populations):,} neurons, "
            f"{sum(p.operator.n_synapses for p in network.projections):,} synapses")


def nothing_on_chip(network: Network) -> Iterator[Diagnostic]:
    """NC206 where every population gets the analog input of each tick, so that the host runs all."""
    if all(p.on_host for p in network.populations):
        first = network.populations[0]
        yield Diagnostic("NC206", first.where, {
            "module": first.name, "encoder": "host",
            "reason": "no other population is left for the chip"})


def over_budget(used: Mapping[str, int], options: Options) -> Iterable[Diagnostic]:
    """NC411 for each budget of the project that a mapping exceeds."""
    for resource, limit in options.budgets.items():
        if used[resource] > limit:
            yield Diagnostic("NC411", values={
                "resource": resource, "needed": used[resource], "limit": limit})
