"""Gates: OR and AND of spikes as helper neurons, opt-in. NC134: OR. NC135: AND.

Exact only inside one tick of a chip with a global tick, and outside of loops, since a helper
neuron answers one step later and every parallel path has to wait for it. `lowering.gates` makes
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from neurocompile.ir.axes import Role
from neurocompile.ir.graph import constant, location
from neurocompile.ir.neuron_node import as_neuron
from neurocompile.passes.legality.allow import Allow, with_opt_in
from neurocompile.passes.legality.price import ExtraCost, data_size, fan_in
from neurocompile.passes.legality.spike_types import Current, Spike
from neurocompile.passes.legality.ticks import joined_axes
from neurocompile.passes.legality.walk import TypeWalk, upstream

REARRANGING = frozenset({  # a complement stays one
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "CastLike", "Transpose",
    "Expand", "Slice", "Dropout"})


def or_pool(node: ir.Node, walk: TypeWalk, window: str) -> Spike | Rejection:
    """OR neurons for a max-pool of spikes where that is allowed; else how to say that they are not."""
    if Allow.OR_POOL not in walk.allow and walk.reports("NC122", node):
        return Rejection()
    reason = _refusal(node, walk, node.inputs[:1])
    if node.op_type == "ReduceMin":
        reason = "a minimum is no OR"
    elif any(output.uses() for output in node.outputs[1:]):
        reason = "the places of the maxima are used as well"
    if reason or Allow.OR_POOL not in walk.allow:
        return _rejection(walk, "NC122", Allow.OR_POOL, "makes OR neurons of it", reason)
    neurons = data_size(walk, node.outputs[0])
    price = ExtraCost(neurons, synapses=neurons * fan_in(walk, node),
                      axons=data_size(walk, node.inputs[0]), ticks=1)
    walk.report("NC134", node, {"window": window, **price.values()})
    return _population(node, walk, "or")


def and_gate(node: ir.Node, walk: TypeWalk) -> Spike | Rejection:
    """AND neurons for a product of two spikes where that is allowed; else how to say that not."""
    if Allow.COINCIDENCE_GATES not in walk.allow and walk.reports("NC121", node):
        return Rejection()
    reason = _refusal(node, walk, node.inputs)
    if node.op_type not in ("Mul", "And"):
        reason = f"`{node.op_type}` is no product"
    if reason or Allow.COINCIDENCE_GATES not in walk.allow:
        return _rejection(walk, "NC121", Allow.COINCIDENCE_GATES, "makes AND neurons of it", reason)
    neurons = data_size(walk, node.outputs[0])
    axons = sum(data_size(walk, value) for value in node.inputs)
    price = ExtraCost(neurons, 2 * neurons, axons, ticks=1)
    walk.report("NC135", node, {"op": node.op_type, **price.values()},
                notes=tuple(walk.paths(node)))
    return _population(node, walk, "and")


@dataclass(frozen=True, slots=True)
class Rejection:
    """What a finding says about an opt-in: why it does not hold, or that it would."""

    notes: tuple[str, ...] = ()
    hint: str | None = None


def _rejection(walk: TypeWalk, code: str, opt_in: Allow, effect: str, reason: str) -> Rejection:
    if opt_in in walk.allow:
        return Rejection(notes=(f"`--allow {opt_in}` does not hold here: {reason}",))
    return Rejection() if reason else Rejection(hint=with_opt_in(code, opt_in, effect))


def _population(node: ir.Node, walk: TypeWalk, kind: str) -> Spike:
    name = node.outputs[0].name or ""
    walk.modules[name] = f"{location(node).module or node.op_type}.{kind}"
    return Spike(frozenset({name}))


def _refusal(node: ir.Node, walk: TypeWalk, operands: Sequence[ir.Value | None]) -> str:
    """Why a gate would not compute the same; empty where it would."""
    ticks = {walk.layouts.ticks.get((v.name if v else None) or "") for v in operands}
    if walk.asynchronous:
        return "without a global tick no two spikes are known to be of the same tick"
    if not all(_binary(value, walk) for value in operands):
        return "its operands are not all binary spikes"
    if len(ticks) > 1:
        return "its operands are of different ticks"
    if node in walk.behind_mixing or any(axes & walk.layouts.positions(value, role) for role in (
            Role.TIME, Role.BATCH) for value, axes in joined_axes(node)):
        return "it mixes ticks or samples"
    if not data_size(walk, node.outputs[0]):
        return "its axes cannot be followed"
    if _on_a_loop(node, walk):
        return "it lies on a feedback loop, which has no tick to spare"
    return ""


def _binary(value: ir.Value | None, walk: TypeWalk) -> bool:
    """Whether a value is a binary spike train, or the complement of one (`1 - s`)."""
    kind, node = walk.type_of(value), value.producer() if value is not None else None
    if isinstance(kind, Spike):
        return kind.levels == 1
    if node is None or not isinstance(kind, Current):
        return False
    if node.op_type in REARRANGING:
        return _binary(node.inputs[0], walk)
    if node.op_type == "Sub":
        one, spikes = constant(node.inputs[0]), walk.type_of(node.inputs[1])
        return (one is not None and bool(np.all(one == 1))
                and isinstance(spikes, Spike) and spikes.levels == 1)
    return node.op_type == "Not" and isinstance(walk.type_of(node.inputs[0]), Spike)


def _on_a_loop(node: ir.Node, walk: TypeWalk) -> bool:
    """Whether what the node feeds reaches what feeds it, in a later tick."""
    if not walk.layouts.tick_of:
        return False
    feeds: dict[str, set[str]] = {}
    behind: set[str] = set()
    for neuron in walk.graph.neurons():
        inside = upstream([neuron.current.producer() if neuron.current else None])
        for source in _sources(inside):
            feeds.setdefault(source, set()).add(neuron.module)
        if node in inside:
            behind.add(neuron.module)
    start = set(_sources(upstream([node])))
    while more := set[str]().union(*(feeds.get(m, set()) for m in behind)) - behind:
        behind |= more
    return bool(behind & start)


def _sources(nodes: frozenset[ir.Node]) -> set[str]:
    """The modules whose spikes enter these nodes."""
    return {neuron.module for node in nodes for value in node.inputs if value is not None
            and (neuron := as_neuron(value.producer())) is not None}
