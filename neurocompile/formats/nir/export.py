"""Writes a float Network as a .nir file (NIR 1.0.8).

Synapses become Conv2d, Affine, Linear, Scale or plain edges, delays Delay nodes, populations IF,
LIF or CubaLIF whose Euler steps of `dt` are the normal form. Numbers are rounded to float32, in
which captured networks compute. What NIR cannot say goes into our own metadata, from which our
import is exact, and into warnings (NC117).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError, Location, Severity
from neurocompile.formats.format import Document
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.graph import out_shape
from neurocompile.formats.nir.options import check_tick
from neurocompile.formats.nir.ours import InputForm, Ours, Ticks, nir_node, single
from neurocompile.formats.nir.write import nir_bytes
from neurocompile.ir.network import InputKind, Network, Population, Readout
from neurocompile.ir.operators import (
    Array,
    Conv,
    Dense,
    Einsum,
    Operator,
    Shape,
    identity,
    is_identity,
)
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

MAX_DENSE = 1 << 24  # weights of a matrix that NIR has no sparse form for


def export_nir(network: Network, dt: float = 1e-4) -> Document:
    """The network as a file, in ticks of `dt` seconds.

    Raises FindingsError (NC117) for what NIR cannot express at all, UsageError (NC009) for a dt
    that is no tick.
    """
    check_tick(dt)
    build = _Build(network, dt)
    for item in network.inputs:
        if item.kind is not InputKind.ONE:
            build.nodes[build.name_of(item.name)] = n.Input(item.shape)
    for population in network.populations:
        build.nodes[build.name_of(population.name)] = build.neuron(population)
    for population in network.populations:
        build.populate(population)
    for readout in (*network.readouts, *_records(network)):
        build.read(readout)
    graph = n.NIRGraph(build.nodes, tuple(sorted(build.edges)))
    return Document(nir_bytes(graph, build.ours().encode()), f"{len(graph.nodes):,} nodes",
                    tuple(_warnings(network, dt)))


def _records(network: Network) -> Iterator[Readout]:
    """The spikes of each tick that host programs read and nothing else reads."""
    names = {name for program in network.host_programs for name in program.sources}
    others = {name for readout in network.readouts for name in readout.sources}
    for population in network.populations:
        if population.name in names - others:
            size = population.size
            yield Readout(f"{population.name}.spikes", population.shape,
                          ((population.name, identity((size,))),), np.zeros(size), "each")


def in_single(neuron: FloatNeuron) -> FloatNeuron:
    """The neuron in float32."""
    return replace(neuron, decay=single(neuron.decay), v_th=single(neuron.v_th),
                   alpha=None if neuron.alpha is None else single(neuron.alpha))


def _cannot(module: str, what: str, why: str) -> FindingsError:
    return FindingsError(Diagnostic("NC117", Location(module), {
        "module": module, "what": what, "consequence": f": {why}"}, Severity.ERROR))


@dataclass
class _Build:
    """The graph so far."""

    network: Network
    dt: float
    nodes: dict[str, n.Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    out_shapes: dict[str, Shape] = field(default_factory=dict)  # what each node puts out
    names: dict[str, str] = field(default_factory=dict)  # of inputs and populations
    outputs: dict[str, Ticks] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes = _shapes(self.network)

    def free(self, text: str) -> str:
        """A node name that HDF5 can hold and that is not taken."""
        name = re.sub(r"[/\x00]", "_", text)
        name = "_" if name in ("", ".") else name
        while name in self.nodes:
            name += "_"
        return name

    def name_of(self, name: str) -> str:
        """The node of an input or population, whose name it keeps."""
        if name not in self.names:
            self.names[name] = self.free(name)
            self.out_shapes[self.names[name]] = self.shapes[name]
        return self.names[name]

    def add(self, node: n.Node, name: str, source: str) -> str:
        """A node behind another; its name."""
        name = self.free(name)
        self.nodes[name] = node
        self.out_shapes[name] = out_shape(node, self.out_shapes[source])
        self.edges.append((source, name))
        return name

    def neuron(self, population: Population) -> n.Node:
        """A population as a node."""
        try:
            return nir_node(in_single(population.floating), self.dt, self.shapes[population.name])
        except ValueError as error:
            raise _cannot(population.name, "the neuron", str(error)) from None

    def populate(self, population: Population) -> None:
        """Everything that reaches a population, its bias included."""
        size, target = population.size, self.name_of(population.name)
        if population.bias is not None and population.floating.alpha is not None:
            raise _cannot(population.name, "the bias", "it is added beside the synaptic current")
        bias = np.zeros(size) if population.bias is None else np.broadcast_to(
            population.bias.value, (size,)).astype(np.float64)
        terms: list[tuple[str, Operator, int]] = []
        kinds = {item.name: item.kind for item in self.network.inputs}
        for projection in self.network.into(population.name):
            if kinds.get(projection.source) is InputKind.ONE:
                bias = bias + projection.operator.row_sums()
            else:
                terms.append((projection.source, projection.operator, projection.delay))
        self.join(terms, bias, target, population.name, self.shapes[population.name])

    def read(self, readout: Readout) -> None:
        """An output: of each tick, of one, or of all, whose sum it is."""
        ticks = self.network.n_ticks if readout.ticks == "sum" else 1
        kinds = {item.name: item.kind for item in self.network.inputs}
        terms = []
        for source, operator in readout.terms:
            once = kinds.get(source) is InputKind.STATIC  # the host reads it once, not every tick
            terms.append((source, operator.times(np.full(operator.out_size, 1 / ticks))
                          if once else operator, 0))
        shape = self._output_shape(terms, readout.shape)
        name = self.free(readout.name if readout.name not in self.names else f"{readout.name}.out")
        self.nodes[name] = n.Output(shape)
        self.outputs[name] = readout.ticks
        self.join(terms, readout.bias / ticks, name, readout.name, shape)

    def _output_shape(self, terms: Sequence[tuple[str, Operator, int]], shape: Shape) -> Shape:
        fits = all(_shape_with_axes(op, self.shapes[source]) == shape for source, op, _ in terms)
        return shape if fits and shape else (max(1, math.prod(shape)),)

    def join(self, terms: Sequence[tuple[str, Operator, int]], bias: Array, target: str,
             module: str, shape: Shape) -> None:
        """Nodes for the operators into a target; the first that can adds the bias."""
        if not terms:
            raise _cannot(module, "the constant current", "nothing reaches it from an input")
        rest: Array | None = bias if np.any(bias) else None
        able = [number for number, (source, op, _) in enumerate(terms)
                if rest is not None and self._carries(op, self.shapes[source], rest)]
        carrier = able[0] if able else 0
        for number, (source, operator, delay) in enumerate(terms):
            end = self._delay(source, delay)
            own_bias = rest if number == carrier else None
            end = self._through(operator, end, self.shapes[source], own_bias, f"{target}.in",
                                module)
            end_shape = self.out_shapes[end]
            if end_shape != shape:
                end = self.add(n.Flatten(0, -1, end_shape), f"{end}.flat", end)
            self.edges.append((end, target))

    def _carries(self, operator: Operator, shape: Shape, bias: Array) -> bool:
        if isinstance(operator, Conv) and shape == operator.in_shape:
            channels = bias.reshape(operator.out_shape[0], -1)
            return bool(np.all(channels == channels[:, :1]))
        return _shape_with_axes(operator, shape) is None

    def _delay(self, source: str, delay: int) -> str:
        end = self.name_of(source)
        if not delay:
            return end
        name = f"{end}.delay{delay}"
        if name not in self.nodes:
            self.add(n.Delay(np.full(self.shapes[source], delay * self.dt)), name, end)
        return name

    def _through(self, operator: Operator, source: str, shape: Shape, bias: Array | None,
                 name: str, module: str) -> str:
        """The node that computes an operator; its source itself for an identity."""
        with_axes = _shape_with_axes(operator, shape)
        if isinstance(operator, Conv) and with_axes is not None and (
                bias is None or self._carries(operator, shape, bias)):
            return self.add(_conv(operator, bias), name, source)
        if with_axes is not None and bias is None:
            if is_identity(operator):
                return source
            return self.add(n.Scale(_single(operator.row_sums()).reshape(shape)), name, source)
        if operator.in_size * operator.out_size > MAX_DENSE and not isinstance(operator, Dense):
            raise _cannot(module, "the synapses", "it has no sparse matrices, and a full one would "
                          f"hold {operator.in_size:,} x {operator.out_size:,} weights, more than "
                          f"{MAX_DENSE:,}")
        if len(shape) > 1:
            source = self.add(n.Flatten(0, -1, shape), f"{name}.flat", source)
        matrix = operator.weight if isinstance(operator, Dense) else operator.matrix().toarray()
        weight = _single(matrix)
        node = n.Linear(weight) if bias is None else n.Affine(weight, _single(bias))
        return self.add(node, name, source)

    def ours(self) -> Ours:
        """What goes into the metadata."""
        inputs = {self.name_of(item.name): InputForm(item.kind.value, item.low, item.high)
                  for item in self.network.inputs if item.kind is not InputKind.ONE}
        neurons = {self.name_of(p.name): in_single(p.floating) for p in self.network.populations}
        return Ours(dt=self.dt, n_ticks=self.network.n_ticks, inputs=inputs, neurons=neurons,
                    outputs=self.outputs)


def _single(array: Array) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, np.float32)


def _shape_with_axes(operator: Operator, shape: Shape) -> Shape | None:
    """The shape of a NIR node that keeps axes, for a source of this shape; None: a matrix."""
    if isinstance(operator, Conv):
        return operator.out_shape if shape == operator.in_shape else None
    diagonal = isinstance(operator, Einsum) and operator.ins == operator.outs
    return shape if diagonal else None


def _shapes(network: Network) -> dict[str, Shape]:
    """The shape of each node: a matrix makes a population flat, and with it what copies it."""
    shapes: dict[str, Shape] = {item.name: item.shape for item in network.inputs}
    shapes.update({p.name: p.shape for p in network.populations})
    kinds = {item.name: item.kind for item in network.inputs}
    moving = True
    while moving:
        moving = False
        for population in network.populations:
            for projection in network.into(population.name):
                out = _shape_with_axes(projection.operator, shapes[projection.source])
                if kinds.get(projection.source) is InputKind.ONE or (
                        out == shapes[population.name]):
                    continue
                flat = (population.size,)
                moving = moving or shapes[population.name] != flat
                shapes[population.name] = flat
    return shapes


def _conv(operator: Conv, bias: Array | None) -> n.Conv2d:
    channels = operator.out_shape[0]
    per_channel = np.zeros(channels) if bias is None else bias.reshape(channels, -1)[:, 0]
    return n.Conv2d(
        weight=_single(operator.weight), bias=_single(per_channel), stride=operator.stride,
        padding=operator.padding, dilation=operator.dilation, groups=operator.groups,
        input_shape=(operator.in_shape[1], operator.in_shape[2]))


def _warnings(network: Network, dt: float) -> Iterator[Diagnostic]:
    """NC117 for everything that other readers of the file will not know."""
    for population in network.populations:
        neuron, omissions = population.floating, []
        if neuron.reset is not Reset.HARD:
            omissions.append(f"the reset ({neuron.reset.value})")
        if not neuron.strict:
            omissions.append("the comparison (v >= threshold)")
        if omissions:
            yield _loss(population.name, " and ".join(omissions),
                        "other readers reset to v_reset where v > threshold")
    for item in network.inputs:
        if item.kind is InputKind.STATIC:
            yield _loss(item.name, f"that a value holds for {network.n_ticks} ticks",
                        "send it in every tick")
    for program in network.host_programs:
        yield _loss(program.name, "what follows the last neurons",
                    "compute this output from their spikes")
    for readout in network.readouts:
        if readout.ticks == "sum":
            yield _loss(readout.name, "that it is a sum over a sample's ticks",
                        f"add up {network.n_ticks} ticks of {dt:g} s")
        elif readout.ticks != "each":
            yield _loss(readout.name, f"that it is the value of tick {readout.ticks}",
                        f"a sample has {network.n_ticks} ticks of {dt:g} s")


def _loss(module: str, what: str, consequence: str) -> Diagnostic:
    return Diagnostic("NC117", Location(module), {
        "module": module, "what": what, "consequence": f": {consequence}"})
