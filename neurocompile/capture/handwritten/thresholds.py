"""Thresholds of an exported program: comparisons whose outcome is used as a spike, 0 or 1.

`(v >= v_th).float()`, `torch.where(v > v_th, 1.0, 0.0)`, heaviside, `relu(sign(v - v_th))`, writing
ones where a mask holds, and what custom autograd functions become. Integer spikes are
`round(clamp(v, low, high))`. One comparison made twice is one threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch.fx import Node

from neurocompile.capture.handwritten.fx_values import (
    Operand,
    ProgramValues,
    copy_source,
    dtype,
    operation,
    origin,
)

_SOFT = (torch.ops.aten.sigmoid.default, torch.ops.aten.tanh.default,
         torch.ops.aten.hardsigmoid.default, torch.ops.aten.sign.default)
_MIRROR = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_OPPOSITE = {"gt": "le", "ge": "lt", "lt": "ge", "le": "gt"}
_STRAIGHT = ("add", "sub", "mul", "div", "neg", "minimum", "maximum", "clamp", "relu")


@dataclass(eq=False)
class Threshold:
    """A comparison `operand OP limit`, or `round(operand)` of a clamped value."""

    node: Node  # the first node that holds its outcome
    op: str  # gt, ge, lt, le or round
    operand: Node
    limit: float
    spine: list[Node] = field(default_factory=list)  # the operand, and what it is made of alone
    forms: list[Node] = field(default_factory=list)  # all nodes that equal its outcome
    negations: list[Node] = field(default_factory=list)  # all nodes that equal 1 - outcome

    @property
    def spikes(self) -> list[Node]:
        """The float nodes that hold the outcome."""
        return [n for n in self.forms if dtype(n) is torch.float32]


class Thresholds:
    """All thresholds of a program in topological order, and what the other nodes are of them."""

    def __init__(self, values: ProgramValues) -> None:
        self.values = values
        self.of: dict[Node, tuple[Threshold, bool]] = {}  # node -> (threshold, negated)
        thresholds: list[Threshold] = []
        keys: dict[object, Threshold] = {}
        for node in values.graph.nodes:
            if self._follows(node):
                continue
            new = self._threshold(node)
            if new is None:
                continue
            first = keys.setdefault(self._key(new), new)
            if first is new:
                thresholds.append(new)
            self._add(first, node, False)
        for threshold in thresholds:
            if not threshold.spikes:
                self._turn(threshold)
        self.all = [t for t in thresholds if t.spikes]
        self.soft = [Threshold(node, "soft", node.args[0], 0.0, self._spine(node.args[0]))
                     for node in values.graph.nodes
                     if node.target in _SOFT and node in values.dynamic
                     and not all(user in self.of for user in node.users)]

    def _add(self, threshold: Threshold, node: Node, negated: bool) -> None:
        (threshold.negations if negated else threshold.forms).append(node)
        self.of[node] = (threshold, negated)

    def _turn(self, threshold: Threshold) -> None:
        """Take the opposite of a comparison for the spike."""
        if threshold.op in _OPPOSITE:
            threshold.op = _OPPOSITE[threshold.op]
            threshold.forms, threshold.negations = threshold.negations, threshold.forms
            for node in (*threshold.forms, *threshold.negations):
                self.of[node] = (threshold, not self.of[node][1])

    def _follows(self, node: Node) -> bool:
        """Note a node that is another form of a known outcome."""
        repetition = self._repetition(node)
        if repetition is None:
            return False
        source, flips = repetition
        threshold, opposite = self.of[source]
        if threshold.op == "round" and (flips or dtype(node) is not torch.float32):
            return False
        self._add(threshold, node, opposite != flips)
        return True

    def _repetition(self, node: Node) -> tuple[Node, bool] | None:
        """The outcome that a node repeats, and whether it turns it round."""
        source = copy_source(node)
        if source is None and node.target is torch.ops.aten._to_copy.default:
            source = node.args[0] if isinstance(node.args[0], Node) else None  # to bool
        if source is not None:
            return (source, False) if source in self.of else None
        elementwise = operation(node)
        if elementwise is None:
            return None
        op, operands = elementwise
        first = operands[0]
        if not isinstance(first, Node) or first not in self.of:
            return None
        numbers = tuple(self.values.number(o) for o in operands[1:])
        if op == "not" and dtype(first) is torch.bool:
            return first, True
        if op == "where":
            return (first, numbers[0] == 0.0) if numbers in ((1.0, 0.0), (0.0, 1.0)) else None
        if op == "mul" and numbers == (1.0,) and dtype(first) is torch.bool:
            return first, False
        if self.of[first][0].op != "round" and self._keeps_spikes(op, operands):
            return first, False
        return _of_spikes(op, first, numbers[0]) if len(numbers) == 1 else None

    def _keeps_spikes(self, op: str, operands: tuple[Operand, ...]) -> bool:
        """Whether an operation leaves 0 and 1 as they are."""
        numbers = [self.values.number(one) for one in operands[1:]]
        if op in ("relu", "sign", "abs", "round", "floor", "trunc"):
            return True
        if op == "clamp":
            low, high = numbers
            known = all((one is None) == (bound is None)
                        for one, bound in zip(operands[1:], numbers, strict=True))
            return known and (low is None or low <= 0.0) and (high is None or high >= 1.0)
        if len(numbers) != 1 or numbers[0] is None:
            return False
        return (op == "maximum" and numbers[0] <= 0.0) or (op == "minimum" and numbers[0] >= 1.0)

    def _threshold(self, node: Node) -> Threshold | None:
        elementwise = operation(node)
        if elementwise is None or node not in self.values.dynamic:
            return None
        op, operands = elementwise
        limit: float | None
        if op in _MIRROR:
            first, second = operands
            if not isinstance(first, Node) or first not in self.values.dynamic:
                op, first, second = _MIRROR[op], second, first
            limit = self.values.number(second)
            if limit is None or not isinstance(first, Node):
                return None
            return self._new(node, op, first, limit)
        if op == "round":
            return self._rounding(node, operands[0])
        return self._step(node, op, operands)

    def _rounding(self, node: Node, operand: Operand) -> Threshold | None:
        inner = operation(origin(operand)) if isinstance(operand, Node) else None
        if inner is None or not isinstance(operand, Node):
            return None
        if inner[0] != "clamp" or None in inner[1]:
            return None
        return self._new(node, "round", operand, 0.0)

    def _step(self, node: Node, op: str, operands: tuple[Operand, ...]) -> Threshold | None:
        """Heaviside and relu(sign): their comparison with zero."""
        first = origin(operands[0]) if isinstance(operands[0], Node) else None
        inner = operation(first) if first is not None else None
        if inner is None:
            return None
        value = inner[1][0]
        if not isinstance(value, Node):
            return None
        positive = op == "relu" or (
            op in ("clamp", "maximum") and operands[1:] in ((0,), (0, None)))
        if inner[0] == "sign" and positive:
            return self._new(node, "gt", value, 0.0)
        if op == "where" and inner[0] == "eq" and self.values.number(inner[1][1]) == 0.0:
            at_zero, rest = self.values.number(operands[1]), operands[2]
            if at_zero in (0.0, 1.0) and isinstance(rest, Node) and self._above_zero(rest, value):
                return self._new(node, "ge" if at_zero else "gt", value, 0.0)
        return None

    def _above_zero(self, node: Node, value: Node) -> bool:
        """Whether a node is heaviside's other part: 0 where value < 0 or is no number, else 1."""
        op, operands = operation(node) or ("", (None,))
        mask = operands[0]
        if op != "where" or not isinstance(mask, Node):
            return False
        below = [operation(n) for n in mask.all_input_nodes]
        return (mask.target is torch.ops.aten.logical_or.default
                and any(b is not None and b[0] == "lt" and b[1][0] is value for b in below)
                and tuple(map(self.values.number, operands[1:])) == (0.0, 1.0))

    def _new(self, node: Node, op: str, operand: Node, limit: float) -> Threshold | None:
        if dtype(operand) is not torch.float32 or operand in self.of:
            return None
        return Threshold(node, op, operand, limit, self._spine(operand))

    def _spine(self, node: Node) -> list[Node]:
        """A value, and what it is made of by operations with constants alone; copies left out."""
        spine = [origin(node)]
        while (elementwise := operation(spine[-1])) is not None and elementwise[0] in _STRAIGHT:
            varying = [o for o in elementwise[1]
                       if isinstance(o, Node) and o in self.values.dynamic]
            if len(varying) != 1 or origin(varying[0]) in self.of:
                break
            if any(o is not None and o is not varying[0] and self.values.number(o) is None
                   for o in elementwise[1]):
                break
            spine.append(origin(varying[0]))
        return spine

    def _key(self, threshold: Threshold) -> object:
        steps = []
        for node in threshold.spine[:-1]:
            op, operands = operation(node) or ("", ())
            steps.append((op, *("it" if isinstance(o, Node) and o in self.values.dynamic
                                else self.values.number(o) for o in operands)))
        return threshold.op, threshold.limit, tuple(steps), threshold.spine[-1]


def _of_spikes(op: str, spikes: Node, number: float | None) -> tuple[Node, bool] | None:
    """What comparing a spike (0 or 1) with a number gives: it, or its opposite."""
    if number is None or op not in ("gt", "ge", "lt", "le", "eq", "ne"):
        return None
    at = []
    for spike in (0.0, 1.0):
        at.append({"gt": spike > number, "ge": spike >= number, "lt": spike < number,
                   "le": spike <= number, "eq": spike == number, "ne": spike != number}[op])
    return {(False, True): (spikes, False), (True, False): (spikes, True)}.get((at[0], at[1]))
