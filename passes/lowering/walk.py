"""What the walk of `lower` carries from op to op, and how ops read axes and constants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.axes import Layout, Layouts, Role
from neurocompile.ir.graph import constant, location
from neurocompile.ir.operators import Axis, Operator, Shape, empty
from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.functions import Affines
from neurocompile.passes.lowering.forms import Form

ENCODER_HINT = ("do it to the data, before the model; or check that the neurons in front of it are ones "
                "that neurocompile knows")


@dataclass(frozen=True, eq=False)
class Tokens:
    """The kept tokens of a pruned network, and the axis of tokens by population."""

    axes: Mapping[str, Axis]
    numbers: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FormWalk:
    """What the op functions see: axes of all values, forms so far, operators made so far."""

    layouts: Layouts
    forms: dict[str, Form]
    n_ticks: int
    affine: Affines
    analog: frozenset[str] = frozenset()  # inputs that hold other numbers than whole ones
    allow: frozenset[Allow] = frozenset()
    operators: dict[tuple[object, ...], Operator] = field(default_factory=dict)
    tokens: Tokens | None = None  # a mean over tokens is one over these
    outline: bool = False  # layers have no synapses

    def form(self, value: ir.Value | None) -> Form | None:
        """The form of a value; None if it is static."""
        return None if value is None else self.forms.get(str(value.name))

    def operator(self, key: tuple[object, ...], make: Callable[[], Operator]) -> Operator:
        """An operator, made once: unrolled ticks share it."""
        if key not in self.operators:
            one = make()
            self.operators[key] = empty(one.in_shape, one.out_shape) if self.outline else one
        return self.operators[key]


def unsupported_op(node: ir.Node, reason: str, hint: str | None = None) -> FindingsError:
    """NC110 for an op that has no place in a network; `hint`: what helps, if not the rule's fix."""
    where = location(node)
    return FindingsError(Diagnostic("NC110", where, {
        "op": node.op_type, "module": where.module or "the model", "reason": reason}, hint=hint))


def encoder_hint(walk: FormWalk, node: ir.Node, neurons: Collection[str]) -> str | None:
    """What to do instead of an operator on the input alone; None for one behind neurons."""
    sources = {source.name for value in node.inputs if (form := walk.form(value)) is not None
               for source in form.terms}
    return ENCODER_HINT if sources.isdisjoint(neurons) else None


def sizes_of(value: ir.Value | None) -> tuple[int, ...]:
    """A value's shape; graphs have static shapes only."""
    return () if value is None or value.shape is None else tuple(value.shape.numpy())


def layout_of(walk: FormWalk, value: ir.Value | None, node: ir.Node) -> Layout:
    """A value's axes. Raises FindingsError (NC110) where they cannot be followed."""
    layout = walk.layouts.layout(value)
    if layout is None:
        raise unsupported_op(node, "its axes cannot be followed")
    return layout


def data_sizes(layout: Layout) -> tuple[int, ...]:
    """Elements of each dimension that belong to one tick of one sample."""
    sizes = []
    for atoms in layout:
        sizes.append(int(np.prod([a.size for a in atoms if a.role not in (Role.TIME, Role.BATCH)])))
    return tuple(sizes)


def one_tick(array: NDArray[Any], layout: Layout, node: ir.Node,
             trailing: Shape = ()) -> NDArray[Any]:
    """A value's array [its shape, *trailing] as the flat vector of one tick of one sample.

    Raises FindingsError (NC110) when ticks or samples differ.
    """
    atoms = [atom for dim in layout for atom in dim]
    split = array.reshape([*(a.size for a in atoms), *trailing])
    outer = [i for i, a in enumerate(atoms) if a.role in (Role.TIME, Role.BATCH)]
    outer_first = np.moveaxis(split, outer, range(len(outer)))
    rows = outer_first.reshape(int(np.prod([atoms[i].size for i in outer])), -1)
    if not np.all(rows == rows[:1]):
        raise unsupported_op(node, "it treats ticks or samples differently")
    first: NDArray[Any] = rows[0]
    return first


def tick_shape(layout: Layout) -> Shape:
    """The shape of one tick of one sample: time and batch taken away, a batch of one as well."""
    has_batch = any(atom.role is Role.BATCH for atoms in layout for atom in atoms)
    shape = []
    for size, atoms in zip(data_sizes(layout), layout, strict=True):
        if size == 1 and any(a.role in (Role.TIME, Role.BATCH) for a in atoms):
            continue
        if not atoms and not has_batch:  # the first axis of size 1
            has_batch = True
            continue
        shape.append(size)
    return tuple(shape)


def element_numbers(layout: Layout, shape: Shape) -> NDArray[np.int64]:
    """Per element of a value: its number in the flat vector of one tick of one sample."""
    atoms = [atom for dim in layout for atom in dim]
    outer = [a.role in (Role.TIME, Role.BATCH) for a in atoms]
    inner = [1 if skip else a.size for skip, a in zip(outer, atoms, strict=True)]
    numbers = np.arange(int(np.prod(inner, dtype=np.int64))).reshape(inner)
    return np.broadcast_to(numbers, [a.size for a in atoms]).reshape(shape)


def static_input(node: ir.Node, position: int) -> NDArray[np.float64] | None:
    """A node's constant operand in float64; None if it has none there, or it is not constant."""
    return static_value(node.inputs[position] if position < len(node.inputs) else None)


def static_value(value: ir.Value | None) -> NDArray[np.float64] | None:
    """A constant in float64; None for a value that is none."""
    array = constant(value)
    return None if array is None else np.asarray(array, np.float64)


def weight_identity(node: ir.Node, position: int) -> object:
    """A weight's identity: its name, or its bytes where each tick computes it anew."""
    value = node.inputs[position]
    array = constant(value)
    producer = value.producer() if value is not None else None
    if producer is None or array is None:
        return value.name if value is not None else None
    return (array.shape, array.tobytes())
