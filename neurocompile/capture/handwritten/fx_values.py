"""What the nodes of an exported program are: constants, copies, elementwise operations.

The program is torch.export's after `run_decompositions`. A value is *dynamic* if it depends on an
input of the model; everything else can be computed at capture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Node

_ATEN = torch.ops.aten
_FILLS = {_ATEN.full_like.default: 1, _ATEN.new_full.default: 2, _ATEN.zeros_like.default: 0.0,
           _ATEN.ones_like.default: 1.0, _ATEN.new_zeros.default: 0.0, _ATEN.new_ones.default: 1.0}
_BINARY = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "rsub": "rsub", "gt": "gt",
           "ge": "ge", "lt": "lt", "le": "le", "eq": "eq", "ne": "ne", "minimum": "minimum",
           "maximum": "maximum", "clamp_min": "maximum", "clamp_max": "minimum"}
_UNARY = {"neg": "neg", "relu": "relu", "round": "round", "floor": "floor", "trunc": "trunc",
          "logical_not": "not", "bitwise_not": "not", "sign": "sign", "abs": "abs"}
_COPIES = {_ATEN.clone.default, _ATEN.detach.default, _ATEN.alias.default,
           _ATEN.lift_fresh_copy.default}
_VIEWS = {_ATEN.view.default, _ATEN._unsafe_view.default, _ATEN.reshape.default,
          _ATEN.expand.default}
Operand = Node | int | float | bool | None
Operation = tuple[str, tuple[Operand, ...]]


class ProgramValues:
    """The nodes of a program, and the values of those that do not depend on its inputs."""

    def __init__(self, program: ExportedProgram) -> None:
        self.graph = program.graph_module.graph
        self.nodes: list[Node] = list(self.graph.nodes)
        self.position = {node: number for number, node in enumerate(self.nodes)}
        signature = program.graph_signature
        tensors = {**program.state_dict, **program.constants}
        names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers,
                **signature.inputs_to_lifted_tensor_constants}
        self._tensors: dict[Node, torch.Tensor | None] = {
            node: tensors.get(names[node.name]) for node in self.graph.nodes if node.name in names}
        inputs = set(signature.user_inputs)
        self.dynamic: set[Node] = set()
        self.random: set[Node] = set()
        for node in self.graph.nodes:
            draws = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
            if draws or any(n in self.random for n in node.all_input_nodes):
                self.random.add(node)
            if node.op == "placeholder":
                varies = node.name in inputs
            else:
                varies = draws or (node.target not in _FILLS and any(
                    n in self.dynamic for n in node.all_input_nodes))
            if varies:
                self.dynamic.add(node)

    def between(self, nodes: Iterable[Node]) -> list[Node]:
        """The nodes of the program from the first of some to the last of them."""
        positions = [self.position[node] for node in nodes]
        return self.nodes[min(positions):max(positions) + 1] if positions else []

    def number(self, value: Operand) -> float | None:
        """The one number that a constant holds everywhere, as float32; None for anything else."""
        if isinstance(value, int | float):
            return single(float(value))
        if value is None or value in self.dynamic:
            return None
        tensor = self.tensor(value)
        if tensor is None or not tensor.numel():
            return None
        tensor = tensor.detach()
        first = tensor.reshape(-1)[0]
        return single(float(first)) if bool((tensor == first).all()) else None

    def tensor(self, node: Node) -> torch.Tensor | None:
        """The value of a node that depends on no input; None if it cannot be computed."""
        if node not in self._tensors:
            self._tensors[node] = self._compute(node)
        return self._tensors[node]

    def _compute(self, node: Node) -> torch.Tensor | None:
        if node.op != "call_function" or node in self.dynamic:
            return None
        if node.target in _FILLS:
            fill = _FILLS[node.target]
            arguments: tuple[Any, ...] = node.args
            value = self.number(arguments[fill]) if isinstance(fill, int) else fill
            return None if value is None else torch.full(tuple(shape(node)), value)
        inputs = {n: self.tensor(n) for n in node.all_input_nodes}
        if any(tensor is None for tensor in inputs.values()):
            return None
        args, kwargs = torch.fx.map_arg((node.args, node.kwargs), lambda n: inputs[n])
        target: Any = node.target
        with torch.no_grad():
            result = target(*args, **kwargs)
        return result if isinstance(result, torch.Tensor) else None


def single(value: float) -> float:
    """A number as float32 holds it: what torch computes with beside a float32 tensor."""
    return float(torch.tensor(value, dtype=torch.float32))


def shape(node: Node) -> tuple[int, ...]:
    """The shape of a node's tensor; () if it has none."""
    value = node.meta.get("val")
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def dtype(node: Node) -> torch.dtype | None:
    """The element type of a node's tensor; None if it is no tensor."""
    value = node.meta.get("val")
    return value.dtype if isinstance(value, torch.Tensor) else None


def op_name(node: Node) -> str:
    """The operator's name without namespace and overload, for messages."""
    return str(getattr(node.target, "_opname", None) or getattr(
        node.target, "__name__", str(node.target)))


def copy_source(node: Node) -> Node | None:
    """The node that this one is a copy of, value for value (bool as 0 and 1); None if it is not."""
    source = node.args[0] if node.args else None
    if node.op != "call_function" or not isinstance(source, Node):
        return None
    if node.target in _COPIES:
        return source
    if node.target in _VIEWS and shape(source) == shape(node):
        return source
    if node.target is _ATEN.copy.default:
        value = node.args[1]
        if not isinstance(value, Node) or shape(value) != shape(node):
            return None
        return value if dtype(value) == dtype(node) else None
    if node.target is _ATEN._to_copy.default:
        wider = dtype(source) == dtype(node) or dtype(source) is torch.bool or (
            dtype(source) in (torch.int32, torch.int64) and dtype(node) is torch.float32)
        return source if wider and dtype(node) is not torch.float64 else None
    return None


def origin(node: Node) -> Node:
    """The node behind all copies."""
    while (source := copy_source(node)) is not None:
        node = source
    return node


def operation(node: Node) -> Operation | None:
    """The elementwise operation of a node and its operands; None for any other node."""
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return None
    name = node.target._opname
    args: tuple[Any, ...] = node.args
    result: Operation | None = None
    if name in _BINARY and len(args) >= 2 and not node.kwargs.get("rounding_mode"):
        plain = node.kwargs.get("alpha", args[2] if len(args) > 2 else 1) == 1
        pair = (args[1], args[0]) if name == "rsub" else (args[0], args[1])
        result = ("sub" if name == "rsub" else _BINARY[name], pair) if plain else None
    elif name in _UNARY and len(args) == 1:
        result = (_UNARY[name], (args[0],))
    elif name == "where" and len(args) == 3:
        result = ("where", (args[0], args[1], args[2]))
    elif name == "clamp" and args:
        result = ("clamp", (args[0], *(*args[1:], None, None)[:2]))
    elif name == "index_put" and len(args[1]) == 1 and len(args) == 3:
        mask = args[1][0]
        if isinstance(mask, Node) and dtype(mask) is torch.bool and shape(mask) == shape(node):
            result = ("where", (mask, args[2], args[0]))
    return result if result is not None and _keeps_shape(node, result[1]) else None


def _keeps_shape(node: Node, operands: Iterable[Operand]) -> bool:
    """No operand is wider than the result, and one of them has its shape."""
    shapes = [shape(one) for one in operands if isinstance(one, Node)]
    return shape(node) in shapes and dtype(node) is not torch.float64
