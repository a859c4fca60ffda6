"""The toy chip: integrate-and-fire neurons in whole numbers, cores of a few neurons, a JSON file.

All that a stranger writes for a family of chips; nothing of it is in the package.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch

from neurocompile.backends import synchronous
from neurocompile.backends.results import Emission, PopulationComparison, Verification
from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.families.compilation import (
    Compilation,
    Lowering,
    Progress,
    Recorder,
    Structure,
)
from neurocompile.families.demand import Demand, PopulationDemand, resource
from neurocompile.families.family import Checks
from neurocompile.families.losses import Quantization
from neurocompile.families.stages import measure_fidelity, network_size, over_budget
from neurocompile.ir.mapping import ChipMapping, CoreSlice, Partition
from neurocompile.ir.network import Network, Population
from neurocompile.ir.operators import Array
from neurocompile.option_values import Choice
from neurocompile.options import Options, option
from neurocompile.passes.placing.place import place
from neurocompile.passes.placing.route import route_traffic
from neurocompile.passes.placing.traffic import core_traffic
from neurocompile.report.content import Column, Content, Table, sentences
from neurocompile.report.model.report import Report
from neurocompile.report.section import Record, Section
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import NeuronBatch
from neurocompile.target import Quantity, Target
from neurocompile.target.base import Range

if TYPE_CHECKING:
    from neurocompile.semantics.vectorized import Batch

UNIT = 1 << 10  # whole numbers per float unit
PROGRAM = "program.json"


@dataclass(frozen=True, slots=True)
class ToyCore:
    """What a core holds."""

    neurons: Annotated[Quantity, Range(1, 1024)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyTarget(Target):
    """A row of cores."""

    core: ToyCore


@dataclass(frozen=True, kw_only=True)
class ToyOptions(Options):
    """The options of all families, and one of its own."""

    sparkle: str = option(Choice(("none", "some", "much")), "none",
                          "How much a toy chip sparkles.", ("toy",))


@dataclass(frozen=True, slots=True)
class ToyNeuron:
    """`v += a; s = v >= threshold; v = 0 after a spike`, in whole numbers."""

    threshold: int
    model: str = "IF"
    reset: Reset = Reset.HARD
    states: tuple[str, ...] = ("v",)

    def executor(self, bias: torch.Tensor | None, shape: tuple[int, int], device: str) -> Batch:
        """See `IntegerNeuron.executor`."""
        return ToyBatch(self, bias, shape, device)


class ToyBatch(NeuronBatch):
    """Many toy neurons, for the reference."""

    def __init__(self, neuron: ToyNeuron, bias: torch.Tensor | None, shape: tuple[int, int],
                 device: str) -> None:
        super().__init__(neuron.states, bias, shape, torch.int64, device)
        self.neuron = neuron

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        v = self.states["v"] + current
        spikes = v >= self.neuron.threshold
        self.states["v"] = v.masked_fill(spikes, 0)
        return spikes


@dataclass(frozen=True, eq=False, kw_only=True)
class ToyCompilation(Compilation):
    """Slices of populations on the cores of a toy chip."""

    target: ToyTarget
    mapping: ChipMapping

    @property
    def n_cores(self) -> int:
        """Cores that the network takes."""
        return len(self.mapping.placement.cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkle:
    """What the reports of toy chips keep."""

    sparkle: str  # as the option says
    lamps: int  # one for each core


def _sparkle(compilation: ToyCompilation) -> Sparkle:
    options = compilation.options
    return Sparkle(sparkle=options.sparkle if isinstance(options, ToyOptions) else "none",
                   lamps=compilation.n_cores)


def _show(sparkle: Sparkle, report: Report) -> Content:
    return Content(
        lines=sentences(f"sparkles `{sparkle.sparkle}` with {sparkle.lamps} lamps"),
        tables=(Table(columns=(Column(title="lamp"), Column(title="watts", form="count")),
                      rows=tuple((f"lamp {k}", k) for k in range(sparkle.lamps))),))


SPARKLE = Record(key="sparkle", title="sparkle", kind=Sparkle, record=_sparkle, show=_show,
                 after="cores")


@dataclass(frozen=True, slots=True)
class Toy:
    """The family."""

    name: str = "toy"
    keys: tuple[str, ...] = ("toy",)
    target_type: type[ToyTarget] = ToyTarget
    options_type: type[ToyOptions] = ToyOptions
    stages: tuple[str, ...] = ("check", "lower", "gate", "quantize", "fidelity", "place")
    runs_on: str = "a sheet of paper"
    untrainable: str = ""

    def usual_weight_bits(self, target: ToyTarget) -> int:
        """See `Family.usual_weight_bits`."""
        return 8

    def levels(self, weights: Array, bits: int) -> tuple[int, int]:
        """See `Family.levels`."""
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    @property
    def current_unit(self) -> int:
        """See `Family.current_unit`."""
        return 1

    def structure(self, run: Recorder, lowering: Lowering, target: ToyTarget,
                  options: Options) -> Structure:
        """See `Family.structure`: NC201 for neurons that leak."""
        for population in lowering.network.populations:
            neuron = population.floating
            if neuron.decay != 1 or neuron.alpha is not None or population.bias is not None:
                raise FindingsError(Diagnostic("NC201", population.where, {
                    "module": population.name, "profile": "LIF", "reason": "it leaks"}))
        return Structure(lowering=lowering, floating=lowering.network)

    def compile(self, run: Recorder, structure: Structure, target: ToyTarget,
                options: Options) -> ToyCompilation:
        """See `Family.compile`."""
        lowering, floating = structure.lowering, structure.floating
        network = run.stage("quantize", lambda: self.quantize(floating, target, options),
                            network_size)
        fidelity, rates = measure_fidelity(run, lowering, Quantization(
            floating, network, options, lambda other: self.quantize(floating, target, other)))
        parts = _cores(network, target.core.neurons.value)
        traffic = core_traffic(network, parts, rates)
        placement = run.stage("place", lambda: place(parts, target, traffic),
                              lambda p: f"{len(p.cores)} cores")
        run.findings += over_budget({
            "cores": len(parts.cores), "chips": 1,
            "synapses": sum(p.operator.n_synapses for p in network.projections)}, options)
        run.stop()
        return ToyCompilation(
            graph=lowering.graph, target=target, options=options, floating=floating,
            network=network, diagnostics=run.diagnostics, stages=tuple(run.records),
            mapping=ChipMapping(parts, placement, route_traffic(traffic, placement, target)),
            fidelity=fidelity, pruning=lowering.pruning)

    def quantize(self, floating: Network, target: ToyTarget, options: Options,
                 sample: Mapping[str, Array] | None = None) -> Network:
        """Weights and thresholds in steps of 1 / UNIT."""
        return replace(
            floating, populations=tuple(
                replace(p, neuron=ToyNeuron(round(p.floating.v_th * UNIT)))
                for p in floating.populations),
            projections=tuple(replace(p, operator=p.operator.with_weights(np.rint(
                p.operator.weights * UNIT).astype(np.int64))) for p in floating.projections))

    def emit(self, compilation: ToyCompilation, out: Path) -> Emission:
        """Thresholds and matrices as JSON."""
        network = compilation.network
        options = compilation.options
        document = {
            "sparkle": options.sparkle if isinstance(options, ToyOptions) else "none",
            "ticks": network.n_ticks,
            "populations": [_as_json(network, p) for p in network.order()]}
        out.mkdir(parents=True, exist_ok=True)
        (out / PROGRAM).write_text(json.dumps(document) + "\n", encoding="utf-8")
        return Emission((out / PROGRAM,), ())

    def placed_as(self, compilation: ToyCompilation, program: Path) -> ToyCompilation:
        """See `Family.placed_as`: a toy program has no places in it."""
        return compilation

    def verify(self, program: Path, compilation: ToyCompilation, inputs: Mapping[str, Array],
               checks: Checks, progress: Progress) -> Verification:
        """The JSON file by hand, beside the reference."""
        reference = synchronous.run(compilation.network, inputs, record_state=True)
        start = time.perf_counter()
        document = json.loads((program / PROGRAM).read_text())
        spikes = simulate(document, {name: np.asarray(x) for name, x in inputs.items()})
        populations = tuple(
            PopulationComparison(p.name, p.size, int(reference.spikes[p.name].sum()),
                     int((reference.spikes[p.name] != spikes[p.name]).sum()))
            for p in compilation.network.order())
        return Verification(
            samples=len(next(iter(inputs.values()))), ticks=compilation.network.n_ticks,
            populations=populations, diagnostics=(), seconds=time.perf_counter() - start)

    def demand(self, compilation: ToyCompilation) -> Demand:
        """Neurons are all that a core has."""
        mapping, network = compilation.mapping, compilation.network
        sizes = {p.name: p.size for p in network.populations}
        depths = {p.name: depth for depth, p in enumerate(network.order())}
        return Demand(
            mapping=mapping,
            resources={"neurons": resource(compilation.target.core.neurons, "neurons")},
            cores=tuple({"neurons": sum(piece.size for piece in pieces)}
                        for pieces in mapping.partition.cores),
            populations={name: PopulationDemand(usage={"neurons": size}, least={"neurons": size})
                         for name, size in sizes.items()},
            least={"neurons": sum(sizes.values())}, depth=depths, latency=len(sizes) - 1)

    @property
    def sections(self) -> tuple[Section, ...]:
        """Its own section stands behind the cores."""
        return (SPARKLE,)

    def forms(self) -> Mapping[str, Callable[[ToyCompilation], Any]]:
        """See `Family.forms`: it has none."""
        return {}


def _as_json(network: Network, population: Population) -> dict[str, Any]:
    neuron = population.neuron
    if not isinstance(neuron, ToyNeuron):
        raise TypeError(f"`{population.name}` is no toy population")
    return {"name": population.name, "threshold": neuron.threshold, "inputs": [
        {"source": p.source, "delay": p.delay, "weights": p.operator.matrix().toarray().tolist()}
        for p in network.into(population.name)]}


def simulate(document: dict[str, Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Spikes [samples, ticks, neurons] by population, from the file alone."""
    samples, ticks = len(next(iter(inputs.values()))), document["ticks"]
    rasters = {name: np.asarray(x, np.int64).reshape(samples, ticks, -1)
               for name, x in inputs.items()}
    for population in document["populations"]:
        size = len(population["inputs"][0]["weights"])
        rasters[population["name"]] = np.zeros((samples, ticks, size), np.int64)
    potentials = {name: np.zeros((samples, x.shape[2]), np.int64) for name, x in rasters.items()}
    for tick in range(ticks):
        for population in document["populations"]:
            name = population["name"]
            for one in population["inputs"]:
                if tick >= one["delay"]:
                    potentials[name] += rasters[one["source"]][:, tick - one["delay"]] @ np.array(
                        one["weights"]).T
            spikes = potentials[name] >= population["threshold"]
            potentials[name][spikes] = 0
            rasters[name][:, tick] = spikes
    return {p["name"]: rasters[p["name"]] for p in document["populations"]}


def _cores(network: Network, neurons: int) -> Partition:
    """So many neurons of a population on each core, in their order."""
    pieces = [CoreSlice(p.name, start, min(start + neurons, p.size))
              for p in network.order() for start in range(0, p.size, neurons)]
    return Partition(
        orders={p.name: np.arange(p.size) for p in network.populations},
        order_names={p.name: "flat" for p in network.populations},
        cores=tuple((piece,) for piece in pieces))
