"""Host programs out of a Graph: the operators behind the last neurons, as a model of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
import onnx_ir as ir

from neurocompile.ir.axes import Layouts, Role
from neurocompile.ir.graph import Graph
from neurocompile.ir.host_program import Feed, HostProgram
from neurocompile.ir.neuron_node import as_neuron
from neurocompile.passes.legality.walk import producer, reads
from neurocompile.passes.lowering.walk import tick_shape


def host_program(graph: Graph, axes: Layouts, tail: frozenset[ir.Node], number: int,
                 n_ticks: int) -> HostProgram:
    """The program of an output that is computed by the nodes of `tail` from spikes and inputs."""
    output = graph.model.graph.outputs[number]
    nodes = [node for node in graph.nodes() if node in tail]
    boundary = list(dict.fromkeys(
        value for node in nodes for value in reads(node)
        if value is not None and producer(value) not in tail))
    boundary = boundary if nodes else [output]
    sources = [value for value in boundary if _constant(value) is None]
    layout = axes.layout(output) or ()
    return HostProgram(
        name=str(output.name), number=number, shape=tick_shape(layout),
        each_tick=bool(axes.positions(output, Role.TIME)),
        feeds=tuple(_feed(value, axes) for value in sources), layout=layout, n_ticks=n_ticks,
        batch=math.prod(atom.size for atoms in layout for atom in atoms if atom.role is Role.BATCH),
        operators=len(nodes), model=_model(graph, nodes, sources, [
            value for value in boundary if _constant(value) is not None], output))


def _feed(value: ir.Value, axes: Layouts) -> Feed:
    neuron = as_neuron(producer(value))
    return Feed(str(value.name), str(value.name) if neuron is None else neuron.module,
                axes.tick_of.get(str(value.name)), axes.layout(value) or (), _dtype(value))


def _dtype(value: ir.Value) -> np.dtype[np.generic]:
    return np.dtype(np.float32 if value.dtype is None else value.dtype.numpy())


def _constant(value: ir.Value) -> ir.TensorProtocol | None:
    """The tensor of an initializer."""
    return value.const_value if producer(value) is None else None


def _model(graph: Graph, nodes: list[ir.Node], sources: list[ir.Value],
           constants: list[ir.Value], output: ir.Value) -> bytes:
    model = graph.model
    proto = onnx.ModelProto(ir_version=model.ir_version)
    proto.opset_import.extend(onnx.OperatorSetIdProto(domain=domain, version=version)
                              for domain, version in model.opset_imports.items())
    proto.graph.name = f"{output.name} on the host"
    proto.graph.input.extend(map(ir.serde.serialize_value, sources))
    proto.graph.output.append(ir.serde.serialize_value(output))
    proto.graph.initializer.extend(_initializers(constants))
    proto.graph.node.extend(map(ir.serde.serialize_node, nodes))
    bodies = {node.op_identifier() for node in nodes} & set(model.functions)
    proto.functions.extend(ir.serde.serialize_function(model.functions[body])
                           for body in sorted(bodies))
    for entry in (*proto.graph.node, *proto.functions):
        del entry.metadata_props[:]  # where each comes from is the Graph's to say
    return bytes(proto.SerializeToString(deterministic=True))


def _initializers(constants: list[ir.Value]) -> Iterator[onnx.TensorProto]:
    for value in constants:
        tensor = ir.serde.serialize_tensor(ir.tensor(np.asarray(_constant(value))))
        tensor.name = str(value.name)
        yield tensor
