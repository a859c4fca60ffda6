"""The stages for TrueNorth alone: quantization, and what the cores do on the sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurocompile.backends import synchronous
from neurocompile.backends.truenorth.results import Probes
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.backends.truenorth.verify import host_spikes
from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.families.compilation import (
    Activity,
    Options,
    Recorder,
    network_size,
    nothing_on_chip,
)
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.passes.lowering.streams import find
from neurocompile.passes.placing.traffic import Rates
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.fan_in import group_constraints
from neurocompile.passes.truenorth.legalize import FanIn, Legalized, legalize
from neurocompile.passes.truenorth.quantization.quantize import Quantize
from neurocompile.passes.truenorth.quantization.reach import overflows
from neurocompile.target.truenorth import TrueNorthTarget

_WAYS: Mapping[str, FanIn] = {"reject": "reject", "group": "group", "exact-slow": "exact-slow"}
_RASTER_BYTES = 1 << 27  # of the samples that traffic is measured on
_SAMPLES = 16


def spiking_inputs(network: Network, graph: Graph) -> Network:
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


def quantize(run: Recorder, floating: Network, target: TrueNorthTarget, options: Options,
             whole_biases: bool) -> Network:
    """The integer network. Raises FindingsError for what the target cannot do."""
    quantize = Quantize(options.weight_bits, options.encoder, whole_biases)
    network = run.stage(
        "quantize", lambda: quantize.run(floating, target), network_size, lambda made: (found for population in made.populations
                                    for found in overflows(made, population, target.name)))
    run.found += nothing_on_chip(network)
    run.stop()
    return network


def left_out(floating: Network, target: TrueNorthTarget, options: Options) -> Iterator[Diagnostic]:
    """NC210 for adders, NC209 for readouts on the chip: options that need other neurons."""
    streams = find(floating) if options.streams == "adder" else None
    if streams is not None and streams.points:
        yield Diagnostic("NC210", streams.points[0].consumers[0].population.where, {
            "target": target.name, "reason": f"{target.name} has no graded spikes"})
    for readout in floating.readouts if options.readout == "chip" else ():
        yield Diagnostic("NC209", values={
            "readout": readout.name, "reason": f"the host cannot read potentials of {target.name}"})


def legalized(network: Network, target: TrueNorthTarget, options: Options,
              rates: Rates | None) -> Legalized:
    """The network on cores. Raises FindingsError; with `--fan-in group` NC431 names the groups."""
    try:
        return legalize(network, target, fan_in=_WAYS[options.fan_in], rates=rates)
    except FindingsError as error:
        if options.fan_in != "group":
            raise
        raise FindingsError(*(_with_groups(d, network) if d.code == "NC431" else d
                              for d in error.diagnostics)) from None


def _with_groups(found: Diagnostic, network: Network) -> Diagnostic:
    """NC431 with what to train: the groups of inputs and neurons that fit a core, as values too."""
    names = [p.name for p in network.populations
             if found.values["module"] in (p.name, p.where.module)]
    groups = group_constraints(network, names)
    told = [_group(one) for population in groups["populations"]
            for one in population["projections"]]
    return replace(found, values={**found.values, "groups": groups},
                   notes=(*found.notes, *told))


def _group(one: Mapping[str, Any]) -> str:
    if not one["groups"]:
        return (f"`{one['projection']}`: no number of groups from {one['at_least']} on divides its "
                f"{one['inputs']} and {one['outputs']} {one['unit']}")
    return (f"`{one['projection']}`: train it with {one['groups']} groups, of "
            f"{one['inputs_per_group']} to {one['outputs_per_group']} {one['unit']}")


def measure_activity(network: Network, cores: CoreNetwork,
                     sample: Mapping[str, Array]) -> Activity:
    """Spikes and events of the cores on the sample's first inputs."""
    per_sample = cores.ticks_per_sample * cores.cores.threshold.size
    count = max(1, min(_SAMPLES, _RASTER_BYTES // max(per_sample, 1)))
    first = {name: array[:count] for name, array in sample.items()}
    spikes = synchronous.run(network, first).spikes
    sent = host_spikes(network, cores, first, spikes)
    found = simulate(cores, sent, probes=Probes(spikes=(), raster=True))
    if found.raster is None:
        raise TypeError("the simulator recorded no raster")
    samples, ticks = len(found.raster), network.n_ticks
    return Activity(
        samples, found.raster.sum(axis=(0, 1)) / (samples * ticks),
        {name: np.asarray(x, np.float64).reshape(samples * ticks, -1).mean(axis=0)
         for name, x in sent.items()},
        float(found.activity.synaptic_events.sum() / samples))
