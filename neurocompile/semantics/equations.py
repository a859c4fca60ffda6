"""Equations of a tick: the one text from which a neuron is run, exported and analyzed.

A text is a list of assignments in Python's notation, in the framework's own order of operations::

    h = v + (x - (v - v_reset)) / tau
    s = h - v_th >= 0
    v = (1 - s) * h + s * v_reset

`x` is the input of the tick, `y` a second input (recurrent synapses, added in an addition of its
own). States, `u` and `v` where nothing else is said, are those of the tick before until they are
assigned. `s` is what the neuron emits. Comparisons give 0 or 1. Every other name that is never
assigned is a constant. Arithmetic between constants alone is refused, since frameworks do it in
other precisions: compute it first.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

INPUTS = ("x", "y")
STATES = ("u", "v")  # synaptic current and membrane potential
SHIFT_BITS = 12
SHIFT_ONE = 1 << SHIFT_BITS  # the keep of `shifted` that keeps everything
FUNCTIONS = {  # name -> number of arguments
    "trunc": 1,  # toward zero
    "floor": 1,
    "round": 1,  # halves to even
    "rounded": 1,  # to the nearest whole number, halves up
    "relu": 1,
    "minimum": 2,  # of a value and a constant
    "maximum": 2,
    "shifted": 2,  # integers: a * keep / 2**12, toward zero
}
OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div",
    ast.Gt: "gt", ast.GtE: "ge", ast.Lt: "lt", ast.LtE: "le", ast.Eq: "eq",
}
COMPARISONS = ("gt", "ge", "lt", "le", "eq")


class Algebra(Protocol):
    """What equations are computed in: tensors, exact affine forms, ONNX text."""

    def number(self, value: float) -> Any:
        """A literal."""

    def apply(self, op: str, *operands: Any) -> Any:
        """The result of an operator, comparison or function, by its name here."""


@dataclass(frozen=True)
class Equations:
    """A parsed text over some states. Equal texts over equal states are equal equations."""

    text: str
    states: tuple[str, ...] = STATES

    def __post_init__(self) -> None:
        parse(self.text, self.states)

    @property
    def steps(self) -> tuple[tuple[str, ast.expr], ...]:
        """The assignments in their order."""
        return parse(self.text, self.states)

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """The names of its constants, sorted."""
        targets = {name for name, _ in self.steps}
        names = {node.id for _, value in self.steps for node in ast.walk(value)
                 if isinstance(node, ast.Name)}
        return tuple(sorted(names - targets - {*INPUTS, *self.states, *FUNCTIONS}))

    @cached_property
    def binary(self) -> bool:
        """Whether `s` is the outcome of a comparison: at most one spike a tick."""
        return isinstance(dict(self.steps)["s"], ast.Compare)

    @cached_property
    def second_input(self) -> bool:
        """Whether it takes `y`."""
        return any(isinstance(node, ast.Name) and node.id == "y"
                   for _, value in self.steps for node in ast.walk(value))

    def run(self, values: Mapping[str, Any], algebra: Algebra) -> dict[str, Any]:
        """All names after one tick, from the values of the inputs, states and constants."""
        env = dict(values)
        for name, value in self.steps:
            env[name] = _value(value, env, algebra)
        return env


@lru_cache(maxsize=1024)
def parse(text: str, states: tuple[str, ...] = STATES) -> tuple[tuple[str, ast.expr], ...]:
    """The assignments of a text. Raises ValueError, naming the line that is none."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, RecursionError, ValueError) as error:
        raise ValueError(f"not equations: {error}") from None
    steps = []
    targets: set[str] = set()
    variables = {*INPUTS, *states}
    for statement in body:
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                and isinstance(target := statement.targets[0], ast.Name)):
            raise ValueError(f"`{ast.unparse(statement)}` is no assignment of one name")
        if target.id in INPUTS or target.id in FUNCTIONS:
            raise ValueError(f"`{target.id}` cannot be assigned")
        _check(statement.value, variables)
        targets.add(target.id)
        variables.add(target.id)
        steps.append((target.id, statement.value))
    if "s" not in targets:
        raise ValueError("no equation for `s`, which is what the neuron emits")
    return tuple(steps)


def _check(node: ast.expr, variables: set[str]) -> bool:
    """Raise ValueError for what is no equation; whether the value varies with input or state."""
    if isinstance(node, ast.Name) and node.id not in FUNCTIONS:
        return node.id in variables
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return False
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _check(node.operand, variables)
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        parts = [node.left, node.right]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        parts = [node.left, node.comparators[0]]
    elif (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords
          and FUNCTIONS.get(node.func.id) == len(node.args)):
        parts = node.args
    varies = [_check(part, variables) for part in parts]
    if not parts:
        raise ValueError(f"`{ast.unparse(node)}` is not allowed in equations")
    if not any(varies):
        raise ValueError(f"`{ast.unparse(node)}` has constants only: make it one constant")
    return True


def _value(node: ast.expr, env: Mapping[str, Any], algebra: Algebra) -> Any:
    if isinstance(node, ast.Name):
        return env[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return algebra.number(float(node.value))
    if isinstance(node, ast.UnaryOp):
        return algebra.apply("neg", _value(node.operand, env, algebra))
    if isinstance(node, ast.BinOp):
        return algebra.apply(OPERATORS[type(node.op)], _value(node.left, env, algebra),
                             _value(node.right, env, algebra))
    if isinstance(node, ast.Compare):
        return algebra.apply(OPERATORS[type(node.ops[0])], _value(node.left, env, algebra),
                             _value(node.comparators[0], env, algebra))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return algebra.apply(node.func.id, *(_value(a, env, algebra) for a in node.args))
    raise ValueError(f"`{ast.unparse(node)}` is not allowed in equations")


@dataclass(frozen=True)
class Tensors:
    """Equations on torch tensors, in their own precision."""

    def number(self, value: float) -> float:
        """A Python number: it takes the precision of the tensor it meets."""
        return value

    def apply(self, op: str, *operands: Any) -> Any:
        """The operator on tensors and numbers; comparisons give 0 or 1 of the tensors' type."""
        result = _TENSORS[op](*operands)
        if op in COMPARISONS:
            like = next(o for o in operands if not isinstance(o, float))
            return result.to(like.dtype)
        return result


def _shift(a: Any, keep: float) -> Any:
    product = a.long() * int(keep)
    return ((product + ((product >> 63) & (SHIFT_ONE - 1))) >> SHIFT_BITS).to(a.dtype)


_TENSORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "neg": operator.neg, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt,
    "le": operator.le, "eq": operator.eq,
    "trunc": lambda a: a.trunc(), "floor": lambda a: a.floor(), "round": lambda a: a.round(),
    "rounded": lambda a: (a + 0.5).floor(), "relu": lambda a: a.relu(),
    "minimum": lambda a, c: a.clamp(max=c), "maximum": lambda a, c: a.clamp(min=c),
    "shifted": _shift,
}
