"""What a tick computes as a tree, its text, and its value at rest.

Trees are nested tuples: `("const", 0.5)`, with a name as third part if it must have one; the leaves
`("v",)` (potential of the tick before), `("r",)` (whether it fired then), `("u0",)` and `("u1",)`
(synaptic current of the tick before and of this one), `("in", 0)` and `("in", 1)` (inputs); else an
operator and its operands.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

from neurocompile.capture.handwritten.fx_values import single

Tree = tuple[Any, ...]
V, R, U0, U1 = ("v",), ("r",), ("u0",), ("u1",)
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "gt": ">", "ge": ">=", "lt": "<",
          "le": "<=", "eq": "=="}
_FOLD: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name)
       for name in ("add", "sub", "mul", "gt", "ge", "lt", "le", "eq")},
    "div": operator.truediv, "neg": operator.neg, "minimum": torch.minimum,
    "maximum": torch.maximum, "relu": torch.relu, "round": torch.round, "floor": torch.floor,
    "trunc": torch.trunc, "not": lambda a: 1 - a}
COMMUTE = ("add", "mul")


def const(value: float) -> Tree:
    """A number."""
    return ("const", value)


def leaves(tree: Tree) -> set[Tree]:
    """The leaves of a tree that are no numbers."""
    if tree[0] == "const":
        return set()
    if all(not isinstance(part, tuple) for part in tree):
        return {tree}
    return set().union(*(leaves(part) for part in tree[1:]))


class Names:
    """Names for the constants of a text: `v_th`, then c1, c2 and so on by value."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def name(self, value: float, request: str | None = None) -> str:
        """The name of a number, or the number itself where it is 0 or 1."""
        if request is None and value in (0.0, 1.0):
            return str(int(value))
        for name, number in self.values.items():
            if number == value and (name == "v_th") == (request == "v_th"):
                return name
        name = request or f"c{len([n for n in self.values if n.startswith('c')]) + 1}"
        self.values[name] = value
        return name


def text(tree: Tree, names: Names, inputs: tuple[str, ...] = ("x", "y")) -> str:
    """A tree as an expression of equations."""
    kind = tree[0]
    if kind == "const":
        return names.name(*tree[1:])
    if kind == "in":
        return inputs[tree[1]]
    if kind in ("v", "r"):
        return str(kind)
    if kind in ("u0", "u1"):
        return "u"
    parts = [text(part, names, inputs) for part in tree[1:]]
    if kind == "where":
        mask, yes, no = parts
        otherwise = f"((1 - {mask}) * {no})"
        return otherwise if tree[2] == const(0.0) else f"({mask} * {yes} + {otherwise})"
    if kind == "not":
        return f"(1 - {parts[0]})"
    if kind == "neg":
        return f"(-{parts[0]})"
    if kind in _INFIX:
        return f"({parts[0]} {_INFIX[kind]} {parts[1]})"
    return f"{kind}({', '.join(parts)})"


def at(tree: Tree, values: Mapping[Tree, float]) -> Tree:
    """A tree with some leaves set to numbers, simplified without changing a value.

    What is left out: adding 0, subtracting 0, multiplying and dividing by 1; 0 times a value is 0.
    """
    if tree in values:
        return const(values[tree])
    if tree[0] == "const" or all(not isinstance(part, tuple) for part in tree):
        return tree
    kind, parts = tree[0], [at(part, values) for part in tree[1:]]
    numbers = [part[1] if part[0] == "const" else None for part in parts]
    if kind == "where":
        return (kind, *parts) if numbers[0] is None else parts[1 if numbers[0] else 2]
    if None not in numbers:
        result = _FOLD[kind](*(torch.tensor(n, dtype=torch.float32) for n in numbers))
        return const(single(float(result)))
    return _simpler(kind, parts, numbers)


def _simpler(kind: str, parts: list[Tree], numbers: list[float | None]) -> Tree:
    if kind in ("add", "sub") and numbers[1] == 0.0:
        return parts[0]
    if kind == "add" and numbers[0] == 0.0:
        return parts[1]
    if kind in ("mul", "div") and numbers[1] == 1.0:
        return parts[0]
    if kind == "mul" and numbers[0] == 1.0:
        return parts[1]
    if kind == "mul" and 0.0 in numbers:
        return const(0.0)
    return (kind, *parts)
