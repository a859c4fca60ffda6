"""A model with several numbers of bits, on several targets: what each costs and what it keeps.

The model is lowered once; every point compiles that float network. A point that loses more spikes than
`--max-loss` still has its figures, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurocompile.diagnostics import FindingsError, NeurocompileError, Severity
from neurocompile.families.compilation import Compilation, Lowering, Progress, Recorder
from neurocompile.families.demand import Demand
from neurocompile.families.fidelity import Fidelity, right_answers, sure_loss
from neurocompile.families.pipeline import Data, compile_lowering, lower_graph
from neurocompile.families.table import family_of
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import whole
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.report.model.fidelity import Inputs
from neurocompile.report.model.sweep import Refusal, SweepDocument, SweepPoint, SweepResult
from neurocompile.target import Target

DIGITS = 6  # of shares


@dataclass(frozen=True, slots=True)
class Setting:
    """One point that is asked for: a target, and options with its bits."""

    target: Target
    options: Options

    @property
    def bits(self) -> str:
        """As `--weight-bits` says them."""
        return str(self.options.weight_bits)

    def own_progress(self, progress: Progress) -> Progress:
        """The progress with the point before each stage."""
        return lambda stage: progress(f"{self.target.name} {self.bits}: {stage}")


def sweep(graph: Graph, model: str, settings: Sequence[Setting], sample: Mapping[str, Array] | None,
          labels: Array | None, progress: Progress) -> SweepDocument:
    """All points of a model, on samples as `compile_graph` takes them.

    Raises FindingsError where the model cannot be lowered, and what the first point raises where none
    can be had.
    """
    run = Recorder(progress)
    lowering = lower_graph(run, graph, settings[0].options, Data(sample=sample, labels=labels))
    points: list[SweepPoint] = []
    errors: list[NeurocompileError] = []
    fidelity: Fidelity | None = None
    for one in settings:
        own = Recorder(one.own_progress(progress), findings=list(run.findings))
        try:
            compilation = _compile(own, lowering, one)
        except NeurocompileError as error:
            errors.append(error)
            points.append(_refused_point(one, error))
            continue
        fidelity = compilation.fidelity
        points.append(SweepPoint(target=one.target.name, weight_bits=one.bits,
                                 result=_result(compilation, lowering, one.options)))
    if len(errors) == len(settings):
        raise errors[0]
    inputs: Inputs = "none" if fidelity is None else fidelity.source
    return SweepDocument(
        model=model, inputs=inputs, samples=0 if fidelity is None else fidelity.samples,
        float_right=right_answers(lowering.whole, sample, labels), points=tuple(points))


def _compile(run: Recorder, lowering: Lowering, one: Setting) -> Compilation:
    """The network of a point; what it loses is no error, but to a search, which keeps the limit."""
    options = one.options
    run.findings += options.without_effect(family_of(one.target).name, one.target.name)
    if not options.searches_bits:
        options = replace(options, max_loss=100.0)
    return compile_lowering(run, lowering, one.target, options)


def _refused_point(one: Setting, error: NeurocompileError) -> SweepPoint:
    stopping = [d for d in error.diagnostics
                if not isinstance(error, FindingsError) or d.level == Severity.ERROR]
    return SweepPoint(target=one.target.name, weight_bits=one.bits, refusals=tuple(
        Refusal(code=d.code, message=d.message) for d in stopping))


def _result(compilation: Compilation, lowering: Lowering, options: Options) -> SweepResult:
    demand: Demand = family_of(compilation.target).demand(compilation)
    fidelity = compilation.fidelity
    spikes = {} if fidelity is None else fidelity.populations
    local = {name: round(one.local_agreement, DIGITS) for name, one in spikes.items()}
    same = {} if fidelity is None else fidelity.same_argmax
    limits = {name: one.limit for name, one in demand.resources.items()}
    return SweepResult(
        mean_bits=_mean_bits(compilation, demand), bits=_bits(demand),
        right=right_answers(compilation.network, lowering.sample, lowering.labels),
        same=next(iter(same.values()), None), local_agreement=local,
        mean_agreement=round(float(np.mean(list(local.values()))), DIGITS) if local else 1.0,
        least_agreement=min(local.values(), default=1.0),
        over_loss=any(sure_loss(one.local, one.float_spikes) > options.max_loss / 100
                      for one in spikes.values()),
        memory=_memory(demand), cores=len(demand.cores),
        lower_bound=max((-(-amount // max(limits[name], 1))
                         for name, amount in demand.least.items()), default=0),
        chips=len({at.chip for at in demand.mapping.placement.cores}))


def _bits(demand: Demand) -> dict[str, int]:
    return {name: one.weight_bits for name, one in demand.populations.items()
            if one.weight_bits is not None}


def _mean_bits(compilation: Compilation, demand: Demand) -> float:
    """Of a synapse, what adders send included; those asked for where no number is stored."""
    bits = _bits(demand)
    into = [p for p in whole(compilation.network.projections) if p.target in bits]
    synapses = sum(p.operator.n_synapses for p in into)
    if not synapses:
        return float(compilation.options.bits)
    return round(sum(p.operator.n_synapses * p.weight_bits for p in into) / synapses, 2)


def _memory(demand: Demand) -> int | None:
    """Bits of memory of all cores; None where no resource is counted in bits."""
    names = [name for name, one in demand.resources.items() if one.unit == "bit"]
    return sum(core[name] for core in demand.cores for name in names) if names else None
