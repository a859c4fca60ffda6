"""fidelity.json: what quantization changed, and whether the program computes the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from neurocompile.report.plain import Key
from neurocompile.report.schema import Count, Share

Inputs = Literal["sample", "capture", "seeded", "none"]
Status = Literal["not verified", "nothing proved", "verified", "differs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationSpikes:
    """Float and integer spikes of a population on the same inputs."""

    name: str
    float_spikes: Count
    integer_spikes: Count
    differing: Count  # neuron-ticks in which one of the two fired alone
    neuron_ticks: Count  # neurons times ticks times samples
    agreement: Share  # of spikes, end to end
    local_agreement: Share  # the same where its sources send the float network's spikes
    float16_agreement: Share  # of the float network with weights in float16, end to end
    count_distance: float  # mean difference of counts per neuron and sample, per mean float count
    rate: float  # integer spikes per neuron and tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """The integer network beside the float network."""

    measured: bool
    inputs: Inputs  # the user's sample, those that the graph was captured on, or made up
    samples: Count
    populations: tuple[PopulationSpikes, ...]
    same_argmax: Mapping[str, int]  # by readout: samples whose largest output is the same


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationCheck:
    """A population of the program beside the reference's."""

    name: str
    neurons: Count
    spikes: Count  # of the reference
    sums: Count  # of an accumulator: sums of the reference
    differences: Count  # neuron-ticks that differ; of an accumulator, sums


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramCheck:
    """The program, run, beside the reference."""

    status: Status  # "nothing proved": there was no spike to compare
    summary: str  # one line that claims no more than was compared
    samples: Count
    ticks_per_sample: Count
    ticks: Count
    spikes: Count  # of the reference
    differences: Count
    populations: tuple[PopulationCheck, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How many samples of known label the integer network gets right."""

    right: Count
    samples: Count
    before_pruning: Annotated[Count | None, Key("unpruned")] = None  # right ones; absent: not pruned


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityReport:
    """Float against integer network, integer network against the program, and the answers."""

    schema: Literal["neurocompile/fidelity/1"] = "neurocompile/fidelity/1"
    quantization: Quantization
    verification: ProgramCheck
    accuracy: Accuracy | None = None  # where the sample has labels
