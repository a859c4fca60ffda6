"""The pipeline: from a Graph to everything a target needs, stage by stage.

Each stage is a function from the results before it to one new typed result; what must hold after
it is a predicate that runs every time. A predicate that yields a finding there is a bug of ours
(NC901); what a network cannot do is raised by the stage itself as FindingsError. The stages here
know no chip; those after them are the target's family's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from neurocompile.backends import synchronous
from neurocompile.diagnostics import FindingsError
from neurocompile.families.compilation import (
    Compilation,
    Lowering,
    Progress,
    Recorder,
)
from neurocompile.families.gate import Gate, doubts, gate
from neurocompile.families.stages import network_size
from neurocompile.families.table import family_of
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.legality.check import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.passes.pruning.calibrate import Selection
from neurocompile.passes.pruning.prune import Pruning, prune
from neurocompile.passes.quantization.ranges import range_record, recorded_ranges, with_ranges
from neurocompile.target import Target


def _silent(_: str) -> None:
    return None


def compile_graph(graph: Graph, target: Target, options: Options | None = None,
                  sample: Mapping[str, Array] | None = None,
                  progress: Progress = _silent, selection: Selection | None = None,
                  rounding: Mapping[str, Array] | None = None,
                  labels: Array | None = None) -> Compilation:
    """Compile a Graph for a target.

    `sample`: arrays [samples, *input shape] by input name, for measured spike rates, fidelity and
    calibrated rounding, with `labels` [samples] where there are some; without one the result is as valid, its traffic unmeasured. Pruning needs
    one, or `selection` from an earlier compilation; `rounding` is what that one decided on its
    sample (`Compilation.rounding`). Raises FindingsError with all errors of the stage that found some.
    """
    family = family_of(target)
    options, run = options or family.options_type(), Recorder(progress)
    run.findings += options.without_effect(family.name, target.name)
    lowering = replace(lower_graph(run, graph, options, sample, selection, rounding), labels=labels)
    return compile_lowering(run, lowering, target, options)


def lower_graph(run: Recorder, graph: Graph, options: Options,
                sample: Mapping[str, Array] | None = None, selection: Selection | None = None,
                rounding: Mapping[str, Array] | None = None) -> Lowering:
    """A Graph as a float network: what no target has a part in. Raises as `compile_graph` does."""
    try:
        return _lower(run, graph, options, sample, selection, rounding or {})
    except FindingsError as error:  # with the warnings of the stages before
        raise FindingsError(*run.findings, *error.diagnostics) from None


def compile_lowering(run: Recorder, lowering: Lowering, target: Target, options: Options
                     ) -> Compilation:
    """A float network for a target. Raises as `compile_graph` does."""
    family = family_of(target)
    try:
        compilation: Compilation = family.compile(run, lowering, target, options.with_usual_bits(
            family.usual_weight_bits(target)))
    except FindingsError as error:
        raise FindingsError(*run.findings, *error.diagnostics) from None
    if lowering.sample is None:
        return compilation
    return replace(compilation, rounding={
        **compilation.rounding, **range_record(lowering.whole)})


def _lower(run: Recorder, graph: Graph, options: Options, sample: Mapping[str, Array] | None,
           selection: Selection | None, rounding: Mapping[str, Array]) -> Lowering:
    findings = run.stage("check", lambda: check_graph(graph, options.timing, options.allow),
                         lambda r: f"{len(r)} findings")
    run.findings += findings
    run.stop()
    whole, notes = run.stage("lower", lambda: lower(graph, options.allow),
                             lambda r: network_size(r[0]))
    run.findings += notes
    result = None
    if graph.info.get("replay") is not None:  # else it was captured to be checked only
        result = run.stage("gate", lambda: gate(graph, whole), Gate.summary)
        run.findings += doubts(graph, whole, result)
    pruning = _prune(run, graph, whole, options, sample, selection)
    ranges = options.input_range or recorded_ranges(rounding)
    if pruning is not None:
        pruning = replace(pruning, after=with_ranges(pruning.after, ranges, sample))
    return Lowering(graph=graph, whole=with_ranges(whole, ranges, sample), sample=sample,
                    rounding=rounding, gate=result, pruning=pruning)


def _prune(run: Recorder, graph: Graph, floating: Network, options: Options,
           sample: Mapping[str, Array] | None, selection: Selection | None) -> Pruning | None:
    if not options.prune_tokens and not options.prune_steps:
        return None
    runner = None if sample is None else lambda net: synchronous.run(net, sample).spikes
    pruning = run.stage(
        "prune", lambda: prune(floating, lambda tokens: lower(graph, options.allow, tokens=tokens)[0],
                               options.prune_tokens, options.prune_steps, runner, selection),
        lambda p: network_size(p.after))
    run.findings.append(pruning.note())
    return pruning


def quantize(floating: Network, target: Target, options: Options,
             sample: Mapping[str, Array] | None = None) -> Network:
    """A float network in a target's integers, as `compile_graph` makes it on that sample.

    Raises FindingsError where a number has no place.
    """
    family = family_of(target)
    integers: Network = family.quantize(floating, target, options.with_usual_bits(
        family.usual_weight_bits(target)), sample)
    return integers


def inputs_from(network: Network, arrays: Sequence[Array]) -> dict[str, Array]:
    """Sample arrays by input name, in the model's argument order."""
    inputs: list[Input] = [item for item in network.inputs if item.kind is not InputKind.ONE]
    return {item.name: array for item, array in zip(inputs, arrays, strict=False)}
