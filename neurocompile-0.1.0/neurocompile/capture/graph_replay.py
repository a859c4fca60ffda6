"""The replay gate's last part: the saved Graph, run by onnxruntime, against the exported program.

BatchNorms are folded there and sums are added up in another order, so that outputs agree within
BOUND of their largest value, and spikes exactly - unless a potential lies on its threshold. If
spikes differ, the Graph is taken apart: fed with the program's spikes, every synapse must agree
within BOUND, and fed with the program's currents, every neuron bit for bit. Then the difference is
rounding, and its size is recorded; else the capture is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from neurocompile.capture.replay import CALLS, Emission, Replay, mismatch
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_function import DOMAIN

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
class _Neuron:
    """A neuron node beside the run of the op that it was exported from."""

    node: onnx.NodeProto
    emission: Emission


def replay_graph(graph: Graph, inputs: Sequence[torch.Tensor], passed: Replay) -> GraphReplay:
    """Run a Graph on the replay's inputs. Raises FindingsError (NC105) if it computes otherwise."""
    proto = onnx.load_model_from_string(graph.to_bytes())
    neurons = _matched(proto, passed.emissions)
    feeds = {value.name: x.numpy() for value, x in zip(_inputs(proto), inputs, strict=True)}
    names = [value.name for value in proto.graph.output]
    spikes = [n.node.output[0] for n in neurons]
    found = _run(proto, feeds, [*names, *spikes])
    different = sum(_count_different(found[n.node.output[0]], n.emission.outputs[0])
                    for n in neurons)
    reason = ""
    if different:
        reason = _explain(proto, feeds, neurons)
    else:
        tensors = [o for o in passed.outputs if isinstance(o, torch.Tensor)]
        if len(names) != len(tensors):
            raise _differs("(all)", 1, 1, "number of outputs", len(tensors), len(names))
        for number, (name, expected) in enumerate(zip(names, tensors, strict=True)):
            _within(f"output {number}", expected.numpy(), found[name])
    return GraphReplay(sum(int(n.emission.outputs[0].count_nonzero()) for n in neurons), different,
                       reason)


def _inputs(proto: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    stored = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in stored]


def _matched(proto: onnx.ModelProto, emissions: Sequence[Emission]) -> list[_Neuron]:
    """Node and op side by side: the k-th of each module. Raises FindingsError (NC105)."""
    waiting: dict[str, list[Emission]] = defaultdict(list)
    for emission in emissions:
        waiting[emission.module].append(emission)
    neurons = []
    for node in proto.graph.node:
        if node.domain == DOMAIN:
            module = next(a.s.decode() for a in node.attribute if a.name == "module")
            if not waiting[module]:
                raise _differs(module, 1, 1, "neuron nodes", "fewer", "more")
            neurons.append(_Neuron(node, waiting[module].pop(0)))
    left = [module for module, rest in waiting.items() if rest]
    if left:
        raise _differs(left[0], 1, 1, "neuron nodes", "more", "fewer")
    return neurons


def _run(proto: onnx.ModelProto, feeds: Mapping[str, NDArray[Any]], wanted: Sequence[str]
         ) -> Arrays:
    """The wanted values; those that are no outputs of the model are made such in a copy."""
    import onnxruntime as ort

    copied = onnx.ModelProto()
    copied.CopyFrom(proto)
    known = {value.name for value in copied.graph.output}
    for name in dict.fromkeys(wanted):
        if name not in known:
            copied.graph.output.append(onnx.ValueInfoProto(name=name))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(copied.SerializeToString(), options,
                                   providers=["CPUExecutionProvider"])
    taken = {value.name for value in session.get_inputs()}
    values = session.run(list(dict.fromkeys(wanted)), {k: v for k, v in feeds.items() if k in taken})
    return dict(zip(dict.fromkeys(wanted), values, strict=True))


def _count_different(found: NDArray[Any], expected: torch.Tensor) -> int:
    return int(np.count_nonzero(found != expected.numpy()))


def _explain(proto: onnx.ModelProto, feeds: Arrays, neurons: Sequence[_Neuron]) -> str:
    """How rounding moves spikes, from synapses and neurons, each on its own.

    An operator that jumps turns rounding into anything; no network with one can be built.
    """
    jumps = next((node.op_type for node in proto.graph.node if node.op_type in JUMPS), None)
    forced = {**feeds, **{name: tensor.numpy() for n in neurons
                          for name, tensor in zip(n.node.output, n.emission.outputs, strict=True)}}
    synapses = onnx.ModelProto()
    synapses.CopyFrom(proto)
    del synapses.graph.node[:], synapses.graph.output[:]
    synapses.graph.node.extend(n for n in proto.graph.node if n.domain != DOMAIN)
    for name, array in forced.items():
        if name not in feeds:
            synapses.graph.input.append(onnx.helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, array.shape))
    made = {name for node in synapses.graph.node for name in node.output}
    currents = [(n, name, x) for n in neurons for name, x in _currents(n) if name in made]
    found = _run(synapses, forced, [name for _, name, _ in currents])
    for neuron in neurons:
        _check_body(proto, neuron)
    if jumps is not None:
        return f"every neuron agrees bit for bit, but `{jumps}` chooses by values that rounding moves"
    for neuron, name, x in currents:
        _within(f"the current of {neuron.emission.module}", x.numpy(), found[name])
    return ROUNDING


def _currents(neuron: _Neuron) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and values of what a neuron integrates."""
    x, _, _, y = neuron.emission.inputs
    for name, value in ((neuron.node.input[0], x), (neuron.node.input[-1], y)):
        if value is not None:
            yield name, value


def _check_body(proto: onnx.ModelProto, neuron: _Neuron) -> None:
    """A neuron's ONNX body on the program's currents, bit for bit."""
    values = [v.numpy() for v in neuron.emission.inputs if v is not None]
    node = onnx.NodeProto()
    node.CopyFrom(neuron.node)
    del node.input[:], node.output[:]
    node.input.extend(f"i{k}" for k in range(len(values)))
    node.output.extend(("s", "u", "v"))
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "neuron",
        [info(f"i{k}", onnx.TensorProto.FLOAT, value.shape) for k, value in enumerate(values)],
        [onnx.ValueInfoProto(name=name) for name in node.output])
    model = onnx.helper.make_model(graph, functions=list(proto.functions),
                                   opset_imports=list(proto.opset_import),
                                   ir_version=proto.ir_version)
    found = _run(model, {f"i{k}": value for k, value in enumerate(values)}, list(node.output))
    for name, expected in zip(node.output, neuron.emission.outputs, strict=True):
        if _count_different(found[name], expected):
            raise _differs(f"{name} of {neuron.emission.module}",
                           _count_different(found[name], expected), expected.numel(), "-",
                           "the neuron op's", "another")


def _within(what: str, expected: NDArray[Any], found: NDArray[Any]) -> None:
    if expected.shape != found.shape:
        raise _differs(what, 1, 1, "shape", expected.shape, found.shape)
    if not expected.size:
        return
    a, b = expected.astype(np.float64), found.astype(np.float64)
    error = np.abs(a - b)
    if error.max() > BOUND * max(1.0, float(np.abs(a).max())):
        index = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
        raise _differs(what, int((error > BOUND).sum()), a.size, index,
                       float(a[index]), float(b[index]))


def _differs(output: object, different: int, total: int, index: object, expected: object,
             found: object) -> FindingsError:
    return FindingsError(mismatch(WHO, CALLS - 1, output, different, total, index, expected, found))
