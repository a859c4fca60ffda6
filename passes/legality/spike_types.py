"""Spike types: what a value of a Graph is, for the proof that a network is event-driven."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import onnx_ir as ir

from neurocompile.ir.axes import Atom

Atoms = frozenset[Atom]
Sources = frozenset[str]  # names of spike values


@dataclass(frozen=True, slots=True)
class Static:
    """Weights, constants and what is computed from them."""


@dataclass(frozen=True, slots=True)
class Spike:
    """Emitted by neurons, rewired at most: 0/1, or 0..levels for graded spikes."""

    sources: Sources
    levels: int = 1
    source_axes: Atoms = frozenset()  # axes along which the sources differ


@dataclass(frozen=True, slots=True)
class Current:
    """Affine in spikes with static coefficients."""

    sources: Sources
    weighted: bool = True  # False: a plain sum of spikes, an integer 0..levels
    mixes_sources: bool = False  # a sum of spikes of different sources
    levels: int = 0
    bias: float = 0.0  # bound on the magnitude of its constant part
    analog: bool = False  # the network's analog input is added to it
    reported: bool = False  # stands for a value whose making was reported
    source_axes: Atoms = frozenset()  # axes along which the sources differ
    weight_axes: Atoms = frozenset()  # axes along which it was multiplied by weights


@dataclass(frozen=True, slots=True)
class Analog:
    """A function of the model's input before the first neuron; the host computes it."""

    bias: float = 0.0


@dataclass(frozen=True, slots=True)
class Opaque:
    """Anything else, with what made it so. Once reported it is silent until a synapse."""

    op: str
    node: ir.Node
    reported: bool = False
    state_of: str | None = None  # the module whose membrane potential this is, untouched
    sources: Sources = frozenset()


SpikeType = Static | Spike | Current | Analog | Opaque
STATIC = Static()


def sources_of(kinds: Iterable[SpikeType]) -> Sources:
    """All spikes that values are made of."""
    return frozenset[str]().union(
        *(kind.sources for kind in kinds if isinstance(kind, Spike | Current | Opaque)))


def bias_of(kind: SpikeType) -> float:
    """Bound on the constant part of a value."""
    return kind.bias if isinstance(kind, Current | Analog) else 0.0


def as_current(kind: Spike | Current) -> Current:
    """The same value as a current; spikes are a plain sum of one branch."""
    if isinstance(kind, Current):
        return kind
    return Current(kind.sources, weighted=False, levels=kind.levels)


def plus_constant(kind: SpikeType, constant: float) -> SpikeType:
    """A value after adding a constant of that magnitude; zero changes nothing."""
    if constant == 0.0 or isinstance(kind, Static | Opaque):
        return kind
    if isinstance(kind, Analog):
        return Analog(kind.bias + constant)
    current = as_current(kind)
    return replace(current, weighted=True, bias=current.bias + constant)


def times(kind: SpikeType, gain: float) -> SpikeType:
    """A value after a static scale, mask or other linear map of that largest gain."""
    if isinstance(kind, Analog):
        return Analog(kind.bias * gain)
    if isinstance(kind, Spike | Current):
        current = as_current(kind)
        return replace(current, weighted=True, bias=current.bias * gain)
    return kind


def sum_of(kinds: Iterable[SpikeType]) -> SpikeType:
    """The elementwise sum of dynamic values that are all affine."""
    total: SpikeType | None = None
    for kind in kinds:
        if isinstance(kind, Analog) and isinstance(total, Analog | None):
            total = Analog(bias_of(kind) + (total.bias if total else 0.0))
        elif isinstance(kind, Analog):
            total = _beside(total, kind)
        elif isinstance(total, Analog):
            total = _beside(kind, total)
        elif total is None:
            total = kind
        elif isinstance(kind, Spike | Current) and isinstance(total, Spike | Current):
            total = _sum(as_current(total), as_current(kind))
    return STATIC if total is None else total


def _beside(kind: SpikeType | None, analog: Analog) -> SpikeType:
    """A stream with a constant current per sample added."""
    if not isinstance(kind, Spike | Current):
        return analog
    current = as_current(kind)
    return replace(current, weighted=True, bias=current.bias + analog.bias, analog=True)


def _sum(one: Current, two: Current) -> Current:
    exempt = (one.reported and two.sources <= one.sources) or (
        two.reported and one.sources <= two.sources)
    mixes_sources = one.mixes_sources or two.mixes_sources or (
        one.sources != two.sources and bool(one.sources and two.sources) and not exempt)
    return Current(one.sources | two.sources, one.weighted or two.weighted, mixes_sources,
                   one.levels + two.levels, one.bias + two.bias, one.analog or two.analog,
                   one.reported or two.reported)


def beside(kinds: Iterable[SpikeType]) -> SpikeType:
    """Values side by side in one tensor (concatenation, selection by a static mask)."""
    all_kinds = list(kinds)
    spiking = [kind for kind in all_kinds if isinstance(kind, Spike | Current)]
    bias = max((bias_of(kind) for kind in all_kinds), default=0.0)
    if not spiking:
        return Analog(bias) if any(isinstance(kind, Analog) for kind in all_kinds) else STATIC
    sources = sources_of(spiking)
    analog = any(isinstance(kind, Analog) for kind in all_kinds) or any(
        isinstance(kind, Current) and kind.analog for kind in all_kinds)
    if len(spiking) == len(all_kinds) and all(isinstance(kind, Spike) for kind in spiking):
        return Spike(sources, max(kind.levels for kind in spiking))
    currents = [as_current(kind) for kind in spiking]
    weighted = len(spiking) < len(all_kinds) or any(kind.weighted for kind in currents)
    return Current(sources, weighted, any(kind.mixes_sources for kind in currents),
                   max(kind.levels for kind in currents), bias, analog,
                   any(kind.reported for kind in currents))
