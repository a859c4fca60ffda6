"""The ONNX bodies of all profiles compute what the torch op computes, bit for bit."""

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import helper

from neurocompile.capture.neuron_op import NEURON, neuron_call
from neurocompile.ir.neuron_function import function_body, input_names, output_names
from neurocompile.ir.neuron_node import DOMAIN, Inputs
from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import PROFILES

TICKS, SHAPE = 20, (3, 50)
VALUES = {"v_th": 0.7, "v_reset": 0.1, "tau": 2.3, "rate": 0.37, "beta": 0.83, "alpha": 0.6,
          "R": 2.0, "inv_rc": 0.8, "dt": 0.9}
BOTH_SIGNS = Profile("graded", "LIF", "test", Equations(
    "v = beta * v + x\nv = relu(v - low) + low\ns = minimum(trunc(v / v_th) * (v > 0), most)\n"
    "v = maximum(v * (s == 0) - floor(s) * -low, low)"))
SECOND = Profile("second", "CubaLIF", "test", Equations(
    "u = alpha * u + x + y\nv = beta * v + u\ns = v > v_th\nv = v - s * v_th"))
INTEGER = Profile("integer", "CubaLIF", "test", Equations(
    "u = shifted(u, keep) + trunc(x * 4096)\nv = shifted(v, keep) + u\ns = v >= 3000\n"
    "v = v * (1 - s)"))

ROUNDING = Profile("rounded", "IF", "test", Equations(
    "v = v + rounded(x * 4)\ns = v >= 3\nv = v * (1 - s)"))


def constants(profile: Profile) -> dict[str, float]:
    keep = 3001.0 if profile is INTEGER else 0.6
    values = {**VALUES, "low": -0.4, "most": 3.0, "keep": keep,
              "keep_u": 1111.0, "keep_v": 4000.0}
    return {name: values.get(name, 0.5) for name in profile.constants}


@pytest.mark.parametrize("profile", [*PROFILES.values(), BOTH_SIGNS, SECOND, INTEGER, ROUNDING],
                         ids=lambda p: p.name)
def test_function_body_equals_the_torch_op(profile: Profile) -> None:
    values: dict[str, Any] = constants(profile)
    states = profile.states
    names, outputs = input_names(profile).in_order(states), output_names(profile)
    node = helper.make_node(profile.model, names, outputs.in_order(states), domain=DOMAIN,
                            module="net.lif", **values)
    node.overload = profile.name
    info = helper.make_tensor_value_info
    torch.manual_seed(0)
    inputs = Inputs(torch.randn(TICKS, *SHAPE),
                    {name: torch.tensor(0.1 * (name == "v")) for name in states},
                    torch.randn(TICKS, *SHAPE) if profile.equations.second_input else None)
    feeds = dict(zip(names, inputs.in_order(states), strict=True))
    graph = helper.make_graph(
        [node], "g", [info(name, 1, tensor.shape) for name, tensor in feeds.items()],
        [info(outputs.spikes, 1, [TICKS, *SHAPE]),
         *(info(name, 1, SHAPE) for name in outputs.final.values())])
    model = helper.make_model(
        graph, functions=[function_body(profile, 20)], ir_version=10,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)])
    onnx.checker.check_model(model)
    results = ort.InferenceSession(model.SerializeToString()).run(
        None, {name: tensor.numpy() for name, tensor in feeds.items()})
    call = neuron_call(inputs, profile, list(values.values()), "m")
    expected = call.outputs(NEURON(*call))
    assert int(expected.spikes.count_nonzero()) > 50
    for a, b in zip(expected.in_order(states), results, strict=True):
        assert np.array_equal(a.numpy(), b)
