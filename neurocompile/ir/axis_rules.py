"""How each operator moves the axes of its operands (see `neurocompile.ir.axes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import onnx_ir as ir

from neurocompile.ir.axis_space import Dims, Role, Space, integers, is_neuron, shape_of

Rule = Callable[[ir.Node, Space], Dims | None]
MOVING = (Role.TIME, Role.BATCH)


def follow(node: ir.Node, space: Space) -> None:
    """Give every output of a node its layout and ticks, if it depends on the input."""
    if is_neuron(node):
        _neuron(node, space)
        return
    dynamic = [value for value in node.inputs if space.is_dynamic(value)]
    if not dynamic or node.op_type in _STATIC:
        return
    ticks = frozenset[int]().union(
        *(space.ticks.get(v.name or "", frozenset()) for v in dynamic if v is not None))
    for output in node.outputs:
        space.ticks[output.name or ""] = ticks
    if node.op_type == "Split":
        _split(node, space)
        return
    rule = _RULES.get(node.op_type) if node.domain == "" else None
    dims = rule(node, space) if rule is not None else None
    if node.outputs:
        space.put(node.outputs[0], dims)
    for output in node.outputs[1:]:
        space.put(output, space.get(node.outputs[0]))


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
    left, _, right = equation.partition("->")
    terms = left.split(",")
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=False)]
    spare = "".join(c for c in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in equation)

    def spell(term: str, width: int) -> str:
        return term.replace("...", spare[:width][::-1])

    if "->" not in equation:
        letters = left.replace(",", "").replace("...", "")
        right = ("..." if "..." in left else "") + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1))
    widest = max((w for w, term in zip(widths, terms, strict=False) if "..." in term), default=0)
    return [spell(t, w) for t, w in zip(terms, widths, strict=False)], spell(right, widest)


# -- neurons -------------------------------------------------------------------------------


def _neuron(node: ir.Node, space: Space) -> None:
    x, spikes = node.inputs[0], node.outputs[0]
    shape = shape_of(x) or shape_of(spikes)
    dims = space.get(x)
    tick = space.tick_of.get(spikes.name or "")
    for output in node.outputs:
        space.ticks[output.name or ""] = frozenset() if tick is None else frozenset({tick})
    if shape is None:
        for output in node.outputs:
            space.put(output, None)
        return
    if dims is None:
        dims = tuple(space.fresh(size) for size in shape)
    time = space.time_axis(shape[0])
    if not space.unify(dims[0], time):
        space.conflict(node, "axis 0 is not time alone", dims[0])
    for second in map(space.get, node.inputs[3:]):
        for own, other in zip(dims, second or (), strict=False):
            if own and other and not space.unify(own, other):
                space.conflict(node, "its two inputs have different axes", own, other)
    dims = (time, *(_named(d, position, node, space) for position, d in enumerate(dims[1:], 1)))
    space.put(spikes, dims)
    for output in node.outputs[1:]:
        space.put(output, dims[1:])


def _named(atoms: tuple[int, ...], position: int, node: ir.Node, space: Space) -> tuple[int, ...]:
    """Axis `position` of a neuron's input: batch first on axis 1, data elsewhere."""
    atoms = space.resolve(atoms)
    if position == 1 and space.batch and space.roles_of(atoms[:1]) == {Role.UNKNOWN}:
        size = space.size_of(space.batch)
        if space.sizes[atoms[0]] > size:
            space.split(atoms[0], size)
        first = space.resolve(atoms)[:1]
        if space.size_of(first) == size:
            space.unify(space.batch, first)
    atoms = space.resolve(atoms)
    for atom in atoms:
        space.name((atom,), Role.DATA)
    if Role.TIME in space.roles_of(atoms):
        space.conflict(node, f"axis {position} contains time", atoms)
    return atoms


# -- elementwise and contractions ------------------------------------------------------------


def _same(node: ir.Node, space: Space) -> Dims | None:
    return space.get(node.inputs[0])


def _broadcast(node: ir.Node, operands: Iterable[Dims | None], shape: Sequence[int],
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
    return tuple(space.fresh(size) if found is None else space.resolve(found)
                 for found, size in zip(axes, shape, strict=True))


def _elementwise(node: ir.Node, space: Space) -> Dims | None:
    shape = shape_of(node.outputs[0])
    operands = [space.get(v) for v in node.inputs if space.is_dynamic(v)]
    return None if shape is None else _broadcast(node, operands, shape, space)


def _matmul(node: ir.Node, space: Space) -> Dims | None:
    shape = shape_of(node.outputs[0])
    left, right = node.inputs[0], node.inputs[1]
    ranks = [len(shape_of(v) or ()) for v in (left, right)]
    if shape is None or min(ranks) < 1:
        return None
    batch = len(shape) - (ranks[0] > 1) - (ranks[1] > 1)
    dims: list[Dims | None] = []
    for value in (left, right):
        if space.is_dynamic(value):
            found = space.get(value)
            dims.append(None if found is None else found[:-2])
    axes = _broadcast(node, dims, shape[:batch], space)
    if axes is None:
        return None
    one, two = space.get(left), space.get(right)
    if ranks[0] > 1:
        axes = (*axes, one[-2] if one else _new(shape[batch], two, space))
    if ranks[1] > 1:
        axes = (*axes, two[-1] if two else _new(shape[-1], one, space))
    return axes


def _gemm(node: ir.Node, space: Space) -> Dims | None:
    shape = shape_of(node.outputs[0])
    if shape is None:
        return None
    a, b = space.get(node.inputs[0]), space.get(node.inputs[1])
    rows = a[1 if node.attributes.get_int("transA", 0) else 0] if a else None
    columns = b[0 if node.attributes.get_int("transB", 0) else 1] if b else None
    return (rows if rows is not None else _new(shape[0], b, space),
            columns if columns is not None else _new(shape[1], a, space))


def _einsum(node: ir.Node, space: Space) -> Dims | None:
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
    return tuple(axes[letter] if axes.get(letter) else _new(size, tuple(axes.values()), space)
                 for letter, size in zip(out, shape, strict=True))


def _new(size: int, beside: Dims | None, space: Space) -> tuple[int, ...]:
    """A new axis; data for sure where time is already another axis."""
    timed = any(Role.TIME in space.roles_of(atoms) for atoms in beside or ())
    return space.fresh(size, Role.DATA if timed else Role.UNKNOWN)


def _window(node: ir.Node, space: Space) -> Dims | None:
    """Convolution and pooling: batch stays, axes of a window of 1 stay, the rest is new."""
    dims, shape, before = space.get(node.inputs[0]), shape_of(node.outputs[0]), shape_of(
        node.inputs[0])
    if dims is None or shape is None or before is None or len(shape) != len(dims):
        return None
    kernel = node.attributes.get_ints("kernel_shape", None)
    if kernel is None and len(node.inputs) > 1:
        kernel = (shape_of(node.inputs[1]) or ())[2:]
    convolves = node.op_type.startswith("Conv")
    axes = [dims[0], _new(shape[1], dims, space) if convolves else dims[1]]
    for position in range(2, len(shape)):
        one = kernel is not None and len(kernel) == len(shape) - 2 and kernel[position - 2] == 1
        keeps = one and shape[position] == before[position]
        axes.append(dims[position] if keeps else _new(shape[position], dims, space))
    return tuple(axes)


def _reduce(node: ir.Node, space: Space) -> Dims | None:
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    return _drop(dims, reduced_axes(node, len(dims)), node.attributes.get_int("keepdims", 1))


def _arg_reduce(node: ir.Node, space: Space) -> Dims | None:
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


def _reshape(node: ir.Node, space: Space) -> Dims | None:
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    if dims is None or shape is None or 0 in shape:
        return None
    found = space.regroup([atom for atoms in dims for atom in atoms], shape)
    if found is None:
        space.conflict(node, "the reshape cuts through time or batch", *dims)
    return found


def _transpose(node: ir.Node, space: Space) -> Dims | None:
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    order = node.attributes.get_ints("perm", None) or range(len(dims) - 1, -1, -1)
    return tuple(dims[axis] for axis in order)


def _expand(node: ir.Node, space: Space) -> Dims | None:
    shape = shape_of(node.outputs[0])
    return None if shape is None else _broadcast(node, [space.get(node.inputs[0])], shape, space)


def _tile(node: ir.Node, space: Space) -> Dims | None:
    dims, shape, before = (space.get(node.inputs[0]), shape_of(node.outputs[0]),
                           shape_of(node.inputs[0]))
    if dims is None or shape is None or before is None:
        return None
    return tuple((*space.fresh(after // size), *atoms)
                 for atoms, after, size in zip(dims, shape, before, strict=True))


def _resized(node: ir.Node, space: Space) -> Dims | None:
    """Axes of unchanged length stay, the rest is new (Pad, Resize, Slice in part)."""
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    if dims is None or shape is None or len(dims) != len(shape):
        return None
    return tuple(atoms if space.size_of(atoms) == size else _new(size, None, space)
                 for atoms, size in zip(dims, shape, strict=True))


def _concat(node: ir.Node, space: Space) -> Dims | None:
    shape = shape_of(node.outputs[0])
    operands = [space.get(v) for v in node.inputs if space.is_dynamic(v)]
    if shape is None or any(dims is None for dims in operands):
        return None
    axis = node.attributes.get_int("axis", 0) % len(shape)
    known = [dims for dims in operands if dims is not None]
    along = [dims[axis] for dims in known]
    stacked = _stacked(node, along, axis, space) or _beside(along, shape[axis], space)
    for dims in known:
        if not stacked and space.roles_of(dims[axis]) & set(MOVING):
            space.conflict(node, f"joins along axis {axis}", dims[axis])
    rest = [(*dims[:axis], (), *dims[axis + 1:]) for dims in known]
    axes = _broadcast(node, rest, [1 if a == axis else n for a, n in enumerate(shape)], space)
    if axes is None:
        return None
    new = stacked or _new(shape[axis], axes, space)
    return (*axes[:axis], new, *axes[axis + 1:])


def _beside(along: Sequence[tuple[int, ...]], size: int, space: Space) -> tuple[int, ...]:
    """A new axis in front of one that all operands share and that may be time or batch: a stack."""
    inner = space.resolve(along[0])
    if len(along) < 2 or any(space.resolve(atoms) != inner for atoms in along[1:]):
        return ()
    if space.roles_of(inner) <= {Role.DATA} or size != len(along) * space.size_of(inner):
        return ()
    return (*space.fresh(len(along)), *inner)


def _stacked(node: ir.Node, along: Sequence[tuple[int, ...]], axis: int,
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
    if value is not None and (value.name, axis) in space.selected and atoms:
        if space.sizes[atoms[0]] > space.n_ticks:
            space.split(atoms[0], space.n_ticks)
        space.unify(space.resolve(atoms)[:1], space.time_axis(space.n_ticks))
        atoms = space.resolve(atoms)
    if atoms and space.roles[atoms[0]] is Role.TIME:
        inner = space.size_of(atoms[1:])
        if start % inner == 0 and count % inner == 0:
            first, ticks = start // inner, count // inner
            name = output.name or ""
            chosen = frozenset(range(first, first + ticks))
            space.ticks[name] = space.ticks.get(name, frozenset()) | chosen
            return (*space.fresh(ticks), *atoms[1:])
    if space.roles_of(atoms) & set(MOVING):
        space.conflict(node, "takes a part of time or batch", atoms)
    return space.fresh(count)


def _slice(node: ir.Node, space: Space) -> Dims | None:
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    starts = integers(node.inputs[1])
    if dims is None or shape is None or starts is None:
        return _resized(node, space)
    given = integers(node.inputs[3]) if len(node.inputs) > 3 else None
    axes = list(range(len(starts))) if given is None else [axis % len(dims) for axis in given]
    found = list(dims)
    steps = (integers(node.inputs[4]) if len(node.inputs) > 4 else None) or [1] * len(axes)
    for axis, start, step in zip(axes, starts, steps, strict=True):
        size = space.size_of(dims[axis])
        first = start + size if start < 0 else start
        if step != 1:
            if space.roles_of(dims[axis]) & set(MOVING):
                space.conflict(node, "strides through time or batch", dims[axis])
            found[axis] = space.fresh(shape[axis])
            continue
        found[axis] = _pick(dims, axis, first, shape[axis], node, node.outputs[0], space)
    return tuple(found)


def _split(node: ir.Node, space: Space) -> None:
    dims = space.get(node.inputs[0])
    shapes = [shape_of(output) for output in node.outputs]
    start = 0
    for output, shape in zip(node.outputs, shapes, strict=True):
        if dims is None or shape is None:
            space.put(output, None)
            continue
        axis = node.attributes.get_int("axis", 0) % len(dims)
        part = _pick(dims, axis, start, shape[axis], node, output, space)
        space.put(output, (*dims[:axis], part, *dims[axis + 1:]))
        start += shape[axis]


def _gather(node: ir.Node, space: Space) -> Dims | None:
    dims = space.get(node.inputs[0])
    if dims is None:
        return None
    axis = node.attributes.get_int("axis", 0) % len(dims)
    indices, index_shape = integers(node.inputs[1]), shape_of(node.inputs[1])
    if space.is_dynamic(node.inputs[1]):
        chosen = space.get(node.inputs[1])
    elif index_shape is None:
        return None
    elif indices is not None and len(indices) == 1:
        first = indices[0] % space.size_of(dims[axis])
        part = _pick(dims, axis, first, 1, node, node.outputs[0], space)
        chosen = (part,) * len(index_shape) if len(index_shape) < 2 else space.fresh_like(
            index_shape)
    elif indices == list(range(space.size_of(dims[axis]))):  # as_strided of a contiguous tensor
        chosen = space.regroup(dims[axis], index_shape)
    else:
        if space.roles_of(dims[axis]) & set(MOVING):
            space.conflict(node, "picks parts of time or batch", dims[axis])
        chosen = space.fresh_like(index_shape)
    return None if chosen is None else (*dims[:axis], *chosen, *dims[axis + 1:])


def _gather_nd(node: ir.Node, space: Space) -> Dims | None:
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    index_shape = shape_of(node.inputs[1])
    if dims is None or shape is None or not index_shape:
        return None
    batch = node.attributes.get_int("batch_dims", 0)
    rest = dims[batch + index_shape[-1]:]
    new = shape[batch:len(shape) - len(rest)]
    return (*dims[:batch], *(space.fresh(size) for size in new), *rest)


def _unsqueeze(node: ir.Node, space: Space) -> Dims | None:
    dims, shape = space.get(node.inputs[0]), shape_of(node.outputs[0])
    if dims is None or shape is None:
        return None
    return space.regroup([atom for atoms in dims for atom in atoms], shape)


_STATIC = frozenset({"Shape", "Size"})
_RULES: dict[str, Rule] = {
    **dict.fromkeys((
        "Identity", "Cast", "CastLike", "Dropout", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu",
        "Celu", "Gelu", "Erf", "Sigmoid", "HardSigmoid", "HardSwish", "Mish", "Tanh", "Softplus",
        "Softsign", "Sin", "Cos", "Tan", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign", "Neg",
        "Floor", "Ceil", "Round", "Not", "IsNaN", "IsInf", "Clip", "Softmax", "LogSoftmax",
        "Hardmax", "LayerNormalization", "GroupNormalization", "InstanceNormalization",
        "BatchNormalization", "LpNormalization", "MeanVarianceNormalization", "RMSNormalization",
        "CumSum", "ScatterND", "ScatterElements", "Scatter", "Trilu", "LRN", "ThresholdedRelu",
        "Swish"), _same),
    **dict.fromkeys((
        "Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Max", "Min", "Mod", "Where", "And",
        "Or", "Xor", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "BitwiseAnd",
        "BitwiseOr", "BitwiseXor"), _elementwise),
    **dict.fromkeys((
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"), _reduce),
    **dict.fromkeys((
        "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool",
        "GlobalMaxPool", "GlobalLpPool"), _window),
    **dict.fromkeys(("Pad", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "TopK",
                     "GatherElements"),
                    _resized),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg_reduce),
    **dict.fromkeys(("Unsqueeze", "Squeeze"), _unsqueeze),
    **dict.fromkeys(("Reshape", "Flatten"), _reshape),
    "MatMul": _matmul, "Gemm": _gemm, "Einsum": _einsum, "Transpose": _transpose,
    "Expand": _expand, "Tile": _tile, "Concat": _concat, "Slice": _slice, "Gather": _gather,
    "GatherND": _gather_nd,
}
