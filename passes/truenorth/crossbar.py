"""Crossbar: what one core of a target holds, and how wide its numbers are."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from neurocompile.semantics.truenorth import MAXIMA
from neurocompile.target.truenorth import TrueNorthTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossbar:
    """The numbers of a target's `[core]` and `[neuron]`, by their names there.

    None is above that of the semantics (`MAXIMA`), whose arrays all core networks have: a smaller
    core uses the first axons and neurons of them.
    """

    neurons: int
    axons: int
    axon_types: int
    max_delay: int  # ticks
    weight_max: int  # magnitude
    leak_max: int  # magnitude
    threshold_bits: int  # unsigned, of both thresholds
    potential_bits: int  # signed

    @staticmethod
    def of(target: TrueNorthTarget) -> Crossbar:
        """That of the target's cores."""
        return Crossbar(**{key.rpartition(".")[2]: quantity.value
                           for key, quantity in target.quantities() if key in MAXIMA})

    @property
    def threshold_max(self) -> int:
        """The largest threshold; the least floor is its opposite."""
        return (1 << self.threshold_bits) - 1

    @property
    def potential_max(self) -> int:
        """The largest magnitude of a potential that neither saturates nor meets a floor."""
        return min(self.threshold_max, (1 << (self.potential_bits - 1)) - 1)

    @property
    def potential_key(self) -> str:
        """The target's key that `potential_max` follows from."""
        binds = "threshold" if self.potential_max == self.threshold_max else "potential"
        return f"neuron.{binds}_bits"

    def to_json(self) -> dict[str, int]:
        """Plain data."""
        return asdict(self)


WHOLE = Crossbar(**{key.rpartition(".")[2]: limit for key, limit in MAXIMA.items()})
