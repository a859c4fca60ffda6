"""Chips without a global tick: constant currents, leaks and analog input."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph

Parse = Callable[[str], Graph]
IN = "(float[3,2,4,6] x)"
W = "float[6,6] w"

CASES = {
    "leak": (["NC136", "NC137"], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  y, u2, v2 = lif(a) }}"""),
    "bias and leak": (["NC128", "NC136", "NC137"], f"""{IN} => (float[3,2,4,6] y)
        <{W}, float[6] b> {{
        s, u, v = lif(x)  a = MatMul(s, w)  c = Add(a, b)  y, u2, v2 = lif(c) }}"""),
    "bias before the first neuron": (["NC136", "NC137"], f"""{IN} => (float[3,2,4,6] y)
        <{W}, float[6] b> {{
        a = MatMul(x, w)  c = Add(a, b)  y, u2, v2 = lif(c) }}"""),
    "analog bypass": (["NC136", "NC137"], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  c = Add(a, x)  y, u2, v2 = lif(c) }}"""),
}


@pytest.mark.parametrize("name", CASES)
def test_notes_and_errors(graph: Parse, name: str) -> None:
    expected, text = CASES[name]
    model_graph = graph(text)
    assert check_graph(model_graph) == []
    findings = check_graph(model_graph, "async")
    assert sorted(d.code for d in findings) == expected
    assert all(d.message for d in findings)


def test_neurons_are_counted(graph: Parse) -> None:
    notes = {d.code: d.values for d in check_graph(graph(CASES["analog bypass"][1]), "async")}
    assert notes["NC136"] == {"module": "s", "count": 2}
    assert notes["NC137"] == {"module": "s", "count": 2}


def test_a_leak_makes_a_bias_worse(graph: Parse) -> None:
    findings = check_graph(graph(CASES["bias and leak"][1]), "async")
    (bias,) = [d for d in findings if d.code == "NC128"]
    assert "leaks as well" in bias.notes[0]


def test_neurons_without_leak(graph: Parse) -> None:
    text = CASES["leak"][1].replace("lif(x)", "lif(x)")
    model_graph = graph(text)
    for neuron in model_graph.neurons():
        neuron.node.op_type, neuron.node.overload = "IF", "spikingjelly-if-hard"
    assert [d.code for d in check_graph(model_graph, "async")] == ["NC137"]
