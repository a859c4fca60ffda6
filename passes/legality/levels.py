"""Which numbers a value can hold, where those are few: what spikes are made of without weights.

A neuron sends 0 or 1, or a few whole numbers; wiring moves them, plain sums, means and maxima of
them are few as well. An element of a value holds one of its levels, whatever the others hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.ir.axis_arithmetic import reduced_axes
from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.graph import constant

MOST = 4096  # numbers that a value can hold
ROUNDING = 1e-6  # of float32, relative, with room
UNEVEN = 64  # elements of a window of which not all may count
Numbers = NDArray[Any]  # one axis, ascending

MOVES = frozenset({
    "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather",
    "GatherND", "GatherElements", "Split", "Expand", "Tile", "DepthToSpace", "SpaceToDepth",
    "MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Dropout"})
MEANS = frozenset({"ReduceMean", "GlobalAveragePool", "AveragePool"})


@dataclass(frozen=True, eq=False)
class Levels:
    """The numbers that an element of a value can hold."""

    numbers: Numbers
    exact: bool = True  # else each may be off by rounding, but for 0

    @property
    def with_rounding(self) -> Numbers:
        """The numbers, and behind them what rounding may make of them."""
        if self.exact:
            return self.numbers
        off = [self.numbers * self.numbers.dtype.type(1 + d) for d in (-ROUNDING, ROUNDING)]
        return np.concatenate([self.numbers, *off])


def levels_after(node: ir.Node, before: Levels) -> Levels | None:
    """What an operator of one tensor makes of it; None for another, or where it is too much."""
    if node.op_type in MOVES:
        return before
    if node.op_type == "Pad" and node.attributes.get_string("mode", "constant") == "constant":
        fill = constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(1)
        return None if fill is None else union([before, few(fill.astype(before.numbers.dtype))])
    if node.op_type == "Resize" and node.attributes.get_string("mode", "nearest") == "nearest":
        return before
    if node.op_type == "ReduceSum":
        return _sums(before, _count(node))
    if node.op_type in MEANS:
        return _means(node, before)
    return None


def few(array: NDArray[Any]) -> Levels | None:
    """The numbers in an array, where there are few."""
    if array.dtype.kind not in "fiub":
        return None
    numbers = np.unique(array)
    return Levels(numbers) if 0 < len(numbers) <= MOST and np.isfinite(numbers).all() else None


def union(parts: Iterable[Levels | None]) -> Levels | None:
    """What is one of several values, element by element."""
    levels: list[Levels] = []
    for part in parts:
        if part is None:
            return None
        levels.append(part)
    whole = few(np.concatenate([part.numbers for part in levels])) if levels else None
    return None if whole is None else Levels(whole.numbers, all(part.exact for part in levels))


def _count(node: ir.Node) -> int:
    """How many elements a reduction or a window adds up."""
    shape = shape_of(node.inputs[0]) or ()
    if node.op_type == "AveragePool":
        return math.prod(node.attributes.get_ints("kernel_shape", ()))
    axes = range(2, len(shape)) if node.op_type.startswith("Global") else reduced_axes(
        node, len(shape))
    return math.prod(shape[axis] for axis in axes)


def _sums(one: Levels, count: int) -> Levels | None:
    """The sums of so many; of levels at equal distances only."""
    numbers = one.numbers.astype(np.float64)
    steps = np.diff(numbers)
    if not one.exact or (steps != steps[:1]).any() or count * len(steps) >= MOST:
        return None
    step = float(steps[0]) if len(steps) else 0.0
    sums = numbers[0] * count + step * np.arange(count * len(steps) + 1)
    kind = one.numbers.dtype
    return Levels(sums.astype(kind), bool((sums.astype(kind) == sums).all()))


def _means(node: ir.Node, one: Levels) -> Levels | None:
    """Windows at a border may divide by fewer elements than they have."""
    count = _count(node)
    whole = node.op_type != "AveragePool" or (
        not any(node.attributes.get_ints("pads", ())) and not node.attributes.get_int(
            "ceil_mode", 0))
    if (not whole and count > UNEVEN) or one.numbers.dtype.kind != "f":
        return None
    parts = []
    for divisor in [count] if whole else range(1, count + 1):
        for terms in {divisor} if whole else range(1, divisor + 1):
            sums = _sums(one, terms)
            if sums is None:
                return None
            means = sums.numbers / np.asarray(divisor, sums.numbers.dtype)
            parts.append(Levels(means, sums.exact and divisor & (divisor - 1) == 0))
    return union(parts)
