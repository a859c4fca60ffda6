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
    from neurocompile.families.truenorth.compilation import TrueNorthCompilation
    from neurocompile.ir.network import Network
    from neurocompile.ir.operators import Array


@dataclass(frozen=True, slots=True)
class TrueNorth:
    """Neurons on crossbars; programs are network files that the simulator runs."""

    name: str = "truenorth"
    keys: tuple[str, ...] = ("truenorth",)
    target_type: type[TrueNorthTarget] = TrueNorthTarget
    options_type: type[Options] = Options
    stages: tuple[str, ...] = (
        "check", "lower", "quantize", "fidelity", "legalize", "activity", "route")
    runs_on: str = "the simulator"

    def usual_weight_bits(self, target: TrueNorthTarget) -> int:
        """Four axons per input, and up to 64 inputs; see `Family.usual_weight_bits`."""
        return 4

    def compile(self, run: Recorder, lowering: Lowering, target: TrueNorthTarget,
                options: Options) -> TrueNorthCompilation:
        """See `Family.compile`."""
        from neurocompile.families.truenorth.stages import compile_network

        return compile_network(run, lowering, target, options)

    def quantize(self, floating: Network, target: TrueNorthTarget, options: Options) -> Network:
        """See `Family.quantize`."""
        from neurocompile.passes.truenorth.quantization.quantize import Quantize

        return Quantize(options.bits, options.encoder).run(floating, target)

    def emit(self, compilation: TrueNorthCompilation, out: Path) -> Emission:
        """A core network's file; see `Family.emit`."""
        from neurocompile.backends.truenorth import emit

        return emit.emit(compilation.cores, compilation.network, compilation.target.name, out)

    def placed_as(self, compilation: TrueNorthCompilation, program: Path) -> TrueNorthCompilation:
        """The compilation with the places in the network file, which rest on measured rates."""
        from neurocompile.backends.truenorth.emit import NETWORK
        from neurocompile.backends.truenorth.network_file import load_network

        places = load_network(program / NETWORK).places
        cores = replace(compilation.cores, places=places)
        return replace(compilation, legalized=replace(compilation.legalized, network=cores))

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

    def resources(self, compilation: TrueNorthCompilation) -> dict[str, Any]:
        """See `Family.resources`."""
        from neurocompile.report import truenorth

        return truenorth.resources_json(compilation)

    def mapping(self, compilation: TrueNorthCompilation) -> dict[str, Any]:
        """See `Family.mapping`."""
        from neurocompile.report import truenorth

        return truenorth.mapping_json(compilation)


TRUENORTH = TrueNorth()
