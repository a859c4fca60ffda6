"""What a family of chips says of itself; everything that differs between families follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from neurocompile.options import Options
from neurocompile.target import Target

if TYPE_CHECKING:  # a table of families imports no torch
    from neurocompile.backends.results import Emission, Verification
    from neurocompile.families.compilation import (
        Compilation,
        Lowering,
        Progress,
        Recorder,
        Structure,
    )
    from neurocompile.families.demand import Demand
    from neurocompile.ir.network import Network
    from neurocompile.ir.operators import Array
    from neurocompile.report.section import Section

T = TypeVar("T", bound=Target)
S = TypeVar("S", bound="Structure")
C = TypeVar("C", bound="Compilation")


@dataclass(frozen=True, slots=True)
class Checks:
    """How much of the program to verify before it is published."""

    samples: int = 4  # 0: none
    timeout: float = 600.0  # seconds, of Lava
    lava_python: str | None = None  # the Python that has Lava; None: this one


class Family(Protocol[T, S, C]):
    """Chips that share a kind of target file, of integers, of mapping and of program."""

    @property
    def name(self) -> str:
        """As options and report sections name it: "loihi"."""

    @property
    def keys(self) -> tuple[str, ...]:
        """What `family` in a target file may say: "loihi1", "loihi2"."""

    @property
    def target_type(self) -> type[T]:
        """What its target files hold."""

    @property
    def options_type(self) -> type[Options]:
        """The options that it can be told."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages of a compilation, in their order."""

    @property
    def runs_on(self) -> str:
        """What runs its programs, in words."""

    def usual_weight_bits(self, target: T) -> int:
        """Bits of a stored weight on a target where nothing is said."""

    def levels(self, weights: Array, bits: int) -> tuple[int, int]:
        """The lowest and the highest whole step of weights that are stored in so many bits."""

    @property
    def current_unit(self) -> int:
        """What of v a whole number of synaptic current is."""

    @property
    def untrainable(self) -> str:
        """Why its integers cannot be trained through; empty where they can."""

    def structure(self, run: Recorder, lowering: Lowering, target: T, options: Options) -> S:
        """A float network in the form that its chips have, before any weight's size counts.

        All that is refused whatever the weights are is refused here: kinds of neurons and of inputs,
        resets, loops, options. `check` runs it, and `compile` goes on from it. Raises FindingsError;
        UsageError (NC009) for an option that the network or the target does not have.
        """

    def compile(self, run: Recorder, structure: S, target: T, options: Options) -> C:
        """A float network on the target's cores. Raises FindingsError."""

    def quantize(self, floating: Network, target: T, options: Options,
                 sample: Mapping[str, Array] | None = None) -> Network:
        """A float network in the target's integers, as `compile` makes it on that sample.

        Raises FindingsError where a number has no place.
        """

    def emit(self, compilation: C, out: Path) -> Emission:
        """Write the program into the folder `out`; always the same bytes."""

    def placed_as(self, compilation: C, program: Path) -> C:
        """The compilation with the places of an emitted program, where those rest on a sample."""

    def verify(self, program: Path, compilation: C, inputs: Mapping[str, Array], checks: Checks,
               progress: Progress) -> Verification:
        """Run an emitted program and the reference on the same inputs, and compare all spikes.

        Raises UsageError (NC602) where what runs it is not installed.
        """

    def forms(self) -> Mapping[str, Callable[[C], Any]]:
        """What it makes of its integers for files, by the `source` of their `formats.Writer`.

        Each raises FindingsError for a network that has no such form.
        """

    def demand(self, compilation: C) -> Demand:
        """What the mapping takes of the chips: all reports derive from it."""

    @property
    def sections(self) -> tuple[Section, ...]:
        """What only its reports have; each names the section that it stands behind."""
