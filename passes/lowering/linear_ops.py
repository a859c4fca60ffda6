"""The linear ops of a Graph as operators on forms: one function an op, one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.ir.axes import Role
from neurocompile.ir.operators import (
    Operator,
    Shape,
    einsum,
    is_identity,
    wiring,
)
from neurocompile.passes.lowering.convolution_ops import CONVOLUTION_OPS
from neurocompile.passes.lowering.forms import Form
from neurocompile.passes.lowering.interpolation_ops import INTERPOLATION_OPS
from neurocompile.passes.lowering.walk import (
    FormWalk,
    data_sizes,
    element_numbers,
    layout_of,
    one_tick,
    sizes_of,
    static_input,
    unsupported_op,
    weight_identity,
)
from neurocompile.passes.lowering.wiring_ops import WIRING_OPS


def static_operand(walk: FormWalk, node: ir.Node, array: NDArray[Any]) -> NDArray[np.float64]:
    """A constant operand of an elementwise op, as the flat vector of the result's one tick."""
    return tick_vector(walk, node, node.outputs[0], array)


def tick_vector(walk: FormWalk, node: ir.Node, output: ir.Value, array: NDArray[Any]
                ) -> NDArray[np.float64]:
    """A constant that is broadcast to a node's output, as the flat vector of its one tick."""
    full = np.broadcast_to(np.asarray(array, np.float64), sizes_of(output))
    return np.asarray(one_tick(full, layout_of(walk, output, node), node))


def _batch_norm(walk: FormWalk, node: ir.Node) -> None:
    form = walk.form(node.inputs[0])
    parameters = [static_input(node, i) for i in range(1, 5)]
    if form is None or any(p is None for p in parameters):
        raise unsupported_op(node, "its statistics depend on the input")
    scale, shift, mean, variance = (p for p in parameters if p is not None)
    attribute = node.attributes.get("epsilon")
    epsilon = np.float64(np.float32(1e-5 if attribute is None else attribute.value))  # as in a file
    gain = scale / np.sqrt(variance + epsilon)
    rank = len(sizes_of(node.outputs[0]))
    column = (-1, *[1] * (rank - 2))
    result = form.times(static_operand(walk, node, gain.reshape(column)))
    offset = static_operand(walk, node, (shift - mean * gain).reshape(column))
    walk.forms[str(node.outputs[0].name)] = result.plus_constant(offset)


def _matmul(walk: FormWalk, node: ir.Node) -> None:
    first, second = walk.form(node.inputs[0]), walk.form(node.inputs[1])
    weight = static_input(node, 1 if first is not None else 0)
    form = first if first is not None else second
    if form is None or weight is None:
        raise unsupported_op(node, "both factors depend on the input")
    walk.forms[str(node.outputs[0].name)] = form.through(
        _contraction(walk, node, weight, from_right=first is not None), layer=True)


def _contraction(walk: FormWalk, node: ir.Node, weight: NDArray[np.float64],
                 from_right: bool) -> Operator:
    """x @ W (from_right) or W @ x, over the last axes of x."""
    position = 0 if from_right else 1
    layout = layout_of(walk, node.inputs[position], node)
    sizes, outs = data_sizes(layout), data_sizes(layout_of(walk, node.outputs[0], node))
    key = ("matmul", weight_identity(node, 1 - position), sizes, outs, from_right)
    if weight.ndim == 1:
        weight, outs = (weight[:, None], (*outs, 1)) if from_right else (
            weight[None, :], (*outs[:-1], 1, *outs[-1:]))
    if weight.ndim > 2:
        weight = _one_tick_of_matrices(walk, node, weight)
    return walk.operator(key, lambda: _product_over_axis(sizes, outs, weight, from_right))


def _one_tick_of_matrices(walk: FormWalk, node: ir.Node,
                          weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices [..., a, b] for one tick of one sample, where time or batch are among the axes."""
    output = node.outputs[0]
    layout, lead = layout_of(walk, output, node)[:-2], sizes_of(output)[:-2]
    matrices = np.broadcast_to(weight, (*lead, *weight.shape[-2:]))
    flat = one_tick(matrices, layout, node, weight.shape[-2:])
    return flat.reshape(*data_sizes(layout), *weight.shape[-2:])


def _product_over_axis(sizes: Shape, outs: Shape, weight: NDArray[np.float64],
                       from_right: bool) -> Operator:
    """x @ W or W @ x as an einsum; axes in front along which W is constant share it."""
    lead = outs[:-2]
    free, before, after = range(len(lead), len(lead) + 3)
    beside = (1,) * (len(outs) - len(sizes)) + sizes
    ins = tuple(a for a, n in enumerate(lead) if beside[a] == n)
    if from_right:
        ends, last, own = (free, before), (free, after), (before, after)
        ends_sizes = (beside[-2], beside[-1], outs[-1])
    else:
        ends, last, own = (before, free), (after, free), (after, before)
        ends_sizes = (beside[-1], beside[-2], outs[-2])
    varying = []
    for position, axis in enumerate(range(len(lead) - (weight.ndim - 2), len(lead))):
        first = weight.take([0], axis=position)
        if np.array_equal(weight, np.broadcast_to(first, weight.shape)):
            weight = first
        else:
            varying.append(axis)
    lengths = (*lead, *ends_sizes)
    axes = (*varying, *own)
    return einsum(sizes, outs, (*ins, *ends), (*range(len(lead)), *last), axes, lengths,
                  weight.reshape([lengths[a] for a in axes]))


def _gemm(walk: FormWalk, node: ir.Node) -> None:
    form, weight = walk.form(node.inputs[0]), static_input(node, 1)
    attributes = {k: a.value for k, a in node.attributes.items()}
    if form is None or weight is None or attributes.get("transA"):
        raise unsupported_op(node, "its weights depend on the input")
    matrix = weight.T if attributes.get("transB") else weight
    operator = _contraction(walk, node, matrix * float(attributes.get("alpha", 1.0)),
                            from_right=True)
    result = form.through(operator, layer=True)
    bias = static_input(node, 2)
    if bias is not None:
        result = result.plus_constant(static_operand(walk, node, bias) * float(
            attributes.get("beta", 1.0)))
    walk.forms[str(node.outputs[0].name)] = result


def _sum(walk: FormWalk, node: ir.Node) -> None:
    """Add, Sub and Sum: forms add up, constants shift them."""
    total: Form | None = None
    offset = np.zeros(())
    for position, value in enumerate(node.inputs):
        sign = -1.0 if node.op_type == "Sub" and position == 1 else 1.0
        form = walk.form(value)
        if form is None:
            offset = offset + sign * static_operand(walk, node, _constant(node, position))
            continue
        form = broadcast(walk, node, value, form)
        form = form if sign > 0 else form.times(np.full(form.size, -1.0))
        total = form if total is None else total.plus(form)
    if total is not None:
        walk.forms[str(node.outputs[0].name)] = total.plus_constant(offset)


def broadcast(walk: FormWalk, node: ir.Node, value: ir.Value | None, form: Form) -> Form:
    """A form repeated to the size of the node's result, where an operand is smaller."""
    shape, target = sizes_of(value), sizes_of(node.outputs[0])
    layout = layout_of(walk, node.outputs[0], node)
    own = layout_of(walk, value, node)
    numbers = np.broadcast_to(element_numbers(own, shape), target)
    index = np.asarray(one_tick(numbers, layout, node))
    operator = wiring((form.size,), data_sizes(layout), index)
    return form if is_identity(operator) else form.through(operator)


def _constant(node: ir.Node, position: int) -> NDArray[np.float64]:
    array = static_input(node, position)
    if array is None:
        raise unsupported_op(node, "an operand is neither static nor linear in spikes")
    return array


def _product(walk: FormWalk, node: ir.Node) -> None:
    """Mul and Div by a constant, and Neg."""
    forms = [walk.form(value) for value in node.inputs]
    if node.op_type == "Neg" and forms[0] is not None:
        walk.forms[str(node.outputs[0].name)] = forms[0].times(np.full(forms[0].size, -1.0))
        return
    place = 0 if forms[0] is not None else 1
    form = forms[place]
    if form is None or forms[1 - place] is not None or (node.op_type == "Div" and place == 1):
        raise unsupported_op(node, "it multiplies or divides by a value that depends on the input")
    gain = static_operand(walk, node, _constant(node, 1 - place))
    form = broadcast(walk, node, node.inputs[place], form)
    walk.forms[str(node.outputs[0].name)] = form.times(
        1.0 / gain if node.op_type == "Div" else gain)


def _complement(walk: FormWalk, node: ir.Node) -> None:
    """Not of a spike: 1 - s."""
    form = walk.form(node.inputs[0])
    if form is not None:
        ones = np.ones(form.size)
        walk.forms[str(node.outputs[0].name)] = form.times(-ones).plus_constant(ones)


def affine_function(walk: FormWalk, node: ir.Node) -> None:
    """A node that is an affine function of another value, whatever operators compute it."""
    affine = walk.affine[node]
    form = walk.form(affine.base)
    if form is None:
        return  # of what feeds no neuron
    form = broadcast(walk, node, affine.base, form)
    if not affine.gain.any():
        form = Form({}, form.bias)
    walk.forms[str(node.outputs[0].name)] = form.times(
        static_operand(walk, node, affine.gain)).plus_constant(
        static_operand(walk, node, affine.offset))


def _reduce(walk: FormWalk, node: ir.Node) -> None:
    """ReduceSum, ReduceMean and GlobalAveragePool, over data axes, over time, or both."""
    walk.forms[str(node.outputs[0].name)] = reduction(walk, node, node.op_type != "ReduceSum")


def reduction(walk: FormWalk, node: ir.Node, mean: bool) -> Form:
    """The mean or the sum along the axes that a node reduces."""
    value, output = node.inputs[0], node.outputs[0]
    form = walk.form(value)
    layout, shape = layout_of(walk, value, node), sizes_of(value)
    if form is None:
        raise unsupported_op(node, "it reduces a static value")
    if node.op_type.startswith("Global"):
        axes = list(range(2, len(shape)))
    else:
        operand = static_input(node, 1)
        attribute = node.attributes.get("axes")
        axes = [int(a) for a in (operand if operand is not None else attribute.value
                                 if attribute is not None else range(len(shape)))]
    axes = [a % len(shape) for a in axes]
    atoms = [atom for a in axes for atom in layout[a]]
    if any(atom.role is Role.BATCH for atom in atoms):
        raise unsupported_op(node, "it mixes samples")
    time = [atom.size for atom in atoms if atom.role is Role.TIME]
    if time:
        form = form.over_time(time[0])
        form = form.times(np.full(form.size, 1.0 / time[0])) if mean else form
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    sizes = data_sizes(layout)
    count = int(np.prod([sizes[a] for a in axes]))
    if count > 1:
        outs = data_sizes(layout_of(walk, output, node)) or (1,)
        weight = np.array(1.0 / count if mean else 1.0)
        form = form.through(einsum(sizes, outs, tuple(range(len(sizes))), rest, (), sizes, weight))
    return form


OPS: dict[str, Callable[[FormWalk, ir.Node], None]] = {
    **WIRING_OPS,
    **CONVOLUTION_OPS, **INTERPOLATION_OPS,
    "BatchNormalization": _batch_norm,
    "MatMul": _matmul, "Gemm": _gemm,
    "Add": _sum, "Sub": _sum, "Sum": _sum, "Mul": _product, "Div": _product, "Neg": _product,
    "Not": _complement,
    "ReduceSum": _reduce, "ReduceMean": _reduce, "GlobalAveragePool": _reduce,
}
