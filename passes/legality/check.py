"""The proof that a Graph is event-driven, or everything that speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.axes import layouts
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import NeuronNode, as_neuron
from neurocompile.passes.legality import (
    bias,
    linear,
    neurons,
    nonlinear,
    pooling,
    products,
    readout,
    sums,
    ticks,
    wiring,
)
from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.cut import cut
from neurocompile.passes.legality.functions import functions_of
from neurocompile.passes.legality.spike_types import (
    STATIC,
    Current,
    Opaque,
    SpikeType,
    Static,
    plus_constant,
    times,
)
from neurocompile.passes.legality.walk import Transfer, TypeWalk, producer, start
from neurocompile.semantics.floating import POTENTIAL, STATE_WORDS

TRANSFER: dict[str, Transfer] = {
    **linear.TRANSFER, **products.TRANSFER, **pooling.TRANSFER, **nonlinear.TRANSFER,
    **wiring.TRANSFER,
}
SHAPES = frozenset({"Shape", "Size"})  # static, whatever they are asked of


def check_graph(graph: Graph, timing: str = "tick",
                allow: Iterable[str] = (), outputs: Sequence[str] = ()) -> list[Diagnostic]:
    """All findings of the legality rules, in the order of the program; no error: event-driven.

    `timing` is "tick" for chips with a global tick, "async" for those without (NC128, NC136,
    NC137). `allow` names opt-ins (`Allow`): rewrites that are priced instead of refused; `outputs` the
    outputs that are wanted, all if empty. Raises UsageError (NC009) for one that there is not.
    """
    walk = walk_graph(graph, timing, allow, outputs)
    return list(walk.findings.values()) if walk.modules else [Diagnostic("NC130")]


def walk_graph(graph: Graph, timing: str = "tick", allow: Iterable[str] = (),
               outputs: Sequence[str] = ()) -> TypeWalk:
    """The spike type of every value, and all findings."""
    axes = layouts(graph)
    functions = functions_of(graph)
    parts = cut(graph, axes, functions.affine, outputs)
    walk = start(graph, axes, functions, parts, timing == "async", frozenset(map(Allow, allow)))
    if not walk.modules:
        return walk
    ticks.check_loop(walk)
    for node in graph.nodes():
        if node not in walk.live:
            continue
        neuron = as_neuron(node)
        if neuron is not None:
            _visit_neuron(neuron, walk)
            continue
        kind = sums.follow(node, _transfer(node, walk), walk)
        if not isinstance(kind, Static):
            for output in node.outputs:
                walk.types[output.name or ""] = kind
    readout.check_outputs(walk, parts)
    bias.check_timing(walk)
    return walk


def _transfer(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """The type of a node's results, with findings on the way."""
    if node.op_type in SHAPES:
        return STATIC
    if node in walk.functions.affine:
        return _function(node, walk)
    if not walk.operands(node) and node.op_type not in nonlinear.ALWAYS:
        return STATIC
    if node in walk.feeding:
        _state(node, node.inputs, walk)
    ticks.check(node, walk)
    rule = TRANSFER.get(node.op_type) if node.domain == "" else None
    kind = nonlinear.unknown(node, walk) if rule is None else rule(node, walk)
    if isinstance(kind, Opaque) and kind.state_of and wiring.TRANSFER.get(node.op_type) is None:
        return Opaque(kind.op, kind.node, kind.reported)
    return kind


def _function(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """The type of an affine function of another value, whatever operators compute it."""
    affine = walk.functions.affine[node]
    if producer(affine.base) in walk.behind_mixing:
        walk.behind_mixing.add(node)
    kind, gain = walk.type_of(affine.base), float(np.abs(affine.gain).max(initial=0.0))
    offset = float(np.abs(affine.offset).max(initial=0.0))
    if gain == 0.0:
        return Current(frozenset(), bias=offset)
    same = bool((affine.gain == 1.0).all())
    return plus_constant(kind if same else times(kind, gain), offset)


def _state(node: ir.Node, operands: Iterable[ir.Value | None], walk: TypeWalk) -> None:
    """A membrane potential that feeds another neuron's input is no event."""
    for value in operands:
        kind = walk.type_of(value)
        if value is not None and isinstance(kind, Opaque) and not kind.reported:
            walk.report("NC123", node, {"op": kind.op})
            walk.types[value.name or ""] = Opaque(kind.op, kind.node, reported=True)


def _visit_neuron(neuron: NeuronNode, walk: TypeWalk) -> None:
    if neuron.node in walk.chip:
        _neuron(neuron, walk)
        return
    for value in (neuron.spikes, *neuron.final.values()):
        walk.types[value.name or ""] = Opaque(
            f"{STATE_WORDS[POTENTIAL]} of {neuron.module}", neuron.node)


def _neuron(neuron: NeuronNode, walk: TypeWalk) -> None:
    node, module = neuron.node, neuron.module
    ticks.check_neuron(neuron, walk)
    bias.check_neuron(neuron, walk)
    _state(node, neuron.currents, walk)
    for value in neuron.initial.values():
        kind = walk.type_of(value)
        own = isinstance(kind, Static) or (isinstance(kind, Opaque) and kind.state_of == module)
        if not own and not (isinstance(kind, Opaque) and kind.reported):
            source = kind.op if isinstance(kind, Opaque) else "a computed start value"
            walk.report("NC123", node, {"op": f"{source} as the state of {module}"}, key=(module,))
    walk.types[neuron.train] = neurons.emission(neuron, walk)
    for name, state in neuron.final.items():
        what = STATE_WORDS.get(name, f"state {name}")
        walk.types[state.name or ""] = Opaque(f"{what} of {module}", node, state_of=module)
