"""The stages for TrueNorth alone: integers, cores, and what these do on the sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.fidelity import Fidelity, Rates
from neurocompile.families.losses import Quantization
from neurocompile.families.stages import (
    measure_fidelity,
    network_size,
    over_budget,
)
from neurocompile.families.truenorth.compilation import TrueNorthCompilation, TrueNorthStructure
from neurocompile.families.truenorth.simulation import measure_activity
from neurocompile.ir.network import Network
from neurocompile.options import Options
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.chip_mapping import chip_mapping
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.fan_in import group_constraints
from neurocompile.passes.truenorth.legalize import FanIn, Legalization, legalize
from neurocompile.passes.truenorth.quantization.quantizer import CrossbarQuantizer
from neurocompile.target.truenorth import TrueNorthTarget

_WAYS: Mapping[str, FanIn] = {"reject": "reject", "group": "group", "exact-slow": "exact-slow"}


def compile_network(run: Recorder, structure: TrueNorthStructure, target: TrueNorthTarget,
                    options: Options) -> TrueNorthCompilation:
    """A float network on TrueNorth's cores; see `Family.compile`."""
    lowering, floating = structure.lowering, structure.floating
    before = list(run.findings)
    try:
        network, fidelity, cores = _on_cores(run, lowering, floating, target, options, False)
    except FindingsError as error:
        if any(d.code != "NC432" for d in error.diagnostics):
            raise
        run.findings = before  # no leak can deliver biases between the steps of the weights
        network, fidelity, cores = _on_cores(run, lowering, floating, target, options, True)
    sample, activity = lowering.sample, None
    if sample is not None:
        activity = run.stage("activity", lambda: measure_activity(network, cores.network, sample),
                             lambda a: f"{a.synaptic_events:,.0f} synaptic events per sample")
    mapping = run.stage(
        "route", lambda: chip_mapping(cores.network, target) if activity is None else chip_mapping(
            cores.network, target, activity.rate, activity.inputs),
        lambda m: f"{float(m.routing.messages.sum()):,.0f} messages per tick")
    run.findings += over_budget({
        "cores": len(cores.network.cores), "chips": len({at.chip for at in cores.network.places}),
        "synapses": sum(p.operator.n_synapses for p in network.projections)}, options)
    run.stop()
    return TrueNorthCompilation(
        graph=lowering.graph, target=target, options=options, floating=floating, network=network,
        legalization=cores, mapping=mapping, activity=activity, diagnostics=run.diagnostics,
        stages=tuple(run.records), fidelity=fidelity, pruning=lowering.pruning)


def _on_cores(run: Recorder, lowering: Lowering, floating: Network, target: TrueNorthTarget,
              options: Options, whole_biases: bool
              ) -> tuple[Network, Fidelity, Legalization]:
    """The integer network, what it lost, and its cores."""
    network = _quantize(run, floating, target, options, whole_biases)
    fidelity, rates = measure_fidelity(run, lowering, Quantization(
        floating, network, options, lambda other: CrossbarQuantizer(
            other.bits, other.encoder, whole_biases).run(floating, target)))
    return network, fidelity, run.stage(
        "legalize", lambda: _legalize(network, target, options, rates),
        lambda r: f"{len(r.network.cores)} cores, latency {r.network.latency} ticks",
        lambda r: audit(network, r.network, target))


def _quantize(run: Recorder, floating: Network, target: TrueNorthTarget, options: Options,
             whole_biases: bool) -> Network:
    """The integer network. Raises FindingsError for what the target cannot do."""
    quantize = CrossbarQuantizer(
        options.equal_bits(target.name), options.encoder, whole_biases)
    return run.stage("quantize", lambda: quantize.run(floating, target), network_size)


def _legalize(network: Network, target: TrueNorthTarget, options: Options,
              rates: Rates | None) -> Legalization:
    """The network on cores. Raises FindingsError; with `--fan-in group` NC431 names the groups."""
    try:
        return legalize(network, target, fan_in=_WAYS[options.fan_in], rates=rates)
    except FindingsError as error:
        if options.fan_in != "group":
            raise
        raise FindingsError(*(_with_groups(d, network, target) if d.code == "NC431" else d
                              for d in error.diagnostics)) from None


def _with_groups(fan_in: Diagnostic, network: Network, target: TrueNorthTarget) -> Diagnostic:
    """NC431 with what to train: the groups of inputs and neurons that fit a core, as values too."""
    names = [p.name for p in network.populations
             if fan_in.values["module"] in (p.name, p.where.module)]
    groups = group_constraints(network, names, Crossbar.of(target))
    notes = [_group(one) for population in groups["populations"]
             for one in population["projections"]]
    return replace(fan_in, values={**fan_in.values, "groups": groups},
                   notes=(*fan_in.notes, *notes))


def _group(one: Mapping[str, Any]) -> str:
    if not one["groups"]:
        return (f"`{one['projection']}`: no number of groups from {one['at_least']} on divides its "
                f"{one['inputs']} and {one['outputs']} {one['unit']}")
    return (f"`{one['projection']}`: train it with {one['groups']} groups, of "
            f"{one['inputs_per_group']} to {one['outputs_per_group']} {one['unit']}")
