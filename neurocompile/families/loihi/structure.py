"""What of Loihi's stages rests on no weight's size: shared sums, kinds of neurons and inputs, time."""

from __future__ import annotations

from neurocompile.diagnostics import raise_errors
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.loihi.bit_search import check_bits
from neurocompile.families.loihi.compilation import LoihiStructure
from neurocompile.families.stages import nothing_on_chip
from neurocompile.ir.network import Network
from neurocompile.ir.schedule import Schedule
from neurocompile.options import Options
from neurocompile.passes.loihi.accumulate import accumulate
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.quantization.receiver import with_analog_forms
from neurocompile.passes.loihi.quantization.representable import unrepresentable
from neurocompile.passes.loihi.relay import without_relays
from neurocompile.passes.loihi.split import split
from neurocompile.passes.loihi.streams.adders import Choice, build_streams, note
from neurocompile.passes.loihi.weight_bits import with_weight_bits
from neurocompile.target.loihi import LoihiTarget


def structure_of(run: Recorder, lowering: Lowering, target: LoihiTarget,
                 options: Options) -> LoihiStructure:
    """See `Family.structure`."""
    floating, streams = lowering.network, None
    if not lowering.outline:
        floating, streams = _with_adders(run, floating, target, options)
    check_bits(options, floating, lowering)
    schedule = run.stage(
        "align", lambda: _schedule(floating, target, options),
        lambda s: f"latency {s.latency} ticks")
    return LoihiStructure(lowering=lowering, floating=floating, schedule=schedule, streams=streams)


def _with_adders(run: Recorder, floating: Network, target: LoihiTarget, options: Options
                 ) -> tuple[Network, Choice | None]:
    """The network with its shared sums, its split neurons and its readouts on the chip."""
    whole = floating
    floating, streams = run.stage(
        "streams", lambda: build_streams(whole, target, options.streams, options.bits),
        lambda r: f"{len(r[1].adders)} adders" if r[1] else "none shared")
    run.findings += [note(streams)] if streams else []
    floating, notes = run.stage(
        "split", lambda: split(floating, target, options.bits),
        lambda r: f"{len(r[1])} populations")
    run.findings += notes
    floating, notes = run.stage(
        "accumulate", lambda: accumulate(floating, options.readout, target, options.bits),
        lambda r: f"{len(r[0].accumulators)} readouts on chip")
    run.findings += notes
    return floating, streams


def _schedule(floating: Network, target: LoihiTarget, options: Options) -> Schedule:
    """When its populations compute. Raises FindingsError for those that the target cannot have."""
    raise_errors(unrepresentable(with_weight_bits(floating, options.bits, options.bits_of), target))
    network = with_analog_forms(floating, target, options.encoder)
    raise_errors(nothing_on_chip(network))
    schedule = align(network)
    raise_errors(without_relays(network, schedule, target, options.bits))
    return schedule
