"""What a check says about a Graph as a whole: operators by place, multiply-accumulates, energy.

An operator is on chip when its result enters a neuron and depends on spikes; what happens before
the first neuron and behind the last one is the host's; an operator that a finding names is illegal.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic, errors
from neurocompile.ir.axes import Role, layouts
from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.graph import Graph, location
from neurocompile.ir.neuron_node import as_neuron, is_neuron
from neurocompile.passes.legality.cut import cut
from neurocompile.passes.legality.functions import functions_of
from neurocompile.passes.legality.walk import producer, reads, upstream

MAC_PJ, AC_PJ = 4.6, 0.9  # 45 nm, 32-bit floats (Horowitz, ISSCC 2014)
STATIC = frozenset({"Shape", "Size"})
WIRING = frozenset({  # moves values, computes none
    "Cast", "CastLike", "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice",
    "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"})
SCALES = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean", "Dropout"})


class Place(enum.Enum):
    """Where an operator can run."""

    CHIP = "on chip"
    HOST = "on the host"
    ILLEGAL = "illegal"


@dataclass(frozen=True, slots=True)
class Summary:
    """A Graph in numbers, for one sample and all its ticks."""

    operators: Mapping[Place, int]  # without those that only move values
    macs: Mapping[Place, int]  # multiply-accumulates of dense arithmetic
    energy_mj: float | None = None  # the papers' formula; None without measured rates

    @property
    def event_driven(self) -> float | None:
        """The share of multiply-accumulates that spikes trigger; None where there are none."""
        total = sum(self.macs.values())
        return self.macs[Place.CHIP] / total if total else None


def summarize(graph: Graph, findings: Iterable[Diagnostic],
              rates: Mapping[str, float] | None = None, outputs: Sequence[str] = ()) -> Summary:
    """The summary of a checked Graph.

    `findings` are those of `check_graph`. `rates`: measured spikes per neuron and tick, by module;
    `outputs` those that are wanted, all if empty.
    """
    dependence = _Dependence(graph, outputs)
    places = _FindingPlaces(findings)
    batch = _batch(graph)
    operators: Counter[Place] = Counter()
    macs: Counter[Place] = Counter()
    picojoules = 0.0
    for node in graph.nodes():
        if node not in dependence.live or node not in dependence.dynamic or node.op_type in STATIC:
            continue
        place = dependence.place(node)
        if places.names(node):
            place = Place.ILLEGAL
        if node.op_type not in WIRING or place is Place.ILLEGAL:
            operators[place] += 1
        count = multiply_accumulates(node) // batch
        if count:
            macs[place] += count
            picojoules += _picojoules(node, count, dependence, rates or {})
    everywhere = {place: operators[place] for place in Place}
    return Summary(everywhere, {place: macs[place] for place in Place},
                   None if rates is None else picojoules * 1e-9)


def replayed_rates(graph: Graph) -> dict[str, float] | None:
    """Spikes per neuron and tick by module, as the replay counted them; None without a replay."""
    replay = graph.info.get("replay")
    if not replay:
        return None
    sizes: Counter[str] = Counter()
    for neuron in graph.neurons():
        sizes[neuron.module] += math.prod(shape_of(neuron.spikes) or (0,))
    return {module: count / (replay["calls"] * sizes[module])
            for module, count in replay["spikes"].items() if sizes[module]}


def multiply_accumulates(node: ir.Node) -> int:
    """Multiply-accumulates of a node over the whole batch and all ticks; 0 for other operators."""
    if node.domain != "" or len(node.inputs) < 2:
        return 0
    first, second = shape_of(node.inputs[0]), shape_of(node.inputs[1])
    out = shape_of(node.outputs[0])
    if not first or not second or out is None:
        return 0
    if node.op_type == "Conv":
        return math.prod(out) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(first) * math.prod(second[1:])
    if node.op_type == "MatMul":
        return math.prod(out) * first[-1]
    if node.op_type == "Gemm":
        return math.prod(out) * first[0 if node.attributes.get_int("transA", 0) else 1]
    if node.op_type == "Einsum":
        return _einsum(node.attributes.get_string("equation", ""), [first, second])
    return 0


def _einsum(equation: str, shapes: Sequence[tuple[int, ...]]) -> int:
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=False):
        if len(term) != len(shape):  # an ellipsis
            return 0
        sizes.update(zip(term, shape, strict=True))
    return math.prod(sizes.values())


def _batch(graph: Graph) -> int:
    atoms = {atom.number: atom.size for dims in layouts(graph).dims.values()
             for axis in dims or () for atom in axis if atom.role is Role.BATCH}
    return math.prod(atoms.values())


class _Dependence:
    """What reaches what in a Graph."""

    def __init__(self, graph: Graph, outputs: Sequence[str]) -> None:
        inputs = {v.name for v in graph.model.graph.inputs if v.const_value is None}
        parts = cut(graph, layouts(graph), functions_of(graph).affine, outputs)
        self.chip = parts.chip
        self.live = upstream((v.producer() for v in parts.outputs.values()), through_neurons=True)
        feeds = (producer(value) for neuron in graph.neurons() if neuron.node in self.chip
                 for value in neuron.currents)
        self.feeding = upstream(feeds)
        self.dynamic: set[ir.Node] = set()  # depends on the model's input or on spikes
        self.spiking: set[ir.Node] = set()  # depends on spikes
        for node in graph.nodes():
            before = {p for p in map(producer, reads(node)) if p and p.op_type not in STATIC}
            if is_neuron(node) or before & self.spiking:
                self.spiking.add(node)
            if is_neuron(node) or before & self.dynamic or any(
                    v is not None and v.name in inputs for v in reads(node)):
                self.dynamic.add(node)

    def place(self, node: ir.Node) -> Place:
        """Where a node runs if nothing speaks against it."""
        if is_neuron(node):
            return Place.CHIP if node in self.chip else Place.HOST
        return Place.CHIP if node in self.spiking and node in self.feeding else Place.HOST

    def is_static(self, value: ir.Value | None) -> bool:
        """Whether a value is a weight, or computed from weights."""
        if value is None or value.is_graph_input():
            return value is None or value.const_value is not None
        return producer(value) not in self.dynamic


class _FindingPlaces:
    """The operators that errors name, by place in the user's code."""

    def __init__(self, findings: Iterable[Diagnostic]) -> None:
        self.ops: dict[object, set[str]] = {}
        for one in errors(findings):
            if not one.code.startswith("NC1"):
                continue
            words = str(one.values.get("op", "")).split()
            self.ops.setdefault(one.where, set()).add(words[0] if words else "")

    def names(self, node: ir.Node) -> bool:
        """Whether a finding lies at this node."""
        ops = self.ops.get(location(node), set())
        if node.op_type in ops:
            return True
        maximum = "Max" in node.op_type  # NC122 names no operator
        return "" in ops and (is_neuron(node) or maximum)


def _picojoules(node: ir.Node, count: int, dependence: _Dependence, rates: Mapping[str, float]
                ) -> float:
    """Accumulates per spike where spikes enter, multiply-accumulates elsewhere."""
    operands = [value for value in node.inputs[:2] if not dependence.is_static(value)]
    operand_rates = [_rate(value, rates) for value in operands]
    rate = next((one for one in operand_rates if one is not None), None)
    return MAC_PJ * count if rate is None else AC_PJ * rate * count


def _rate(value: ir.Value | None, rates: Mapping[str, float]) -> float | None:
    """Events per element of a value made of spikes alone; None for numbers."""
    total, weight = 0.0, 0
    stack, visits = [value], set()
    while stack:
        one = stack.pop()
        node = producer(one)
        if node is None:
            if one is not None and one.is_graph_input():
                return None
            continue
        if node in visits:
            continue
        visits.add(node)
        neuron = as_neuron(node)
        if neuron is not None:
            if one is not neuron.spikes or neuron.module not in rates:
                return None
            size = math.prod(shape_of(one) or (1,))
            total, weight = total + rates[neuron.module] * size, weight + size
        elif node.op_type in WIRING or node.op_type in SCALES:
            stack += [v for v in node.inputs if v is not None and v.const_value is None]
        elif node.op_type not in ("Constant", *STATIC):
            return None
    return total / weight if weight else None
