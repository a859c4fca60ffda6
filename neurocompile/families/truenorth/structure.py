"""What of TrueNorth's stages rests on no weight's size: kinds of neurons and of inputs, options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neurocompile.diagnostics import Diagnostic, raise_errors
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.stages import network_size, nothing_on_chip
from neurocompile.families.truenorth.compilation import TrueNorthStructure
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import InputKind, Network
from neurocompile.options import Options
from neurocompile.passes.lowering.streams import find
from neurocompile.passes.truenorth.delays import check_loops
from neurocompile.passes.truenorth.quantization.neurons import obstacles, with_host
from neurocompile.target.truenorth import TrueNorthTarget


def structure_of(run: Recorder, lowering: Lowering, target: TrueNorthTarget,
                 options: Options) -> TrueNorthStructure:
    """See `Family.structure`."""
    options.equal_bits(target.name)
    floating = lowering.network
    if options.encoder == "auto":
        floating = _spiking_inputs(floating, lowering.graph)
    run.findings += _refusals(floating, target, options)
    run.stop()
    floating = run.stage("neurons", lambda: _on_crossbars(floating, target, options), network_size)
    return TrueNorthStructure(lowering=lowering, floating=floating)


def _on_crossbars(floating: Network, target: TrueNorthTarget, options: Options) -> Network:
    """The network. Raises FindingsError for kinds of neurons and inputs that no crossbar has."""
    raise_errors(obstacles(floating, target, options.encoder))
    network = with_host(floating)
    raise_errors(nothing_on_chip(network))
    if options.fan_in != "exact-slow":  # which may give a tick of the model several of the chip
        check_loops(network)
    return floating


def _spiking_inputs(network: Network, graph: Graph) -> Network:
    """The network whose images of 0 and 1 are spikes, where a sample has one tick.

    With more ticks an input without a time axis is a constant current.
    """
    if network.n_ticks > 1:
        return network
    names = (value.name for value in graph.model.graph.inputs)
    binary = {str(name) for name, info in zip(names, graph.info["inputs"], strict=True)
              if info["integers"] and info["low"] >= 0 and info["high"] <= 1}
    return replace(network, inputs=tuple(
        replace(item, kind=InputKind.SPIKES) if item.name in binary
        and item.kind is InputKind.STATIC else item for item in network.inputs))


def _refusals(floating: Network, target: TrueNorthTarget, options: Options) -> Iterator[Diagnostic]:
    """NC210 for adders, NC209 for readouts on the chip: options that need other neurons."""
    streams = find(floating) if options.streams == "adder" else None
    if streams is not None and streams.points:
        yield Diagnostic("NC210", streams.points[0].consumers[0].population.where, {
            "target": target.name, "reason": f"{target.name} has no graded spikes"})
    for readout in floating.readouts if options.readout == "chip" else ():
        yield Diagnostic("NC209", values={
            "readout": readout.name, "reason": f"the host cannot read potentials of {target.name}"})
