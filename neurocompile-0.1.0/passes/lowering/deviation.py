"""Where the ticks of an unrolled loop differ: in number, or in what they compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.axes import Layouts, Role, shape_of
from neurocompile.ir.graph import constant, location, module_of
from neurocompile.ir.neuron_function import DOMAIN


def reused(neurons: Iterable[ir.Node], layouts: Layouts) -> Iterator[Diagnostic]:
    """NC112 for every module with a time axis that is used more than once in a tick."""
    for module, nodes in _by_module(neurons).items():
        if nodes[0].outputs[0].name not in layouts.tick_of and len(nodes) > 1:
            yield _unlike(module, nodes, f"it is used {len(nodes)} times in a tick, {_uses(nodes)}")


def uneven(neurons: Iterable[ir.Node], layouts: Layouts) -> Iterator[Diagnostic]:
    """NC112 for every module whose neurons run another number of ticks than most modules' do."""
    modules = _by_module(neurons)
    counts = {
        module: len(nodes) if nodes[0].outputs[0].name in layouts.tick_of
        else (shape_of(nodes[0].outputs[0]) or (1,))[0] for module, nodes in modules.items()}
    usual = Counter(counts.values())
    n_ticks = max(usual, key=lambda count: (usual[count], count), default=0)
    regular = next((m for m, count in counts.items() if count == n_ticks), "")
    for module, nodes in modules.items():
        times, rest = divmod(counts[module], n_ticks)
        if times > 1 and not rest:
            yield _unlike(module, nodes, f"it is used {times} times in a tick, {_uses(nodes[:times])}")
        elif counts[module] != n_ticks:
            yield _unlike(module, nodes, f"it runs {counts[module]} ticks, `{regular}` at "
                                         f"{location(modules[regular][-1])} {n_ticks}")


def _by_module(neurons: Iterable[ir.Node]) -> dict[str, list[ir.Node]]:
    nodes: dict[str, list[ir.Node]] = {}
    for node in neurons:
        nodes.setdefault(module_of(node), []).append(node)
    return nodes


def _unlike(module: str, nodes: list[ir.Node], what: str) -> Diagnostic:
    return Diagnostic("NC112", location(nodes[-1]), {
        "tick": "(all)", "module": module, "other": "(all)", "what": what})


def _uses(nodes: list[ir.Node]) -> str:
    return "; ".join(f"at {location(node)}" for node in nodes) + ": give each use its own neurons"


def deviation(one: ir.Node, other: ir.Node, layouts: Layouts) -> tuple[ir.Node, ir.Node]:
    """The nodes at which what reaches two nodes of a loop's module starts to differ.

    Both ways are walked back at once, up to the neurons before; the two nodes themselves are
    returned where no node differs.
    """
    found = _compared(one, other, layouts, set())
    return found if found is not None else (one, other)


def described(node: ir.Node) -> str:
    """An operator and its line."""
    place = location(node)
    name = module_of(node) if node.domain == DOMAIN else node.op_type
    return f"`{name}` at {place}" if str(place) else f"`{name}`"


def _compared(one: ir.Node, two: ir.Node, layouts: Layouts, seen: set[tuple[int, int]]
              ) -> tuple[ir.Node, ir.Node] | None:
    """The differing nodes behind two nodes of one kind, or they themselves; None if none differ.

    The states of neurons are not followed. A start value of a loop stands in its first tick for
    what later ticks get from a neuron.
    """
    if (id(one), id(two)) in seen:
        return None
    seen.add((id(one), id(two)))
    for a, b in _operands(one, two, layouts):
        fixed, other = constant(a), constant(b)
        if a is b or (fixed is not None and other is not None and np.array_equal(fixed, other)):
            continue
        before, beside = (None if v is None else v.producer() for v in (a, b))
        carried = any(n is not None and n.domain == DOMAIN for n in (before, beside))
        if carried and (fixed is not None or other is not None or _name(before) == _name(beside)):
            continue
        if before is None or beside is None or (fixed is None) != (other is None):
            return one, two
        if carried or _kind(before) != _kind(beside):
            return before, beside
        found = _compared(before, beside, layouts, seen)
        if found is not None:
            return found
    return None


def _operands(one: ir.Node, two: ir.Node, layouts: Layouts
              ) -> list[tuple[ir.Value | None, ir.Value | None]]:
    """What to compare: of neurons the input, of a tick's selection (`x[t]`) what it is taken from."""
    pairs = list(zip(one.inputs, two.inputs, strict=True))
    selects = any(layouts.positions(v, Role.TIME) for v in one.inputs) and not any(
        layouts.positions(v, Role.TIME) for v in one.outputs)
    return pairs[:1] if selects or one.domain == DOMAIN else pairs


def _name(node: ir.Node | None) -> str | None:
    return module_of(node) if node is not None and node.domain == DOMAIN else None


def _kind(node: ir.Node) -> tuple[object, ...]:
    attributes = tuple(sorted((k, str(a.value)) for k, a in node.attributes.items()))
    return (node.domain, node.op_type, len(node.inputs), attributes)
