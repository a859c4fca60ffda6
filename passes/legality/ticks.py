"""What a neuron receives comes from one tick of one sample.

NC126: mixed ticks. NC113: mixed samples. NC112: a loop whose rounds have different neurons. In an
unrolled loop earlier ticks are synaptic delays; `lower` proves them the same in every tick.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from neurocompile.ir.axes import Role
from neurocompile.ir.axis_arithmetic import axis_list, einsum_terms, reduced_axes
from neurocompile.ir.axis_space import integers, shape_of
from neurocompile.ir.graph import location
from neurocompile.ir.neuron_node import NeuronNode, as_neuron, is_neuron
from neurocompile.passes.legality.spike_types import Analog
from neurocompile.passes.legality.walk import TypeWalk, upstream
from neurocompile.passes.lowering.deviation import repeated_uses, uneven_uses


def check_loop(walk: TypeWalk) -> None:
    """Report modules that do not run once a tick, in a loop those with fewer or more rounds too."""
    neurons = [neuron for neuron in walk.graph.neurons() if neuron.node in walk.chip]
    findings = list(uneven_uses(neurons, walk.layouts)) if walk.layouts.tick_of else []
    walk.irregular = bool(findings)
    for finding in (*repeated_uses(neurons, walk.layouts), *findings):
        walk.findings[finding.code, finding.where.module] = finding


def check(node: ir.Node, walk: TypeWalk) -> None:
    """Report an operator that joins ticks before a neuron, or samples anywhere.

    Behind a reported one only what an operator itself adds up counts: axes have lost their names.
    Behind axes that were taken for others nothing counts, neurons or not: it is their consequence.
    """
    if walk.irregular or all(isinstance(k, Analog) for k in walk.operands(node)):
        return
    if _is_behind_wrong_axes(node, walk):
        return
    after_mixing = any(v is not None and v.producer() in walk.behind_mixing for v in node.inputs)
    conflicts = () if after_mixing else tuple(walk.conflicts.get(node, ()))
    if after_mixing:
        walk.behind_mixing.add(node)
    roles = {role for value, axes in joined_axes(node) for role in (Role.TIME, Role.BATCH)
           if axes & walk.layouts.positions(value, role)}
    reasons = [conflict.reason for conflict in conflicts]
    roles |= {role for conflict in conflicts for role in conflict.roles}
    before = [walk.layouts.ticks.get(value.name or "", frozenset[int]())
              for value in node.inputs if value is not None]
    after = walk.layouts.ticks.get(node.outputs[0].name or "", frozenset[int]())
    joins = _span(after) > 1 and all(_span(ticks) <= 1 for ticks in before)
    if not after_mixing and joins and not _delays(node, max(after), walk):
        roles.add(Role.TIME)
        reasons.append(f"it joins ticks {min(after)} to {max(after)} of the loop")
    if Role.TIME in roles and node in walk.feeding:
        _mixes(node, walk)
        if conflicts:
            walk.wrong_axes.add(node)
        walk.report("NC126", node, {"op": node.op_type}, notes=[*reasons, *walk.paths(node)])
    elif Role.BATCH in roles and (node in walk.feeding or walk.no_output):
        _mixes(node, walk)
        walk.wrong_axes.add(node)
        module = location(node).module or "(model)"
        reason = reasons[0] if reasons else f"`{node.op_type}` works across the samples of a batch"
        walk.report("NC113", node, {"module": module, "reason": reason})


def check_neuron(neuron: NeuronNode, walk: TypeWalk) -> None:
    """Report a neuron that does not get its own tick's input, or earlier ones."""
    node, module = neuron.node, neuron.module
    if walk.irregular or _is_behind_wrong_axes(node, walk) or any(
            v.producer() in walk.behind_mixing for v in neuron.currents):
        return
    conflict = next(iter(walk.conflicts.get(node, ())), None)
    if conflict is not None:
        walk.wrong_axes.add(node)
        walk.report("NC113", node, {"module": module, "reason": conflict.reason}, key=(module,))
        return
    for current in neuron.currents:
        _check_current(neuron, current, walk)


def _check_current(neuron: NeuronNode, current: ir.Value, walk: TypeWalk) -> None:
    module = neuron.module
    sources = walk.layouts.ticks.get(current.name or "")
    own = walk.layouts.tick_of.get(neuron.train)
    if not sources or (own is not None and max(sources) <= own):
        return
    at = f"at tick {own}" if own is not None else "outside the loop"
    note = f"{at} `{module}` receives spikes of tick {', '.join(map(str, sorted(sources)))}"
    selections = [] if own is not None else _selections(current, walk)
    for selection in selections:
        walk.report("NC126", selection, {"op": selection.op_type}, notes=(note,))
    if not selections:
        walk.report("NC126", neuron.node, {"op": module}, key=(module,), notes=(note,))


def _delays(node: ir.Node, latest: int, walk: TypeWalk) -> bool:
    """Whether a sum of ticks reaches neurons of one tick only, none of them earlier than itself.

    What is carried on to the next ticks as well is a state, and no synapse has one.
    """
    visits, stack, ticks = {node}, [node], set()
    while stack:
        for output in stack.pop().outputs:
            for user in output.consumers():
                neuron = as_neuron(user)
                if neuron is not None:
                    ticks.add(walk.layouts.tick_of.get(neuron.train, -1))
                elif user not in visits:
                    visits.add(user)
                    stack.append(user)
    return len(ticks) == 1 and min(ticks) >= latest


def _selections(current: ir.Value | None, walk: TypeWalk) -> list[ir.Node]:
    """The operators that took single ticks out of a time axis."""
    ticks = walk.layouts.ticks
    inside = upstream([current.producer() if current is not None else None])
    return [node for node in walk.graph.nodes() if node in inside
            and any(ticks.get(output.name or "") for output in node.outputs)
            and not any(ticks.get(v.name or "") for v in node.inputs if v is not None)]


def _is_behind_wrong_axes(node: ir.Node, walk: TypeWalk) -> bool:
    """Whether what a node reads comes from axes that were taken for others, near or far."""
    behind = any(v is not None and v.producer() in walk.wrong_axes for v in node.inputs)
    if behind:
        walk.wrong_axes.add(node)
    return behind


def _mixes(node: ir.Node, walk: TypeWalk) -> None:
    walk.mixing.add(node)
    walk.behind_mixing.add(node)


def _span(ticks: frozenset[int]) -> int:
    return max(ticks) - min(ticks) if ticks else 0


def joined_axes(node: ir.Node) -> Iterator[tuple[ir.Value | None, frozenset[int]]]:
    """The axes of each operand along which a node adds up or compares."""
    if not is_neuron(node):
        yield from _operator_axes(node)


def _operator_axes(node: ir.Node) -> Iterator[tuple[ir.Value | None, frozenset[int]]]:
    first = node.inputs[0] if node.inputs else None
    shape = shape_of(first)
    if node.op_type == "Einsum":
        yield from _einsum_axes(node)
    elif shape is None:
        return
    elif node.op_type == "MatMul":
        yield first, frozenset({len(shape) - 1})
        other = shape_of(node.inputs[1])
        if other:
            yield node.inputs[1], frozenset({max(len(other) - 2, 0)})
    elif node.op_type == "Gemm":
        yield first, frozenset({1 - int(node.attributes.get_int("transA", 0))})
        yield node.inputs[1], frozenset({int(node.attributes.get_int("transB", 0))})
    else:
        yield first, frozenset(_own_axes(node, shape))


def _own_axes(node: ir.Node, shape: tuple[int, ...]) -> list[int]:
    """The axes that an operator of one tensor adds up or compares along."""
    op, rank = node.op_type, len(shape)
    if op in ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"):
        kernel = tuple(node.attributes.get_ints("kernel_shape", ()))
        if not kernel and len(node.inputs) > 1:
            kernel = (shape_of(node.inputs[1]) or ())[2:]
        axes = [axis for axis, size in enumerate(kernel, 2) if size > 1]
        convolves = op.startswith("Conv")
        return [1, *axes] if convolves and node.attributes.get_int("group", 1) < shape[1] else axes
    if op.startswith("Global") or op == "InstanceNormalization":
        return list(range(2, rank))
    if op in ("GroupNormalization", "LRN"):
        return list(range(1, rank))
    if op.startswith("Reduce"):
        return reduced_axes(node, rank)
    if op == "MeanVarianceNormalization":
        return axis_list(node, 1, rank) or [0, 2, 3]
    if op == "CumSum":
        return [axis % rank for axis in integers(node.inputs[1]) or ()]
    if op in ("Softmax", "LogSoftmax", "Hardmax", "TopK", "LpNormalization"):
        return [node.attributes.get_int("axis", -1) % rank]
    if op in ("ArgMax", "ArgMin"):
        return [node.attributes.get_int("axis", 0) % rank]
    if op in ("LayerNormalization", "RMSNormalization"):
        return list(range(node.attributes.get_int("axis", -1) % rank, rank))
    return []


def _einsum_axes(node: ir.Node) -> Iterator[tuple[ir.Value | None, frozenset[int]]]:
    terms, out = einsum_terms(node, [len(shape_of(value) or ()) for value in node.inputs])
    for term, value in zip(terms, node.inputs, strict=False):
        yield value, frozenset(axis for axis, letter in enumerate(term) if letter not in out)
