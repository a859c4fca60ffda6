"""Amounts of a core's resources, and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from neurocompile.target.loihi import LoihiTarget

UNITS: Mapping[str, str] = {
    "neurons": "neurons", "input_axons": "axons", "output_axons": "axons",
    "synapse_memory": "bit",
}


@dataclass(frozen=True, slots=True)
class CoreUsage:
    """Amounts of a core's resources: used ones, or the limits themselves."""

    neurons: int = 0
    input_axons: int = 0
    output_axons: int = 0
    synapse_memory: int = 0  # bits

    def __add__(self, other: CoreUsage) -> CoreUsage:
        return CoreUsage(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def fits(self, limits: CoreUsage) -> bool:
        """Whether no amount is over its limit."""
        return all(a <= b for a, b in zip(astuple(self), astuple(limits), strict=True))

    def utilization(self, limits: CoreUsage) -> dict[str, float]:
        """Amount over limit, by resource."""
        return {name: getattr(self, name) / getattr(limits, name) for name in UNITS}

    def headroom(self, limits: CoreUsage) -> dict[str, int]:
        """Limit minus amount, by resource."""
        return {name: getattr(limits, name) - getattr(self, name) for name in UNITS}

    def binding(self, limits: CoreUsage) -> str:
        """The resource that is nearest to its limit."""
        share = self.utilization(limits)
        return max(UNITS, key=lambda name: share[name])

    def to_json(self) -> dict[str, int]:
        """Amounts by resource."""
        return {name: getattr(self, name) for name in UNITS}

    def cores(self, limits: CoreUsage) -> dict[str, int]:
        """Cores that an amount needs at least, by resource."""
        return {name: -(-getattr(self, name) // max(getattr(limits, name), 1)) for name in UNITS}


@dataclass(frozen=True, slots=True)
class PopulationUsage:
    """What a population takes, summed over the cores that hold a part of it."""

    population: str
    synapses: int
    cores: int
    total: CoreUsage
    least: CoreUsage  # what any partition takes of it
    bound: Mapping[str, int]  # cores that this population needs at least, by resource


@dataclass(frozen=True, slots=True)
class Usage:
    """What a partition takes of every core, and every on-chip population over its cores."""

    limits: CoreUsage
    cores: tuple[CoreUsage, ...]
    populations: tuple[PopulationUsage, ...]
    configurations: tuple[Mapping[str, int], ...]  # entries of each core, by kind

    @property
    def least(self) -> CoreUsage:
        """What any partition takes in all."""
        return sum((p.least for p in self.populations), CoreUsage())

    def worst(self, resource: str) -> int:
        """The number of the core that uses most of a resource (the first of several)."""
        return max(range(len(self.cores)), key=lambda k: getattr(self.cores[k], resource))


def capacity(target: LoihiTarget) -> CoreUsage:
    """The limits of one core."""
    core = target.core
    reserve = max(one.reserved_memory.value for one in target.accounting.values())
    return CoreUsage(core.neurons.value, core.input_axons.value, core.output_axons.value,
                     core.synapse_memory.value - reserve)
