"""A model's weights on a chip's grid, as a state_dict for the model itself, and the proof of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from neurocompile.backends import synchronous
from neurocompile.diagnostics import Diagnostic, raise_errors
from neurocompile.families import pipeline
from neurocompile.families.table import family_of
from neurocompile.formats.request import Capture
from neurocompile.formats.samples import Sample
from neurocompile.ir.graph import Graph
from neurocompile.ir.input_axes import input_axes
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.legality.check import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.target import Target
from neurocompile.training.exactness import Comparison, comparisons
from neurocompile.training.fitting import Chip, Fit, fit, slots_of
from neurocompile.training.grids import addition_grid, on_chip, tensors_in, weight_grid
from neurocompile.training.layers import Layers, layers_of
from neurocompile.training.roles import roles_of
from neurocompile.training.slots import Slot
from neurocompile.training.template import Template, TrainedModel, Values, template

_THRESHOLD_BITS = 17  # of a threshold as a whole number


@dataclass(frozen=True, eq=False)
class Parameters:
    """A model by its own tensors, on a target: what is rounded, trained and written."""

    model: TrainedModel
    graph: Graph  # as the model was
    template: Template
    layers: Layers
    fit: Fit
    chip: Chip

    def inputs(self, sample: Sample | None) -> dict[str, Array]:
        """A sample by the names of the network's inputs; without one, what the model was captured on.

        Raises UsageError (NC008) for a sample of another shape.
        """
        if sample is not None:
            return Capture(self.graph, "", ()).fit(sample)
        return {axes.name: axes.from_model(np.asarray(x.detach().cpu().numpy()))
                for axes, x in zip(input_axes(self.graph), self.model.example, strict=True)}


@dataclass(frozen=True, eq=False)
class WrittenTensor:
    """A tensor that carries a layer's weights or biases."""

    name: str
    step: float  # 0: not rounded
    largest: int  # magnitude in steps; 0 where it is not rounded


@dataclass(frozen=True, eq=False, kw_only=True)
class RewrittenModel:
    """A state_dict on a target's grid, and what was proved of it.

    `spikes` and `different`: spikes of the float network and of the integers, by population, on
    the sample or the example input.
    """

    state_dict: dict[str, torch.Tensor]
    tensors: tuple[WrittenTensor, ...]
    layers: int  # that get spikes, in all
    layers_left: int  # of them, those that are as they were
    weights: int  # of synapses, distinct, that are exactly the integers
    network: Network  # of integers
    spikes: Mapping[str, int]
    different: Mapping[str, int]
    findings: tuple[Diagnostic, ...]


def parameters_of(model: TrainedModel, target: Target, options: Options) -> Parameters:
    """A model's tensors, rounded to grids that the target holds.

    Raises FindingsError for a network that is illegal or that the target has no integers for, and
    what capture raises.
    """
    family = family_of(target)
    bits = options.with_usual_bits(family.usual_weight_bits(target)).equal_bits(
        "the grid of a user's own model")
    graph = model.capture({})
    raise_errors(check_graph(graph, options.timing, options.allow, options.outputs))
    tensors = model.tensors(graph)
    places = template(model, tensors, options)
    roles = roles_of(model.module, places, tensors)
    chip = Chip(quantize=lambda network: pipeline.quantize(network, target, options),
                unit=family.current_unit)
    reasons: dict[Slot, str] = {}
    while True:
        layers = layers_of(places, tensors, roles, reasons)
        more = dict(_obstacles(layers))
        if not more:
            on_encoders = {e.target for e in chip.quantize(layers.network).encoders}
            numbers = fit(layers, places, chip, (
                weight_grid(layers, lambda array: family.levels(array, bits)),
                addition_grid(layers, lambda array: family.levels(array, bits), on_encoders)),
                (layers.weights.row, layers.additions.row))
            more = {slot: f"{target.name} has no scale that holds its numbers exactly"
                    for slot in slots_of(layers, numbers.inexact)}
            if not more:
                return Parameters(model, graph, places, layers, numbers, chip)
        reasons |= more


def _obstacles(layers: Layers) -> Iterator[tuple[Slot, str]]:
    """The layers that no binary grid can hold, and why."""
    for part in (layers.weights, layers.additions):
        for slot, one in part.slots():
            if not (on_chip(slot, layers.network) or slot.part == "bias"):
                continue
            neuron = layers.network.population(slot.target).floating
            wrong = [factor for factor in one.factors if math.frexp(factor)[0] != 0.5]
            reason = ""
            if not _is_short(neuron.v_th):
                reason = f"its threshold {neuron.v_th!r} is no short binary number"
            elif wrong:
                reason = f"its weights are multiplied by {wrong[0]:.6g}, which is no power of two"
            for own in slots_of(layers, [slot.target]) if reason else ():
                if own.part == slot.part or slot.part == "bias":
                    yield own, reason


def _is_short(threshold: float) -> bool:
    """Whether a threshold is a whole number of few digits times a power of two."""
    return math.ldexp(math.frexp(threshold)[0], _THRESHOLD_BITS).is_integer()


def rewrite(parameters: Parameters, values: Values,
            sample: Mapping[str, Array]) -> RewrittenModel:
    """The state_dict with these values of the tensors: captured, lowered and quantized again.

    Raises FindingsError (NC105) where the captured program differs from the model.
    """
    model, layers = parameters.model, parameters.layers
    graph = model.capture(values)
    options = parameters.template.options
    floating = lower(graph, options.allow, options.outputs)[0]
    integers = parameters.chip.quantize(floating)
    proofs = {one.population: one for one in comparisons(floating, integers,
                                                         parameters.chip.unit)}
    spikes, different = _spikes(floating, integers, sample)
    targets = {slot.target for slot, _ in layers.weights.slots() if on_chip(slot, layers.network)}
    return RewrittenModel(
        state_dict={name: tensor.detach().cpu().clone() for name, tensor in
                    model.with_values(values).state_dict().items()},
        tensors=tuple(_tensors(parameters, values)), layers=len(proofs),
        layers_left=len(proofs.keys() - targets | {p for p, one in proofs.items() if not one.exact}),
        weights=sum(one.weights for one in proofs.values() if one.exact), network=integers,
        spikes=spikes, different=different,
        findings=(*layers.findings, *_findings_of(proofs, integers, layers)))


def _findings_of(proofs: Mapping[str, Comparison], integers: Network,
             layers: Layers) -> Iterator[Diagnostic]:
    """NC621 for each population that nothing was written for, NC622 for one that is rounded."""
    names = {finding.where.module for finding in layers.findings}
    for name, one in proofs.items():
        if one.exact or name in names:
            continue
        if not slots_of(layers, [name]):
            yield Diagnostic("NC621", integers.population(name).where, {
                "layer": name, "reason": "no tensor of the model holds its weights"})
        else:
            yield Diagnostic("NC622", integers.population(name).where, {
                "module": name, "count": one.weights_rounded, "weights": one.weights})


def _tensors(parameters: Parameters, values: Values) -> Iterator[WrittenTensor]:
    layers = parameters.layers
    for part, grid in ((layers.weights, parameters.fit.weight_grid),
                       (layers.additions, parameters.fit.addition_grid)):
        names = {name for _, one in part.slots() for name in tensors_in(part, one)}
        for name in sorted(names):
            group = grid.group(name)
            step = 0.0 if group is None else grid.steps[group]
            largest = float(np.abs(values[name]).max(initial=0.0))
            yield WrittenTensor(name, step, round(largest / step) if step else 0)


def _spikes(floating: Network, integers: Network, sample: Mapping[str, Array]
            ) -> tuple[dict[str, int], dict[str, int]]:
    """Spikes of the float network by population, and neuron-ticks at which the integers differ."""
    a, b = (synchronous.run(network, sample).spikes for network in (floating, integers))
    return ({name: int(a[name].sum()) for name in a},
            {name: int(np.count_nonzero(a[name] != b[name])) for name in a})
