"""The pipeline: from a Graph to everything a target needs, stage by stage.

Each stage is a function from the results before it to one new typed result; what must hold after
it is a predicate that runs every time. A predicate that yields a finding there is a bug of ours
(NC901); what a network cannot do is raised by the stage itself as FindingsError.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neurocompile import resources
from neurocompile.backends import synchronous
from neurocompile.diagnostics import (
    Diagnostic,
    FindingsError,
    InternalError,
    Severity,
    UsageError,
    errors,
)
from neurocompile.fidelity import Fidelity, activity, measure
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.ir.schedule import Schedule
from neurocompile.mapping import ChipMapping
from neurocompile.passes.accumulate import accumulate
from neurocompile.passes.align import align, too_early
from neurocompile.passes.legality.check import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.passes.mapping.encode import encode, encodings_text
from neurocompile.passes.mapping.partition import partition
from neurocompile.passes.mapping.place import place
from neurocompile.passes.mapping.recount import every_core_once, recount
from neurocompile.passes.mapping.refine import refine
from neurocompile.passes.mapping.route import route_traffic
from neurocompile.passes.mapping.traffic import core_traffic
from neurocompile.passes.pruning.calibrate import Kept
from neurocompile.passes.pruning.prune import Pruning, prune
from neurocompile.passes.quantization.bounds import overflows, remembering
from neurocompile.passes.quantization.quantize import Quantize
from neurocompile.passes.relay import out_of_range, relay
from neurocompile.passes.split import split
from neurocompile.passes.streams.adders import Choice, build_streams, note
from neurocompile.target import LoihiTarget, Target

STAGES = ("check", "lower", "streams", "split", "accumulate", "quantize", "align", "relay", "fidelity",
          "encode", "partition", "refine", "place", "route")
FULL = 0.9  # utilization of the fullest core from which a limit's source matters

Progress = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What a build can be told. All of it lands in the manifest."""

    weight_bits: int = 8
    encoder: str = "auto"
    streams: str = "auto"
    timing: str = "tick"
    max_cores: int | None = None
    max_chips: int | None = None
    max_synapses: int | None = None

    @property
    def budgets(self) -> dict[str, int]:
        """The budgets that are set, by resource."""
        given = {"cores": self.max_cores, "chips": self.max_chips, "synapses": self.max_synapses}
        return {name: limit for name, limit in given.items() if limit is not None}
    allow: tuple[str, ...] = ()  # exact rewrites that are priced instead of refused
    readout: str = "auto"  # where sums over all ticks are made: on the host or on the chip
    prune_tokens: float = 0.0  # share of tokens to drop, 0 <= share < 1
    prune_steps: float = 0.0  # share of ticks to drop
    encoding: str = "dense"  # how synapses are stored


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage that ran: wall seconds, and the size of its result in words."""

    name: str
    seconds: float
    result: str


@dataclass(frozen=True, eq=False)
class Compiled:
    """Everything that compiling made. Stages that did not run are absent."""

    graph: Graph
    target: LoihiTarget
    options: Options
    floating: Network
    network: Network
    schedule: Schedule
    mapping: ChipMapping
    usage: resources.Usage
    diagnostics: tuple[Diagnostic, ...]
    stages: tuple[StageRecord, ...]
    fidelity: Fidelity | None = None  # None: no sample was given
    streams: Choice | None = None  # None: no two populations share a sum
    pruning: Pruning | None = None  # None: all tokens and ticks are there


@dataclass
class _Recorder:
    """Runs stages, times them and checks what must hold after them."""

    progress: Progress
    records: list[StageRecord] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)

    def stage(self, name: str, run: Callable[[], T], describe: Callable[[T], str],
                 ensures: Callable[[T], Iterable[Diagnostic]] = lambda _: ()) -> T:
        """The stage's result. Raises InternalError (NC901) when a promise is broken."""
        self.progress(name)
        start = time.perf_counter()
        result = run()
        broken = [d for d in ensures(result) if d.level == Severity.ERROR]
        if broken:
            raise InternalError(Diagnostic("NC901", broken[0].where, {
                "stage": name, "predicate": broken[0].name, "detail": broken[0].message}))
        self.records.append(StageRecord(name, time.perf_counter() - start, describe(result)))
        return result


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
    options = options or Options()
    if not isinstance(target, LoihiTarget):
        raise UsageError(Diagnostic("NC601", values={"backend": "loihi", "target": target.name}))
    run = _Recorder(progress)
    try:
        return _compile(run, graph, target, options, sample, kept)
    except FindingsError as error:  # with the warnings of the stages before
        raise FindingsError(*run.found, *error.diagnostics) from None


def _compile(run: _Recorder, graph: Graph, target: LoihiTarget, options: Options,
             sample: Mapping[str, Array] | None, kept: Kept | None) -> Compiled:
    findings = run.stage("check", lambda: check_graph(graph, options.timing, options.allow),
                         lambda found: f"{len(found)} findings")
    run.found += findings
    _stop(run)
    lowered, notes = run.stage("lower", lambda: lower(graph, options.allow),
                               lambda r: _network_size(r[0]))
    run.found += notes
    pruning = _prune(run, graph, lowered, options, sample, kept)
    whole = lowered if pruning is None else pruning.after
    floating, streams = run.stage(
        "streams", lambda: build_streams(whole, target, options.streams, options.weight_bits),
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
        "quantize", lambda: quantize.run(floating, target), lambda r: _network_size(r[0]),
        lambda r: _out_of_bounds(floating, r[0], target))
    run.found += [*warnings, *_nothing_on_chip(network)]
    _stop(run)
    aligned = run.stage("align", lambda: align(network), lambda s: f"latency {s.latency} ticks",
                        lambda s: too_early(network, s))
    network, schedule, notes = run.stage(
        "relay", lambda: relay(network, aligned, target),
        lambda r: f"{sum(p.repeats is not None for p in r[0].populations)} relay populations",
        lambda r: out_of_range(r[0], r[1], target))
    run.found += notes
    fidelity, rates = None, None
    if sample is not None:
        unpruned = None if pruning is None else lowered
        fidelity, rates = run.stage("fidelity", lambda: measure(floating, network, sample, unpruned),
                                    lambda r: f"{r[0].samples} samples")
        run.found += activity(network, fidelity)
    network = run.stage("encode", lambda: encode(network, target, options.encoding,
                                                 options.weight_bits), encodings_text)
    mapping = _map(run, network, target, options, rates)
    usage = resources.count(network, mapping.partition, target, options.weight_bits)
    run.found += [*over_budget(network, mapping, options), *_assumed(usage, target)]
    _stop(run)
    return Compiled(graph, target, options, floating, network, schedule, mapping, usage,
                    tuple(sorted(run.found, key=Diagnostic.sort_key)), tuple(run.records), fidelity,
                    streams, pruning)


def _out_of_bounds(floating: Network, network: Network, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC303 for registers that overflow, NC208 for neurons without memory that have some."""
    for before, population in zip(floating.populations, network.populations, strict=True):
        yield from overflows(network, population, target.name)
        if not (before.graded or before.floating.decay):
            yield from remembering(network, population, target.name)


def _prune(run: _Recorder, graph: Graph, floating: Network, options: Options,
           sample: Mapping[str, Array] | None, kept: Kept | None) -> Pruning | None:
    if not options.prune_tokens and not options.prune_steps:
        return None
    runner = None if sample is None else lambda net: synchronous.run(net, sample).spikes
    pruning = run.stage(
        "prune", lambda: prune(floating, lambda tokens: lower(graph, options.allow, tokens=tokens)[0],
                               options.prune_tokens, options.prune_steps, runner, kept),
        lambda p: _network_size(p.after))
    run.found.append(pruning.note())
    return pruning


def _nothing_on_chip(network: Network) -> Iterator[Diagnostic]:
    """NC206 where every population gets the analog input of each tick, so that the host runs all."""
    if all(p.on_host for p in network.populations):
        first = network.populations[0]
        yield Diagnostic("NC206", first.where, {
            "module": first.name, "encoder": "host",
            "reason": "no other population is left for the chip"})


def _stop(run: _Recorder) -> None:
    """Raise FindingsError when an error has been found so far."""
    found = errors(run.found)
    if found:
        run.found = [d for d in run.found if d not in found]
        raise FindingsError(*found)


def _map(run: _Recorder, network: Network, target: LoihiTarget, options: Options,
         rates: Mapping[str, float | NDArray[np.float64]] | None) -> ChipMapping:
    bits = options.weight_bits
    parts = run.stage("partition", lambda: partition(network, target, weight_bits=bits),
                      lambda p: f"{len(p.cores)} cores",
                      lambda p: recount(network, p, target, weight_bits=bits))
    filled = parts
    parts = run.stage("refine", lambda: refine(network, filled, target, weight_bits=bits),
                      lambda p: f"{len(p.cores)} cores",
                      lambda p: () if p is filled else recount(network, p, target,
                                                               weight_bits=bits))
    traffic = core_traffic(network, parts, rates)
    placed = run.stage("place", lambda: place(parts, target, traffic),
                       lambda p: f"{len({c.chip for c in p.cores})} chips",
                       lambda p: every_core_once(parts, p, target))
    routed = run.stage("route", lambda: route_traffic(traffic, placed, target),
                       lambda r: f"{float(r.messages.sum()):,.0f} messages per tick")
    return ChipMapping(parts, placed, routed)


def _network_size(network: Network) -> str:
    return (f"{len(network.populations)} populations, "
            f"{sum(p.size for p in network.populations):,} neurons, "
            f"{sum(p.operator.n_synapses for p in network.projections):,} synapses")


def over_budget(network: Network, mapping: ChipMapping, options: Options) -> Iterable[Diagnostic]:
    """NC411 for each budget of the project that a mapping exceeds."""
    placed = mapping.placement.cores
    used = {"cores": len(placed), "chips": len({core.chip for core in placed}),
            "synapses": resources.n_synapses(network)}
    for resource, limit in options.budgets.items():
        if used[resource] > limit:
            yield Diagnostic("NC411", values={
                "resource": resource, "needed": used[resource], "limit": limit})


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
