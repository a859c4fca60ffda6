"""Operators that no synapse computes. NC123: known ones. NC110: unknown ones. NC104: control."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from neurocompile.ir.graph import constant
from neurocompile.passes.legality.spike_types import STATIC, Analog, SpikeType, Static
from neurocompile.passes.legality.walk import Transfer, TypeWalk

ACTIVATIONS = (
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Erf", "Sigmoid", "HardSigmoid",
    "HardSwish", "Swish", "Mish", "Tanh", "Softplus", "Softsign", "ThresholdedRelu", "Clip")
FUNCTIONS = (
    "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Sign", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan",
    "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Floor", "Ceil", "Round", "Mod", "Max", "Min",
    "Det", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift")
NORMALIZATIONS = (
    "Softmax", "LogSoftmax", "Hardmax", "LayerNormalization", "GroupNormalization",
    "InstanceNormalization", "LpNormalization", "MeanVarianceNormalization", "RMSNormalization",
    "LRN")
REDUCTIONS = (
    "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare",
    "LpPool", "GlobalLpPool")
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")
RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli",
          "Multinomial")


def _opaque(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return walk.reject("NC123", node, {"op": node.op_type}, notes=walk.paths(node))


def _compare(node: ir.Node, walk: TypeWalk) -> SpikeType:
    for value in node.inputs:
        array = constant(value)
        if array is not None and array.dtype.kind == "f" and np.isinf(array).all():
            return STATIC  # a guard against overflow: no finite value passes it
    return walk.reject("NC123", node, {"op": node.op_type}, notes=walk.paths(node),
                       hint="a threshold written by hand is not read as a neuron: use a neuron "
                            "class of a supported framework")


def _finite(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """IsNaN, IsInf: what spikes and finite weights make is finite."""
    return STATIC


def _power(node: ir.Node, walk: TypeWalk) -> SpikeType:
    exponent = constant(node.inputs[1])
    if exponent is not None and exponent.size == 1 and exponent.item() == 1:
        return walk.type_of(node.inputs[0])
    return _opaque(node, walk)


def _random(node: ir.Node, walk: TypeWalk) -> SpikeType:
    return _opaque(node, walk) if walk.operands(node) else Analog()


def _branch(node: ir.Node, walk: TypeWalk) -> SpikeType:
    if node.op_type == "If" and isinstance(walk.type_of(node.inputs[0]), Static):
        return unknown(node, walk)
    module = node.metadata_props.get("neurocompile.module", "")
    return walk.reject("NC104", node, {"module": module,
                                       "reason": f"`{node.op_type}` in its graph"})


def unknown(node: ir.Node, walk: TypeWalk) -> SpikeType:
    """An operator of which nothing is known: never passed in silence."""
    name = node.op_type if not node.domain else f"{node.domain}.{node.op_type}"
    module = node.metadata_props.get("neurocompile.module", "")
    return walk.reject("NC110", node, {"op": name, "module": module,
                                       "reason": "neurocompile does not know it"},
                       notes=walk.paths(node))


TRANSFER: dict[str, Transfer] = {
    **dict.fromkeys((*ACTIVATIONS, *FUNCTIONS, *NORMALIZATIONS, *REDUCTIONS), _opaque),
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys(RANDOM, _random),
    **dict.fromkeys(("If", "Loop", "Scan"), _branch),
    **dict.fromkeys(("IsNaN", "IsInf"), _finite),
    "Pow": _power,
}
ALWAYS = frozenset({*RANDOM, "If", "Loop", "Scan"})  # dynamic even without a dynamic operand
