"""Graphs written as ONNX text."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from neurocompile.ir.graph import FILE, LINE, MODULE, Graph
from neurocompile.ir.neuron_function import function_body
from neurocompile.semantics.profiles import PROFILES

PROFILE = {"IF": "spikingjelly-if-hard", "LIF": "spikingjelly-lif-div-tau-hard",
           "CubaLIF": "snntorch-synaptic-subtract"}
HEADER = '<ir_version: 10, opset_import: ["": 20, "ai.neurocompile": 1]>\n'
CONSTANTS = ('v_th: float = 1.0, v_reset: float = 0.0, tau: float = 2.0, beta: float = 0.5, '
             'alpha: float = 0.5')


def parse(text: str) -> Graph:
    """The Graph of `(inputs) => (outputs) <initializers> { nodes }`.

    `lif(x)` on the right of `s, u, v =` stands for a LIF node started from the initializer `z`;
    `lif(x, u, v)` names the state. Initializers without values are ones. A node's module is the name of its first output, less what
    follows `__`; its line is the number of the module's first node.
    """
    text = re.sub(r"\b(lif|cuba)\((\w+)\)", r"\1(\2, z, z)", text)
    text = re.sub(r"(\w+), (\w+), (\w+) = (lif|cuba)\(", lambda m: (
        f"{m[1]}, {m[2]}, {m[3]} = ai.neurocompile.{'LIF' if m[4] == 'lif' else 'CubaLIF'} "
        f'<module: string = "{m[1].split("__")[0]}", {CONSTANTS}> ('), text)
    if re.search(r"\bz\b", text):
        text = text.replace("> {", ", float[1] z = {0.0}> {", 1) if "> {" in text else (
            text.replace(" {", " <float[1] z = {0.0}> {", 1))
    proto = onnx.parser.parse_model(HEADER + "g " + text)
    bodies = {}
    lines: dict[str, int] = {}
    for number, node in enumerate(proto.graph.node, 1):
        module = node.output[0].split("__")[0]
        line = lines.setdefault(module, number)
        values = {MODULE: module, FILE: "net.py", LINE: str(line)}
        for key, value in values.items():
            node.metadata_props.add(key=key, value=value)
        if node.domain:
            node.overload = PROFILE[node.op_type]
            bodies[node.overload] = function_body(PROFILES[node.overload], 20)
    proto.functions.extend(bodies.values())
    proto.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.ones([d.dim_value for d in v.type.tensor_type.shape.dim],
                                             np.float32), v.name)
        for v in proto.graph.value_info)
    del proto.graph.value_info[:]
    _infer_shapes(proto)
    return Graph(ir.serde.deserialize_model(proto))


def _infer_shapes(proto: onnx.ModelProto) -> None:
    """Shapes of all values; a neuron's are those of an Identity and a sum over ticks."""
    standard = onnx.ModelProto()
    standard.CopyFrom(proto)
    del standard.graph.node[:], standard.functions[:]
    standard.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "axis_0"))
    for node in proto.graph.node:
        if not node.domain:
            standard.graph.node.append(node)
            continue
        x, make = node.input[0], onnx.helper.make_node
        standard.graph.node.append(make("Identity", [x], [node.output[0]]))
        standard.graph.node.extend(make("ReduceSum", [x, "axis_0"], [name], keepdims=0)
                                   for name in node.output[1:])
    complete = onnx.shape_inference.infer_shapes(standard, strict_mode=True, data_prop=True)
    proto.graph.value_info.extend(complete.graph.value_info)


@pytest.fixture
def graph() -> Callable[[str], Graph]:
    return parse
