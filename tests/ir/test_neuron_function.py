"""The ONNX bodies of all profiles compute what the torch op computes, bit for bit."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import helper

import neurocompile.capture.neuron_op  # noqa: F401 - registers the op
from neurocompile.ir.neuron_function import DOMAIN, function_body
from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import PROFILES

TICKS, SHAPE = 20, (3, 50)
VALUES = {"v_th": 0.7, "v_reset": 0.1, "tau": 2.3, "rate": 0.37, "beta": 0.83, "alpha": 0.6,
          "R": 2.0, "inv_rc": 0.8, "dt": 0.9}
GRADED = Profile("graded", "LIF", "test", Equations(
    "v = beta * v + x\nv = relu(v - low) + low\ns = minimum(trunc(v / v_th) * (v > 0), most)\n"
    "v = maximum(v * (s == 0) - floor(s) * -low, low)"))
SECOND = Profile("second", "CubaLIF", "test", Equations(
    "u = alpha * u + x + y\nv = beta * v + u\ns = v > v_th\nv = v - s * v_th"))
INTEGER = Profile("integer", "CubaLIF", "test", Equations(
    "u = shifted(u, keep) + trunc(x * 4096)\nv = shifted(v, keep) + u\ns = v >= 3000\n"
    "v = v * (1 - s)"))

ROUNDED = Profile("rounded", "IF", "test", Equations(
    "v = v + rounded(x * 4)\ns = v >= 3\nv = v * (1 - s)"))


def constants(profile: Profile) -> dict[str, float]:
    keep = 3001.0 if profile is INTEGER else 0.6
    values = {**VALUES, "low": -0.4, "most": 3.0, "keep": keep,
              "keep_u": 1111.0, "keep_v": 4000.0}
    return {name: values.get(name, 0.5) for name in profile.constants}


@pytest.mark.parametrize("profile", [*PROFILES.values(), GRADED, SECOND, INTEGER, ROUNDED],
                         ids=lambda p: p.name)
def test_function_body_equals_the_torch_op(profile: Profile) -> None:
    used = constants(profile)
    streams = ["x", "u0", "v0", *(["y"] if profile.equations.second_input else [])]
    node = helper.make_node(profile.model, streams, ["s", "u", "v"], domain=DOMAIN,
                            module="net.lif", **used)
    node.overload = profile.name
    info = helper.make_tensor_value_info
    shapes = {"x": [TICKS, *SHAPE], "y": [TICKS, *SHAPE], "u0": [], "v0": []}
    graph = helper.make_graph(
        [node], "g", [info(name, 1, shapes[name]) for name in streams],
        [info("s", 1, [TICKS, *SHAPE]), info("u", 1, SHAPE), info("v", 1, SHAPE)])
    model = helper.make_model(
        graph, functions=[function_body(profile, 20)], ir_version=10,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)])
    onnx.checker.check_model(model)
    torch.manual_seed(0)
    feeds = {"x": torch.randn(TICKS, *SHAPE), "y": torch.randn(TICKS, *SHAPE),
             "u0": torch.tensor(0.0), "v0": torch.tensor(0.1)}
    found = ort.InferenceSession(model.SerializeToString()).run(
        None, {name: feeds[name].numpy() for name in streams})
    expected = torch.ops.neurocompile.neuron(
        feeds["x"], feeds["u0"], feeds["v0"],
        feeds["y"] if profile.equations.second_input else None,
        profile.encode(), list(used.values()), "m")
    assert int(expected[0].count_nonzero()) > 50
    for a, b in zip(expected, found, strict=True):
        assert np.array_equal(a.numpy(), b)
