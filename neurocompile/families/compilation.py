"""What a compilation goes through and what it makes: the stages that ran, the results.

`Compilation` holds what compiling for any chip makes; each family has a type of its own beside it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from neurocompile.diagnostics import (
    Diagnostic,
    FindingsError,
    InternalError,
    Severity,
    errors,
)
from neurocompile.families.fidelity import Fidelity
from neurocompile.families.gate import Gate
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.pruning.prune import Pruning
from neurocompile.target import Target

Progress = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage that ran: wall seconds, and the size of its result in words."""

    name: str
    seconds: float
    result: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Compilation(ABC):
    """What compiling for any chip makes. Stages that did not run are absent."""

    graph: Graph
    target: Target
    options: Options
    floating: Network
    network: Network
    diagnostics: tuple[Diagnostic, ...]
    stages: tuple[StageRecord, ...]
    fidelity: Fidelity | None = None  # None: it was not measured
    pruning: Pruning | None = None  # None: all tokens and ticks are there
    rounding: Mapping[str, Array] = field(default_factory=dict)  # decided on a sample; else empty

    @property
    @abstractmethod
    def n_cores(self) -> int:
        """Cores that the network takes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Lowering:
    """A graph as a float network, before anything that depends on a family of chips."""

    graph: Graph
    whole: Network
    pruning: Pruning | None
    sample: Mapping[str, Array] | None
    labels: Array | None = None  # of the sample
    rounding: Mapping[str, Array] = field(default_factory=dict)  # of an earlier build on a sample
    gate: Gate | None = None  # None: the graph was captured without replay, or outlined
    outline: bool = False  # its populations and projections are known, not its synapses

    @property
    def network(self) -> Network:
        """What goes on the chip."""
        return self.whole if self.pruning is None else self.pruning.after


@dataclass(frozen=True, eq=False, kw_only=True)
class Structure:
    """A network that a family's chips can have, as long as its numbers and its size fit."""

    lowering: Lowering
    floating: Network  # in the form that the family builds: with its adders, its kinds of inputs


@dataclass
class Recorder:
    """Runs stages, times them and checks what must hold after them."""

    progress: Progress
    records: list[StageRecord] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    def stage(self, name: str, run: Callable[[], T], describe: Callable[[T], str],
              ensures: Callable[[T], Iterable[Diagnostic]] = lambda _: ()) -> T:
        """The stage's result. Raises InternalError (NC901) when a promise is broken."""
        self.progress(name)
        start = time.perf_counter()
        result = run()
        violations = [d for d in ensures(result) if d.level == Severity.ERROR]
        if violations:
            raise InternalError(Diagnostic("NC901", violations[0].where, {
                "stage": name, "predicate": violations[0].name, "detail": violations[0].message}))
        self.records.append(StageRecord(name, time.perf_counter() - start, describe(result)))
        return result

    def stop(self) -> None:
        """Raise FindingsError when one of the findings so far is an error."""
        stopping = errors(self.findings)
        if stopping:
            self.findings = [d for d in self.findings if d not in stopping]
            raise FindingsError(*stopping)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings, errors first."""
        return tuple(sorted(self.findings, key=Diagnostic.sort_key))
