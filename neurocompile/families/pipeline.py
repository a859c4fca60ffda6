"""The pipeline: from a Graph to everything a target needs, stage by stage.

Each stage is a function from the results before it to one new typed result; what must hold after
it is a predicate that runs every time. A predicate that yields a finding there is a bug of ours
(NC901); what a network cannot do is raised by the stage itself as FindingsError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends import synchronous
from neurocompile.diagnostics import Diagnostic, FindingsError, UsageError
from neurocompile.families import pipeline_truenorth as truenorth
from neurocompile.families.compilation import (
    Compiled,
    LoihiCompiled,
    Options,
    Progress,
    Recorder,
    StageRecord,
    TrueNorthCompiled,
    network_size,
    nothing_on_chip,
    over_budget,
)
from neurocompile.families.fidelity import Fidelity, activity, measure
from neurocompile.ir.graph import Graph
from neurocompile.ir.mapping import ChipMapping
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.passes.legality.check import check_graph
from neurocompile.passes.loihi import resources
from neurocompile.passes.loihi.accumulate import accumulate
from neurocompile.passes.loihi.align import align, too_early
from neurocompile.passes.loihi.mapping.encode import encode, encodings_text
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import every_core_once, recount
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.loihi.quantization.bounds import overflows, remembering
from neurocompile.passes.loihi.quantization.quantize import Quantize
from neurocompile.passes.loihi.relay import out_of_range, relay
from neurocompile.passes.loihi.split import split
from neurocompile.passes.loihi.streams.adders import build_streams, note
from neurocompile.passes.lowering.lower import lower
from neurocompile.passes.placing.place import place
from neurocompile.passes.placing.route import route_traffic
from neurocompile.passes.placing.traffic import core_traffic
from neurocompile.passes.pruning.calibrate import Kept
from neurocompile.passes.pruning.prune import Pruning, prune
from neurocompile.passes.truenorth.chip_mapping import chip_mapping
from neurocompile.passes.truenorth.legalize import Legalized
from neurocompile.passes.truenorth.quantization.quantize import Quantize as TrueNorthQuantize
from neurocompile.passes.truenorth.recount import recount as recount_cores
from neurocompile.target import Target
from neurocompile.target.loihi import LoihiTarget
from neurocompile.target.truenorth import TrueNorthTarget

__all__ = ["STAGES", "TRUENORTH_STAGES", "Compiled", "LoihiCompiled", "Options", "Progress",
           "StageRecord", "TrueNorthCompiled", "compile_graph", "inputs_from", "quantized"]

TRUENORTH_STAGES = ("check", "lower", "quantize", "fidelity", "legalize", "activity", "route")
STAGES = ("check", "lower", "streams", "split", "accumulate", "quantize", "align", "relay", "fidelity",
          "encode", "partition", "refine", "place", "route")
FULL = 0.9  # utilization of the fullest core from which a limit's source matters

Rates = Mapping[str, float | NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Lowered:
    """A graph as a float network, before anything that depends on a family of chips."""

    graph: Graph
    whole: Network
    pruning: Pruning | None
    sample: Mapping[str, Array] | None

    @property
    def network(self) -> Network:
        """What goes on the chip."""
        return self.whole if self.pruning is None else self.pruning.after


def _silent(_: str) -> None:
    return None


def compile_graph(graph: Graph, target: Target, options: Options | None = None,
                  sample: Mapping[str, Array] | None = None,
                  progress: Progress = _silent, kept: Kept | None = None) -> Compiled:
    """Compile a Graph for a target.

    `sample`: arrays [samples, *input shape] by input name, for measured spike rates and fidelity;
    without one the result is as valid, its traffic unmeasured. Pruning needs one, or `kept` from
    an earlier compilation. Raises FindingsError with all errors of the stage that found some.
    """
    options = (options or Options()).on(target)
    run = Recorder(progress)
    try:
        lowered = _lower(run, graph, options, sample, kept)
        if isinstance(target, LoihiTarget):
            return _loihi(run, lowered, target, options)
        if isinstance(target, TrueNorthTarget):
            return _truenorth(run, lowered, target, options)
        raise _unknown(target)
    except FindingsError as error:  # with the warnings of the stages before
        raise FindingsError(*run.found, *error.diagnostics) from None


def _lower(run: Recorder, graph: Graph, options: Options, sample: Mapping[str, Array] | None,
           kept: Kept | None) -> _Lowered:
    findings = run.stage("check", lambda: check_graph(graph, options.timing, options.allow),
                         lambda found: f"{len(found)} findings")
    run.found += findings
    run.stop()
    lowered, notes = run.stage("lower", lambda: lower(graph, options.allow),
                               lambda r: network_size(r[0]))
    run.found += notes
    return _Lowered(graph, lowered, _prune(run, graph, lowered, options, sample, kept), sample)


def _loihi(run: Recorder, lowered: _Lowered, target: LoihiTarget,
           options: Options) -> LoihiCompiled:
    floating, streams = run.stage(
        "streams", lambda: build_streams(lowered.network, target, options.streams,
                                         options.weight_bits),
        lambda r: f"{len(r[1].adders)} adders" if r[1] else "none shared")
    run.found += [note(streams)] if streams else []
    floating, notes = run.stage(
        "split", lambda: split(floating, target, options.weight_bits),
        lambda r: f"{len(r[1])} populations")
    run.found += notes
    floating, notes = run.stage("accumulate", lambda: accumulate(floating, options.readout, target),
                                lambda r: f"{len(r[0].accumulators)} readouts on chip")
    run.found += notes
    quantize = Quantize(options.weight_bits, options.encoder)
    network, warnings = run.stage(
        "quantize", lambda: quantize.run(floating, target), lambda r: network_size(r[0]),
        lambda r: _out_of_bounds(floating, r[0], target))
    run.found += [*warnings, *nothing_on_chip(network)]
    run.stop()
    aligned = run.stage("align", lambda: align(network), lambda s: f"latency {s.latency} ticks",
                        lambda s: too_early(network, s))
    network, schedule, notes = run.stage(
        "relay", lambda: relay(network, aligned, target),
        lambda r: f"{sum(p.repeats is not None for p in r[0].populations)} relay populations",
        lambda r: out_of_range(r[0], r[1], target))
    run.found += notes
    fidelity, rates = _measure(run, lowered, floating, network)
    network = run.stage("encode", lambda: encode(network, target, options.encoding,
                                                 options.weight_bits), encodings_text)
    mapping = _map(run, network, target, options, rates)
    usage = resources.count(network, mapping.partition, target, options.weight_bits)
    placed = mapping.placement.cores
    run.found += over_budget({
        "cores": len(placed), "chips": len({core.chip for core in placed}),
        "synapses": resources.n_synapses(network)}, options)
    run.found += _assumed(usage, target)
    run.stop()
    return LoihiCompiled(
        graph=lowered.graph, target=target, options=options, floating=floating, network=network,
        schedule=schedule, mapping=mapping, usage=usage, diagnostics=run.diagnostics,
        stages=tuple(run.records), fidelity=fidelity, streams=streams, pruning=lowered.pruning)


def _truenorth(run: Recorder, lowered: _Lowered, target: TrueNorthTarget,
               options: Options) -> TrueNorthCompiled:
    floating = lowered.network
    if options.encoder == "auto":
        floating = truenorth.spiking_inputs(floating, lowered.graph)
    run.found += truenorth.left_out(floating, target, options)
    run.stop()
    before = list(run.found)
    try:
        network, fidelity, legalized = _on_cores(run, lowered, floating, target, options, False)
    except FindingsError as error:
        if any(d.code != "NC432" for d in error.diagnostics):
            raise
        run.found = before  # no leak can deliver biases between the steps of the weights
        network, fidelity, legalized = _on_cores(run, lowered, floating, target, options, True)
    cores, sample, activity = legalized.network, lowered.sample, None
    if sample is not None:
        activity = run.stage("activity", lambda: truenorth.measure_activity(network, cores, sample),
                             lambda found: f"{found.synaptic_events:,.0f} synaptic events per sample")
    mapping = run.stage(
        "route", lambda: chip_mapping(cores, target) if activity is None else chip_mapping(
            cores, target, activity.rate, activity.inputs),
        lambda made: f"{float(made.routing.messages.sum()):,.0f} messages per tick")
    run.found += over_budget({
        "cores": len(cores.cores), "chips": len({core.chip for core in cores.places}),
        "synapses": sum(p.operator.n_synapses for p in network.projections)}, options)
    run.stop()
    return TrueNorthCompiled(
        graph=lowered.graph, target=target, options=options, floating=floating, network=network,
        legalized=legalized, mapping=mapping, activity=activity, diagnostics=run.diagnostics,
        stages=tuple(run.records), fidelity=fidelity, pruning=lowered.pruning)


def _on_cores(run: Recorder, lowered: _Lowered, floating: Network, target: TrueNorthTarget,
              options: Options, whole_biases: bool
              ) -> tuple[Network, Fidelity | None, Legalized]:
    """The integer network, what it lost, and its cores."""
    network = truenorth.quantize(run, floating, target, options, whole_biases)
    fidelity, rates = _measure(run, lowered, floating, network)
    return network, fidelity, run.stage(
        "legalize", lambda: truenorth.legalized(network, target, options, rates),
        lambda made: f"{len(made.network.cores)} cores, latency {made.network.latency} ticks",
        lambda made: recount_cores(network, made.network))


def _measure(run: Recorder, lowered: _Lowered, floating: Network,
             network: Network) -> tuple[Fidelity | None, Rates | None]:
    """Fidelity and firing rates on the sample, where there is one."""
    sample = lowered.sample
    if sample is None:
        return None, None
    unpruned = None if lowered.pruning is None else lowered.whole
    fidelity, rates = run.stage("fidelity", lambda: measure(floating, network, sample, unpruned),
                                lambda r: f"{r[0].samples} samples")
    run.found += activity(network, fidelity)
    return fidelity, rates


def quantized(floating: Network, target: Target, options: Options) -> Network:
    """A float network in a target's integers, as `compile_graph` makes it.

    Raises FindingsError where a number has no place.
    """
    if isinstance(target, LoihiTarget):
        return Quantize(options.weight_bits, options.encoder).run(floating, target)[0]
    if isinstance(target, TrueNorthTarget):
        return TrueNorthQuantize(options.weight_bits, options.encoder).run(floating, target)
    raise _unknown(target)


def _unknown(target: Target) -> UsageError:
    return UsageError(Diagnostic("NC601", values={
        "backend": "neurocompile", "target": target.name}))


def _out_of_bounds(floating: Network, network: Network, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC303 for registers that overflow, NC208 for neurons without memory that have some."""
    for before, population in zip(floating.populations, network.populations, strict=True):
        yield from overflows(network, population, target.name)
        if not (before.graded or before.floating.decay):
            yield from remembering(network, population, target.name)


def _prune(run: Recorder, graph: Graph, floating: Network, options: Options,
           sample: Mapping[str, Array] | None, kept: Kept | None) -> Pruning | None:
    if not options.prune_tokens and not options.prune_steps:
        return None
    runner = None if sample is None else lambda net: synchronous.run(net, sample).spikes
    pruning = run.stage(
        "prune", lambda: prune(floating, lambda tokens: lower(graph, options.allow, tokens=tokens)[0],
                               options.prune_tokens, options.prune_steps, runner, kept),
        lambda p: network_size(p.after))
    run.found.append(pruning.note())
    return pruning


def _map(run: Recorder, network: Network, target: LoihiTarget, options: Options,
         rates: Rates | None) -> ChipMapping:
    bits, nets = options.weight_bits, resources.into_chip(network)
    parts = run.stage("partition", lambda: partition(network, target, weight_bits=bits, nets=nets),
                      lambda p: f"{len(p.cores)} cores",
                      lambda p: recount(network, p, target, weight_bits=bits))
    filled = parts
    parts = run.stage("refine", lambda: refine(network, filled, target, weight_bits=bits,
                                               nets=nets),
                      lambda p: f"{len(p.cores)} cores",
                      lambda p: () if p is filled else recount(network, p, target,
                                                               weight_bits=bits))
    traffic = core_traffic(network, parts, rates, nets)
    placed = run.stage("place", lambda: place(parts, target, traffic),
                       lambda p: f"{len({c.chip for c in p.cores})} chips",
                       lambda p: every_core_once(parts, p, target))
    routed = run.stage("route", lambda: route_traffic(traffic, placed, target),
                       lambda r: f"{float(r.messages.sum()):,.0f} messages per tick")
    return ChipMapping(parts, placed, routed)


def _assumed(usage: resources.Usage, target: LoihiTarget) -> Iterable[Diagnostic]:
    """NC421 for each limit nearly reached that the vendor has not published."""
    limits = dict(target.quantities())
    for resource, quantity in ((r, limits[f"core.{r}"]) for r in resources.UNITS):
        fullest = usage.cores[usage.worst(resource)].utilization(usage.limits)[resource]
        if fullest >= FULL and quantity.confidence != "published":
            yield Diagnostic("NC421", values={
                "resource": resource.replace("_", " "), "limit": quantity.value, "share": fullest,
                "unit": quantity.unit, "path": target.path, "confidence": quantity.confidence})


def inputs_from(network: Network, arrays: Sequence[Array]) -> dict[str, Array]:
    """Sample arrays by input name, in the model's argument order."""
    named: list[Input] = [item for item in network.inputs if item.kind is not InputKind.ONE]
    return {item.name: array for item, array in zip(named, arrays, strict=False)}
