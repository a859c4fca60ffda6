"""Graphs from ONNX files that strangers wrote: looked over as a whole before any of it is used.

A Graph must be what `neurocompile.export` writes: standard operators and neuron nodes whose bodies
are those of their profiles, all weights inside the file, all shapes fixed and true.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir.graph import FORMAT, INFO, Graph
from neurocompile.ir.neuron_function import function_body
from neurocompile.ir.neuron_node import MODULE_ATTRIBUTE, is_neuron
from neurocompile.ir.stored_samples import SAMPLES, fit, read
from neurocompile.semantics.floating import decode
from neurocompile.semantics.profiles import PROFILES

MAX_BYTES = 1 << 31
MAX_VALUES = 1 << 31  # elements of one value
MAX_CONSTANTS = 1 << 27  # elements of a value that is computed from constants
MAX_NODES = 1_000_000
MAX_NAME = 4096
MAX_DEPTH = 8  # of control flow


def load_graph(path: Path) -> Graph:
    """The Graph in an ONNX file that `neurocompile.export` wrote.

    Raises UsageError: NC003 for a damaged file, another ONNX model, or one that reads other files,
    calls unknown operators or holds numbers that are none; NC004 for what is too large.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UsageError(_large(path, size, MAX_BYTES))
    return parse_graph(path.read_bytes(), path)


def parse_graph(data: bytes, path: Path) -> Graph:
    """The Graph that a file's bytes hold; `path` is for messages. Raises as `load_graph` does."""
    try:
        proto = onnx.load_model_from_string(data)
    except Exception as error:  # noqa: BLE001 - protobuf raises its own types by version
        raise UsageError(_corrupt(path, str(error) or type(error).__name__)) from None
    reason = next(_problems(proto), None)
    if reason is not None:
        raise UsageError(_corrupt(path, reason))
    try:
        with_shapes = onnx.shape_inference.infer_shapes(
            proto, check_type=True, strict_mode=True, data_prop=True)
        graph = Graph(ir.serde.deserialize_model(proto))
    except Exception as error:  # noqa: BLE001 - onnx raises its own types by version
        raise UsageError(_corrupt(path, str(error) or type(error).__name__)) from None
    excess = _largest(with_shapes)
    if excess is not None:
        raise UsageError(_large(path, *excess))
    return graph


def _corrupt(path: Path, reason: str) -> Diagnostic:
    lines = [line for line in reason.splitlines() if line.strip()] or ["it is damaged"]
    return Diagnostic("NC003", Location(file=str(path)), {
        "file": str(path), "kind": "a neurocompile graph", "reason": lines[0][:400]})


def _large(path: Path, size: int, limit: int) -> Diagnostic:
    return Diagnostic("NC004", Location(file=str(path)), {
        "file": str(path), "needed": size, "limit": limit})


def _problems(proto: onnx.ModelProto) -> Iterator[str]:
    """What speaks against a file, in the order in which it matters."""
    yield from _info(proto)
    if proto.training_info or proto.graph.sparse_initializer or proto.graph.quantization_annotation:
        yield "it has parts that no captured graph has"
    if len(proto.graph.node) > MAX_NODES:
        yield f"it has {len(proto.graph.node):,} nodes"
    for tensor in _tensors(proto):
        yield from _tensor(tensor)
    yield from _functions(proto)
    for node, depth in _nodes(proto.graph.node):
        if depth > MAX_DEPTH:
            yield f"its control flow is nested more than {MAX_DEPTH} deep"
        yield from _node(node, proto)
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        kind = value.type.tensor_type
        if not kind.HasField("shape") or not all(d.HasField("dim_value") and d.dim_value >= 0
                                                 for d in kind.shape.dim):
            yield f"`{value.name[:80]}` has no fixed shape"


def _info(proto: onnx.ModelProto) -> Iterator[str]:
    try:
        entries = {entry.key: entry.value for entry in proto.metadata_props}
        info = json.loads(entries.get(INFO, "{}"))
        ours = info.get("format") == FORMAT
        weights = {tensor.name for tensor in proto.graph.initializer}
        free = [value for value in proto.graph.input if value.name not in weights]
        if ours and not (len(info["inputs"]) == len(free) and all(
                math.isfinite(one["low"]) and math.isfinite(one["high"])
                and isinstance(one["integers"], bool) for one in info["inputs"])):
            yield "what it says of its inputs is damaged"
        replay = info.get("replay")
        if replay is not None and not (isinstance(replay["calls"], int)
                                       and isinstance(replay["spikes"], dict)):
            yield "what it says of its replay is damaged"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        ours = False
    if not ours:
        yield "it was not written by neurocompile.export"
    elif SAMPLES in entries:
        yield from _samples(entries[SAMPLES], free)


def _samples(text: str, inputs: Iterable[onnx.ValueInfoProto]) -> Iterator[str]:
    try:
        arrays = read(text)
    except ValueError as error:
        yield str(error)
        return
    shapes = [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in inputs]
    if not fit(arrays, shapes):
        yield "its samples do not fit its inputs"


def _nodes(nodes: Iterable[onnx.NodeProto], depth: int = 0
           ) -> Iterator[tuple[onnx.NodeProto, int]]:
    """All nodes, those in the graphs of control flow included, and how deep they lie."""
    for node in nodes:
        yield node, depth
        for graph in _graphs(node):
            yield from _nodes(graph.node, depth + 1)


def _graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from proto.graph.initializer
    bodies = (node for function in proto.functions for node in function.node)
    for node, _ in (*_nodes(proto.graph.node), *_nodes(bodies)):
        for graph in _graphs(node):
            yield from graph.initializer
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _tensor(tensor: onnx.TensorProto) -> Iterator[str]:
    name = tensor.name[:80]
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        yield f"tensor `{name}` lies in another file"
        return
    count = math.prod(tensor.dims)
    if any(n < 0 for n in tensor.dims) or count > MAX_VALUES:
        yield f"tensor `{name}` has the shape {tuple(tensor.dims)}"
        return
    try:
        array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # noqa: BLE001 - onnx raises what the data makes it raise
        yield f"tensor `{name}` is damaged: {error}"
        return
    if array.dtype.kind not in "biuf":
        yield f"tensor `{name}` holds {array.dtype}"


def _functions(proto: onnx.ModelProto) -> Iterator[str]:
    """Bodies of neurons are those of their profiles, and there are no others."""
    opset = next((one.version for one in proto.opset_import if not one.domain), 0)
    for function in proto.functions:
        name = function.overload[:80]
        try:
            profile = decode(function.doc_string)
            body = function_body(profile, opset)
        except Exception as error:  # noqa: BLE001 - a text that a stranger wrote
            yield f"the body of the neuron `{name}` is damaged: {error}"
            continue
        ours = PROFILES.get(function.overload, profile)
        if ours != profile or profile.name != function.overload:
            yield f"the neuron `{name}` is another one than in this version"
        elif _same_text(function) != _same_text(body):
            yield f"the body of the neuron `{name}` is not what its equations say"


def _same_text(function: onnx.FunctionProto) -> bytes:
    proto = ir.serde.serialize_function(ir.serde.deserialize_function(function))
    return bytes(proto.SerializeToString(deterministic=True))


def _node(node: onnx.NodeProto, proto: onnx.ModelProto) -> Iterator[str]:
    if any(len(name) > MAX_NAME for name in (*node.input, *node.output, node.name)):
        yield "it has names of thousands of characters"
    if any(a.HasField("sparse_tensor") or a.sparse_tensors for a in node.attribute):
        yield f"its `{node.op_type[:40]}` holds a sparse tensor"
    if node.domain == "":
        if not onnx.defs.has(node.op_type):
            yield f"ONNX has no operator `{node.op_type[:40]}`"
        return
    if not is_neuron(node):
        yield f"it calls `{node.op_type[:40]}` of the domain `{node.domain[:40]}`"
        return
    bodies = {(f.name, f.overload): f for f in proto.functions}
    body = bodies.get((node.op_type, node.overload))
    if body is None:
        yield f"its neuron `{node.op_type[:40]}` ({node.overload[:80]}) has no body"
        return
    attributes: dict[str, Any] = {
        a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    numbers = {name: value for name, value in attributes.items() if name != MODULE_ATTRIBUTE}
    names = set(decode(body.doc_string).constants)
    finite = all(isinstance(v, float) and math.isfinite(v) for v in numbers.values())
    has_module = isinstance(attributes.get(MODULE_ATTRIBUTE), bytes)
    if not has_module or numbers.keys() != names or not finite:
        yield f"its neuron `{node.overload[:80]}` lacks constants or has others"


def _largest(proto: onnx.ModelProto) -> tuple[int, int] | None:
    """Bytes of a value that is beyond its limit, and that limit."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if all(name in constants or not name for name in node.input):
            constants.update(node.output)
    for value in (*proto.graph.value_info, *proto.graph.output, *proto.graph.input):
        count = math.prod(d.dim_value for d in value.type.tensor_type.shape.dim)
        limit = MAX_CONSTANTS if value.name in constants else MAX_VALUES
        if count > limit:
            return 4 * count, 4 * limit
    return None
