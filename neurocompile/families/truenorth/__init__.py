"""TrueNorth, simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.families.family import Checks
from neurocompile.options import Options
from neurocompile.target.truenorth import TrueNorthTarget

if TYPE_CHECKING:
    from neurocompile.backends.results import Emission, Verification
    from neurocompile.families.compilation import Lowering, Progress, Recorder
    from neurocompile.families.demand import Demand
    from neurocompile.families.truenorth.compilation import (
        TrueNorthCompilation,
        TrueNorthStructure,
    )
    from neurocompile.ir.network import Network
    from neurocompile.ir.operators import Array
    from neurocompile.report.section import Section


@dataclass(frozen=True, slots=True)
class TrueNorth:
    """Neurons on crossbars; programs are network files that the simulator runs."""

    name: str = "truenorth"
    keys: tuple[str, ...] = ("truenorth",)
    target_type: type[TrueNorthTarget] = TrueNorthTarget
    options_type: type[Options] = Options
    stages: tuple[str, ...] = (
        "check", "lower", "gate", "neurons", "quantize", "fidelity", "legalize", "activity",
        "route")
    runs_on: str = "the simulator"
    untrainable: str = "a neuron's threshold takes up its bias, and its weights a scale of its own"

    def usual_weight_bits(self, target: TrueNorthTarget) -> int:
        """Four axons per input, and up to 64 inputs; see `Family.usual_weight_bits`."""
        return 4

    def levels(self, weights: Array, bits: int) -> tuple[int, int]:
        """See `Family.levels`."""
        from neurocompile.passes.truenorth.quantization.grid import span

        return span(bits)

    @property
    def current_unit(self) -> int:
        """See `Family.current_unit`."""
        return 1

    def structure(self, run: Recorder, lowering: Lowering, target: TrueNorthTarget,
                  options: Options) -> TrueNorthStructure:
        """See `Family.structure`."""
        from neurocompile.families.truenorth.structure import structure_of

        return structure_of(run, lowering, target, options)

    def compile(self, run: Recorder, structure: TrueNorthStructure, target: TrueNorthTarget,
                options: Options) -> TrueNorthCompilation:
        """See `Family.compile`."""
        from neurocompile.families.truenorth.stages import compile_network

        return compile_network(run, structure, target, options)

    def quantize(self, floating: Network, target: TrueNorthTarget, options: Options,
                 sample: Mapping[str, Array] | None = None) -> Network:
        """See `Family.quantize`; no number of it rests on a sample."""
        from neurocompile.passes.truenorth.quantization.quantizer import CrossbarQuantizer

        return CrossbarQuantizer(options.equal_bits(target.name), options.encoder).run(floating, target)

    def emit(self, compilation: TrueNorthCompilation, out: Path) -> Emission:
        """A core network's file; see `Family.emit`."""
        from neurocompile.backends.truenorth.emit import emit_core_network

        return emit_core_network(compilation.cores, compilation.network, compilation.target.name,
                                 out)

    def placed_as(self, compilation: TrueNorthCompilation, program: Path) -> TrueNorthCompilation:
        """The compilation with the places in the network file, which rest on measured rates."""
        from neurocompile.backends.truenorth.emit import NETWORK
        from neurocompile.backends.truenorth.network_file import load_network

        places = load_network(program / NETWORK).places
        cores = replace(compilation.cores, places=places)
        return replace(compilation, legalization=replace(compilation.legalization, network=cores))

    def verify(self, program: Path, compilation: TrueNorthCompilation, inputs: Mapping[str, Array],
               checks: Checks, progress: Progress) -> Verification:
        """In the simulator, batch by batch; see `Family.verify`."""
        from neurocompile.backends.truenorth.emit import NETWORK
        from neurocompile.backends.truenorth.network_file import load_network
        from neurocompile.families.truenorth.simulation import verify_in_batches

        return verify_in_batches(load_network(program / NETWORK), compilation.network, inputs,
                                 progress)

    def forms(self) -> Mapping[str, Callable[[TrueNorthCompilation], Any]]:
        """None: its programs are its only files; see `Family.forms`."""
        return {}

    def demand(self, compilation: TrueNorthCompilation) -> Demand:
        """See `Family.demand`."""
        from neurocompile.families.truenorth.demand import demand

        return demand(compilation)

    @property
    def sections(self) -> tuple[Section, ...]:
        """See `Family.sections`."""
        from neurocompile.families.truenorth import sections

        return sections.SECTIONS


TRUENORTH = TrueNorth()
