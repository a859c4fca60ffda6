"""The program of a torch.export archive, `models/model.json`, rebuilt from what is surely safe.

torch's own loader evaluates parts of this file: symbolic expressions (`expr_str`), names of nodes
(they become the source of a Python function), contexts of tree specifications (they name modules
to import), guards. So nothing is passed on that was not checked here: operators by namespace, names
as identifiers, arguments by kind, shapes as numbers, trees of tuples, lists and dicts.
Format: `torch._export.serde.schema` of torch 2.13, schema version 8.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable
from typing import Any

MAX_VALUES = 1 << 31  # elements of one tensor
MAX_DEPTH = 32  # of argument trees
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,999}")
PATH = re.compile(r"\w+(\.\w+)*")  # of a parameter: no quote, no bracket, no white space
TARGET = re.compile(r"torch\.ops\.(aten|prims|neurocompile)\.[A-Za-z_]\w*\.\w+")
BUILTINS = tuple(f"_operator.{name}" for name in (
    "getitem", "add", "mul", "sub", "truediv", "floordiv", "neg", "mod", "pow"))
NEVER = ("from_file", "_print", "warn", "save", "tensor_split_file")  # touch files or the terminal
OWN_NAMES = ("self", "torch", "device", "inf", "nan", "fx_pytree", "pytree")  # of generated code
DTYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 12: 1, 13: 2}  # ScalarType: bytes
STRIDED_LAYOUT = 7  # Layout
TREES = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")
METADATA = ("stack_trace", "nn_module_stack", "torch_fn")
SPECIAL = ("Infinity", "-Infinity", "NaN")  # how floats are written that JSON has not


class UnsafeError(ValueError):
    """The archive asks for something that is not passed on."""


def clean_program(data: Any) -> dict[str, Any]:
    """The program, rebuilt. Raises UnsafeError; KeyError and TypeError where parts are missing."""
    module, version = data["graph_module"], data["schema_version"]
    _demand(not data.get("range_constraints"), "it has dynamic shapes")
    verifiers = data.get("verifiers", [])
    _demand(all(v in ("ATEN", "TRAINING") for v in verifiers), f"its verifiers are {verifiers}")
    return {
        "graph_module": {
            "graph": _graph(module["graph"]),
            "signature": _signature(module["signature"]),
            "module_call_graph": [_call(entry) for entry in module["module_call_graph"]],
            "metadata": {}, "treespec_namedtuple_fields": {}},
        "opset_version": {_name(k): _whole(v) for k, v in data["opset_version"].items()},
        "range_constraints": {},
        "schema_version": {k: _whole(version[k]) for k in ("major", "minor")},
        "verifiers": list(verifiers),
        "torch_version": str(data.get("torch_version", ""))[:40],
        "guards_code": [],  # Python that torch would run; shapes are static and checked elsewhere
    }


def _demand(holds: bool, reason: str) -> None:
    if not holds:
        raise UnsafeError(reason)


def _quote(value: Any) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return f"`{text[:80]}`"


def _name(value: Any) -> str:
    """A name that may stand in generated code."""
    _demand(isinstance(value, str) and NAME.fullmatch(value) is not None
            and not keyword.iskeyword(value) and value not in OWN_NAMES,
            f"{_quote(value)} is no plain name")
    return str(value)


def parameter_path(value: Any) -> str:
    """The path of a parameter."""
    _demand(isinstance(value, str) and len(value) <= 1000 and PATH.fullmatch(value) is not None,
            f"{_quote(value)} is no path of a parameter")
    return str(value)


def _whole(value: Any) -> int:
    _demand(type(value) is int and abs(value) < 1 << 63, f"{_quote(value)} is no whole number")
    return int(value)


def _flag(value: Any) -> bool:
    _demand(type(value) is bool, f"{_quote(value)} is neither true nor false")
    return bool(value)


def _text(value: Any) -> str:
    _demand(isinstance(value, str) and len(value) < 1 << 16, "a text is none, or very long")
    return str(value)


def _number(value: Any) -> float | str:
    if isinstance(value, str):
        _demand(value in SPECIAL, f"{_quote(value)} is no number")
        return value
    _demand(type(value) in (int, float), f"{_quote(value)} is no number")
    return float(value)


def _static(value: Any) -> dict[str, int]:
    """A SymInt that is a number."""
    _demand(isinstance(value, dict) and list(value) == ["as_int"],
            "it has dynamic shapes, or a symbolic expression; shapes must be static")
    return {"as_int": _whole(value["as_int"])}


def _device(value: Any) -> dict[str, Any]:
    _demand(value.get("type") == "cpu", f"it is for the device {_quote(value.get('type'))}; "
            "export the model on the CPU")
    return {"type": "cpu", "index": None}


def tensor_meta(meta: Any) -> dict[str, Any]:
    """The description of a plain tensor on the CPU."""
    sizes, strides = ([_static(n) for n in meta[key]] for key in ("sizes", "strides"))
    _demand(len(sizes) == len(strides) <= 64, "a tensor's sizes and strides differ in number")
    _demand(all(n["as_int"] >= 0 for n in (*sizes, *strides)), "a tensor has a negative size")
    offset = _static(meta["storage_offset"])
    _demand(offset["as_int"] >= 0, "a tensor begins before its storage")
    count = 1
    for n in sizes:
        count *= n["as_int"]
    _demand(count <= MAX_VALUES, f"a tensor has {count:,} elements")
    _demand(meta["dtype"] in DTYPES and meta["layout"] == STRIDED_LAYOUT,
            "a tensor is complex, quantized, sparse or of 8-bit floating point")
    return {"dtype": _whole(meta["dtype"]), "sizes": sizes, "strides": strides,
            "requires_grad": _flag(meta["requires_grad"]), "device": _device(meta["device"]),
            "storage_offset": offset, "layout": STRIDED_LAYOUT}


def _tensor(value: Any) -> dict[str, str]:
    return {"name": _name(value["name"])}


def _optional(value: Any) -> dict[str, Any]:
    return {"as_none": True} if "as_none" in value else {"as_tensor": _tensor(value["as_tensor"])}


def _many(one: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: [one(value) for value in values]


_ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "as_none": _flag, "as_tensor": _tensor, "as_tensors": _many(_tensor),
    "as_int": _whole, "as_ints": _many(_whole), "as_float": _number, "as_floats": _many(_number),
    "as_string": _text, "as_strings": _many(_text), "as_bool": _flag, "as_bools": _many(_flag),
    "as_sym_int": _static, "as_sym_ints": _many(_static), "as_scalar_type": _whole,
    "as_memory_format": _whole, "as_layout": _whole, "as_device": _device,
    "as_optional_tensor": _optional, "as_optional_tensors": _many(_optional),
}


def _argument(value: Any) -> dict[str, Any]:
    _demand(isinstance(value, dict) and len(value) == 1, "an argument is of no single kind")
    (kind, content), = value.items()
    _demand(kind in _ARGUMENTS, f"it has an argument of the kind {_quote(kind)}")
    return {kind: _ARGUMENTS[kind](content)}


def _target(value: Any) -> str:
    safe = isinstance(value, str) and (value in BUILTINS or (
        TARGET.fullmatch(value) is not None and value.split(".")[3] not in NEVER))
    _demand(safe, f"it calls {_quote(value)}")
    return str(value)


def _node(node: Any) -> dict[str, Any]:
    name = node.get("name")
    return {
        "target": _target(node["target"]),
        "inputs": [{"name": "" if one["name"] == "" else _argument_name(one["name"]),
                    "arg": _argument(one["arg"]),
                    "kind": None if one.get("kind") is None else _whole(one["kind"])}
                   for one in node["inputs"]],
        "outputs": [_argument(one) for one in node["outputs"]],
        "metadata": {k: _text(v) for k, v in node["metadata"].items() if k in METADATA},
        "is_hop_single_tensor_return": None,
        "name": None if name is None else _name(name),
    }


def _argument_name(value: Any) -> str:
    """A name of an operator's schema: `self` and `from` are among them."""
    _demand(isinstance(value, str) and NAME.fullmatch(value) is not None,
            f"{_quote(value)} is no plain name")
    return str(value)


def _graph(graph: Any) -> dict[str, Any]:
    for key in ("sym_int_values", "sym_bool_values", "sym_float_values"):
        _demand(not graph.get(key), "it has dynamic shapes, or a symbolic expression")
    _demand(not graph.get("custom_obj_values"), "it has objects of custom classes")
    return {
        "inputs": [_argument(one) for one in graph["inputs"]],
        "outputs": [_argument(one) for one in graph["outputs"]],
        "nodes": [_node(one) for one in graph["nodes"]],
        "tensor_values": {_name(k): tensor_meta(v) for k, v in graph["tensor_values"].items()},
        "sym_int_values": {}, "sym_bool_values": {}, "sym_float_values": {},
        "custom_obj_values": {},
        "is_single_tensor_return": _flag(graph.get("is_single_tensor_return", False)),
    }


def _signature(signature: Any) -> dict[str, Any]:
    return {"input_specs": [_input_spec(one) for one in signature["input_specs"]],
            "output_specs": [_output_spec(one) for one in signature["output_specs"]]}


def _input_spec(spec: Any) -> dict[str, Any]:
    (kind, value), = spec.items()
    if kind == "user_input":
        return {kind: {"arg": _argument(value["arg"])}}
    _demand(kind in ("parameter", "buffer", "tensor_constant"),
            f"it has an input of the kind {_quote(kind)}")
    name = f"{kind}_name"
    entry: dict[str, Any] = {"arg": _tensor(value["arg"]), name: parameter_path(value[name])}
    if kind == "buffer":
        entry["persistent"] = _flag(value["persistent"])
    return {kind: entry}


def _output_spec(spec: Any) -> dict[str, Any]:
    (kind, value), = spec.items()
    if kind == "user_output":
        return {kind: {"arg": _argument(value["arg"])}}
    _demand(kind == "buffer_mutation", f"it has an output of the kind {_quote(kind)}")
    path = parameter_path(value["buffer_name"])
    return {kind: {"arg": _tensor(value["arg"]), "buffer_name": path}}


def _call(entry: Any) -> dict[str, Any]:
    """A module's call: only the whole model's signature is kept."""
    name, signature = entry["fqn"], entry.get("signature")
    if name != "" or signature is None:
        return {"fqn": name if name == "" else _module(name), "signature": None}
    names = signature.get("forward_arg_names")
    return {"fqn": "", "signature": {
        "inputs": [_argument(one) for one in signature["inputs"]],
        "outputs": [_argument(one) for one in signature["outputs"]],
        "in_spec": _tree_text(signature["in_spec"]), "out_spec": _tree_text(signature["out_spec"]),
        "forward_arg_names": None if names is None else [_argument_name(one) for one in names]}}


def _module(value: Any) -> str:
    """A module path; a module that is called twice has `@1` behind it."""
    head, _, call = str(value).partition("@")
    return parameter_path(head) + (f"@{_whole(int(call))}" if call else "")


def _tree_text(value: Any) -> str:
    protocol, tree = json.loads(_text(value))
    return json.dumps([_whole(protocol), _tree(tree, 0)])


def _tree(tree: Any, depth: int) -> dict[str, Any]:
    _demand(depth < MAX_DEPTH, "its inputs are nested too deep")
    kind, context = tree["type"], tree["context"]
    if kind is None:
        _demand(context is None and not tree["children_spec"], "a leaf of its inputs has leaves")
        return {"type": None, "context": None, "children_spec": []}
    _demand(kind in TREES, f"its inputs or outputs are in a {_quote(kind)}")
    keys = json.loads(_text(context))  # dicts: their keys; it may name no class
    _demand(keys is None or (isinstance(keys, list) and all(isinstance(k, str) for k in keys)),
            "its inputs or outputs name a class")
    return {"type": kind, "context": json.dumps(keys),
            "children_spec": [_tree(one, depth + 1) for one in tree["children_spec"]]}
