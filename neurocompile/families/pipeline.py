"""The pipeline: from a Graph to everything a target needs, stage by stage.

Each stage is a function from the results before it to one new typed result; what must hold after
it is a predicate that runs every time. A predicate that yields a finding there is a bug of ours
(NC901); what a network cannot do is raised by the stage itself as FindingsError. The stages here
know no chip; those after them are the target's family's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from neurocompile.backends import synchronous
from neurocompile.diagnostics import Diagnostic, FindingsError
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


LARGE = 32_000_000  # weights above which a check does not map a trained model, unless --full
SMALL = 8_000_000  # weights up to which it runs and lowers one for its structure alone
OUTLINE = "outline"  # what runs in place of lowering where a model is too large
REPLAY = "replay"  # what a capture runs to prove its graph
NEUTRAL = ("check", "lower", "gate")  # stages that know no chip


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What stages of one network read beside it."""

    sample: Mapping[str, Array] | None = None  # arrays [samples, *input shape] by input name
    labels: Array | None = None  # [samples], of the sample
    selection: Selection | None = None  # what an earlier compilation pruned
    rounding: Mapping[str, Array] = field(default_factory=dict)  # what one decided on its sample
    outline: bool = False  # synapses are not asked for


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
    options, run = _in_full(options, target), Recorder(progress)
    run.findings += _without_effect(options, target)
    lowering = lower_graph(run, graph, options, Data(
        sample=sample, labels=labels, selection=selection, rounding=rounding or {}))
    return compile_lowering(run, lowering, target, options)


def lower_graph(run: Recorder, graph: Graph, options: Options, data: Data) -> Lowering:
    """A Graph as a float network: what no target has a part in. Raises as `compile_graph` does."""
    with _warnings_told(run):
        return _lower(run, graph, options, data)


def compile_lowering(run: Recorder, lowering: Lowering, target: Target, options: Options
                     ) -> Compilation:
    """A float network for a target. Raises as `compile_graph` does."""
    family, options = family_of(target), _in_full(options, target)
    with _warnings_told(run):
        structure = family.structure(run, lowering, target, options)
        compilation: Compilation = family.compile(run, structure, target, options)
    if lowering.sample is None:
        return compilation
    return replace(compilation, rounding={
        **compilation.rounding, **range_record(lowering.whole)})


def check_structure(graph: Graph, target: Target | None, options: Options | None = None,
                    sample: Mapping[str, Array] | None = None, progress: Progress = _silent
                    ) -> tuple[Diagnostic, ...]:
    """Findings of the stages of `compile_graph` whose verdict rests on no weight's size.

    Without a target these are the ones that know no chip. Of a graph of more than SMALL weights the
    outline is lowered, without the stages that need its synapses. Raises FindingsError as
    `compile_graph` does.
    """
    run, options = Recorder(progress), _in_full(options, target)
    run.findings += _without_effect(options, target)
    lowering = lower_graph(run, graph, options, Data(
        sample=sample, outline=graph.n_weights > SMALL))
    if target is not None:
        with _warnings_told(run):
            family_of(target).structure(run, lowering, target, options)
    return run.diagnostics


def stages_not_run(graph: Graph, target: Target | None, names: Collection[str]
                   ) -> tuple[str, ...]:
    """The stages of a compilation beside these, the capture's replay among them, in their order."""
    stages = NEUTRAL if target is None else family_of(target).stages
    unproved = graph.info.get("replay") is None
    return (*([REPLAY] if unproved else ()), *(one for one in stages if one not in names))


def _in_full(options: Options | None, target: Target | None) -> Options:
    """The options, those that nothing was said of as they are for a target."""
    if target is None:
        return options or Options()
    family = family_of(target)
    return (options or family.options_type()).with_usual_bits(family.usual_weight_bits(target))


@contextmanager
def _warnings_told(run: Recorder) -> Iterator[None]:
    """An error is told with the warnings of the stages before."""
    try:
        yield
    except FindingsError as error:
        raise FindingsError(*run.findings, *error.diagnostics) from None


def _without_effect(options: Options, target: Target | None) -> Iterable[Diagnostic]:
    return () if target is None else options.without_effect(family_of(target).name, target.name)


def _lower(run: Recorder, graph: Graph, options: Options, data: Data) -> Lowering:
    findings = run.stage("check", lambda: check_graph(
        graph, options.timing, options.allow, options.outputs),
                         lambda r: f"{len(r)} findings")
    run.findings += findings
    run.stop()
    whole, notes = run.stage(OUTLINE if data.outline else "lower",
                             lambda: lower(graph, options.allow, options.outputs,
                                           outline=data.outline),
                             lambda r: network_size(r[0]))
    run.findings += notes
    result = None
    if graph.info.get("replay") is not None and not data.outline:  # else it was captured to be checked only
        result = run.stage("gate", lambda: gate(graph, whole), Gate.summary)
        run.findings += doubts(graph, whole, result)
    pruning = _prune(run, graph, whole, options, data)
    ranges = options.input_range or recorded_ranges(data.rounding)
    if pruning is not None:
        pruning = replace(pruning, after=with_ranges(pruning.after, ranges, data.sample))
    return Lowering(
        graph=graph, whole=with_ranges(whole, ranges, data.sample), sample=data.sample,
        labels=data.labels, rounding=data.rounding, gate=result, pruning=pruning,
        outline=data.outline)


def _prune(run: Recorder, graph: Graph, floating: Network, options: Options, data: Data
           ) -> Pruning | None:
    if data.outline or not (options.prune_tokens or options.prune_steps):
        return None
    sample = data.sample
    runner = None if sample is None else lambda net: synchronous.run(net, sample).spikes
    pruning = run.stage(
        "prune", lambda: prune(floating, lambda tokens: lower(
            graph, options.allow, options.outputs, tokens=tokens)[0],
                               options.prune_tokens, options.prune_steps, runner, data.selection),
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
