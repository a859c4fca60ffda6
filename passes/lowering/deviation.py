"""Where the ticks of an unrolled loop differ: in number, or in what they compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic, Location, contrast
from neurocompile.ir.axes import Layouts, Role, shape_of
from neurocompile.ir.graph import constant, location
from neurocompile.ir.neuron_node import NeuronNode, as_neuron, is_neuron


def repeated_uses(neurons: Iterable[NeuronNode], layouts: Layouts) -> Iterator[Diagnostic]:
    """NC112 for every module with a time axis that is used more than once in a tick."""
    for module, uses in _by_module(neurons).items():
        if uses[0].train not in layouts.tick_of and len(uses) > 1:
            yield _unlike(module, uses, f"it is used {len(uses)} times in a tick, {_places(uses)}")


def uneven_uses(neurons: Iterable[NeuronNode], layouts: Layouts) -> Iterator[Diagnostic]:
    """NC112 for every module whose neurons run another number of ticks than most modules' do."""
    modules = _by_module(neurons)
    counts = {
        module: len(uses) if uses[0].train in layouts.tick_of
        else (shape_of(uses[0].spikes) or (1,))[0] for module, uses in modules.items()}
    usual = Counter(counts.values())
    n_ticks = max(usual, key=lambda count: (usual[count], count), default=0)
    regular = next((m for m, count in counts.items() if count == n_ticks), "")
    for module, uses in modules.items():
        times, rest = divmod(counts[module], n_ticks)
        if times > 1 and not rest:
            yield _unlike(module, uses,
                          f"it is used {times} times in a tick, {_places(uses[:times])}")
        elif counts[module] != n_ticks:
            yield _unlike(module, uses, f"it runs {counts[module]} ticks, `{regular}` at "
                                        f"{location(modules[regular][-1].node)} {n_ticks}")


def _by_module(neurons: Iterable[NeuronNode]) -> dict[str, list[NeuronNode]]:
    uses: dict[str, list[NeuronNode]] = {}
    for neuron in neurons:
        uses.setdefault(neuron.module, []).append(neuron)
    return uses


def _unlike(module: str, uses: list[NeuronNode], what: str) -> Diagnostic:
    return Diagnostic("NC112", location(uses[-1].node), {
        "tick": "(all)", "module": module, "other": "(all)", "what": what})


def _places(uses: list[NeuronNode]) -> str:
    places = dict.fromkeys(_place(location(neuron.node)) for neuron in uses)
    return f"{'; '.join(places)}: give each use its own neurons"


def _place(where: Location) -> str:
    callers = f" called from {where.callers[0]}" if where.callers else ""
    return f"at {where}{callers}"


def deviation(one: ir.Node, other: ir.Node, layouts: Layouts) -> tuple[ir.Node, ir.Node]:
    """The nodes at which what reaches two nodes of a loop's module starts to differ.

    Both ways are walked back at once, up to the neurons before; the two nodes themselves are
    returned where no node differs.
    """
    difference = _difference(one, other, layouts, set())
    return difference if difference is not None else (one, other)


def description(one: ir.Node, other: ir.Node) -> str:
    """Two operators that differ, with their lines."""
    return contrast(_name(one), location(one), _name(other), location(other))


def _name(node: ir.Node) -> str:
    return _module(node) or node.op_type


def _difference(one: ir.Node, two: ir.Node, layouts: Layouts, visits: set[tuple[int, int]]
                ) -> tuple[ir.Node, ir.Node] | None:
    """The differing nodes behind two nodes of one kind, or they themselves; None if none differ.

    The states of neurons are not followed. A start value of a loop stands in its first tick for
    what later ticks get from a neuron.
    """
    if (id(one), id(two)) in visits:
        return None
    visits.add((id(one), id(two)))
    for a, b in _operands(one, two, layouts):
        static, other = constant(a), constant(b)
        if a is b or (static is not None and other is not None and np.array_equal(static, other)):
            continue
        before, beside = (None if v is None else v.producer() for v in (a, b))
        stateful = any(n is not None and is_neuron(n) for n in (before, beside))
        if stateful and (static is not None or other is not None
                        or _module(before) == _module(beside)):
            continue
        if before is None or beside is None or (static is None) != (other is None):
            return one, two
        if stateful or _kind(before) != _kind(beside):
            return before, beside
        difference = _difference(before, beside, layouts, visits)
        if difference is not None:
            return difference
    return None


def _operands(one: ir.Node, two: ir.Node, layouts: Layouts
              ) -> list[tuple[ir.Value | None, ir.Value | None]]:
    """What to compare: of neurons the input, of a tick's selection (`x[t]`) what it selects of."""
    neurons = as_neuron(one), as_neuron(two)
    if neurons[0] is not None and neurons[1] is not None:
        return [(neurons[0].current, neurons[1].current)]
    pairs = list(zip(one.inputs, two.inputs, strict=True))
    selects = any(layouts.positions(v, Role.TIME) for v in one.inputs) and not any(
        layouts.positions(v, Role.TIME) for v in one.outputs)
    return pairs[:1] if selects else pairs


def _module(node: ir.Node | None) -> str | None:
    neuron = as_neuron(node)
    return None if neuron is None else neuron.module


def _kind(node: ir.Node) -> tuple[object, ...]:
    attributes = tuple(sorted((k, str(a.value)) for k, a in node.attributes.items()))
    return (node.domain, node.op_type, len(node.inputs), attributes)
