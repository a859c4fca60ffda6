"""One illegal network and its nearest legal neighbor for every rule of the legality proof."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neurocompile.diagnostics import Severity
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph

Parse = Callable[[str], Graph]
IN = "(float[3,2,4,6] x, float[3,2,4,6] x2)"  # T, B, N, C
IMG = "(float[3,2,4,8,8] x)"
W = "float[6,6] w"

# code, illegal, legal
CASES = [
    ("NC110", f"""{IN} => (float[3,2,4,6] y) {{
        s, u, v = lif(x)  a = Hardmax(s)  n = Foo(s)  y, u2, v2 = lif(n) }}""",
     f"""{IN} => (float[3,2,4,6] y) {{
        s, u, v = lif(x)  n = Identity(s)  y, u2, v2 = lif(n) }}"""),
    ("NC120", f"""{IN} => (float[3,2,4,4] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  kt = Transpose<perm=[0,1,3,2]>(k)
        a = MatMul(q, kt)  y, u2, v2 = lif(a) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        q, u, v = lif(x)  a = MatMul(q, w)  y, u2, v2 = lif(a) }}"""),
    ("NC121", f"""{IN} => (float[3,2,4,6] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  a = Mul(q, k)  y, u2, v2 = lif(a) }}""",
     f"""{IN} => (float[3,2,4,6] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  a = Add(q, k)  y, u2, v2 = lif(a) }}"""),
    ("NC122", f"""{IMG} => (float[3,2,4,4,4] y) <int64[4] f={{6,4,8,8}}, int64[5] g={{3,2,4,4,4}}> {{
        s, u, v = lif(x)  r = Reshape(s, f)  p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(r)
        b = Reshape(p, g)  y, u2, v2 = lif(b) }}""",
     f"""{IMG} => (float[3,2,4,4,4] y) <int64[4] f={{6,4,8,8}}, int64[5] g={{3,2,4,4,4}}> {{
        s, u, v = lif(x)  r = Reshape(s, f)  p = AveragePool<kernel_shape=[2,2], strides=[2,2]>(r)
        b = Reshape(p, g)  y, u2, v2 = lif(b) }}"""),
    ("NC123", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  b = Softmax(a)  y, u2, v2 = lif(b) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        a0 = Softmax(x)  s, u, v = lif(a0)  a = MatMul(s, w)  y, u2, v2 = lif(a) }}"""),
    ("NC124", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = MatMul(s, w)  b = Add(a, t)
        c = MatMul(b, w)  y, u2, v2 = lif(c) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = MatMul(s, w)  b = Add(a, t)
        r, u3, v3 = lif(b)  c = MatMul(r, w)  d = Add(c, b)  y, u2, v2 = lif(d) }}"""),
    ("NC125", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  b = Add(s, t)
        c = MatMul(b, w)  y, u2, v2 = lif(c) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  b = Add(s, t)
        r, u3, v3 = lif(b)  c = MatMul(r, w)  y, u2, v2 = lif(c) }}"""),
    ("NC126", f"""{IN} => (float[3,2,4,6] y) <int64[1] ax={{0}}, int64[4] n={{3,1,1,1}}> {{
        s, u, v = lif(x)  m = ReduceMean(s, ax)  e = Tile(m, n)  y, u2, v2 = lif(e) }}""",
     f"""{IN} => (float[2,4,6] y) <int64[1] ax={{0}}> {{
        s, u, v = lif(x)  t, u2, v2 = lif(s)  y = ReduceMean<keepdims=0>(t, ax) }}"""),
    ("NC127", f"""{IN} => (float[3,2,2,6] y) <int64[1] k={{2}}> {{
        s, u, v = lif(x)  top, at = TopK<axis=2>(s, k)  y, u2, v2 = lif(top) }}""",
     f"""{IN} => (float[3,2,2,6] y) <int64[2] k={{0,2}}> {{
        s, u, v = lif(x)  top = Gather<axis=2>(s, k)  y, u2, v2 = lif(top) }}"""),
    ("NC128", f"""{IN} => (float[3,2,4,6] y) <{W}, float[6] b> {{
        s, u, v = lif(x)  a = MatMul(s, w)  c = Add(a, b)  y, u2, v2 = lif(c) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  y, u2, v2 = lif(a) }}"""),
    ("NC129", f"""{IN} => (float[3,2,4,6] y) <{W}, float[1] o={{1.0}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  g = Greater(a, o)  y = Cast<to=1>(g) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  y = MatMul(s, w) }}"""),
    ("NC130", f"""{IN} => (float[3,2,4,6] y) <{W}> {{ a = MatMul(x, w)  y = Relu(a) }}""",
     f"""{IN} => (float[3,2,4,6] y) <{W}> {{ a = MatMul(x, w)  y, u, v = lif(a) }}"""),
    ("NC104", """(float[3,2,4,6] x, bool c) => (float[3,2,4,6] y) {
        s, u, v = lif(x)
        a = If(c) <then_branch = t1 () => (float[3,2,4,6] o) { o = Identity(s) },
                   else_branch = t2 () => (float[3,2,4,6] o) { o = Neg(s) }>
        y, u2, v2 = lif(a) }""",
     """(float[3,2,4,6] x) => (float[3,2,4,6] y) {
        s, u, v = lif(x)  a = Neg(s)  y, u2, v2 = lif(a) }"""),
]


def codes(graph: Graph, timing: str = "tick") -> list[str]:
    return sorted(d.code for d in check_graph(graph, timing) if d.level > Severity.NOTE)


@pytest.mark.parametrize(("code", "illegal", "legal"), CASES, ids=[case[0] for case in CASES])
def test_rule(graph: Parse, code: str, illegal: str, legal: str) -> None:
    timing = "async" if code == "NC128" else "tick"
    findings = [d for d in check_graph(graph(illegal), timing) if d.level > Severity.NOTE]
    assert [d.code for d in findings] == [code]
    assert all(d.message and d.help for d in findings)
    assert codes(graph(legal), timing) == []


@pytest.mark.parametrize(("op", "expected"), [("Relu", ["NC138"]), ("Identity", [])])
def test_host_operators_are_noted(graph: Parse, op: str, expected: list[str]) -> None:
    text = f"{IN} => (float[3,2,4,6] y) {{ a = {op}(x)  y, u, v = lif(a) }}"
    assert [d.code for d in check_graph(graph(text))] == expected


def test_every_code_has_a_case() -> None:
    assert {f"NC{number}" for number in range(120, 131)} <= {case[0] for case in CASES}


MORE = {
    "q(k^T v)": (["NC120", "NC120"], f"""{IN} => (float[3,2,4,6] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  w, u2, v2 = lif(x)
        kt = Transpose<perm=[0,1,3,2]>(k)  kv = MatMul(kt, w)  o = MatMul(q, kv)
        y, u3, v3 = lif(o) }}"""),
    "softmax attention": (["NC120", "NC120", "NC123"], f"""{IN} => (float[3,2,4,6] y)
        <float[1] scale={{0.5}}> {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  w, u2, v2 = lif(x)
        kt = Transpose<perm=[0,1,3,2]>(k)  a = MatMul(q, kt)  b = Mul(a, scale)  c = Softmax(b)
        o = MatMul(c, w)  y, u3, v3 = lif(o) }}"""),
    "einsum": (["NC120"], f"""{IN} => (float[3,2,4,4] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)
        a = Einsum<equation="tbnc,tbmc->tbnm">(q, k)  y, u3, v3 = lif(a) }}"""),
    "static einsum": ([], f"""{IN} => (float[3,2,4,5] y) <float[6,5] w> {{
        q, u, v = lif(x)  a = Einsum<equation="...c,cd->...d">(q, w)  y, u3, v3 = lif(a) }}"""),
    "einsum over time": (["NC126"], f"""{IN} => (float[3,2,4,6] y) <float[3,3] w> {{
        q, u, v = lif(x)  a = Einsum<equation="tbnc,tk->kbnc">(q, w)  y, u3, v3 = lif(a) }}"""),
    "SEW ADD": (["NC125"], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  t, u1, v1 = lif(a)  r = Add(t, s)
        b = MatMul(r, w)  y, u2, v2 = lif(b) }}"""),
    "SEW AND": (["NC121"], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  t, u1, v1 = lif(a)  r = Mul(t, s)
        b = MatMul(r, w)  y, u2, v2 = lif(b) }}"""),
    "SEW IAND": (["NC121"], f"""{IN} => (float[3,2,4,6] y) <{W}, float[1] one={{1.0}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  t, u1, v1 = lif(a)  n = Sub(one, t)  r = Mul(n, s)
        b = MatMul(r, w)  y, u2, v2 = lif(b) }}"""),
    "max over currents": (["NC122"], f"""{IN} => (float[3,2,1,6] y) <{W}, int64[1] ax={{2}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  m = ReduceMax(a, ax)  y, u2, v2 = lif(m) }}"""),
    "SiLU by hand": (["NC123"], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  g = Sigmoid(a)  b = Mul(a, g)
        y, u2, v2 = lif(b) }}"""),
    "RepConv": ([], """(float[6,4,8,8] x) => (float[3,2,4,8,8] y)
        <int64[5] g={3,2,4,8,8}, int64[4] f={6,4,8,8}, float[4,4,3,3] a, float[4,4,1,1] b> {
        i = Reshape(x, g)  s, u, v = lif(i)  r = Reshape(s, f)
        p = Conv<pads=[1,1,1,1]>(r, a)  q = Conv(r, b)  o = Add(p, q)  c = Conv(o, b)
        h = Reshape(c, g)  y, u2, v2 = lif(h) }"""),
    "analog bypass": ([], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        a = MatMul(x, w)  n = Relu(a)  s, u, v = lif(n)  b = MatMul(s, w)  c = Add(b, n)
        y, u2, v2 = lif(c) }}"""),
    "spikes times analog": (["NC121"], f"""{IN} => (float[3,2,4,6] y) {{
        s, u, v = lif(x)  c = Mul(s, x2)  y, u2, v2 = lif(c) }}"""),
    "dynamic mask": (["NC121"], f"""{IN} => (float[3,2,4,6] y) <float[1] o={{0.0}}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  m = Cast<to=9>(t)  c = Where(m, s, o)
        y, u2, v2 = lif(c) }}"""),
    "hand-written threshold": (["NC123"], f"""{IN} => (float[3,2,4,6] y) <{W}, float[1] o={{1.0}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  g = Greater(a, o)  c = Cast<to=1>(g)  d = Mul(c, a)
        e = Sub(a, d)  y, u2, v2 = lif(e) }}"""),
    "membrane potential of a neuron that fires": (["NC129"], f"""{IN} => (float[3,2,4,6] y)
        <int64[1] ax={{0}}, int64[4] n={{3,1,1,1}}> {{
        s, u, v = lif(x)  e = Unsqueeze(v, ax)  t = Tile(e, n)  y = Add(t, s) }}"""),
    "membrane potential into a neuron": (["NC123"], f"""{IN} => (float[3,2,4,6] y)
        <int64[1] ax={{0}}, int64[4] n={{3,1,1,1}}> {{
        s, u, v = lif(x)  e = Unsqueeze(v, ax)  t = Tile(e, n)  y, u2, v2 = lif(t) }}"""),
    "dead code": ([], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  d = Softmax(s)  d2, u3, v3 = lif(d)  y = MatMul(s, w) }}"""),
    "temporal attention": (["NC120", "NC120", "NC126"], f"""{IN} => (float[3,2,4,6] y) {{
        s, u, v = lif(x)  q = Transpose<perm=[1,2,0,3]>(s)  k = Transpose<perm=[1,2,3,0]>(s)
        a = MatMul(q, k)  o = MatMul(a, q)  r = Transpose<perm=[2,0,1,3]>(o)
        y, u2, v2 = lif(r) }}"""),
    "integer division": (["NC123"], f"""{IN} => (float[3,2,4,6] y) <int64[1] two={{2}}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Add(s, t)  i = Cast<to=7>(a)  d = Div(i, two)
        f = Cast<to=1>(d)  y, u2, v2 = lif(f) }}"""),
    "joined with what was reported": (["NC123", "NC124"], f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Softmax(s)  b = MatMul(a, w)  c = Add(b, t)
        d = MatMul(c, w)  y, u2, v2 = lif(d) }}"""),
    "guard against overflow": ([], f"""{IN} => (float[3,2,4,6] y)
        <{W}, float[1] inf={{-inf}}, float[1] o={{0.0}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  e = Equal(a, inf)  c = Where(e, o, a)
        y, u2, v2 = lif(c) }}"""),
    "concatenated spikes": ([], f"""{IN} => (float[3,2,4,6] y) <float[12,6] w> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Concat<axis=3>(s, t)  b = MatMul(a, w)
        y, u2, v2 = lif(b) }}"""),
    "flipped time": (["NC126"], f"""{IN} => (float[3,2,4,6] y)
        <int64[1] a={{-1}}, int64[1] b={{-4}}, int64[1] c={{0}}> {{
        s, u, v = lif(x)  t = Slice(s, a, b, c, a)  y, u2, v2 = lif(t) }}"""),
    "gathered in place": ([], f"""{IN} => (float[3,2,4,6] y)
        <int64[1] flat={{-1}}, int64[144] at, int64[4] n={{3,2,4,6}}> {{
        s, u, v = lif(x)  a = Reshape(s, flat)  b = Gather(a, at)  c = Reshape(b, n)
        y, u2, v2 = lif(c) }}""".replace("at,", "at={" + ",".join(map(str, range(144))) + "},")),
    "mean over the batch": (["NC113"], f"""{IN} => (float[3,2,4,6] y)
        <int64[1] ax={{1}}, int64[4] n={{1,2,1,1}}> {{
        s, u, v = lif(x)  m = ReduceMean(s, ax)  e = Tile(m, n)  y, u2, v2 = lif(e) }}"""),
    "batch norm in training": (["NC123"], """(float[3,2,4,8] x) => (float[3,2,4,8] y)
        <int64[3] f={6,4,8}, int64[4] g={3,2,4,8}, float[4] c> {
        s, u, v = lif(x)  r = Reshape(s, f)
        n, m1, m2 = BatchNormalization<training_mode=1>(r, c, c, c, c)
        h = Reshape(n, g)  y, u2, v2 = lif(h) }"""),
}


@pytest.mark.parametrize("name", MORE)
def test_verdict(graph: Parse, name: str) -> None:
    expected, text = MORE[name]
    assert codes(graph(text)) == expected


@pytest.mark.parametrize(("note", "text"), [
    ("NC146", f"""{IN} => (float[3,2,4,6] y, float[2,4,6] v) {{ y, u, v = lif(x) }}"""),
    ("NC146", f"""{IN} => (float[3,2,4,6] s, float[1,1,1,1] y) {{
        s, u, v = lif(x)  y = ReduceMean(s) }}"""),
    ("NC146", f"""{IN} => (float[3,2,4,6] s, float[1] y) <float[1] o={{1.0}}> {{
        s, u, v = lif(x)  y = Add(o, o) }}"""),
    ("NC147", f"""{IN} => (float[2,4,6] v2) {{ s, u, v = lif(x)  y, u2, v2 = lif(s) }}"""),
    ("NC147", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        c = MatMul(x, w)  s, u, v = lif(c)  a = MatMul(s, w)  y = Softmax(a) }}"""),
    ("NC147", f"""{IN} => (float[1,2,4,6] y) <int64[1] ax={{0}}> {{
        s, u, v = lif(x)  y = ReduceMax(s, ax) }}"""),
])
def test_outputs_that_are_no_sums(graph: Parse, note: str, text: str) -> None:
    (finding,) = check_graph(graph(text))
    assert (finding.code, finding.level) == (note, Severity.NOTE)


def test_a_host_that_computes_more_than_the_chip(graph: Parse) -> None:
    (finding,) = check_graph(graph(f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        a = MatMul(x, w)  s, u, v = lif(a)  b = MatMul(s, w)  c = Tanh(b)  d = MatMul(c, w)
        y = Softmax(d) }}"""))
    assert (finding.code, finding.level) == ("NC147", Severity.WARNING)
    assert "66.7%" in finding.message


def test_bias_bounds(graph: Parse) -> None:
    text = f"""{IN} => (float[3,2,4,6] y) <{W}, float[1] b={{2.0}}, float[1] h={{0.5}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  c = Sub(a, b)  d = MatMul(c, w)  e = Mul(d, h)
        y, u2, v2 = lif(e) }}"""
    (finding, *_) = check_graph(graph(text), "async")
    assert finding.values == {"module": "y", "value": 6.0}  # 2 * 6 weights of 1 * 0.5
    assert "up to 6 in every tick" in finding.message


def loop_over_ticks(ticks: int, inside: str, last: str = "") -> str:
    """A loop over ticks; `{t}` and `{p}` are the tick and the one before."""
    body = "".join(inside.replace("{t}", str(t)).replace("{p}", str(t - 1)) for t in range(ticks))
    first = "u__-1 = Identity(z)"
    return (f"(float[{ticks},2,6] x) => (float[{ticks},2,6] y) "
            f"<{W}, int64[1] zero={{0}}, int64[1] i0={{0}}, int64 j0={{0}}, int64 j1={{1}}, "
            f"int64 j2={{2}}, int64 j3={{3}}> {{ {first} {body} {last} }}").replace("__-1", "__z")


LOOP = """
    x__{t} = Gather<axis=0>(x, j{t})  c__{t} = MatMul(x__{t}, w)  e__{t} = Unsqueeze(c__{t}, zero)
    s__{t}, su__{t}, sv__{t} = lif(e__{t}, STATE, STATE)  q__{t} = Squeeze(s__{t}, zero)
    d__{t} = MatMul(q__{t}, w) FEED
    f__{t} = Unsqueeze(i__{t}, zero)
    o__{t}, ou__{t}, ov__{t} = lif(f__{t})
"""
STACK = "y = Concat<axis=0>(o__0, o__1, o__2, o__3)"


def loop(feed: str, last: str = STACK) -> str:
    text = loop_over_ticks(4, LOOP.replace("FEED", feed), last)
    for tick in range(4):
        state = "z" if tick == 0 else f"sv__{tick - 1}"
        text = text.replace(f"lif(e__{tick}, STATE, STATE)", f"lif(e__{tick}, {state}, {state})")
    return text


def test_loop_is_legal(graph: Parse) -> None:
    assert codes(graph(loop(" i__{t} = Identity(d__{t})"))) == []


def test_feedback_of_one_tick_is_legal(graph: Parse) -> None:
    text = loop(" i__{t} = Add(d__{t}, r__{p})  r__{t} = Mul(d__{t}, one)")
    text = text.replace("r__z", "z").replace("int64[1] zero", "float[1] one={2.0}, int64[1] zero")
    assert codes(graph(text)) == []


def test_sum_over_ticks_is_illegal_once(graph: Parse) -> None:
    text = loop(" i__{t} = Add(d__{t}, i__{p})").replace("i__z", "z")
    assert codes(graph(text)) == ["NC126"]


def test_stack_then_mean_behind_the_last_neuron_is_legal(graph: Parse) -> None:
    text = loop(" i__{t} = Identity(d__{t})", STACK.replace("y =", "k =") + " y = Identity(k)")
    assert codes(graph(text)) == []


def test_findings_of_a_loop_come_once(graph: Parse) -> None:
    assert codes(graph(loop(" i__{t} = Relu(d__{t})"))) == ["NC123"]


def test_layer_by_layer_loops(graph: Parse) -> None:
    text = loop(" i__{t} = Identity(d__{t})", STACK.replace("y =", "k =") + """
        g = MatMul(k, w)  y, yu, yv = lif(g)""")
    assert codes(graph(text)) == []
    text = text.replace("y, yu, yv = lif(g)", "h = CumSum(g, j0)  y, yu, yv = lif(h)")
    assert codes(graph(text)) == ["NC126"]


def test_notes_name_the_neurons(graph: Parse) -> None:
    (finding,) = check_graph(graph(CASES[1][1]))
    assert finding.notes == ("left operand: Spike from q", "right operand: Spike from k")
    assert finding.where.line == 4
