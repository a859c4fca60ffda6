"""What pruning kept of tokens and ticks, and what that saves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neurocompile.report.plain import Key
from neurocompile.report.schema import Count, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisFacts:
    """What is kept along one axis."""

    numbers: Annotated[tuple[Count, ...], Key("kept")]
    length: Annotated[Count, Key("given")]
    siv: Share  # of the spike intensity value: the share of all spikes that is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionFacts:
    """The tokens and ticks that are kept; null where none was dropped."""

    tokens: AxisFacts | None
    ticks: AxisFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeChange:
    """A size before and after."""

    before: Count
    after: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationChange(SizeChange):
    """A population that lost neurons."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningFacts(SelectionFacts):
    """What was kept of tokens and ticks, and the sizes of the network before and after."""

    neurons: SizeChange
    synapses: SizeChange
    populations: tuple[PopulationChange, ...]  # those that lost neurons
