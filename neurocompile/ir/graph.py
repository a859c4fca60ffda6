"""The Graph: the captured tensor program, one ONNX model with neurons of domain `ai.neurocompile`.

Nodes keep where they come from as metadata: `neurocompile.module`, `.file`, `.line` and, where the
line was called from others, `.callers`; neurons their `.class` in the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from neurocompile.diagnostics import Call, Location
from neurocompile.ir.neuron_node import NeuronNode, as_neuron, is_neuron
from neurocompile.semantics.floating import Profile, decode
from neurocompile.semantics.profiles import PROFILES

MODULE, FILE, LINE = "neurocompile.module", "neurocompile.file", "neurocompile.line"
CALLERS = "neurocompile.callers"  # file:line of each call, the innermost first, one a line
CLASS = "neurocompile.class"  # full name of a neuron's class in the model
INFO = "neurocompile.info"  # model metadata: JSON
FORMAT = 1
TICKS_OPTION = "ticks_option"  # of INFO: how often a model that computes one tick was run


@dataclass(frozen=True, eq=False)
class Graph:
    """One ONNX model in memory. Passes read it; only capture makes one."""

    model: ir.Model

    def nodes(self) -> Iterator[ir.Node]:
        """All nodes, in topological order."""
        return iter(self.model.graph)

    def neurons(self) -> Iterator[NeuronNode]:
        """The neuron nodes, in topological order."""
        return (neuron for node in self.nodes() if (neuron := as_neuron(node)) is not None)

    def profile(self, neuron: NeuronNode) -> Profile:
        """How a neuron node computes a tick; of neurons that no framework has, its body says it."""
        of_framework = PROFILES.get(neuron.node.overload)
        if of_framework is not None:
            return of_framework
        return decode(self.model.functions[neuron.node.op_identifier()].doc_string or "")

    @property
    def n_weights(self) -> int:
        """How many numbers its constants hold."""
        return sum(value.const_value.size for value in self.model.graph.initializers.values()
                   if value.const_value is not None)

    @property
    def info(self) -> dict[str, Any]:
        """What capture recorded: versions, input ranges, what the replay compared."""
        text = self.model.metadata_props.get(INFO, "{}")
        result: dict[str, Any] = json.loads(text)
        return result

    def to_bytes(self) -> bytes:
        """The ONNX file, deterministic."""
        proto: onnx.ModelProto = ir.serde.serialize_model(self.model)
        return bytes(proto.SerializeToString(deterministic=True))


def location(node: ir.Node) -> Location:
    """Where in the user's model a node comes from."""
    meta = node.metadata_props
    return Location(meta.get(MODULE, ""), meta.get(FILE) or None, _number(meta.get(LINE, "")),
                    tuple(_calls(meta.get(CALLERS, ""))))


def neuron_class(neuron: NeuronNode) -> str:
    """The full name of a neuron's class in the user's model; empty where it is not known."""
    return neuron.node.metadata_props.get(CLASS, "")


def set_location(node: ir.Node, where: Location) -> None:
    """Keep where in the user's model a node comes from."""
    meta = node.metadata_props
    meta[MODULE] = where.module
    if where.file is not None and where.line is not None:
        meta[FILE], meta[LINE] = where.file, str(where.line)
    if where.callers:
        meta[CALLERS] = "\n".join(map(str, where.callers))


def _calls(text: str) -> Iterator[Call]:
    for one in text.splitlines():
        file, _, line = one.rpartition(":")
        number = _number(line)
        if file and number is not None:
            yield Call(file, number)


def _number(text: str) -> int | None:
    """A line's number; None for what a stranger's file may have in its place."""
    return int(text) if text.isdecimal() and len(text) < 10 and int(text) > 0 else None


def output_location(graph: Graph, number: int) -> Location:
    """Where an output of the graph was made in the user's model."""
    producer = graph.model.graph.outputs[number].producer()
    if producer is not None:
        return location(producer)
    tensors = [entry for entry in graph.info.get("outputs", ()) if "value" not in entry]
    if number >= len(tensors):
        return Location()
    return Location("", tensors[number]["file"], tensors[number]["line"])


def constant(value: ir.Value | None) -> NDArray[Any] | None:
    """The array that a value always holds, or None if it depends on the graph's input.

    Nodes over constants are evaluated with ONNX's reference implementation, and the result is
    kept in the value.
    """
    if value is None:
        return None
    if value.const_value is not None:
        return np.asarray(value.const_value.numpy())
    node = value.producer()
    if node is None or is_neuron(node):
        return None
    inputs = [constant(v) for v in node.inputs]
    if any(a is None and v is not None for a, v in zip(inputs, node.inputs, strict=True)):
        return None
    results = evaluate(node, inputs)
    for output, result in zip(node.outputs, results, strict=True):
        output.const_value = ir.tensor(result)
    return np.asarray(value.const_value.numpy()) if value.const_value is not None else None


def evaluate(node: ir.Node, arrays: Sequence[NDArray[Any] | None]) -> list[NDArray[Any]]:
    """A node's outputs for these inputs by position, from ONNX's reference implementation."""
    names = ["" if array is None else f"i{k}" for k, array in enumerate(arrays)]
    feeds = {name: array for name, array in zip(names, arrays, strict=True) if array is not None}
    proto = ir.serde.serialize_node(node)
    del proto.input[:], proto.output[:]
    proto.input.extend(names)
    proto.output.extend(f"o{k}" for k in range(len(node.outputs)))
    types = [onnx.helper.make_tensor_value_info(
        name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), None)
        for name, array in feeds.items()]  # which some operators are defined by
    graph = onnx.helper.make_graph([proto], "node", types, [
        onnx.ValueInfoProto(name=name) for name in proto.output])
    opsets = {"": onnx.defs.onnx_opset_version()}
    return [np.asarray(result) for result in ReferenceEvaluator(graph, opsets).run(None, feeds)]
