"""Means over tokens, where a network keeps some tokens only: while its layers are composed.

A mean over tokens of a stream is a sum over all that reached the stream; what came through a stem
no longer shows its tokens once the two are composed. So they are told apart right there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from neurocompile.ir.operators import Axis, axis_beside, compose, identity, mixed_axes
from neurocompile.passes.lowering.forms import Form
from neurocompile.passes.lowering.walk import FormWalk, Tokens


def average_tokens(walk: FormWalk, node: ir.Node, op: Callable[[FormWalk, ir.Node], None]) -> None:
    """Replace what `op` made of a node that leaves the axis of tokens: N / N' times the kept N'.

    Nodes that keep the axis, or have several inputs that depend on spikes, stay as they are.
    """
    names = [str(value.name) for value in node.inputs if value is not None]
    names = [name for name in names if name in walk.forms]
    if walk.tokens is None or len(names) != 1 or len(node.outputs) != 1:
        return
    name, output = names[0], str(node.outputs[0].name)
    form, result = walk.forms[name], walk.forms.get(output)
    axis = _axis(form, walk.tokens)
    if axis is None or result is None or _axis(result, walk.tokens) is not None:
        return

    def through(operand: Form) -> Form:
        walk.forms[name] = operand
        op(walk, node)
        return walk.forms[output]
    ratio = axis.length / len(walk.tokens.numbers)
    gain = np.zeros(axis.size)
    gain[axis.elements(walk.tokens.numbers)] = ratio
    mask = identity((axis.outer, axis.length, axis.inner)).times(gain)
    total = through(Form({}, form.bias * gain))
    for source, inner in form.terms.items():
        unit = through(Form({source: identity((axis.size,))}, np.zeros(axis.size)))
        (target, outer), = unit.terms.items()
        own = walk.tokens.axes.get(source.name)
        if own is not None and axis_beside(inner, own) == axis:  # its other tokens will be gone
            whole = compose(outer, inner).times(np.full(outer.out_size, ratio))
        else:
            whole = compose(compose(outer, mask), inner)
        total = total.plus(Form({target: whole}, np.zeros(total.size)))
    walk.forms[name] = form
    walk.forms[output] = Form(total.terms, total.bias, result.layers)


def _axis(form: Form, tokens: Tokens) -> Axis | None:
    """The axis of tokens of a value; None where none of its terms shows one."""
    for source, operator in form.terms.items():
        own = tokens.axes.get(source.name)
        if own is not None:
            same_axis = axis_beside(operator, own)
            for axis in [same_axis] if same_axis is not None else mixed_axes(operator, own):
                return axis
    return None
