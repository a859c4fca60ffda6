"""Axes of operators that move elements: reshapes, joins, slices, gathers."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from neurocompile.ir.axis_arithmetic import MOVING, broadcast, new
from neurocompile.ir.axis_space import Dims, Role, Space, integers, shape_of


def reshape(node: ir.Node, space: Space) -> Dims | None:
    """Atoms regrouped at the new borders."""
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    if dims is None or shape is None or 0 in shape:
        return None
    result = space.regroup([atom for atoms in dims for atom in atoms], shape)
    if result is None:
        space.conflict(node, "the reshape cuts through time or batch", *dims)
    return result


def transpose(node: ir.Node, space: Space) -> Dims | None:
    """Axes in another order."""
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    order = node.attributes.get_ints("perm", None) or range(len(dims) - 1, -1, -1)
    return tuple(dims[axis] for axis in order)


def expand(node: ir.Node, space: Space) -> Dims | None:
    """Broadcast to a shape."""
    shape = shape_of(node.outputs[0])
    return None if shape is None else broadcast(node, [space.get(node.inputs[0])], shape, space)


def tile(node: ir.Node, space: Space) -> Dims | None:
    """Repeated axes are new ones."""
    dims, shape, before = (space.get(node.inputs[0]), shape_of(node.outputs[0]),
                           shape_of(node.inputs[0]))
    if dims is None or shape is None or before is None:
        return None
    return tuple((*space.fresh(after // size), *atoms)
                 for atoms, after, size in zip(dims, shape, before, strict=True))


def resize(node: ir.Node, space: Space) -> Dims | None:
    """Axes of unchanged length stay, the rest is new (Pad, Resize, Slice in part)."""
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    if dims is None or shape is None or len(dims) != len(shape):
        return None
    return tuple(atoms if space.size_of(atoms) == size else new(size, None, space)
                 for atoms, size in zip(dims, shape, strict=True))


def concat(node: ir.Node, space: Space) -> Dims | None:
    """Joined axes are new ones, but ticks of a loop become time."""
    shape = shape_of(node.outputs[0])
    operands = [space.get(v) for v in node.inputs if space.is_dynamic(v)]
    if shape is None or any(dims is None for dims in operands):
        return None
    axis = node.attributes.get_int("axis", 0) % len(shape)
    layouts = [dims for dims in operands if dims is not None]
    along = [dims[axis] for dims in layouts]
    stack = _time_stack(node, along, axis, space) or _beside(along, shape[axis], space)
    for dims in layouts:
        if not stack and space.roles_of(dims[axis]) & set(MOVING):
            space.conflict(node, f"joins along axis {axis}", dims[axis])
    rest = [(*dims[:axis], (), *dims[axis + 1:]) for dims in layouts]
    axes = broadcast(node, rest, [1 if a == axis else n for a, n in enumerate(shape)], space)
    if axes is None:
        return None
    whole = stack or new(shape[axis], axes, space)
    return (*axes[:axis], whole, *axes[axis + 1:])


def _beside(along: Sequence[tuple[int, ...]], size: int, space: Space) -> tuple[int, ...]:
    """A new axis in front of one that all operands share and that may be time or batch: a stack."""
    inner = space.resolve(along[0])
    if len(along) < 2 or any(space.resolve(atoms) != inner for atoms in along[1:]):
        return ()
    if space.roles_of(inner) <= {Role.DATA} or size != len(along) * space.size_of(inner):
        return ()
    return (*space.fresh(len(along)), *inner)


def _time_stack(node: ir.Node, along: Sequence[tuple[int, ...]], axis: int,
             space: Space) -> tuple[int, ...]:
    """Time and what it was stacked on, where a Concat puts a loop's ticks side by side again.

    `along` are the operands' atoms on that axis: none for new axes, or axes of one meaning.
    """
    ticks = [space.ticks.get(value.name or "") if value else None for value in node.inputs]
    if len(ticks) not in (space.n_ticks, *space.time) or len(ticks) < 2:
        return ()
    if ticks != [frozenset({tick}) for tick in range(len(ticks))]:
        return ()
    shape = shape_of(node.outputs[0]) or ()
    inner = space.resolve(along[0])
    if len(along) != len(ticks) or shape[axis] != len(ticks) * space.size_of(inner):
        return ()
    if not all(space.unify(inner, atoms) for atoms in along[1:]):  # one population in each tick
        return ()
    inner = space.resolve(inner)
    space.ticks[node.outputs[0].name or ""] = frozenset()
    return (*space.time_axis(len(ticks)), *inner)


def _pick(dims: Dims, axis: int, start: int, count: int, node: ir.Node, output: ir.Value,
          space: Space) -> tuple[int, ...]:
    """What is left of an axis after taking `count` entries from `start`, and of which ticks."""
    atoms = space.resolve(dims[axis])
    if space.size_of(atoms) == count:
        return atoms
    value = node.inputs[0]
    if value is not None and (value.name, axis) in space.tick_axes and atoms:
        if space.sizes[atoms[0]] > space.n_ticks:
            space.split(atoms[0], space.n_ticks)
        space.unify(space.resolve(atoms)[:1], space.time_axis(space.n_ticks))
        atoms = space.resolve(atoms)
    if atoms and space.roles[atoms[0]] is Role.TIME:
        inner = space.size_of(atoms[1:])
        if start % inner == 0 and count % inner == 0:
            first, ticks = start // inner, count // inner
            name = output.name or ""
            own = frozenset(range(first, first + ticks))
            space.ticks[name] = space.ticks.get(name, frozenset()) | own
            return (*space.fresh(ticks), *atoms[1:])
    if space.roles_of(atoms) & set(MOVING):
        space.conflict(node, "takes a part of time or batch", atoms)
    return space.fresh(count)


def slice(node: ir.Node, space: Space) -> Dims | None:
    """A part of an axis."""
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    starts = integers(node.inputs[1])
    if dims is None or shape is None or starts is None:
        return resize(node, space)
    numbers = integers(node.inputs[3]) if len(node.inputs) > 3 else None
    axes = list(range(len(starts))) if numbers is None else [axis % len(dims) for axis in numbers]
    result = list(dims)
    steps = (integers(node.inputs[4]) if len(node.inputs) > 4 else None) or [1] * len(axes)
    for axis, start, step in zip(axes, starts, steps, strict=True):
        size = space.size_of(dims[axis])
        first = start + size if start < 0 else start
        if step != 1:
            if space.roles_of(dims[axis]) & set(MOVING):
                space.conflict(node, "strides through time or batch", dims[axis])
            result[axis] = space.fresh(shape[axis])
            continue
        result[axis] = _pick(dims, axis, first, shape[axis], node, node.outputs[0], space)
    return tuple(result)


def split(node: ir.Node, space: Space) -> None:
    """Parts of an axis, one an output."""
    dims = space.get(node.inputs[0])
    shapes = [shape_of(output) for output in node.outputs]
    start = 0
    for output, shape in zip(node.outputs, shapes, strict=True):
        if dims is None or shape is None:
            space.set(output, None)
            continue
        axis = node.attributes.get_int("axis", 0) % len(dims)
        part = _pick(dims, axis, start, shape[axis], node, output, space)
        space.set(output, (*dims[:axis], part, *dims[axis + 1:]))
        start += shape[axis]


def gather(node: ir.Node, space: Space) -> Dims | None:
    """Picked elements of an axis."""
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    axis = node.attributes.get_int("axis", 0) % len(dims)
    indices, index_shape = integers(node.inputs[1]), shape_of(node.inputs[1])
    if space.is_dynamic(node.inputs[1]):
        picks = space.get(node.inputs[1])
    elif index_shape is None:
        return None
    elif indices is not None and len(indices) == 1:
        first = indices[0] % space.size_of(dims[axis])
        part = _pick(dims, axis, first, 1, node, node.outputs[0], space)
        picks = (part,) * len(index_shape) if len(index_shape) < 2 else space.fresh_like(
            index_shape)
    elif indices == list(range(space.size_of(dims[axis]))):  # as_strided of a contiguous tensor
        picks = space.regroup(dims[axis], index_shape)
    else:
        if space.roles_of(dims[axis]) & set(MOVING):
            space.conflict(node, "picks parts of time or batch", dims[axis])
        picks = space.fresh_like(index_shape)
    return None if picks is None else (*dims[:axis], *picks, *dims[axis + 1:])


def gather_nd(node: ir.Node, space: Space) -> Dims | None:
    """Picked elements of the leading axes."""
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    index_shape = shape_of(node.inputs[1])
    if dims is None or shape is None or not index_shape:
        return None
    batch = node.attributes.get_int("batch_dims", 0)
    rest = dims[batch + index_shape[-1]:]
    new = shape[batch:len(shape) - len(rest)]
    return (*dims[:batch], *(space.fresh(size) for size in new), *rest)


def unsqueeze(node: ir.Node, space: Space) -> Dims | None:
    """Axes of length 1 more or fewer."""
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    if dims is None or shape is None:
        return None
    return space.regroup([atom for atoms in dims for atom in atoms], shape)
