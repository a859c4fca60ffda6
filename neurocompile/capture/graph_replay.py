"""The replay gate's last part: the saved Graph, run by onnxruntime, against the exported program.

BatchNorms are folded there and sums are added up in another order, so that outputs agree within
BOUND of their largest value, and spikes exactly - unless a potential lies on its threshold. If
spikes differ, the Graph is taken apart: fed with the program's spikes, every synapse must agree
within BOUND, and fed with the program's currents, every neuron bit for bit. Then the difference is
rounding, and its size is recorded; else the capture is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from neurocompile.capture.replay import CALLS, NeuronRun, Replay, mismatch
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import MODULE_ATTRIBUTE, Inputs, Outputs, is_neuron
from neurocompile.semantics.floating import MODELS, States

BOUND = 1e-5  # of a tensor's largest magnitude, or of 1 if that is smaller
ROUNDING = (f"fed with the same spikes every synapse agrees within {BOUND:g}, fed with the same "
            "currents every neuron bit for bit")
JUMPS = ("TopK", "ArgMax", "ArgMin", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal",
         "Sign", "Round", "Floor", "Ceil", "Mod", "Unique", "NonZero", "Hardmax")
WHO = "saved graph in onnxruntime"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class GraphReplay:
    """What was compared: spikes of all neurons in one call, and how many of them differ."""

    spikes: int
    different: int
    reason: str = ""  # why some differ


@dataclass(frozen=True, eq=False)
class _NodeRun:
    """A neuron node beside the run of the op that it was exported from."""

    node: onnx.NodeProto
    run: NeuronRun

    @property
    def states(self) -> States:
        """The names of what it carries from tick to tick."""
        return MODELS[self.node.op_type]

    @property
    def inputs(self) -> Inputs[str]:
        """The names of what it takes."""
        return Inputs.of(self.states, self.node.input)

    @property
    def outputs(self) -> Outputs[str]:
        """The names of what it gives."""
        return Outputs.of(self.states, self.node.output)

    def currents(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Names and values of what it integrates."""
        names, run = self.inputs, self.run.inputs
        yield names.current, run.current
        if names.second is not None and run.second is not None:
            yield names.second, run.second


def replay_graph(graph: Graph, inputs: Sequence[torch.Tensor], proof: Replay) -> GraphReplay:
    """Run a Graph on the replay's inputs. Raises FindingsError (NC105) if it computes otherwise."""
    proto = onnx.load_model_from_string(graph.to_bytes())
    neurons = _pairs(proto, proof.runs)
    feeds = {value.name: x.numpy() for value, x in zip(_inputs(proto), inputs, strict=True)}
    names = [value.name for value in proto.graph.output]
    results = run_graph(proto, feeds, [*names, *(n.outputs.spikes for n in neurons)])
    different = sum(_count_different(results[n.outputs.spikes], n.run.outputs.spikes)
                    for n in neurons)
    reason = ""
    if different:
        reason = _explain(proto, feeds, neurons)
    else:
        tensors = [o for o in proof.outputs if isinstance(o, torch.Tensor)]
        if len(names) != len(tensors):
            raise _differs("(all)", 1, 1, "number of outputs", len(tensors), len(names))
        for number, (name, expected) in enumerate(zip(names, tensors, strict=True)):
            _within(f"output {number}", expected.numpy(), results[name])
    return GraphReplay(sum(int(n.run.outputs.spikes.count_nonzero()) for n in neurons), different,
                       reason)


def _inputs(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    weights = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in weights]


def _pairs(proto: onnx.ModelProto, runs: Sequence[NeuronRun]) -> list[_NodeRun]:
    """Node and op side by side: the k-th of each module. Raises FindingsError (NC105)."""
    waiting: dict[str, list[NeuronRun]] = defaultdict(list)
    for run in runs:
        waiting[run.module].append(run)
    neurons = []
    for node in proto.graph.node:
        if is_neuron(node):
            module = next(a.s.decode() for a in node.attribute if a.name == MODULE_ATTRIBUTE)
            if not waiting[module]:
                raise _differs(module, 1, 1, "neuron nodes", "fewer", "more")
            neurons.append(_NodeRun(node, waiting[module].pop(0)))
    without = [module for module, rest in waiting.items() if rest]
    if without:
        raise _differs(without[0], 1, 1, "neuron nodes", "more", "fewer")
    return neurons


def run_graph(proto: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]], names: Iterable[str]
              ) -> Arrays:
    """In onnxruntime, the values of these names; those that are no outputs of the model are made such in a copy."""
    import onnxruntime as ort

    twin = onnx.ModelProto()
    twin.CopyFrom(proto)
    outputs, names = {value.name for value in twin.graph.output}, list(dict.fromkeys(names))
    twin.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in names if name not in outputs)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(twin.SerializeToString(), options,
                                   providers=["CPUExecutionProvider"])
    inputs = {value.name for value in session.get_inputs()}
    values = session.run(names, {k: v for k, v in feeds.items() if k in inputs})
    return dict(zip(names, values, strict=True))


def _count_different(result: NDArray[Any], expected: torch.Tensor) -> int:
    return int(np.count_nonzero(result != expected.numpy()))


def _explain(proto: onnx.ModelProto, feeds: Arrays, neurons: Sequence[_NodeRun]) -> str:
    """How rounding moves spikes, from synapses and neurons, each on its own.

    An operator that jumps turns rounding into anything; no network with one can be built.
    """
    jumps = next((node.op_type for node in proto.graph.node if node.op_type in JUMPS), None)
    values_of_program = {**feeds, **{name: tensor.numpy() for n in neurons for name, tensor in zip(
        n.outputs.in_order(n.states), n.run.outputs.in_order(n.states), strict=True)}}
    synapses = onnx.ModelProto()
    synapses.CopyFrom(proto)
    del synapses.graph.node[:], synapses.graph.output[:]
    synapses.graph.node.extend(n for n in proto.graph.node if not is_neuron(n))
    for name, array in values_of_program.items():
        if name not in feeds:
            synapses.graph.input.append(onnx.helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, array.shape))
    results = {name for node in synapses.graph.node for name in node.output}
    currents = [(n, name, x) for n in neurons for name, x in n.currents() if name in results]
    values = run_graph(synapses, values_of_program, [name for _, name, _ in currents])
    for neuron in neurons:
        _check_body(proto, neuron)
    if jumps is not None:
        return ("every neuron agrees bit for bit, "
                f"but `{jumps}` chooses by values that rounding moves")
    for neuron, name, x in currents:
        _within(f"the current of {neuron.run.module}", x.numpy(), values[name])
    return ROUNDING


def _check_body(proto: onnx.ModelProto, neuron: _NodeRun) -> None:
    """A neuron's ONNX body on the program's currents, bit for bit."""
    states = neuron.states
    values = [v.numpy() for v in neuron.run.inputs.in_order(states)]
    node = onnx.NodeProto()
    node.CopyFrom(neuron.node)
    del node.input[:], node.output[:]
    node.input.extend(f"i{k}" for k in range(len(values)))
    node.output.extend(Outputs("s", {name: name for name in states}).in_order(states))
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "neuron",
        [info(f"i{k}", onnx.TensorProto.FLOAT, value.shape) for k, value in enumerate(values)],
        [onnx.ValueInfoProto(name=name) for name in node.output])
    model = onnx.helper.make_model(graph, functions=list(proto.functions),
                                   opset_imports=list(proto.opset_import),
                                   ir_version=proto.ir_version)
    results = run_graph(model, {f"i{k}": value for k, value in enumerate(values)}, node.output)
    for name, expected in zip(node.output, neuron.run.outputs.in_order(states), strict=True):
        different = _count_different(results[name], expected)
        if different:
            raise _differs(f"{name} of {neuron.run.module}", different, expected.numel(), "-",
                           "the neuron op's", "another")


def _within(what: str, expected: NDArray[Any], result: NDArray[Any]) -> None:
    if expected.shape != result.shape:
        raise _differs(what, 1, 1, "shape", expected.shape, result.shape)
    if not expected.size:
        return
    a, b = expected.astype(np.float64), result.astype(np.float64)
    error = np.abs(a - b)
    if error.max() > BOUND * max(1.0, float(np.abs(a).max())):
        index = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
        raise _differs(what, int((error > BOUND).sum()), a.size, index,
                       float(a[index]), float(b[index]))


def _differs(output: object, different: int, total: int, index: object, expected: object,
             result: object) -> FindingsError:
    return FindingsError(
        mismatch(WHO, CALLS - 1, output, different, total, index, expected, result))
