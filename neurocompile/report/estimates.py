"""Energy and time as a family estimates them, where its target states what operations take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurocompile.diagnostics import printable
from neurocompile.report import words

Band = tuple[float, float]  # from the least to the most


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a sample takes, each from the least to the most."""

    measured: bool  # at rates on the sample; else everything is taken to spike in every tick
    samples: int | None = None  # that activity was counted on, where it was
    synaptic_events: float  # per sample
    energy_pj: Mapping[str, Band]  # of a sample, by what takes it
    total_pj: Band
    tick_ns: Band
    sample_ns: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Energy and time of a sample, or why they are not known."""

    reason: str  # why nothing is known; empty where something is
    cost: Cost | None


def energy(cost: Cost) -> str:
    """The sentence of a sample's energy and what takes it."""
    parts = ", ".join(f"{name} {words.band(cost.energy_pj[name], words.ENERGY)}"
                      for name in sorted(cost.energy_pj))
    return f"estimate: {words.band(cost.total_pj, words.ENERGY)} per sample ({parts})"


def unknown(estimates: Estimates) -> str:
    """The sentence of why nothing is known."""
    return f"unknown: {printable(estimates.reason)}"
