"""Reading a tick's operations as a tree, and matching trees against those of other ticks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch.fx import Node

from neurocompile.capture.handwritten.fx_values import (
    Operand,
    ProgramValues,
    op_name,
    operation,
    origin,
    shape,
)
from neurocompile.capture.handwritten.thresholds import Threshold, Thresholds
from neurocompile.capture.handwritten.trees import COMMUTE, R, Tree, const
from neurocompile.capture.neuron_op import NEURON

Bound = dict[Tree, Node]


class Unreadable(Exception):
    """A tick that is no equation of a neuron: at which node, and why."""

    def __init__(self, node: Node, reason: str) -> None:
        super().__init__(reason)
        self.node, self.reason = node, reason


class Stale(Unreadable):
    """A first tick that starts from a state left over from an earlier run."""


def spread(values: ProgramValues, starts: Iterable[Node], end: Node, stops: Iterable[Node] = (),
           elementwise: bool = True) -> set[Node]:
    """The nodes that the start nodes reach, by elementwise operations or by any.

    Not those behind `end` in the program, which nothing there can depend on.
    """
    reach, barriers, last = set(starts), set(stops), values.position[end]
    waiting = list(reach)
    while waiting:
        for node in waiting.pop().users:
            if node in reach or node in barriers or node.target is NEURON or (
                    values.position[node] > last):
                continue
            if not elementwise or origin(node) is not node or operation(node) is not None:
                reach.add(node)
                waiting.append(node)
    return reach


class TickReader:
    """Reads what a tick computes for `end`.

    `leaves` are the values of the tick before, `own` those of all ticks.
    """

    def __init__(self, values: ProgramValues, thresholds: Thresholds, before: Threshold | None,
                 chain: list[Threshold], leaves: Mapping[Node, Tree], own: set[Node], end: Node
                 ) -> None:
        self.values, self.thresholds, self.before = values, thresholds, before
        self.chain, self.leaves, self.own = chain, leaves, own
        outcomes = [n for t in chain for n in (*t.forms, *t.negations)]
        self.stateful = spread(values, (*own, *leaves, *outcomes), end)
        self.reach = spread(values, (*own, *leaves), end, outcomes, elementwise=False)
        self.inputs: list[Node] = []
        self.nodes: dict[Tree, Node] = {}  # where a tree was read

    def read(self, operand: Operand, user: Node) -> Tree:
        """The tree of a value that an operation uses. Raises Unreadable."""
        number = self.values.number(operand)
        if number is not None:
            return const(number)
        if not isinstance(operand, Node):
            raise TypeError(f"no operand: {operand!r}")
        tree = self._leaf(operand, user)
        if tree is None:
            tree = self._operation(origin(operand))
        self.nodes.setdefault(tree, operand)
        return tree

    def read_operation(self, node: Node) -> Tree:
        """The tree of the operation that makes a value, whatever the value is to the next tick."""
        tree = self._input(node) if node not in self.stateful else self._operation(node)
        self.nodes.setdefault(tree, node)
        return tree

    def _leaf(self, operand: Node, user: Node) -> Tree | None:
        threshold, opposite = self.thresholds.of.get(operand, (None, False))
        if threshold in self.chain:
            if threshold is not self.before:
                raise Unreadable(user, "it uses a spike older than one tick")
            return ("not", R) if opposite else R
        node = origin(operand)
        if node in self.leaves:
            return self.leaves[node]
        if node in self.own:
            raise Unreadable(user, "it carries more than a potential and a synaptic current "
                                   "from tick to tick")
        return None if node in self.stateful else self._input(node)

    def _input(self, node: Node) -> Tree:
        if node in self.values.random:
            raise Unreadable(node, "it adds random numbers")
        if node in self.reach:
            source = next((n for n in (node, *node.all_input_nodes) if operation(n) is None), node)
            raise Unreadable(node, f"`{op_name(source)}` acts on its potential")
        if node not in self.inputs:
            self.inputs.append(node)
        return ("in", self.inputs.index(node))

    def _operation(self, node: Node) -> Tree:
        elementwise = operation(node)
        if elementwise is None or elementwise[0] in ("sign", "ne", "abs"):
            raise Unreadable(node, f"`{op_name(node)}` acts on its state")
        op, operands = elementwise
        for operand in operands:
            if isinstance(operand, Node) and operand not in self.stateful:
                self._check_one_number(node, op, operand)
        parts = [self.read(o, node) for o in operands if o is not None]
        if op == "clamp":
            return _clamp_tree(parts, operands)
        if op in ("minimum", "maximum") and not any(p[0] == "const" for p in parts):
            raise Unreadable(node, f"`{op_name(node)}` of two values that change")
        return (op, *parts)

    def _check_one_number(self, node: Node, op: str, operand: Node) -> None:
        constant = operand not in self.values.dynamic
        if constant and operand in self.values.random:
            raise Unreadable(node, "it multiplies or adds random numbers")
        if constant and op not in ("add", "sub") and self.values.number(operand) is None:
            raise Unreadable(node, f"`{op_name(node)}` has a constant of shape "
                                   f"{tuple(shape(operand))}, not one number for all neurons")
        if not constant and op in ("mul", "div"):
            raise Unreadable(node, f"`{op_name(node)}` multiplies its state by what changes")


def _clamp_tree(parts: list[Tree], operands: tuple[Operand, ...]) -> Tree:
    tree, bounds = parts[0], iter(parts[1:])
    if operands[1] is not None:
        tree = ("maximum", tree, next(bounds))
    return tree if operands[2] is None else ("minimum", tree, next(bounds))


class Matcher:
    """Matches trees against one tick; `bound` says which nodes the leaves are."""

    def __init__(self, values: ProgramValues, thresholds: Thresholds, before: Threshold | None
                 ) -> None:
        self.values, self.thresholds, self.before = values, thresholds, before
        self.wrong: tuple[Tree, Node] | None = None  # the last part that did not match

    def match(self, tree: Tree, operand: Operand, bound: Bound) -> Bound | None:
        """The leaves' nodes if the value is what the tree says, bit for bit; else None."""
        kind = tree[0]
        if kind == "const":
            return self._if(self.values.number(operand) == tree[1], tree, operand, bound)
        if not isinstance(operand, Node):
            return None
        if tree in (R, ("not", R)) and operand in self.thresholds.of:
            spike = self.thresholds.of[operand] == (self.before, kind == "not")
            return self._if(spike, tree, operand, bound)
        node = origin(operand)
        if kind in ("u0", "u1"):
            while (inner := self._without_identity(node)) is not None:
                node = origin(inner)
        if kind in ("in", "v", "u0", "u1"):
            if bound.setdefault(tree, node) is node:
                return bound
            inner = self._without_identity(node)
            return self._else(tree, inner, operand, bound)
        same = self._operation(tree, node, bound)
        if same is not None:
            return same
        inner = self._without_identity(node)
        return self._else(tree, inner, operand, bound)

    def _else(self, tree: Tree, inner: Node | None, operand: Node, bound: Bound) -> Bound | None:
        if inner is not None:
            return self.match(tree, inner, bound)
        return self._if(False, tree, operand, bound)

    def _if(self, same: bool, tree: Tree, operand: Operand, bound: Bound) -> Bound | None:
        if same:
            return bound
        if isinstance(operand, Node):
            self.wrong = (tree, operand)
        return None

    def _operation(self, tree: Tree, node: Node, bound: Bound) -> Bound | None:
        elementwise = operation(node)
        op, operands = elementwise or ("", ())
        if op == "clamp":
            return self._clamp(tree, operands, bound)
        if op != tree[0]:
            return self._if(False, tree, node, bound)
        orders = [operands, operands[::-1]] if op in COMMUTE else [operands]
        for order in orders:
            now: Bound | None = dict(bound)
            for part, one in zip(tree[1:], order, strict=True):
                now = self.match(part, one, now) if now is not None else None
            if now is not None:
                return now
        return None

    def _clamp(self, tree: Tree, operands: tuple[Operand, ...], bound: Bound) -> Bound | None:
        for name, limit in (("minimum", operands[2]), ("maximum", operands[1])):
            if limit is None:
                continue
            if tree[0] != name or tree[2] != const(self.values.number(limit) or 0.0):
                return None
            tree = tree[1]
        return self.match(tree, operands[0], bound)

    def _without_identity(self, node: Node) -> Node | None:
        """What a node repeats because it adds 0 or multiplies by 1."""
        op, operands = operation(node) or ("", ())
        if len(operands) != 2:
            return None
        first, second = (self.values.number(o) for o in operands)
        neutral = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0}.get(op)
        if neutral is not None and second == neutral and isinstance(operands[0], Node):
            return operands[0]
        if op in COMMUTE and first == neutral and isinstance(operands[1], Node):
            return operands[1]
        return None
