"""Along which axes a value differs in its sources or in its weights, for what sums over them.

`cat([a, b])` is no sum of spikes, its sum over that axis is, and so is a synapse over it; a product
with weights is no synapse, its sum over their axis is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.ir.axes import Atom, Role
from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.graph import constant
from neurocompile.passes.legality.spike_types import (
    Atoms,
    Current,
    Spike,
    SpikeType,
    Static,
    as_current,
    sources_of,
)
from neurocompile.passes.legality.ticks import joined_axes
from neurocompile.passes.legality.walk import TypeWalk

SCALES = {"Mul": (0, 1), "Div": (1,), "BatchNormalization": (1,)}
"""Operands that may be weights."""


def weighs(node: ir.Node, walk: TypeWalk) -> bool:
    """Whether a sum runs over an axis along which its operand was multiplied by weights."""
    value = node.inputs[0]
    kind = walk.type_of(value)
    return isinstance(kind, Current) and bool(kind.weight_axes & _sum_axes(node, value, walk))


def follow(node: ir.Node, kind: SpikeType, walk: TypeWalk) -> SpikeType:
    """A node's result with the axes along which its sources and its weights differ."""
    if not isinstance(kind, Spike | Current):
        return kind
    affine = walk.functions.affine.get(node)
    values: list[ir.Value | None] = [*node.inputs] if affine is None else [affine.base]
    source_axes, weight_axes, mixes = _own_seams(node, values, walk), _own_scales(node, walk), False
    for value in values:
        before = walk.type_of(value)
        scales = before.weight_axes if isinstance(before, Current) else frozenset[Atom]()
        if not isinstance(before, Spike | Current) or not before.sources <= kind.sources:
            continue  # a gate is a population of its own
        if before.source_axes or scales:
            axes, operand_axes = _atoms(walk, node.outputs[0]), _atoms(walk, *values)
            sum_axes = _sum_axes(node, value, walk)
            mixes = mixes or bool(before.source_axes & sum_axes)
            source_axes |= _onward(before.source_axes - sum_axes, axes, operand_axes)
            weight_axes |= _onward(scales - sum_axes, axes, operand_axes)
    if isinstance(kind, Spike) and not mixes and not weight_axes:
        return replace(kind, source_axes=source_axes) if source_axes else kind
    current = as_current(kind)
    return replace(current, source_axes=source_axes, weight_axes=weight_axes,
                   mixes_sources=current.mixes_sources or (mixes and not current.reported))


def _onward(before: Atoms, axes: Atoms, operand_axes: Atoms) -> Atoms:
    """What becomes of axes: they stay, or new ones stand for them."""
    stays = before & axes
    return stays if stays == before else stays | _data(axes - operand_axes)


def _data(atoms: Iterable[Atom]) -> Atoms:
    return frozenset(atom for atom in atoms if atom.role not in (Role.TIME, Role.BATCH))


def _own_seams(node: ir.Node, values: list[ir.Value | None], walk: TypeWalk) -> Atoms:
    """The axes along which an operator puts spikes of different sources side by side."""
    kinds = [walk.type_of(value) for value in values]
    sources = {sources_of([kind]) for kind in kinds if isinstance(kind, Spike | Current)}
    if len(sources) < 2:
        return frozenset()
    if node.op_type == "Concat":
        return _data(_seams(node, walk))
    mask = node.op_type == "Where" and isinstance(kinds[0], Static)
    if mask or node.op_type.startswith("Scatter"):
        return _data(_atoms(walk, node.outputs[0]))
    return frozenset()


def _seams(node: ir.Node, walk: TypeWalk) -> Iterator[Atom]:
    """The axes of a concatenation that tell its operands apart: those outside of each operand."""
    layout = walk.layouts.layout(node.outputs[0]) or ()
    axis = node.attributes.get_int("axis", 0)
    sizes = {(shape_of(value) or (1,))[axis % len(shape_of(value) or (1,))]
             for value in node.inputs}
    atoms, inner = layout[axis] if layout else (), 1
    for atom in reversed(atoms):
        inner *= atom.size
        if any(size % inner for size in sizes):
            yield atom


def _own_scales(node: ir.Node, walk: TypeWalk) -> Atoms:
    """The axes along which an operator multiplies by different weights."""
    layout = walk.layouts.layout(node.outputs[0]) or ()
    axes: set[Atom] = set()
    for array in _weights(node, len(layout), walk):
        for axis, size in enumerate(array.shape, len(layout) - array.ndim):
            first = array.take([0], axis=axis - len(layout) + array.ndim)
            if size > 1 and axis >= 0 and not np.array_equal(
                    array, np.broadcast_to(first, array.shape)):
                axes.update(layout[axis])
    return frozenset(axes)


def _weights(node: ir.Node, rank: int, walk: TypeWalk) -> Iterator[NDArray[Any]]:
    """What an operator multiplies its operand by, broadcast to it."""
    if node in walk.functions.affine:
        yield walk.functions.affine[node].gain
        return
    for position in SCALES.get(node.op_type, ()):
        if isinstance(walk.type_of(node.inputs[position]), Static):
            array = constant(node.inputs[position])
            if array is not None:
                norm = node.op_type == "BatchNormalization"
                yield array.reshape(-1, *[1] * (rank - 2)) if norm else array


def _sum_axes(node: ir.Node, value: ir.Value | None, walk: TypeWalk) -> Atoms:
    """The axes of an operand that a node sums over."""
    layout = walk.layouts.layout(value)
    if layout is None:
        return frozenset()
    return frozenset(atom for operand, axes in joined_axes(node) if operand is value
                     for axis in axes if axis < len(layout) for atom in layout[axis])


def _atoms(walk: TypeWalk, *values: ir.Value | None) -> Atoms:
    return frozenset(atom for value in values for atoms in walk.layouts.layout(value) or ()
                     for atom in atoms)
