"""The lowering gate: a float Network decides every spike as the Graph that it was lowered from.

The saved Graph runs in onnxruntime, in float32; the replay gate proved that it is the model. Each
population of the Network gets the Graph's spikes of its sources, so that no difference cascades,
and its potential in float64 is compared with the Graph's spike in every tick, at the end with the
Graph's potential too. Where a decision differs by no more than float32 rounds, it is a tie on the
threshold: counted and said (NC143). Anything else is an error of ours (NC142).

Rounding is bounded by the replay gate's BOUND, here of the magnitudes that are added up at each
neuron. On all networks of `examples/` and of the tests' features currents were off by at most 7e-7
of them (where layers without a neuron between are composed, and cancel), potentials by 2e-7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from neurocompile.backends.synchronous import Executor, Run
from neurocompile.backends.synchronous.forced import Decisions, OtherSide, decide, forced_potentials
from neurocompile.backends.synchronous.local import Local
from neurocompile.capture.graph_replay import BOUND, run_graph
from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.families.seeded import SAMPLES, active_inputs
from neurocompile.ir.axes import Layouts, layouts, shape_of
from neurocompile.ir.axis_arrays import by_sample, in_layout
from neurocompile.ir.graph import Graph, output_location
from neurocompile.ir.network import InputKind, Network
from neurocompile.ir.neuron_node import NeuronNode
from neurocompile.ir.operators import Array
from neurocompile.ir.stored_samples import samples_of
from neurocompile.semantics.floating import POTENTIAL
from neurocompile.semantics.normal_form import NormalForm, normal_form


@dataclass(frozen=True, eq=False)
class Gate:
    """What was compared, all spikes of all populations, and what it leaves open."""

    inputs: Mapping[str, Array]  # [samples, ...] by the network's inputs
    seeded: bool  # made up in the inputs' ranges: the graph has no samples in it
    samples: int
    ticks: int
    spikes: Mapping[str, int]  # of the graph, by population
    ties: Mapping[str, int]  # decisions that rounding turns, by population

    @property
    def active(self) -> bool:
        """Whether every population fires."""
        return all(self.spikes.values())

    def summary(self) -> str:
        """In words."""
        where = "seeded inputs" if self.seeded else "captured samples"
        return (f"{sum(self.spikes.values()):,} spikes on {self.samples} {where}, "
                f"{sum(self.ties.values()):,} ties")


def gate(graph: Graph, network: Network) -> Gate:
    """Compare a float network with its graph. Raises FindingsError (NC142)."""
    reading, ties = _Reading(graph, network), {}
    spikes = reading.spikes()
    local = Local(Executor(network), reading.inputs, spikes)
    for decisions in decide(local, {name: reading.other_side(name) for name in spikes}, BOUND):
        name = decisions.population.name
        ties[name] = int(decisions.ties.sum())
        if bool((decisions.different & ~decisions.ties).any()):
            raise FindingsError(_mismatch(reading, decisions))
        _compare_last(reading, decisions)
    _compare_readouts(reading, {p.name: local.train(p.name).numpy() for p in network.populations})
    return Gate(reading.inputs, reading.seeded, reading.count, network.n_ticks,
                {name: int(train.sum()) for name, train in spikes.items()}, ties)


def doubts(graph: Graph, network: Network, result: Gate) -> Iterator[Diagnostic]:
    """What a passed gate leaves open: silent populations (NC106), ties (NC143)."""
    replay_spikes = (graph.info.get("replay") or {}).get("spikes", {})
    for name, count in result.spikes.items():
        where = network.population(name).where
        if count == 0 and replay_spikes.get(name):  # else the replay's own NC106 names it
            yield Diagnostic("NC106", where, {"module": name})
        if result.ties[name]:
            yield Diagnostic("NC143", where, {
                "module": name, "different": result.ties[name], "spikes": count})


class _Reading:
    """A graph, run on samples, and its values as its network has them."""

    def __init__(self, graph: Graph, network: Network) -> None:
        self.graph, self.network, self.axes = graph, network, layouts(graph)
        self.nodes: dict[str, list[NeuronNode]] = {p.name: [] for p in network.populations}
        for neuron in graph.neurons():
            if neuron.module in self.nodes:
                self.nodes[neuron.module].append(neuron)
        self.nodes = {name: nodes for name, nodes in self.nodes.items() if nodes}  # no gates
        samples = samples_of(graph)
        self.seeded = samples is None
        arrays, self.count = _noise(graph, network, self.axes) if samples is None else samples
        self._feeds = {str(value.name): array.astype(_dtype(value)) for value, array in zip(
            graph.model.graph.inputs, arrays, strict=True)}
        self.inputs = {
            item.name: self._as_network(self._feeds[item.name], item.name).reshape(
                self.count, *(() if item.kind is InputKind.STATIC else (-1,)), *item.shape)
            for item in network.inputs if item.kind is not InputKind.ONE}
        names = [name for nodes in self.nodes.values()
                 for name in (*(node.train for node in nodes), _last(nodes))]
        self._values = self.run([*names, *(str(v.name) for v in graph.model.graph.outputs)])

    def run(self, names: list[str]) -> dict[str, NDArray[Any]]:
        """The graph's own values of these names, in onnxruntime."""
        return run_graph(onnx.load_model_from_string(self.graph.to_bytes()), self._feeds, names)

    def _as_network(self, array: NDArray[Any], name: str) -> NDArray[Any]:
        """The array of a value as [samples, ticks, elements], each sample once."""
        return by_sample(array, self.axes.dims[name] or ())[:self.count]

    def value(self, name: str) -> NDArray[Any]:
        """A value that was run, as [samples, ticks, elements]."""
        return self._as_network(self._values[name], name)

    def spikes(self) -> dict[str, NDArray[np.uint8]]:
        """The spikes of all populations [samples, ticks, neurons]."""
        return {name: np.concatenate([self.value(node.train) for node in nodes], axis=1).astype(
            np.uint8) for name, nodes in self.nodes.items()}

    def last(self, name: str) -> NDArray[Any] | None:
        """A population's potentials after the last tick [samples, 1, neurons].

        None where the graph's axes there cannot be followed.
        """
        last = _last(self.nodes[name])
        return None if self.axes.dims.get(last) is None else self.value(last)

    def form(self, name: str) -> NormalForm:
        """The normal form of a population's neurons."""
        node = self.nodes[name][0]
        return normal_form(self.graph.profile(node), node.constants)

    def other_side(self, name: str) -> OtherSide:
        """How a population's neurons are in the graph; some frameworks have whole numbers."""
        form, text = self.form(name), self.graph.profile(self.nodes[name][0]).equations.text
        if form.neuron.quantum is None:
            return OtherSide(form.rest)
        return OtherSide(form.rest, abs(form.gain) / 2 if "rounded(" in text else 2.0)

    def drive(self, name: str) -> NDArray[np.float64]:
        """What the graph's neurons of a population integrate, in their normal form."""
        form, nodes = self.form(name), self.nodes[name]
        total: NDArray[np.float64] = np.full((1, 1, 1), form.offset)
        for values, gain in (([node.current for node in nodes], form.gain),
                             ([node.second_current for node in nodes], form.gain_y)):
            names = [str(value.name) for value in values
                     if value is not None and self.axes.is_dynamic(value)]
            if names:  # else there is none, or a constant
                arrays = self.run(names)
                total = total + gain * np.concatenate(
                    [self._as_network(arrays[one], one) for one in names], axis=1)
        return total


def _last(nodes: Sequence[NeuronNode]) -> str:
    """The name of the potentials after the last tick."""
    return str(nodes[-1].final[POTENTIAL].name)


def _dtype(value: Any) -> Any:
    return np.float32 if value.dtype is None else value.dtype.numpy()


def _noise(graph: Graph, network: Network, axes: Layouts) -> tuple[list[NDArray[Any]], int]:
    """Arrays for a graph's inputs, and how many different samples are in them."""
    inputs, _ = active_inputs(network)
    arrays, count = [], SAMPLES
    for value in graph.model.graph.inputs:
        shape, layout = shape_of(value) or (), axes.layout(value) or ()
        if value.name not in inputs:
            arrays.append(np.zeros(shape, np.float32))
            continue
        batch = len(by_sample(np.empty(shape, np.bool_), layout))
        count = min(count, batch)
        few = inputs[value.name][:count]
        arrays.append(in_layout(few[np.arange(batch) % count], layout).reshape(shape))
    return arrays, count


def _mismatch(reading: _Reading, decisions: Decisions) -> Diagnostic:
    """NC142 for the first decision that no rounding explains."""
    population, wrong = decisions.population, decisions.different & ~decisions.ties
    at = sample, tick, neuron = tuple(int(i) for i in wrong.nonzero()[0])
    drive = np.broadcast_to(reading.drive(population.name), decisions.potentials.shape)
    beside = None if population.floating.alpha is None else population.bias  # the synaptic current
    there = float(forced_potentials(replace(population, bias=beside), torch.as_tensor(drive.copy()),
                                    decisions.expected)[at])
    here, node = float(decisions.potentials[at]), reading.nodes[population.name][0]
    source = node.current.producer() if node.current is not None else None
    by_input = source is not None and abs(here - there) > float(decisions.rounding[at])
    operation = source.op_type if by_input and source else reading.graph.profile(node).name
    words = ("no spike", "a spike")
    return Diagnostic("NC142", population.where, {
        "module": population.name, "place": f"sample {sample}, tick {tick}, neuron {neuron}",
        "expected": words[int(decisions.expected[at])], "found": words[int(decisions.spikes[at])],
        "detail": f"potential {there:.9g} there and {here:.9g} here, threshold "
                  f"{population.floating.v_th:.9g}; `{operation}` was lowered wrongly",
        "different": int(wrong.sum())})


def _compare_last(reading: _Reading, decisions: Decisions) -> None:
    """Raises FindingsError (NC142) where potentials differ after the last tick.

    Of neurons that did not spike in it: some frameworks reset later than others.
    """
    population, last = decisions.population, reading.last(decisions.population.name)
    if last is None:
        return
    here = decisions.potentials[:, -1].numpy()
    expected = last[:, 0].astype(np.float64) - reading.other_side(population.name).rest
    error = np.where(decisions.expected[:, -1].numpy(), 0.0, np.abs(here - expected))
    wrong = error > decisions.rounding[:, -1].numpy()
    if wrong.any():
        at = sample, neuron = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise FindingsError(Diagnostic("NC142", population.where, {
            "module": population.name, "place": f"sample {sample}, last tick, neuron {neuron}",
            "expected": f"a potential of {expected[at]:.9g}", "found": f"{here[at]:.9g}",
            "detail": "fed with the same spikes", "different": int(wrong.sum())}))


def _compare_readouts(reading: _Reading, spikes: Mapping[str, NDArray[np.uint8]]) -> None:
    """Raises FindingsError (NC142) where a readout of the graph's spikes is not the graph's."""
    inputs = {item.name: reading.inputs[item.name].reshape(reading.count, -1, item.size)
              for item in reading.network.inputs if item.name in reading.inputs}
    run = Run(dict(spikes), inputs=inputs)
    for readout in reading.network.outputs:
        expected = reading.value(readout.name).astype(np.float64).reshape(reading.count, -1)
        values = run.read(readout).reshape(reading.count, -1)
        error, bound = np.abs(values - expected), BOUND * max(1.0, float(np.abs(expected).max(initial=0)))
        if error.max(initial=0) > bound:
            at = sample, element = np.unravel_index(int(error.argmax()), error.shape)
            raise FindingsError(Diagnostic("NC142", output_location(reading.graph, readout.number), {
                "module": readout.name, "place": f"sample {sample}, element {element}",
                "expected": float(expected[at]), "found": float(values[at]),
                "detail": "a readout of the same spikes", "different": int((error > bound).sum())}))
