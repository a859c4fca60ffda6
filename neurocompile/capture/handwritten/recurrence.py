"""A chain of thresholds, one a tick, as a neuron: its equations, its start and its inputs.

The potential v is what a threshold compares, before any reset; whether the neuron fired in the
tick before is compared again, `r`, from v. So resets, and whatever else happens between two
ticks, are the model's own operations in their own order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from torch.fx import Node

from neurocompile.capture.handwritten.fx_values import (
    Operand,
    ProgramValues,
    copy_source,
    operation,
    origin,
)
from neurocompile.capture.handwritten.matching import (
    Bound,
    Matcher,
    Stale,
    TickReader,
    Unreadable,
    spread,
)
from neurocompile.capture.handwritten.thresholds import Threshold, Thresholds
from neurocompile.capture.handwritten.trees import (
    U0,
    U1,
    Names,
    R,
    Tree,
    V,
    at,
    const,
    leaves,
    text,
)
from neurocompile.semantics.custom import custom_profile
from neurocompile.semantics.floating import Profile, at_rest


@dataclass(frozen=True, eq=False)
class Tick:
    """One tick of a recognized neuron."""

    threshold: Threshold
    states: Mapping[str, Node]  # after it, of those that it has
    inputs: tuple[Node, ...]  # x, and y where there is one

    @property
    def v(self) -> Node:
        """The potential after it."""
        return self.states["v"]


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A recognized neuron."""

    profile: Profile
    constants: dict[str, float]
    start: Mapping[str, float]  # each state before the first tick
    ticks: tuple[Tick, ...]


class Differs(Exception):
    """Two ticks that compute different things, at these nodes."""

    def __init__(self, tick: int, node: Node, other: int, counterpart: Node) -> None:
        super().__init__(f"tick {tick} differs from tick {other}")
        self.tick, self.node, self.other, self.counterpart = tick, node, other, counterpart


def recurrence(values: ProgramValues, thresholds: Thresholds, chain: Sequence[Threshold],
               linked: bool) -> Recurrence:
    """The neuron that a chain is; `linked`: each tick uses the potential of the tick before.

    Raises Unreadable for a chain that is none, Differs for one whose ticks are not alike.
    """
    if not linked:
        return _memoryless(values, chain)
    failure: Unreadable | Differs | None = None
    for depth in _depths(chain):
        try:
            return _ChainReader(values, thresholds, list(chain), depth).recurrence()
        except (Unreadable, Differs) as error:
            failure = failure or error
    raise failure or Unreadable(chain[-1].node, "its potential is not carried to the next tick")


def _users(node: Node) -> Iterator[Node]:
    for user in node.users:
        if copy_source(user) is not None:
            yield from _users(user)
        elif operation(user) is not None or user.op == "output":
            yield user


def _depths(chain: Sequence[Threshold]) -> list[int]:
    """Where in what is compared the potential can be: where more than the comparison uses it."""
    if len(chain) == 2:
        shared = [d for d, node in enumerate(chain[0].spine) if len(set(_users(node))) > 1]
        return [*reversed(shared), 0]
    depths = [d for t in chain[1:-1] for d, node in enumerate(t.spine)
              if len(set(_users(node))) > 1]
    return [max(depths, default=0)]


def _memoryless(values: ProgramValues, chain: Sequence[Threshold]) -> Recurrence:
    first = chain[0]
    step = operation(first.spine[0])
    inside = ("clamp",) if first.op == "round" else ("sub", "add") if first.limit == 0.0 else ()
    depth = int(len(first.spine) > 1 and step is not None and step[0] in inside)
    tests = [_test(values, t, depth) for t in chain]
    for tick, tree in enumerate(tests):
        if tree != tests[0]:
            raise Differs(tick, chain[tick].node, 0, first.node)
    ticks = tuple(Tick(t, {"v": t.spine[depth]}, (t.spine[depth],)) for t in chain)
    profile, constants = _profile(("in", 0), None, tests[0])
    return Recurrence(profile, constants, at_rest(profile.states, 0.0), ticks)


def _test(values: ProgramValues, threshold: Threshold, depth: int) -> Tree:
    """What decides a spike, as a tree over v."""
    if depth >= len(threshold.spine):
        raise Unreadable(threshold.node, "it does not compare its potential in every tick")
    tree: Tree = V
    for node in reversed(threshold.spine[:depth]):
        op, operands = operation(node) or ("", ())
        parts: list[Tree | None] = []
        for operand in operands:
            number = values.number(operand)
            parts.append(None if operand is None else tree if number is None else const(number))
        if op == "clamp":
            for name, limit in (("maximum", parts[1]), ("minimum", parts[2])):
                tree = tree if limit is None else (name, tree, limit)
        else:
            tree = (op, *parts)
    if threshold.op == "round":
        return ("round", tree)
    return (threshold.op, tree, const(threshold.limit))


class _ChainReader:
    """A linked chain, its potential at one depth of what is compared."""

    def __init__(self, values: ProgramValues, thresholds: Thresholds, chain: list[Threshold],
                 depth: int) -> None:
        self.values, self.thresholds, self.chain = values, thresholds, chain
        tests = [_test(values, t, depth) for t in chain]
        self.test = tests[-1]
        for tick, tree in enumerate(tests):
            if tree != self.test:
                raise Differs(tick, chain[tick].node, len(chain) - 1, chain[-1].node)
        self.v = [t.spine[depth] for t in chain]
        self.last = len(chain) - 1
        self.own = set(self.v[1:] if self.last > 1 else self.v)  # the first can be its input

    def recurrence(self) -> Recurrence:
        """The neuron. Raises Unreadable or Differs."""
        reader, v_tree, u_tree = self._steady()
        if len(reader.inputs) > 2:
            raise Unreadable(reader.inputs[2], "it has more than two inputs")
        if not leaves(v_tree) & {("in", 0), U1}:
            raise Unreadable(self.v[-1], "no input reaches its potential")
        bounds = [self._later(tick, v_tree, u_tree, reader) for tick in range(1, self.last + 1)]
        start, first = self._first(v_tree, u_tree, bounds[0], reader)
        for before, after in zip((first, *bounds), bounds, strict=False):
            if U1 in before and U0 in after and before[U1] is not after[U0]:
                raise Unreadable(after[U0], "its synaptic current is not carried on")
        order = self._order(len(reader.inputs), first)
        ticks = []
        for tick, bound in enumerate((first, *bounds)):
            states = {"v": self.v[tick], **({"u": bound[U1]} if U1 in bound else {})}
            ticks.append(Tick(self.chain[tick], states, tuple(bound[("in", k)] for k in order)))
        names = tuple("xy"[order.index(k)] for k in range(len(order)))
        profile, constants = _profile(v_tree, u_tree, self.test, names)
        start = {**at_rest(profile.states, 0.0), **start}
        return Recurrence(profile, constants, start, tuple(ticks))

    def _reader(self, tick: int, more: dict[Node, Tree]) -> TickReader:
        return TickReader(self.values, self.thresholds, self.chain[tick - 1], self.chain,
                      {self.v[tick - 1]: V, **more}, self.own - {self.v[tick]}, self.v[tick])

    def _steady(self) -> tuple[TickReader, Tree, Tree | None]:
        """The last tick: what it computes for v, and for u where there is one."""
        reader = self._reader(self.last, {})
        tree = self._read(reader)
        pair = self._current_pair(reader) if self.last > 1 else None
        if pair is None:
            return reader, tree, None
        now, before = pair
        reader = self._reader(self.last, {now: U1})
        tree = self._read(reader)
        current = TickReader(self.values, self.thresholds, self.chain[self.last - 1], self.chain,
                         {before: U0}, set(), now)
        current.inputs = reader.inputs
        u_tree = at(current.read_operation(now), {})
        reader.nodes.update(current.nodes)
        return reader, tree, u_tree

    def _read(self, reader: TickReader) -> Tree:
        return at(reader.read_operation(self.v[self.last]), {})

    def _current_pair(self, reader: TickReader) -> tuple[Node, Node] | None:
        """A part of an input that the next tick's counterpart is made of: a synaptic current."""
        before = self._reader(self.last - 1, {})
        try:
            before.read_operation(self.v[self.last - 1])
        except Unreadable:
            return None
        pairs = list(zip(reader.inputs, before.inputs, strict=False))
        while pairs:
            now, past = (origin(n) for n in pairs.pop(0))
            one, two = operation(now), operation(past)
            if now is past or one is None or two is None or one[0] != two[0]:
                continue
            if now in spread(self.values, [past], now):
                return now, past
            pairs += [(a, b) for a, b in zip(one[1], two[1], strict=False)
                      if isinstance(a, Node) and isinstance(b, Node)]
        return None

    def _later(self, tick: int, v_tree: Tree, u_tree: Tree | None, reader: TickReader) -> Bound:
        matcher = Matcher(self.values, self.thresholds, self.chain[tick - 1])
        bound = matcher.match(v_tree, self.v[tick], {V: self.v[tick - 1]})
        if bound is not None and u_tree is not None:
            bound = matcher.match(u_tree, bound[U1], bound)
        if bound is None:
            raise self._differs(tick, matcher, reader)
        return bound

    def _differs(self, tick: int, matcher: Matcher, reader: TickReader) -> Differs:
        tree, node = matcher.wrong or (V, self.v[tick])
        return Differs(tick, node, self.last, reader.nodes.get(tree, self.v[self.last]))

    def _first(self, v_tree: Tree, u_tree: Tree | None, second: Bound, reader: TickReader
               ) -> tuple[dict[str, float], Bound]:
        """The states before the first tick, and its inputs: the equations at rest are that tick."""
        matcher = Matcher(self.values, self.thresholds, None)
        numbers = {self.values.number(one) for one in self._statics(self.v[0])}
        starts = [0.0, *sorted(n for n in numbers if n)]
        for v, u in product(starts, starts if u_tree is not None else [0.0]):
            spike = at(self.test, {V: v})[1]
            rest = {V: v, R: spike, U0: u}
            bound = matcher.match(at(v_tree, rest), self.v[0],
                                  {U1: second[U0]} if u_tree is not None else {})
            if bound is not None and u_tree is not None:
                bound = matcher.match(at(u_tree, rest), bound[U1], bound)
            if bound is not None and all(("in", k) in bound for k in range(len(reader.inputs))):
                for k, later in enumerate(reader.inputs):
                    if bound[("in", k)].target is not later.target:
                        self._check_start(bound[("in", k)])
                return {"u": u, "v": v}, bound
        self._check_start(self.v[0])
        raise self._differs(0, matcher, reader)

    def _check_start(self, value: Node) -> None:
        if value not in self.values.dynamic:
            return
        for node in self._statics(value):
            tensor = self.values.tensor(node) if isinstance(node, Node) else None
            if isinstance(node, Node) and tensor is not None and tensor.numel() > 1 and (
                    self.values.number(node) is None):
                raise Stale(node, f"values of shape {tuple(tensor.shape)}")

    def _statics(self, node: Node) -> set[Operand]:
        """The constants that a value is made of by elementwise operations."""
        statics: set[Operand] = set()
        stack: list[Operand] = [node]
        while stack:
            one = stack.pop()
            if one not in self.values.dynamic:
                statics.add(one)
            if isinstance(one, Node):
                source = copy_source(one)
                stack.extend([source] if source else (operation(one) or ("", ()))[1])
        return statics

    def _order(self, count: int, first: Bound) -> list[int]:
        """Which input is x: the first that is no constant in the first tick."""
        return sorted(range(count), key=lambda k: first[("in", k)] not in self.values.dynamic)


def _profile(v_tree: Tree, u_tree: Tree | None, test: Tree,
             inputs: tuple[str, ...] = ("x", "y")) -> tuple[Profile, dict[str, float]]:
    """The profile of these trees, named by a hash of its text, and its constants."""
    names, test = Names(), _with_threshold_name(test)
    lines = []
    if R in leaves(v_tree) | leaves(u_tree or V):
        lines.append(f"r = {text(test, names)}")
    if u_tree is not None:
        lines.append(f"u = {text(u_tree, names, inputs)}")
    lines += [f"v = {text(v_tree, names, inputs)}", f"s = {text(test, names)}"]
    return custom_profile("\n".join(lines), names.values), names.values


def _with_threshold_name(test: Tree) -> Tree:
    """The test with its threshold called v_th."""
    if test[0] == "round":
        return test
    op, value, (_, limit) = test
    if limit == 0.0 and value[0] == "sub" and value[2][0] == "const":
        return (op, ("sub", value[1], (*value[2], "v_th")), const(limit))
    return (op, value, ("const", limit, "v_th"))
