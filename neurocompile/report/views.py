"""What reports read of a compilation and of a verification.

Reports stand below the pipeline and beside the backends, so they know these shapes only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from neurocompile.ir.mapping import ChipMapping
from neurocompile.ir.network import Network
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.resources import Usage
from neurocompile.passes.loihi.streams.adders import Choice
from neurocompile.target import Target
from neurocompile.target.loihi import LoihiTarget


class OptionsView(Protocol):
    """A dataclass of build options."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def bits(self) -> int:
        """Bits per stored weight."""


class StageView(Protocol):
    """One stage that ran."""

    @property
    def name(self) -> str:
        """The stage."""

    @property
    def seconds(self) -> float:
        """Wall time."""

    @property
    def result(self) -> str:
        """The size of its result in words."""


class PopulationFidelityView(Protocol):
    """Float and integer spikes of one population on the sample."""

    @property
    def float_spikes(self) -> int:
        """Spikes of the float network."""

    @property
    def integer_spikes(self) -> int:
        """Spikes of the integer network."""

    @property
    def differing(self) -> int:
        """Neuron-ticks where exactly one of the two spiked."""

    @property
    def neuron_ticks(self) -> int:
        """Neurons times ticks times samples."""

    @property
    def rate(self) -> float:
        """Integer spikes per neuron and tick."""

    @property
    def agreement(self) -> float:
        """Share of spikes that agree."""


class FidelityView(Protocol):
    """Float against integer network on a sample."""

    @property
    def samples(self) -> int:
        """Samples that were run."""

    @property
    def populations(self) -> Mapping[str, PopulationFidelityView]:
        """By population name."""

    @property
    def same_argmax(self) -> Mapping[str, int]:
        """Per readout: samples whose largest output is the same."""


class PruningView(Protocol):
    """What pruning dropped."""

    def to_json(self) -> dict[str, Any]:
        """What was kept, and the sizes before and after."""


class CommonView(Protocol):
    """What compiling for any chip makes."""

    @property
    def target(self) -> Target:
        """The chip."""

    @property
    def options(self) -> OptionsView:
        """The build's options."""

    @property
    def floating(self) -> Network:
        """The network before quantization."""

    @property
    def network(self) -> Network:
        """The integer network."""

    @property
    def stages(self) -> tuple[StageView, ...]:
        """Stages in the order they ran."""

    @property
    def fidelity(self) -> FidelityView | None:
        """None where no sample was given."""

    @property
    def pruning(self) -> PruningView | None:
        """None where all tokens and ticks are there."""


class CompilationView(CommonView, Protocol):
    """What compiling for Loihi makes."""

    @property
    def target(self) -> LoihiTarget:
        """The chip."""

    @property
    def schedule(self) -> Schedule:
        """Depths and ticks."""

    @property
    def mapping(self) -> ChipMapping:
        """Partition, placement, routing."""

    @property
    def usage(self) -> Usage:
        """What every core and population takes."""

    @property
    def streams(self) -> Choice | None:
        """None where no two populations share a sum."""


class ComparedView(Protocol):
    """One population of the program beside the reference's."""

    @property
    def name(self) -> str:
        """The population."""

    @property
    def neurons(self) -> int:
        """Its neurons."""

    @property
    def spikes(self) -> int:
        """Spikes of the reference."""

    @property
    def differences(self) -> int:
        """Neuron-ticks that differ; of an accumulator, sums."""

    @property
    def sums(self) -> int:
        """Of an accumulator: sums of the reference."""


class VerificationView(Protocol):
    """What a verification compared, and what it found."""

    @property
    def samples(self) -> int:
        """Samples that were run."""

    @property
    def ticks(self) -> int:
        """Ticks per sample."""

    @property
    def populations(self) -> Sequence[ComparedView]:
        """Every population on chip."""

    @property
    def summary(self) -> str:
        """One line that claims no more than was compared."""
