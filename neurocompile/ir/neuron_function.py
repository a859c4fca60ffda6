"""A neuron node's meaning as an ONNX function: its profile's equations in standard operators.

With these bodies a saved Graph runs in any ONNX runtime. Node: `IF`, `LIF`, `CubaLIF` or `LI` of
domain `ai.neurocompile`, overload = the profile's name, inputs and outputs as `neuron_node` says,
attributes = the profile's constants and `module`. The function's doc string is the encoded profile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import onnx

from neurocompile.ir.neuron_node import DOMAIN, MODULE_ATTRIBUTE, Inputs, Outputs
from neurocompile.semantics.equations import SHIFT_ONE
from neurocompile.semantics.floating import Profile

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


def input_names(profile: Profile) -> Inputs[str]:
    """What the inputs of a profile's nodes are called."""
    return Inputs("x_seq", {name: f"{name}0" for name in profile.states},
                  "y_seq" if profile.equations.second_input else None)


def output_names(profile: Profile) -> Outputs[str]:
    """What the outputs of a profile's nodes are called."""
    return Outputs("s_seq", {name: f"{name}_last" for name in profile.states})


def function_body(profile: Profile, opset: int) -> onnx.FunctionProto:
    """The node's meaning as a FunctionProto: a Scan over ticks of the profile's equations."""
    text = _Text()
    streams = ("x", "y") if profile.equations.second_input else ("x",)
    states, attributes = profile.states, (*profile.constants, MODULE_ATTRIBUTE)
    after = profile.equations.run(
        {name: name for name in (*streams, *states, *profile.constants)}, text)
    tick = " ".join((*text.lines, *(f"{name}_next = Identity({after[name]})"
                                    for name in (*states, "s"))))
    constants = " ".join(f"{name} = Constant <value_float: float = @{name}> ()"
                         for name in profile.constants)
    starts = " ".join(f"{name}_start = Expand({name}0, shape)" for name in states)
    function = onnx.parser.parse_function(
        f'<opset_import: ["": {opset}], domain: "{DOMAIN}">\n'
        f"{profile.model} <{', '.join(attributes)}> "
        f"({_names(input_names(profile).in_order(states))}) => "
        f"({_names(output_names(profile).in_order(states))}) {{ {constants} "
        "first = Constant <value_int: int = 0> () x0 = Gather <axis: int = 0> (x_seq, first) "
        f"shape = Shape(x0) {starts} "
        f"{_names(states, '_last')}, s_seq = Scan <num_scan_inputs = {len(streams)}, body = tick "
        f"({_names((*states, *streams))}) => ({_names((*states, 's'), '_next')}) {{ {tick} }}> "
        f"({_names(states, '_start')}, {_names(streams, '_seq')}) }}")
    function.overload, function.doc_string = profile.name, profile.encode()
    for node in function.node:
        for attribute in node.attribute:
            if attribute.name == "body":  # the parser leaves the Scan body untyped
                for value in (*attribute.g.input, *attribute.g.output):
                    value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return function


def _names(names: Iterable[str], suffix: str = "") -> str:
    return ", ".join(f"{name}{suffix}" for name in names)
