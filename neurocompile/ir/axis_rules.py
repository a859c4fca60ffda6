"""How each operator moves the axes of its operands (see `neurocompile.ir.axes`)."""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.ir import axis_arithmetic as arithmetic
from neurocompile.ir import axis_wiring as wiring
from neurocompile.ir.axis_arithmetic import Rule
from neurocompile.ir.axis_space import Role, Space, shape_of
from neurocompile.ir.neuron_node import NeuronNode, as_neuron


def follow(node: ir.Node, space: Space) -> None:
    """Give every output of a node its layout and ticks, if it depends on the input."""
    neuron = as_neuron(node)
    if neuron is not None:
        _neuron(neuron, space)
    else:
        _operator(node, space)


def _operator(node: ir.Node, space: Space) -> None:
    dynamic = [value for value in node.inputs if space.is_dynamic(value)]
    if not dynamic or node.op_type in _STATIC:
        return
    ticks = frozenset[int]().union(
        *(space.ticks.get(v.name or "", frozenset()) for v in dynamic if v is not None))
    for output in node.outputs:
        space.ticks[output.name or ""] = ticks
    if node.op_type == "Split":
        wiring.split(node, space)
        return
    rule = _RULES.get(node.op_type) if node.domain == "" else None
    dims = rule(node, space) if rule is not None else None
    if node.outputs:
        space.set(node.outputs[0], dims)
    for output in node.outputs[1:]:
        space.set(output, space.get(node.outputs[0]))


def _neuron(neuron: NeuronNode, space: Space) -> None:
    node = neuron.node
    shape = shape_of(neuron.current) or shape_of(neuron.spikes)
    dims = space.get(neuron.current)
    tick = space.tick_of.get(neuron.train)
    for output in node.outputs:
        space.ticks[output.name or ""] = frozenset() if tick is None else frozenset({tick})
    if shape is None:
        for output in node.outputs:
            space.set(output, None)
        return
    if dims is None:
        dims = tuple(space.fresh(size) for size in shape)
    time = space.time_axis(shape[0])
    if not space.unify(dims[0], time):
        space.conflict(node, "axis 0 is not time alone", dims[0])
    for own, other in zip(dims, space.get(neuron.second_current) or (), strict=False):
        if own and other and not space.unify(own, other):
            space.conflict(node, "its two inputs have different axes", own, other)
    dims = (time, *(_name_axis(d, position, node, space) for position, d in enumerate(dims[1:], 1)))
    space.set(neuron.spikes, dims)
    for state in neuron.final.values():
        space.set(state, dims[1:])


def _name_axis(atoms: tuple[int, ...], position: int, node: ir.Node, space: Space
               ) -> tuple[int, ...]:
    """Axis `position` of a neuron's input: batch first on axis 1, data elsewhere."""
    atoms = space.resolve(atoms)
    if position == 1 and space.batch and space.roles_of(atoms[:1]) == {Role.UNKNOWN}:
        _narrow_batch(atoms[0], space)
        size = space.size_of(space.batch)
        if space.sizes[atoms[0]] > size:
            space.split(atoms[0], size)
        first = space.resolve(atoms)[:1]
        if space.size_of(first) == size:
            space.unify(space.batch, first)
            space.has_batch = True
    atoms = space.resolve(atoms)
    for atom in atoms:
        space.name((atom,), Role.DATA)
    if Role.TIME in space.roles_of(atoms):
        space.conflict(node, f"axis {position} contains time", atoms)
    return atoms


def _narrow_batch(outermost: int, space: Space) -> None:
    """Batch is no more than the outermost axis of what is merged on the first neuron's axis 1."""
    size = space.size_of(space.batch)
    if not space.has_batch and 1 < space.sizes[outermost] < size and size % space.sizes[outermost] == 0:
        space.batch = space.fresh(space.sizes[outermost], Role.BATCH)


# -- elementwise and contractions ------------------------------------------------------------


_STATIC = frozenset({"Shape", "Size"})
_RULES: dict[str, Rule] = {
    **dict.fromkeys((
        "Identity", "Cast", "CastLike", "Dropout", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu",
        "Celu", "Gelu", "Erf", "Sigmoid", "HardSigmoid", "HardSwish", "Mish", "Tanh", "Softplus",
        "Softsign", "Sin", "Cos", "Tan", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign", "Neg",
        "Floor", "Ceil", "Round", "Not", "IsNaN", "IsInf", "Clip", "Softmax", "LogSoftmax",
        "Hardmax", "LayerNormalization", "GroupNormalization", "InstanceNormalization",
        "BatchNormalization", "LpNormalization", "MeanVarianceNormalization", "RMSNormalization",
        "CumSum", "ScatterND", "ScatterElements", "Scatter", "Trilu", "LRN", "ThresholdedRelu",
        "Swish"), arithmetic.same),
    **dict.fromkeys((
        "Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Max", "Min", "Mod", "Where", "And",
        "Or", "Xor", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "BitwiseAnd",
        "BitwiseOr", "BitwiseXor"), arithmetic.elementwise),
    **dict.fromkeys((
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"), arithmetic.reduce),
    **dict.fromkeys((
        "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool",
        "GlobalMaxPool", "GlobalLpPool"), arithmetic.window),
    **dict.fromkeys(("Pad", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "TopK",
                     "GatherElements"),
                    wiring.resize),
    **dict.fromkeys(("ArgMax", "ArgMin"), arithmetic.arg_reduce),
    **dict.fromkeys(("Unsqueeze", "Squeeze"), wiring.unsqueeze),
    **dict.fromkeys(("Reshape", "Flatten"), wiring.reshape),
    "MatMul": arithmetic.matmul, "Gemm": arithmetic.gemm, "Einsum": arithmetic.einsum,
    "Transpose": wiring.transpose, "Expand": wiring.expand, "Tile": wiring.tile,
    "Concat": wiring.concat, "Slice": wiring.slice, "Gather": wiring.gather,
    "GatherND": wiring.gather_nd,
}
