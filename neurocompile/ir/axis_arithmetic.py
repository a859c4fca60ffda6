"""Axes of operators that compute: elementwise, contractions, windows, reductions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import onnx_ir as ir

from neurocompile.ir.axis_space import Dims, Role, Space, integers, shape_of

Rule = Callable[[ir.Node, Space], Dims | None]
MOVING = (Role.TIME, Role.BATCH)


def axis_list(node: ir.Node, position: int, rank: int) -> list[int]:
    """The axes of a reduction, squeeze or similar, from its input or attribute, all >= 0."""
    axes = integers(node.inputs[position]) if len(node.inputs) > position else None
    if axes is None:
        axes = list(node.attributes.get_ints("axes", ()))
    return [axis % rank for axis in axes]


def reduced_axes(node: ir.Node, rank: int) -> list[int]:
    """The axes that a Reduce* node sums away; all of them where none are named."""
    axes = axis_list(node, 1, rank)
    if not axes and not node.attributes.get_int("noop_with_empty_axes", 0):
        return list(range(rank))
    return axes


def einsum_terms(node: ir.Node, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the output; `...` becomes capital letters."""
    equation = node.attributes.get_string("equation", "").replace(" ", "")
    operands, _, right = equation.partition("->")
    terms = operands.split(",")
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=False)]
    spare = "".join(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in equation)

    def spell(term: str, width: int) -> str:
        return term.replace("...", spare[:width][::-1])

    if "->" not in equation:
        letters = operands.replace(",", "").replace("...", "")
        right = ("..." if "..." in operands else "") + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1))
    widest = max((w for w, term in zip(widths, terms, strict=False) if "..." in term), default=0)
    return [spell(t, w) for t, w in zip(terms, widths, strict=False)], spell(right, widest)


# -- neurons -------------------------------------------------------------------------------


def same(node: ir.Node, space: Space) -> Dims | None:
    """As the first operand."""
    return space.get(node.inputs[0])


def broadcast(node: ir.Node, operands: Iterable[Dims | None], shape: Sequence[int],
               space: Space) -> Dims | None:
    """Right-aligned union of the dynamic operands' axes."""
    axes: list[tuple[int, ...] | None] = [None] * len(shape)
    for dims in operands:
        if dims is None:
            return None
        for position, atoms in enumerate(dims, len(shape) - len(dims)):
            before = axes[position]
            if before is None:
                axes[position] = atoms or None
            elif atoms and not space.unify(before, atoms):
                space.conflict(node, f"axis {position} means different things", before, atoms)
    return tuple(space.fresh(size) if atoms is None else space.resolve(atoms)
                 for atoms, size in zip(axes, shape, strict=True))


def elementwise(node: ir.Node, space: Space) -> Dims | None:
    """Broadcast over all operands."""
    shape = shape_of(node.outputs[0])
    operands = [space.get(v) for v in node.inputs if space.is_dynamic(v)]
    return None if shape is None else broadcast(node, operands, shape, space)


def matmul(node: ir.Node, space: Space) -> Dims | None:
    """Leading axes broadcast; the contracted one is gone."""
    shape = shape_of(node.outputs[0])
    first, second = node.inputs[0], node.inputs[1]
    ranks = [len(shape_of(v) or ()) for v in (first, second)]
    if shape is None or min(ranks) < 1:
        return None
    batch = len(shape) - (ranks[0] > 1) - (ranks[1] > 1)
    dims: list[Dims | None] = []
    for value in (first, second):
        if space.is_dynamic(value):
            own = space.get(value)
            dims.append(None if own is None else own[:-2])
    axes = broadcast(node, dims, shape[:batch], space)
    if axes is None:
        return None
    one, two = space.get(first), space.get(second)
    if ranks[0] > 1:
        axes = (*axes, one[-2] if one else new(shape[batch], two, space))
    if ranks[1] > 1:
        axes = (*axes, two[-1] if two else new(shape[-1], one, space))
    return axes


def gemm(node: ir.Node, space: Space) -> Dims | None:
    """A matrix product of two axes."""
    shape = shape_of(node.outputs[0])
    if shape is None:
        return None
    a, b = space.get(node.inputs[0]), space.get(node.inputs[1])
    rows = a[1 if node.attributes.get_int("transA", 0) else 0] if a else None
    columns = b[0 if node.attributes.get_int("transB", 0) else 1] if b else None
    return (rows if rows is not None else new(shape[0], b, space),
            columns if columns is not None else new(shape[1], a, space))


def einsum(node: ir.Node, space: Space) -> Dims | None:
    """Each letter keeps the axis that it stands for."""
    shape = shape_of(node.outputs[0])
    operands = [shape_of(v) for v in node.inputs]
    if shape is None or any(s is None for s in operands):
        return None
    terms, out = einsum_terms(node, [len(s or ()) for s in operands])
    axes: dict[str, tuple[int, ...]] = {}
    for term, value in zip(terms, node.inputs, strict=True):
        dims = space.get(value)
        if not space.is_dynamic(value):
            continue
        if dims is None or len(dims) != len(term):
            return None
        for letter, atoms in zip(term, dims, strict=True):
            if letter in axes and axes[letter] and atoms and not space.unify(axes[letter], atoms):
                space.conflict(node, f"index {letter} means different things", axes[letter], atoms)
            axes[letter] = axes.get(letter) or atoms
    return tuple(axes[letter] if axes.get(letter) else new(size, tuple(axes.values()), space)
                 for letter, size in zip(out, shape, strict=True))


def new(size: int, beside: Dims | None, space: Space) -> tuple[int, ...]:
    """A new axis; data for sure where time is already another axis."""
    has_time = any(Role.TIME in space.roles_of(atoms) for atoms in beside or ())
    return space.fresh(size, Role.DATA if has_time else Role.UNKNOWN)


def window(node: ir.Node, space: Space) -> Dims | None:
    """Convolution and pooling: batch stays, axes of a window of 1 stay, the rest is new."""
    dims, shape, before = space.get(node.inputs[0]), shape_of(node.outputs[0]), shape_of(
        node.inputs[0])
    if dims is None or shape is None or before is None or len(shape) != len(dims):
        return None
    kernel = node.attributes.get_ints("kernel_shape", None)
    if kernel is None and len(node.inputs) > 1:
        kernel = (shape_of(node.inputs[1]) or ())[2:]
    convolves = node.op_type.startswith("Conv")
    axes = [dims[0], new(shape[1], dims, space) if convolves else dims[1]]
    for position in range(2, len(shape)):
        one = kernel is not None and len(kernel) == len(shape) - 2 and kernel[position - 2] == 1
        keeps = one and shape[position] == before[position]
        axes.append(dims[position] if keeps else new(shape[position], dims, space))
    return tuple(axes)


def reduce(node: ir.Node, space: Space) -> Dims | None:
    """Without the reduced axes."""
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    return _drop(dims, reduced_axes(node, len(dims)), node.attributes.get_int("keepdims", 1))


def arg_reduce(node: ir.Node, space: Space) -> Dims | None:
    """Without the reduced axis."""
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    axis = node.attributes.get_int("axis", 0) % len(dims)
    return _drop(dims, [axis], node.attributes.get_int("keepdims", 1))


def _drop(dims: Dims, axes: Sequence[int], keep: int) -> Dims:
    if keep:
        return tuple(() if axis in axes else atoms for axis, atoms in enumerate(dims))
    return tuple(atoms for axis, atoms in enumerate(dims) if axis not in axes)


# -- wiring --------------------------------------------------------------------------------
