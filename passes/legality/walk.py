"""One walk over a Graph: the spike type of every value, and all findings on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.axes import Conflict, Layouts
from neurocompile.ir.graph import Graph, location
from neurocompile.ir.neuron_node import NeuronNode, is_neuron
from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.functions import NO_AFFINES, Affines, Functions
from neurocompile.passes.legality.spike_types import (
    STATIC,
    Analog,
    Current,
    Opaque,
    Spike,
    SpikeType,
    Static,
    sources_of,
)

if TYPE_CHECKING:
    from neurocompile.passes.legality.cut import Cut

Transfer = Callable[[ir.Node, "TypeWalk"], SpikeType]


@dataclass(eq=False)
class TypeWalk:
    """Types found so far, findings so far, and what reaches what."""

    graph: Graph
    layouts: Layouts
    live: frozenset[ir.Node]  # nodes that an output depends on
    chip: frozenset[ir.Node]  # neurons that fire for somebody, and all that they depend on
    feeding: frozenset[ir.Node]  # nodes whose result enters one of those neurons
    no_output: bool  # is computed from spikes, by nobody
    functions: Functions  # of spikes, however they are written
    asynchronous: bool = False
    allow: frozenset[Allow] = frozenset()
    types: dict[str, SpikeType] = field(default_factory=dict)
    findings: dict[tuple[object, ...], Diagnostic] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)  # spike value -> neuron's module
    conflicts: dict[ir.Node, list[Conflict]] = field(default_factory=dict)
    mixing: set[ir.Node] = field(default_factory=set)  # nodes reported to join ticks or samples
    behind_mixing: set[ir.Node] = field(default_factory=set)  # those, and on up to neurons
    wrong_axes: set[ir.Node] = field(default_factory=set)  # nodes with them, and all behind
    irregular: bool = False  # a loop's ticks cannot be told apart
    leaky_neurons: list[NeuronNode] = field(default_factory=list)  # without a global tick only
    analog_neurons: list[NeuronNode] = field(default_factory=list)  # that get the analog input
    receptive_fields: dict[str, Any] = field(default_factory=dict)  # of `price`

    def type_of(self, value: ir.Value | None) -> SpikeType:
        """The type of a value; what no input or neuron reaches is static."""
        return STATIC if value is None else self.types.get(value.name or "", STATIC)

    def operands(self, node: ir.Node) -> list[SpikeType]:
        """The types of a node's inputs that depend on the model's input."""
        kinds = (self.type_of(value) for value in reads(node))
        return [kind for kind in kinds if not isinstance(kind, Static)]

    def report(self, code: str, node: ir.Node, values: dict[str, object], *,
               notes: Iterable[str] = (), hint: str | None = None,
               key: tuple[object, ...] | None = None) -> None:
        """Add a finding, once for each place, way there and kind of operator."""
        where = location(node)
        self.findings.setdefault(
            (code, *((where, node.op_type) if key is None else key)),
            Diagnostic(code, where, values, hint=hint, notes=tuple(notes)))

    def reports(self, code: str, node: ir.Node) -> bool:
        """Whether that finding was already made at the node's place."""
        return (code, location(node), node.op_type) in self.findings

    def reject(self, code: str, node: ir.Node, values: dict[str, object], *,
               recover: SpikeType | None = None, notes: Iterable[str] = (),
               hint: str | None = None, always: bool = False) -> SpikeType:
        """The type of an operator that no synapse computes; a finding if it feeds a neuron.

        Before the first neuron it is the host's, and analog. Behind the last one it makes the
        readout opaque. On what was already reported it is silent, unless `always`.
        """
        kinds = self.operands(node)
        if all(isinstance(kind, Analog) for kind in kinds):
            if node in self.feeding:
                self.report("NC138", node, {"op": node.op_type})
            return Analog()
        opaque = next((kind for kind in kinds if isinstance(kind, Opaque)), None)
        if opaque is not None and not (always and opaque.reported):
            return opaque
        if node not in self.feeding:
            return opaque if opaque is not None else Opaque(node.op_type, node)
        self.report(code, node, values, notes=notes, hint=hint)
        if recover is not None:
            return recover
        return Opaque(node.op_type, node, reported=True, sources=sources_of(kinds))

    def describe(self, kind: SpikeType) -> str:
        """A type and the neurons it comes from, for a note."""
        if isinstance(kind, Spike | Current):
            names = sorted({self.modules.get(source, source) for source in kind.sources})
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            return f"{type(kind).__name__} from {', '.join(names[:3])}{more}"
        if isinstance(kind, Opaque):
            return f"result of {kind.op}"
        return "Analog from the model's input"

    def paths(self, node: ir.Node) -> Iterator[str]:
        """Notes on a node's dynamic operands."""
        kinds = self.operands(node)
        names = ("left", "right") if len(kinds) == 2 else ("",) * len(kinds)
        for name, kind in zip(names, kinds, strict=True):
            yield f"{name} operand: {self.describe(kind)}".strip()


def start(graph: Graph, axes: Layouts, functions: Functions, parts: Cut, asynchronous: bool,
          allow: frozenset[Allow]) -> TypeWalk:
    """A walk before its first node."""
    neurons = [neuron for neuron in graph.neurons() if neuron.node in parts.chip]
    feeding = upstream(
        (producer(value) for neuron in neurons for value in neuron.currents), functions.affine)
    walk = TypeWalk(graph, axes, parts.live, parts.chip, feeding, not parts.served, functions,
                    asynchronous, allow)
    for value in graph.model.graph.inputs:
        if value.const_value is None and value.name is not None:
            walk.types[value.name] = Analog()
    for conflict in walk.layouts.conflicts:
        walk.conflicts.setdefault(conflict.node, []).append(conflict)
    for neuron in neurons:
        walk.modules[neuron.train] = neuron.module
    return walk


def producer(value: ir.Value | None) -> ir.Node | None:
    """The node that computes a value, if one does."""
    return None if value is None else value.producer()


def upstream(starts: Iterable[ir.Node | None], affine: Affines = NO_AFFINES, *,
             through_neurons: bool = False) -> frozenset[ir.Node]:
    """Nodes and all that they depend on, back to the neurons before them or to the start.

    What is one of `affine` depends on its base alone.
    """
    nodes: set[ir.Node] = set()
    stack = [node for node in starts if node is not None]
    while stack:
        node = stack.pop()
        if node in nodes or (not through_neurons and is_neuron(node)):
            continue
        nodes.add(node)
        values = [affine[node].base] if node in affine else reads(node)
        stack.extend(p for p in map(producer, values) if p is not None)
    return frozenset(nodes)


def reads(node: ir.Node) -> Iterator[ir.Value | None]:
    """A node's inputs, and what the subgraphs of a control-flow operator read from outside."""
    yield from node.inputs
    for attribute in node.attributes.values():
        if attribute.type is ir.AttributeType.GRAPH:
            for inner in attribute.as_graph():
                yield from reads(inner)
