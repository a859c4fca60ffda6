"""What torch.onnx cannot translate by itself, and where the rest comes from when it fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from onnxscript import opset18 as onnx18
from onnxscript.values import Opset
from torch.export import ExportedProgram

from neurocompile.capture.frames import place
from neurocompile.capture.neuron_op import NEURON, PROFILE_ATTRIBUTE, NeuronCall
from neurocompile.diagnostics import Diagnostic, Location
from neurocompile.ir.neuron_node import DOMAIN, DOMAIN_VERSION, MODULE_ATTRIBUTE

_NEURONS = Opset(DOMAIN, DOMAIN_VERSION)


def _adaptive_average_pool(x: Any, output_size: Sequence[int]) -> Any:
    """Windows of equal size over the last three axes; `x` may lack the batch axis."""
    sizes = [int(n) for n in x.shape][-len(output_size):]
    if any(n % m for n, m in zip(sizes, output_size, strict=True)):
        raise ValueError(f"adaptive pooling of {sizes} to {list(output_size)}: the windows overlap")
    kernel = [n // m for n, m in zip(sizes, output_size, strict=True)]
    has_batch = len(x.shape) > len(sizes) + 1
    if has_batch:
        return onnx18.AveragePool(x, kernel_shape=kernel, strides=kernel)
    first: Any = onnx18.Constant(value_ints=[0])
    means = onnx18.AveragePool(onnx18.Unsqueeze(x, first), kernel_shape=kernel, strides=kernel)
    return onnx18.Squeeze(means, first)


def _neuron(x_seq: Any, states: Any, y_seq: Any, profile: str, constants: Sequence[float],
            module: str) -> Any:
    """The node of the op of neurons."""
    call = NeuronCall(x_seq, states, y_seq, profile, constants, module)
    values = dict(zip(call.spec.constants, map(float, constants), strict=True))
    op = getattr(_NEURONS, call.spec.model)
    return op(*call.inputs.in_order(call.spec.states),
              **{PROFILE_ATTRIBUTE: profile, MODULE_ATTRIBUTE: module}, **values)


# onnxscript reads annotations to tell attributes from inputs
_adaptive_average_pool.__annotations__ = {"output_size": Sequence[int]}
_neuron.__annotations__ = {"profile": str, "constants": Sequence[float], "module": str}
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    NEURON: _neuron,
    torch.ops.aten._adaptive_avg_pool3d.default: _adaptive_average_pool,
}

_NODE = re.compile(r"translating node %(\w+)")


def translation_failure(program: ExportedProgram, error: BaseException) -> Diagnostic:
    """NC102 for an operator without an ONNX form, at the user's line."""
    cause: BaseException = error
    name = ""
    while True:
        name = match.group(1) if (match := _NODE.search(str(cause))) else name
        if cause.__cause__ is None:
            break
        cause = cause.__cause__
    node = next((n for n in program.graph.nodes if n.name == name), None)
    where = Location() if node is None else place(node)
    reason = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return Diagnostic("NC102", where, {"module": where.module or "(model)", "reason": reason})
