"""A neuron node's meaning as an ONNX function: its profile's equations in standard operators.

With these bodies a saved Graph runs in any ONNX runtime. Node: `IF`, `LIF`, `CubaLIF` or `LI` of
domain `ai.neurocompile`, overload = the profile's name, inputs (x_seq [T, ...], u0, v0[, y_seq]),
outputs (s_seq [T, ...], u_last [...], v_last [...]), attributes = the profile's constants and
`module`. The function's doc string is the encoded profile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import onnx

from neurocompile.semantics.equations import SHIFT_ONE
from neurocompile.semantics.floating import Profile

DOMAIN, DOMAIN_VERSION = "ai.neurocompile", 1
_OPS = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "gt": "Greater",
        "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual", "eq": "Equal",
        "floor": "Floor", "round": "Round", "relu": "Relu", "minimum": "Min", "maximum": "Max"}
_COMPARE = ("gt", "ge", "lt", "le", "eq")


@dataclass
class _Text:
    """Equations as ONNX text: operands are value names, operators append a line."""

    lines: list[str] = field(default_factory=list)

    def number(self, value: float) -> str:
        """A constant of that value."""
        return self._line(f"Constant <value_float: float = {value!r}> ()")

    def apply(self, op: str, *operands: str) -> str:
        """The operator's result."""
        if op == "trunc":
            return self._cast(self._cast(operands[0], onnx.TensorProto.INT64), 1)
        if op == "rounded":
            return self.apply("floor", self.apply("add", operands[0], self.number(0.5)))
        if op == "shifted":  # ONNX divides integers toward zero
            whole, keep = (self._cast(o, onnx.TensorProto.INT64) for o in operands)
            one = self._line(f"Constant <value_int: int = {SHIFT_ONE}> ()")
            return self._cast(self._line(f"Div({self._line(f'Mul({whole}, {keep})')}, {one})"), 1)
        result = self._line(f"{_OPS[op]}({', '.join(operands)})")
        return self._cast(result, onnx.TensorProto.FLOAT) if op in _COMPARE else result

    def _cast(self, operand: str, to: int) -> str:
        return self._line(f"Cast <to: int = {to}> ({operand})")

    def _line(self, text: str) -> str:
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name


def function_body(profile: Profile, opset: int) -> onnx.FunctionProto:
    """The node's meaning as a FunctionProto: a Scan over ticks of the profile's equations."""
    text = _Text()
    inputs = ("x", "y") if profile.equations.second_input else ("x",)
    after = profile.equations.run(
        {name: name for name in (*inputs, "u", "v", *profile.constants)}, text)
    tick = " ".join((*text.lines, *(f"{name}_next = Identity({after[name]})" for name in "uvs")))
    constants = " ".join(f"{name} = Constant <value_float: float = @{name}> ()"
                         for name in profile.constants)
    streams = ", ".join(f"{name}_seq" for name in inputs)
    signature = ", ".join(("x_seq", "u0", "v0", *(f"{name}_seq" for name in inputs[1:])))
    function = onnx.parser.parse_function(
        f'<opset_import: ["": {opset}], domain: "{DOMAIN}">\n'
        f"{profile.model} <{', '.join((*profile.constants, 'module'))}> ({signature}) => "
        f"(s_seq, u_last, v_last) {{ {constants} "
        "first = Constant <value_int: int = 0> () x0 = Gather <axis: int = 0> (x_seq, first) "
        "shape = Shape(x0) u_start = Expand(u0, shape) v_start = Expand(v0, shape) "
        f"u_last, v_last, s_seq = Scan <num_scan_inputs = {len(inputs)}, body = tick "
        f"(u, v, {', '.join(inputs)}) => (u_next, v_next, s_next) {{ {tick} }}> "
        f"(u_start, v_start, {streams}) }}")
    function.overload, function.doc_string = profile.name, profile.encode()
    for node in function.node:
        for attribute in node.attribute:
            if attribute.name == "body":  # the parser leaves the Scan body untyped
                for value in (*attribute.g.input, *attribute.g.output):
                    value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return function
