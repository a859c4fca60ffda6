"""Resize by interpolation as an operator on forms: one matrix an axis, found on unit vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.graph import constant, evaluate
from neurocompile.ir.operators import Operator, from_matrix
from neurocompile.passes.lowering.walk import (
    FormWalk,
    data_sizes,
    layout_of,
    sizes_of,
    unsupported_op,
)
from neurocompile.passes.lowering.wiring_ops import WIRING_OPS


def _resize(walk: FormWalk, node: ir.Node) -> None:
    form = walk.form(node.inputs[0])
    if node.attributes.get_string("mode", "nearest") == "nearest" or form is None:
        WIRING_OPS["Resize"](walk, node)
        return
    walk.forms[str(node.outputs[0].name)] = form.through(_interpolation(walk, node))


def _interpolation(walk: FormWalk, node: ir.Node) -> Operator:
    """The product of what the node does along each axis."""
    before, after = sizes_of(node.inputs[0]), sizes_of(node.outputs[0])
    sizes, outs = (data_sizes(layout_of(walk, v, node)) for v in (node.inputs[0], node.outputs[0]))
    total = sp.csr_array(np.ones((1, 1)))
    for axis, size in enumerate(sizes):
        matrix = sp.eye_array(size)
        if before[axis] != after[axis]:
            if size != before[axis] or axis == 0:
                raise unsupported_op(node, "it interpolates between ticks or samples")
            matrix = _along(node, axis, before, after)
        total = sp.csr_array(sp.kron(total, matrix))
    return from_matrix(sizes, outs, total)


def _along(node: ir.Node, axis: int, before: tuple[int, ...], after: tuple[int, ...]
           ) -> sp.csr_array:
    """[outputs, inputs] along one axis; the unit vectors lie on axis 0."""
    rank, size, out = len(before), before[axis], after[axis]
    shape, target = [1] * rank, [1] * rank
    shape[0] = target[0] = size
    shape[axis], target[axis] = size, out
    feeds: list[NDArray[Any] | None] = [
        np.eye(size).reshape(shape), None, None, np.array(target, np.int64)]
    if len(node.inputs) < 4 or node.inputs[3] is None:
        scales = np.ones(rank, np.float32)
        scales[axis] = np.asarray(constant(node.inputs[2]))[axis]
        feeds[2:] = [scales]
    return sp.csr_array(evaluate(node, feeds)[0].reshape(size, out).T.astype(np.float64))


INTERPOLATION_OPS: dict[str, Callable[[FormWalk, ir.Node], None]] = {"Resize": _resize}
