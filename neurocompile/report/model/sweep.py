"""What `neurocompile sweep --format json` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from neurocompile.report.model.fidelity import Inputs
from neurocompile.report.schema import Count, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A finding for which there is no such network."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """A network in integers on cores, beside the float network."""

    mean_bits: float  # of a weight, over all synapses; two synapses of a weight count as one
    bits: Mapping[str, int]  # of the weights into each population; empty where no number is stored
    right: Count | None  # samples whose answer is their label; null without labels
    same: Count | None  # samples whose answer is the float network's; null without an output
    local_agreement: Mapping[str, float]  # by population: of its spikes on float sources
    mean_agreement: Share  # of the populations
    least_agreement: Share
    over_loss: bool  # whether a population loses more than `--max-loss`, so that `build` refuses it
    memory: Count | None  # bits of all cores together; null where the target counts none
    cores: Count
    lower_bound: Count  # cores that any mapping needs
    chips: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """A target with so many bits of a stored weight."""

    target: str
    weight_bits: str  # as `--weight-bits` says it
    result: SweepResult | None = None  # absent where it is refused
    refusals: tuple[Refusal, ...] = ()  # why there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDocument:
    """A model on targets with several numbers of bits, all of one float network."""

    schema: Literal["neurocompile/sweep/1"] = "neurocompile/sweep/1"
    model: str
    inputs: Inputs  # the user's sample, those that the graph was captured on, or made up
    samples: Count
    float_right: Count | None  # samples whose answer in float is their label; null without labels
    points: tuple[SweepPoint, ...]

    def loss(self, result: SweepResult) -> float | None:
        """The share of right answers that is lost against float; of equal ones without labels."""
        if self.float_right is not None and result.right is not None:
            return (self.float_right - result.right) / self.samples
        return None if result.same is None else 1 - result.same / self.samples
