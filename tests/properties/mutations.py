"""The table of illegal operators, and the positions of a Graph that they are injected at.

An operator takes a value and makes another of the same shape, so it fits everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import onnx_ir as ir

from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import as_neuron
from tests.properties import illegal_operators as illegal
from tests.properties import mixing_operators as mixing
from tests.properties.mutant import FLOAT, Builder, Make, shape_of

WIRING = frozenset({
    "Identity", "Reshape", "Transpose", "Slice", "Split", "Concat", "Squeeze", "Unsqueeze",
    "Gather", "Resize", "Pad", "Expand", "Tile", "Flatten"})
COUNTING = frozenset({"Add", "Mul", "Sub", "AveragePool", "ReduceMean", "ReduceSum", "GlobalAveragePool"})
ACTIVATIONS = ("Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid",
               "HardSwish", "Mish", "Tanh", "Softplus", "Softsign", "Erf", "ThresholdedRelu",
               "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign", "Sin", "Cos", "Atan", "Floor",
               "Ceil", "Round", "Softmax", "LogSoftmax", "Hardmax", "LpNormalization")

# name -> operator, codes on spikes, codes on currents
OPERATORS: dict[str, tuple[Make, str, str]] = {
    **{name: (illegal.same(name), "NC123", "NC123") for name in ACTIVATIONS},
    "Clip": (lambda b, v: b.op("Clip", [v, b.constant(0.0), b.constant(1.0)], shape_of(v)),
             "NC123", "NC123"),
    "PRelu": (illegal.by_weights("PRelu", 1), "NC123", "NC123"),
    "Mod": (lambda b, v: b.op("Mod", [v, b.constant([2.0])], shape_of(v), fmod=1),
            "NC123", "NC123"),
    "LayerNorm": (illegal.by_weights("LayerNormalization", 2), "NC123", "NC123"),
    "RMSNorm": (illegal.by_weights("RMSNormalization", 1), "NC123", "NC123"),
    "BatchNorm in training": (illegal.normalization("BatchNormalization", 2, training_mode=1),
                              "NC123", "NC123"),
    "GroupNorm": (illegal.normalization("GroupNormalization", 3, num_groups=1), "NC123", "NC123"),
    "InstanceNorm": (illegal.normalization("InstanceNormalization", 3), "NC123", "NC123"),
    "power 2": (illegal.power(2.0), "NC123", "NC123"),
    "power .5": (illegal.power(0.5), "NC123", "NC123"),
    "square": (illegal.square, "NC123", "NC123"),
    "SiLU by hand": (illegal.silu, "NC123", "NC123"),
    "divide by the sum": (illegal.divide, "NC123", "NC123"),
    "one over": (illegal.one_over, "NC123", "NC123"),
    "L2 norm": (illegal.norm, "NC123", "NC123"),
    "RMS by hand": (illegal.rms, "NC123", "NC123"),
    "ReduceProd": (illegal.reduce_last("ReduceProd"), "NC123", "NC123"),
    "ReduceL1": (illegal.reduce_last("ReduceL1"), "NC123", "NC123"),
    "ReduceLogSumExp": (illegal.reduce_last("ReduceLogSumExp"), "NC123", "NC123"),
    "Max of two": (illegal.two_of("Max"), "NC123", "NC123"),
    "Min of two": (illegal.two_of("Min"), "NC123", "NC123"),
    "Greater": (illegal.compare("Greater"), "NC123", "NC123"),
    "LessOrEqual": (illegal.compare("LessOrEqual"), "NC123", "NC123"),
    "Equal": (illegal.compare("Equal"), "NC123", "NC123"),
    "rounding cast": (illegal.quantize, "NC123", "NC123"),
    "Dropout in training": (illegal.dropout, "NC123", "NC123"),
    "noise": (illegal.noise, "NC123", "NC123"),
    "where compared": (illegal.where_compared, "NC123", "NC123"),
    "Q K^T": (illegal.qkt, "NC120", "NC120"),
    "attention": (illegal.attention, "NC120", "NC120"),
    "q (k^T v)": (illegal.right_first, "NC120", "NC120"),
    "softmax attention": (illegal.softmax_attention, "NC120 NC123", "NC120 NC123"),
    "outer product": (illegal.outer, "NC120", "NC120"),
    "einsum": (illegal.einsum, "NC120", "NC120"),
    "einsum inner": (illegal.einsum_inner, "NC120", "NC120"),
    "mask": (illegal.mask, "NC121", "NC121"),
    "channel mask": (illegal.channel_mask, "NC121", "NC121"),
    "mask by a population": (illegal.population_mask, "NC121", "NC121"),
    "IAND": (illegal.iand, "NC121", "NC121"),
    "And": (illegal.logical("And"), "NC121", "NC123"),
    "Or": (illegal.logical("Or"), "NC121", "NC123"),
    "Xor": (illegal.logical("Xor"), "NC121", "NC123"),
    "where by data": (illegal.where, "NC121", "NC123"),
    "MaxPool": (illegal.max_pool, "NC122", "NC122"),
    "GlobalMaxPool": (illegal.global_max, "NC122", "NC122"),
    "ReduceMax": (illegal.reduce_last("ReduceMax"), "NC122", "NC122"),
    "ReduceMin": (illegal.reduce_last("ReduceMin"), "NC122", "NC122"),
    "top-k": (illegal.top_k, "NC127", "NC127"),
    "sort": (illegal.sort, "NC127", "NC127"),
    "argmax": (illegal.arg_max, "NC127", "NC127"),
    "gather by spikes": (illegal.gather, "NC127", "NC123"),
    "gather by argmax": (illegal.gather_sorted, "NC127", "NC127"),
    "scatter by spikes": (illegal.scatter, "NC127", "NC123"),
    "cumsum over time": (mixing.cumsum_time, "NC126", "NC126"),
    "mean over time": (mixing.mean_time, "NC126", "NC126"),
    "flipped time": (mixing.flip(0), "NC126", "NC126"),
    "last tick": (mixing.last_tick, "NC126", "NC126"),
    "weights over time": (mixing.mix_time, "NC126", "NC126"),
    "softmax over time": (mixing.softmax_time, "NC123 NC126", "NC123 NC126"),
    "attention over time": (mixing.time_attention, "NC120 NC126", "NC120 NC126"),
    "mean over the batch": (mixing.mean_batch, "NC113", "NC113"),
    "flipped batch": (mixing.flip(1), "NC113", "NC113"),
    "first sample": (mixing.first_sample, "NC113", "NC113"),
    "residual": (illegal.residual, "NC125", "NC124"),
    "weighted residual": (illegal.weighted_residual, "NC124", "NC124"),
    "unknown": (illegal.same("Foo"), "NC110", "NC110"),
    "unknown domain": (illegal.same("Foo", domain="com.acme"), "NC110", "NC110"),
    "If on data": (illegal.by_subgraph, "NC104", "NC123"),
}
# Element by element: on spikes, 0 and 1, all that is finite there is affine.
ELEMENTWISE = frozenset({
    *(set(ACTIVATIONS) - {"Softmax", "LogSoftmax", "Hardmax", "LpNormalization"}), "Clip", "PRelu",
    "Mod", "power 2", "power .5", "square", "SiLU by hand", "one over", "Greater", "LessOrEqual",
    "Equal", "rounding cast", "where compared"})
INFINITE = frozenset({"Log", "Reciprocal", "one over"})
# What may stand behind the last neuron: the host adds, scales and averages spike counts exactly.
NO_READOUTS = frozenset({"Round", "Floor", "Ceil", "Sign", "unknown"})


@dataclass(frozen=True)
class Position:
    """A value of floats; `where` is "encoder", "between" or "readout"."""

    value: ir.Value
    where: str
    spikes: bool  # spikes or their wiring, no weights yet
    counts: bool  # sums or means of spikes, no weights yet


def positions(graph: Graph) -> list[Position]:
    """The values that a neuron, or behind the last neuron an output, depends on."""
    nodes = list(graph.nodes())
    before: dict[ir.Value, str] = {v: "input" for v in graph.model.graph.inputs}
    wiring: set[ir.Value] = set()
    counts: set[ir.Value] = set()
    for node in nodes:
        neuron = as_neuron(node)
        if neuron is not None:
            before[neuron.spikes] = "neuron"
            wiring.add(neuron.spikes)
            continue
        sources = {before[v] for v in node.inputs if v in before}
        if sources:
            for output in node.outputs:
                before[output] = "neuron" if "neuron" in sources else "input"
                if node.op_type in WIRING and all(
                        v in wiring for v in node.inputs if v in before):
                    wiring.add(output)
                if node.op_type in WIRING | COUNTING and all(
                        v in wiring | counts for v in node.inputs if v in before):
                    counts.add(output)
    feeding: set[ir.Value] = set()
    for node in reversed(nodes):
        neuron = as_neuron(node)
        if neuron is not None:
            feeding.update(neuron.currents[:1])
        elif any(output in feeding for output in node.outputs):
            feeding.update(v for v in node.inputs if v is not None)
    places = []
    for value, source in before.items():
        if value.dtype != FLOAT or not shape_of(value):
            continue
        where = "readout" if value not in feeding else (
            "between" if source == "neuron" else "encoder")
        places.append(Position(value, where, value in wiring, value in counts - wiring))
    return places


@contextmanager
def injection(graph: Graph, position: Position, make: Make, ticks: int, batch: int,
             loop: bool) -> Iterator[None]:
    """The graph with an operator behind a value, for as long as the block runs."""
    value, body = position.value, graph.model.graph
    uses = list(value.uses())
    builder = Builder(graph, ticks, batch, loop)
    result = make(builder, value)  # raises Unfit
    after = value.producer()
    if after is None:
        body.insert_before(body[0], builder.nodes)
    else:
        body.insert_after(after, builder.nodes)
    for use in uses:
        use.node.replace_input_with(use.idx, result)
    outputs = list(body.outputs)
    body.outputs[:] = [result if output is value else output for output in outputs]
    try:
        yield
    finally:
        body.outputs[:] = outputs
        for use in uses:
            use.node.replace_input_with(use.idx, value)
        body.remove(builder.nodes, safe=True)
