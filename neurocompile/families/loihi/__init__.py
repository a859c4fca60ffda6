"""Loihi 1 and 2, through Lava."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic, FindingsError, Severity
from neurocompile.families.family import Checks
from neurocompile.formats.net import CHAIN
from neurocompile.options import Options
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, WEIGHT_BITS
from neurocompile.target.loihi import LoihiTarget

if TYPE_CHECKING:
    from neurocompile.backends.results import Emission, Verification
    from neurocompile.families.compilation import Lowering, Progress, Recorder
    from neurocompile.families.demand import Demand
    from neurocompile.families.loihi.compilation import LoihiCompilation, LoihiStructure
    from neurocompile.formats.net.layers import NetFile
    from neurocompile.ir.network import Network
    from neurocompile.ir.operators import Array
    from neurocompile.report.section import Section


@dataclass(frozen=True, slots=True)
class Loihi:
    """Slices of populations on cores with synapse lists; programs run on Lava."""

    name: str = "loihi"
    keys: tuple[str, ...] = ("loihi1", "loihi2")
    target_type: type[LoihiTarget] = LoihiTarget
    options_type: type[Options] = Options
    stages: tuple[str, ...] = (
        "check", "lower", "gate", "streams", "split", "accumulate", "align", "observe", "bits",
        "quantize", "relay", "fidelity", "encode", "partition", "refine", "place", "route")
    runs_on: str = "Lava"
    untrainable: str = ""

    def usual_weight_bits(self, target: LoihiTarget) -> int:
        """All that a synapse of the target holds; see `Family.usual_weight_bits`."""
        return target.synapse.weight_bits.value

    def levels(self, weights: Array, bits: int) -> tuple[int, int]:
        """Of the sign mode that fits the weights; see `Family.levels`."""
        from neurocompile.passes.loihi.quantization.weight_grid import grid

        step, low, high = grid(weights, bits)
        return low // step, high // step

    @property
    def current_unit(self) -> int:
        """A mantissa of the threshold; see `Family.current_unit`."""
        return 1 << ACTIVATION_SHIFT

    def structure(self, run: Recorder, lowering: Lowering, target: LoihiTarget,
                  options: Options) -> LoihiStructure:
        """See `Family.structure`."""
        from neurocompile.families.loihi.structure import structure_of

        return structure_of(run, lowering, target, options)

    def compile(self, run: Recorder, structure: LoihiStructure, target: LoihiTarget,
                options: Options) -> LoihiCompilation:
        """See `Family.compile`."""
        from neurocompile.families.loihi.stages import compile_network

        return compile_network(run, structure, target, options)

    def quantize(self, floating: Network, target: LoihiTarget, options: Options,
                 sample: Mapping[str, Array] | None = None) -> Network:
        """See `Family.quantize`."""
        from neurocompile.families.stages import observe
        from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer

        bits = options.equal_bits("the grid of a user's own model")
        return LoihiQuantizer(bits, options.encoder, options.overflow,
                              observe(floating, sample).values).run(floating, target)[0]

    def emit(self, compilation: LoihiCompilation, out: Path) -> Emission:
        """A Lava program; see `Family.emit`."""
        from neurocompile.backends.loihi import emit

        return emit.emit(compilation.network, compilation.schedule, compilation.target, out)

    def placed_as(self, compilation: LoihiCompilation, program: Path) -> LoihiCompilation:
        """The compilation itself: a Lava program has no places in it."""
        return compilation

    def verify(self, program: Path, compilation: LoihiCompilation, inputs: Mapping[str, Array],
               checks: Checks, progress: Progress) -> Verification:
        """On Lava; see `Family.verify`."""
        from neurocompile.backends import synchronous
        from neurocompile.backends.loihi.verify import verify

        reference = synchronous.run(compilation.network, inputs, record_state=True)
        return verify(program, compilation.network, compilation.schedule, inputs, reference,
                      limit=checks.timeout, lava_python=checks.lava_python)

    def forms(self) -> Mapping[str, Callable[[LoihiCompilation], Any]]:
        """A chain that lava-dl reads; see `Family.forms`."""
        return {CHAIN: _chain}

    def demand(self, compilation: LoihiCompilation) -> Demand:
        """See `Family.demand`."""
        from neurocompile.families.loihi.demand import demand

        return demand(compilation)

    @property
    def sections(self) -> tuple[Section, ...]:
        """See `Family.sections`."""
        from neurocompile.families.loihi import sections

        return sections.SECTIONS


def _chain(compilation: LoihiCompilation) -> NetFile:
    """Of the network, else of one with whole biases and no exponents, as such files have them.

    Raises FindingsError (NC606) where netx would build another network.
    """
    from neurocompile.backends.loihi.net_chain import net_chain
    from neurocompile.passes.loihi.align import align
    from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
    from neurocompile.passes.loihi.weight_bits import bits_into

    chain, options = net_chain(compilation.network, compilation.schedule), compilation.options
    if isinstance(chain, str):
        network, _ = LoihiQuantizer(
            options.bits, options.encoder, options.overflow, plain=True, bits_of={
                p.name: min(bits, WEIGHT_BITS) for p in compilation.floating.populations
                if (bits := bits_into(compilation.network, p.name))}).run(
                compilation.floating, compilation.target)
        chain = net_chain(network, align(network))
    if isinstance(chain, str):
        raise FindingsError(Diagnostic("NC606", values={"reason": chain}, severity=Severity.ERROR))
    return chain


LOIHI = Loihi()
