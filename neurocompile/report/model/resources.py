"""resources.json: what a mapping takes of the chip, per core, per population, in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from neurocompile.report.model.pruning import PruningFacts
from neurocompile.report.model.traffic import Traffic
from neurocompile.report.plain import Key
from neurocompile.report.schema import Count, Share
from neurocompile.target import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """The target that a network was built for."""

    name: str
    family: str  # what `family` in its file says
    description: str
    path: str  # of its file
    cores_per_chip: Count
    grid_width: Count  # cores in a row of a chip's mesh


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource that every core has as much of."""

    label: str  # in words
    short: str  # in fewer characters, for narrow tables
    unit: str  # "bit": amounts are shown in bytes
    limit: Count  # of one core
    confidence: str  # how far to trust the limit: published, inferred, assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFacts:
    """An input of the network."""

    name: str
    kind: Literal["static", "analog", "spikes", "one"]  # what it delivers in a tick
    shape: tuple[Count, ...]  # of one tick of one sample
    sources: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class FullestCore:
    """The core of a population that is nearest to a limit."""

    core: Count
    resource: str  # that binds on it
    utilization: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationFacts:
    """A population: neurons of one model, and what they take. One on the host takes no core."""

    name: str
    model: str  # neuron model and reset, as in "LIF hard"
    shape: tuple[Count, ...]
    neurons: Count
    where: str  # in the user's code; empty where it is not known
    on_host: bool
    depth: Count  # ticks by which it lags the input
    rate: float | None  # spikes per neuron and tick on the sample; null without one
    synapses: Count  # into it
    distinct_weights: Count  # values of the model that these synapses share
    weight_bits: Count | None  # that stored weights use, of the widest projection; null where none is a number
    order: str | None  # in which its neurons are cut into slices; null on the host
    cores: Count  # that hold some of it
    lower_bound: Count  # cores that it needs at least
    lower_bounds: Mapping[str, int]  # the same by the resource that proves it
    usage: Mapping[str, int]  # what it takes, over all its cores, by resource
    utilization: Mapping[str, float]  # its own share of these cores, by resource
    binding: str | None  # the resource with the largest of these shares
    binds_on: Mapping[str, int]  # how many of its cores each resource binds on
    worst: FullestCore | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadoutFacts:
    """An output of the network."""

    name: str
    shape: tuple[Count, ...]  # of one value
    ticks: Literal["sum", "each", "program"] | int  # whose spikes it reads; a number is that of a tick
    on_chip: bool  # whether the chip adds it up
    read: Count  # neurons that the host reads
    operators: Count = 0  # of the program with which the host computes it from each tick's spikes


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceFacts:
    """A range of a population's neurons on a core, and the box of its shape that they span."""

    population: str
    start: Count  # positions in the population's order
    stop: Count
    order: str
    box: tuple[tuple[Count, Count], ...]  # [first, last + 1] of each axis
    fills_box: bool  # whether all of the box is in it


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreAmount:
    """How much a core takes of a resource."""

    amount: Annotated[Count, Key("used")]
    limit: Count
    utilization: Share
    headroom: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreFacts:
    """A core that is used."""

    core: Count  # its number
    chip: Count
    x: Count  # column and row in the chip's mesh
    y: Count
    role: str  # of a core that holds no population; else empty
    slices: tuple[SliceFacts, ...]
    resources: Mapping[str, CoreAmount]
    binding: str  # the resource that is nearest to its limit
    utilization: Share  # of that resource
    messages_sent: float  # to other cores, per tick
    messages_received: float  # from outside it, per tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme(CoreAmount):
    """The core that takes most of a resource."""

    core: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The whole mapping in numbers."""

    cores: Count
    cores_available: Count
    lower_bound: Count  # cores that any mapping needs
    lower_bounds: Mapping[str, int]  # the same by the resource that proves it
    least: Mapping[str, int]  # what any mapping takes, by resource
    chips: Count
    chips_available: Count
    populations: Count  # on the chip
    neurons: Count  # on the chip
    host_neurons: Count
    synapses: Count  # into populations on the chip
    ticks: Count  # per sample
    latency: Count  # ticks from an input to its output
    binds_on: Mapping[str, int]  # how many cores each resource binds on
    mean: Mapping[str, float]  # share of all cores' limits, by resource
    worst: Mapping[str, Extreme]  # the fullest core, by resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a mapping takes of the chip: per core, per population, in all."""

    schema: Literal["neurocompile/resources/2"] = "neurocompile/resources/2"
    target: TargetFacts
    limits: Mapping[str, Mapping[str, Quantity]]  # all numbers of the target, by table and key
    resources: Mapping[str, Resource]  # what a core has
    inputs: tuple[InputFacts, ...]
    pruning: PruningFacts | None = None  # where tokens or ticks were dropped
    populations: tuple[PopulationFacts, ...]  # such that sources come first
    readouts: tuple[ReadoutFacts, ...]
    cores: tuple[CoreFacts, ...]
    totals: Totals
    traffic: Traffic
    sections: Mapping[str, Any]  # what the family's sections of the report keep, by key
