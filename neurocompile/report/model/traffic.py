"""Messages per tick between the cores, in resources.json and mapping.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neurocompile.report.plain import Key
from neurocompile.report.schema import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Axons:
    """Output axons: source neurons, counted for each core that they reach."""

    off_chip: Count
    total: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Messages per tick, by distance."""

    off_chip: float
    within_cores: float
    between_cores: float
    between_chips: float  # of those between cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """Links on the way of the messages between cores."""

    total: float  # per tick
    max: Count
    mean: float
    p95: Count  # the 95th percentile of messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The links of the mesh."""

    count: Annotated[Count, Key("used")]  # that messages pass
    busiest: tuple[tuple[str, float], ...]  # "chip:x,y>chip:x,y" and its messages per tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """The busiest core's messages over the mean of all cores."""

    sender: Annotated[float, Key("sent")]
    receiver: Annotated[float, Key("received")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Messages per tick, hops and links."""

    measured: bool  # at firing rates on the sample; else every neuron is taken to spike
    axons: Axons
    messages: Messages
    hops: Hops
    links: Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic(Routes):
    """The same, and how unevenly the cores carry it."""

    imbalance: Imbalance
