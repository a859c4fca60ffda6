"""What a family says that a compilation takes of its chips; reports derive the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neurocompile.ir.mapping import ChipMapping
from neurocompile.report.model.resources import Resource
from neurocompile.target import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationDemand:
    """What a population takes over all its cores, and what any mapping takes of it."""

    usage: Mapping[str, int]  # by resource
    least: Mapping[str, int]  # by resource that proves a bound of its cores
    weight_bits: int | None = None  # of a stored weight; None where none is stored as a number


@dataclass(frozen=True, eq=False, kw_only=True)
class Demand:
    """What a compilation takes, by resource; the resources in the order of reports."""

    mapping: ChipMapping
    resources: Mapping[str, Resource]  # what each core has
    cores: Sequence[Mapping[str, int]]  # what each core takes, in the order of the mapping's
    populations: Mapping[str, PopulationDemand]  # those on the chip
    least: Mapping[str, int]  # what any mapping takes in all, by resource that proves a bound
    depth: Mapping[str, int]  # ticks by which populations lag the input; none: 0
    latency: int  # ticks from an input to its output
    roles: Sequence[str] = ()  # of each core that holds no population; else empty


def resource(quantity: Quantity, label: str, *, short: str = "", limit: int | None = None
             ) -> Resource:
    """A resource of a core, from the target's number, of which `limit` can be taken."""
    return Resource(label=label, short=short or label, unit=quantity.unit,
                    limit=quantity.value if limit is None else limit,
                    confidence=quantity.confidence)
