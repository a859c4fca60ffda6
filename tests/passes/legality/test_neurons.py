"""Neurons that fire as no chip's neuron does (NC201), and their nearest neighbors."""

from collections.abc import Callable

import onnx_ir as ir
import pytest

from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_function import function_body
from neurocompile.passes.legality import check_graph
from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import Profile

Parse = Callable[[str], Graph]
GRAPH = """(float[4,1,8] x) => (float[4,1,8] b__s) {
  a__s, a__u, a__v = lif(x)
  b__s, b__u, b__v = lif(a__s)
}"""


def with_neuron(graph: Parse, text: str, model: str = "LIF", module: str = "b") -> Graph:
    model_graph = graph(GRAPH)
    profile = Profile("own", model, "test", Equations(text))
    body = ir.serde.deserialize_function(function_body(profile, 20))
    for neuron in model_graph.neurons():
        node = neuron.node
        if neuron.train == f"{module}__s":
            node.overload, node.op_type = "own", model
            for name in ("tau", "v_reset"):
                node.attributes.pop(name)
    model_graph.model.functions[body.identifier()] = body
    return model_graph


@pytest.mark.parametrize(("text", "codes"), [
    ("v = v + x\ns = v >= v_th\nv = v * (1 - s)", []),
    ("v = v + x\ns = trunc(v / v_th)\nv = v - s * v_th", ["NC201"]),
    ("v = v + x\ns = v >= v_th\nv = v * 0.5 * (1 - s) + 0.5 * v", ["NC201"]),
])
def test_dynamics_without_a_normal_form(graph: Parse, text: str, codes: list[str]) -> None:
    findings = check_graph(with_neuron(graph, text))
    assert [d.code for d in findings] == codes
    assert all(d.where.module == "b" for d in findings)


def test_a_leaky_integrator_is_no_event_between_layers(graph: Parse) -> None:
    model_graph = with_neuron(graph, "v = v + x * v_th\ns = v", "LI", "a")
    assert [(d.code, d.where.module) for d in check_graph(model_graph)] == [("NC123", "b")]


def test_a_leaky_integrator_behind_the_last_layer_is_the_hosts(graph: Parse) -> None:
    assert [d.code for d in check_graph(with_neuron(graph, "v = v + x * v_th\ns = v", "LI"))] == [
        "NC147"]
