"""The ONNX bodies of all profiles compute what the torch op computes, bit for bit."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from neurocompile.capture import neuron_op
from neurocompile.semantics.floating import PROFILES

ort = pytest.importorskip("onnxruntime")
TICKS, SHAPE = 20, (3, 50)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_function_body_equals_the_torch_op(name: str) -> None:
    profile = PROFILES[name]
    rest = 0.1 if profile.framework.startswith("spikingjelly") else 0.0
    values = {"v_th": 0.7, "v_reset": rest, "tau": 2.3, "rate": 0.37, "beta": 0.83, "alpha": 0.6}
    used = {k: values[k] for k in neuron_op._attributes(profile)}
    node = helper.make_node(profile.model, ["x", "u0", "v0"], ["s", "u", "v"],
                            domain=neuron_op.DOMAIN, module="net.lif", **used)
    node.overload = name
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "g", [info("x", 1, [TICKS, *SHAPE]), info("u0", 1, []), info("v0", 1, [])],
        [info("s", 1, [TICKS, *SHAPE]), info("u", 1, SHAPE), info("v", 1, SHAPE)])
    model = helper.make_model(
        graph, functions=[neuron_op.function_body(profile, 20)], ir_version=10,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(neuron_op.DOMAIN, 1)])
    onnx.checker.check_model(model)
    torch.manual_seed(0)
    x = torch.randn(TICKS, *SHAPE)
    found = ort.InferenceSession(model.SerializeToString()).run(
        None, {"x": x.numpy(), "u0": np.array(0, np.float32), "v0": np.array(rest, np.float32)})
    expected = torch.ops.neurocompile.neuron(
        x, torch.tensor(0.0), torch.tensor(rest), name, [values[k] for k in neuron_op.FIELDS], "m")
    assert expected[0].sum() > 50
    for a, b in zip(expected, found, strict=True):
        assert np.array_equal(a.numpy(), b)
