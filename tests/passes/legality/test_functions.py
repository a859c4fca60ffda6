"""Which functions of spikes are affine, and which only look as if they were."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurocompile.diagnostics import errors
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph
from neurocompile.passes.legality.functions import functions_of

Parse = Callable[[str], Graph]
HEAD = "(float[3,2,4,6] x, float[3,2,4,6] x2) => (float[3,2,4,6] y)"
NUMBERS = """<float o={0.0}, float h={0.5}, float i={1.0}, float two={2.0}, float third={0.33333334},
    float[6] w={1.0,2.0,3.0,4.0,5.0,6.0}, int64[1] ax={3}, int64[4] six={3,2,4,6}>"""
BOTH = "s, u, v = lif(x)  t, u1, v1 = lif(x2)"

# what computes r, of which value it is an affine function, its gain and its offset
AFFINE: dict[str, tuple[str, str, float, float]] = {
    "relu": ("r = Relu(s)", "s", 1, 0),
    "sigmoid": ("r = Sigmoid(s)", "s", 0.23105858, 0.5),
    "gelu": ("r = Gelu(s)", "s", 0.84134475, 0),
    "clip": ("r = Clip(s, o, h)", "s", 0.5, 0),
    "power": ("r = Pow(s, two)", "s", 1, 0),
    "square": ("r = Mul(s, s)", "s", 1, 0),
    "comparison": ("b = LessOrEqual(s, o)  r = Cast<to=1>(b)", "s", -1, 1),
    "choice": ("b = Cast<to=9>(s)  r = Where(b, two, h)", "s", 1.5, 0.5),
    "its own mask": ("b = Greater(s, h)  r = Where(b, s, o)", "s", 1, 0),
    "nothing": ("n = Sub(i, s)  r = Mul(n, s)", "s", 0, 0),
    "relu of a sum": ("a = Add(s, t)  r = Relu(a)", "a", 1, 0),
    "minimum with the largest sum": ("a = Add(s, t)  r = Min(a, two)", "a", 1, 0),
    "sign of twice": ("a = Add(s, s)  r = Sign(a)", "s", 1, 0),
    "magnitude of a mean": (
        ("n = ReduceMean<keepdims=1>(s, ax)  a = Expand(n, six)  b = Sign(a)  c = Abs(a)  "
        "r = Mul(b, c)"), "a", 1, 0),
}
OTHER: dict[str, str] = {
    "or, relu": "a = Add(s, t)  b = Sub(a, i)  r = Relu(b)",
    "or, comparison": "a = Add(s, t)  b = Greater(a, o)  r = Cast<to=1>(b)",
    "or, clip": "a = Add(s, t)  r = Clip(a, o, i)",
    "or, bool": "a = Add(s, t)  b = Cast<to=9>(a)  r = Cast<to=1>(b)",
    "or, sign": "a = Add(s, t)  r = Sign(a)",
    "or, maximum": "r = Max(s, t)",
    "or, logic": "b = Cast<to=9>(s)  c = Cast<to=9>(t)  d = Or(b, c)  r = Cast<to=1>(d)",
    "and, mask": "r = Mul(s, t)",
    "and, minimum": "r = Min(s, t)",
    "and, where": "b = Cast<to=9>(s)  r = Where(b, t, o)",
    "and, where compared": "b = Equal(s, i)  r = Where(b, t, o)",
    "and, logic": "b = Cast<to=9>(s)  c = Cast<to=9>(t)  d = And(b, c)  r = Cast<to=1>(d)",
    "and, comparison": "a = Add(s, t)  b = Greater(a, i)  r = Cast<to=1>(b)",
    "and, floor of a mean": "a = Add(s, t)  b = Div(a, two)  r = Floor(b)",
    "and, power": "a = Add(s, t)  b = Pow(a, two)  c = Sub(b, a)  r = Div(c, two)",
    "exclusive or": "a = Sub(s, t)  r = Abs(a)",
    "equal": "b = Equal(s, t)  r = Cast<to=1>(b)",
    "not finite": "r = Div(i, s)",
    "of currents": "a = Mul(s, w)  b = ReduceSum<keepdims=1>(a, ax)  c = Sub(b, t)  r = Relu(c)",
    "a level within rounding": (
        "a = AveragePool<kernel_shape=[1,3], pads=[0,1,0,1]>(s)  b = Greater(a, third)  "
        "c = Cast<to=1>(b)  d = Mul(c, a)  r = Add(d, t)"),
    "of the input": "r = Mul(s, x2)",
}


def network(parse: Parse, text: str) -> Graph:
    return parse(f"{HEAD} {NUMBERS} {{ {BOTH}  {text}  y, u2, v2 = lif(r) }}")


@pytest.mark.parametrize("name", AFFINE)
def test_affine(graph: Parse, name: str) -> None:
    text, base, gain, offset = AFFINE[name]
    g = network(graph, text)
    last = [node for node in functions_of(g).affine if node.op_type != "Cast"][-1]
    affine = functions_of(g).affine[last]
    if affine.base.name != base:  # a Cast behind it
        affine = functions_of(g).affine[[*functions_of(g).affine][-1]]
    assert affine.base.name == base
    assert np.allclose(affine.gain, gain, atol=1e-7)
    assert np.allclose(affine.offset, offset, atol=1e-7)
    assert not errors(check_graph(g))


@pytest.mark.parametrize("name", OTHER)
def test_what_is_no_function_of_one_spike_is_refused(graph: Parse, name: str) -> None:
    g = network(graph, OTHER[name])
    assert errors(check_graph(g))


def test_whole_numbers(graph: Parse) -> None:
    g = network(graph, "a = Add(s, t)  b = Div(a, two)  c = Mul(b, two)  d = Mul(s, w)  "
                       "r = Add(c, d)")
    whole = {value.name: most for value, most in functions_of(g).whole.items()}
    assert whole.pop("y") == 1
    assert whole == {"s": 1, "t": 1, "a": 2, "c": 2, "d": 6, "r": 8}


def test_a_mean_and_what_it_was_made_with(graph: Parse) -> None:
    """LPPool of p = 1 is a sum: what torch writes it with is not looked at."""
    g = graph("""(float[3,2,4,6] x) => (float[3,2,4,4] y) <float four={9.0}, float one={1.0}> {
        s, u, v = lif(x)  p = Pow(s, one)  a = AveragePool<kernel_shape=[1,3]>(p)  b = Sign(a)
        c = Abs(a)  d = Relu(c)  e = Mul(b, d)  f = Mul(e, four)  r = Pow(f, one)
        y, u2, v2 = lif(r) }""")
    assert not errors(check_graph(g))
    assert {node.outputs[0].name for node in functions_of(g).affine} >= {"e", "r"}
