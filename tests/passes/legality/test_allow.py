"""Opt-ins: an error becomes a priced note exactly where the rewrite keeps every spike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neurocompile.diagnostics import Diagnostic, Severity
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import Allow, check_graph

Parse = Callable[[str], Graph]
IN = "(float[3,2,4,6] x, float[3,2,4,6] x2)"  # T, B, N, C: 24 elements
IMG = "(float[3,2,4,8,8] x)"
FOLD = "int64[4] f={6,4,8,8}"
W = "float[6,6] w"


def price(finding: Diagnostic) -> tuple[object, ...]:
    return tuple(finding.values[key] for key in ("neurons", "synapses", "axons", "ticks"))


def levels(findings: list[Diagnostic]) -> list[tuple[str, Severity]]:
    return [(d.code, d.level) for d in findings]


# name -> opt-in, error without it, note with it, (neurons, synapses, axons, ticks), graph
PRICES = {
    "sum of spikes": (
        "residual-distribution", "NC125", "NC133", (0, 24 * 6, 24, 0),
        f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  b = Add(s, t)
        c = MatMul(b, w)  y, u2, v2 = lif(c) }}"""),
    "sum of currents": (  # the branch through w keeps its fan-in of 6 through the second
        "residual-distribution", "NC124", "NC133", (0, 24 * 6, 24, 0),
        f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = MatMul(s, w)  d = Add(a, t)
        c = MatMul(d, w)  y, u2, v2 = lif(c) }}"""),
    "three convolutions": (
        "residual-distribution", "NC125", "NC133", (0, 2 * 5 * 64 * 36, 2 * 256, 0),
        f"""{IMG} => (float[3,2,5,8,8] y)
        <{FOLD}, float[4,4,1,1] k, float[5,4,3,3] w, int64[5] g={{3,2,5,8,8}},
         int64[5] h={{3,2,4,8,8}}> {{
        s, u, v = lif(x)  sf = Reshape(s, f)  a = Conv(sf, k)  ag = Reshape(a, h)
        t, u1, v1 = lif(ag)  tf = Reshape(t, f)  b = Conv(tf, k)  bg = Reshape(b, h)
        r, u2, v2 = lif(bg)  rf = Reshape(r, f)  m = Add(sf, tf)  n = Add(m, rf)
        c = Conv<pads=[1,1,1,1]>(n, w)  cg = Reshape(c, g)  y, u3, v3 = lif(cg) }}"""),
    "max-pool": (
        "or-pool", "NC122", "NC134", (64, 256, 256, 1),
        f"""{IMG} => (float[3,2,4,4,4] y) <{FOLD}, int64[5] g={{3,2,4,4,4}}> {{
        s, u, v = lif(x)  r = Reshape(s, f)  p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(r)
        b = Reshape(p, g)  y, u2, v2 = lif(b) }}"""),
    "overlapping max-pool": (
        "or-pool", "NC122", "NC134", (64, 64 * 9, 256, 1),
        f"""{IMG} => (float[3,2,4,4,4] y) <{FOLD}, int64[5] g={{3,2,4,4,4}}> {{
        s, u, v = lif(x)  r = Reshape(s, f)
        p = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(r)
        b = Reshape(p, g)  y, u2, v2 = lif(b) }}"""),
    "any": (
        "or-pool", "NC122", "NC134", (4, 24, 24, 1),
        f"""{IN} => (float[3,2,4,1] y) <int64[1] ax={{3}}> {{
        s, u, v = lif(x)  m = ReduceMax(s, ax)  y, u2, v2 = lif(m) }}"""),
    "mask": (
        "coincidence-gates", "NC121", "NC135", (24, 48, 48, 1),
        f"""{IN} => (float[3,2,4,6] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  a = Mul(q, k)  y, u2, v2 = lif(a) }}"""),
    "mask by inverted spikes": (  # SEW's IAND
        "coincidence-gates", "NC121", "NC135", (24, 48, 48, 1),
        f"""{IN} => (float[3,2,4,6] y) <float[1] o={{1.0}}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  n = Sub(o, t)  i = Identity(n)  r = Mul(i, s)
        y, u2, v2 = lif(r) }}"""),
    "negated mask": (
        "coincidence-gates", "NC121", "NC135", (24, 48, 48, 1),
        f"""{IN} => (float[3,2,4,6] y) {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  sb = Cast<to=9>(s)  tb = Cast<to=9>(t)
        n = Not(tb)  a = And(sb, n)  c = Cast<to=1>(a)  y, u2, v2 = lif(c) }}"""),
    "pool of inverted spikes": (
        "or-pool", "NC122", "NC134", (4, 24, 24, 1),
        f"""{IN} => (float[3,2,4,1] y) <int64[1] ax={{3}}, float[1] o={{1.0}}> {{
        s, u, v = lif(x)  n = Sub(o, s)  m = ReduceMax(n, ax)  y, u2, v2 = lif(m) }}"""),
    "token mask": (  # QKFormer: one spike a token masks all its channels
        "coincidence-gates", "NC121", "NC135", (24, 48, 28, 1),
        f"""{IN} => (float[3,2,4,6] y) <int64[1] ax={{3}}> {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  n = ReduceSum(q, ax)  m, u3, v3 = lif(n)
        a = Mul(m, k)  y, u2, v2 = lif(a) }}"""),
}


@pytest.mark.parametrize("name", PRICES)
def test_priced(graph: Parse, name: str) -> None:
    option, error, note, expected, text = PRICES[name]
    model = graph(text)
    assert levels(check_graph(model)) == [(error, Severity.ERROR)]
    others = [item for item in Allow if item != option]
    assert levels(check_graph(model, allow=others)) == [(error, Severity.ERROR)]
    (finding,) = check_graph(model, allow=[option])
    assert levels([finding]) == [(note, Severity.NOTE)]
    assert price(finding) == expected
    assert finding.message


# name -> opt-in, errors that stay, a part of the reason
REFUSALS = {
    "currents": ("or-pool", ["NC122"], "not all binary spikes", f"""{IN} => (float[3,2,4,1] y)
        <{W}, int64[1] ax={{3}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  m = ReduceMax(a, ax)  y, u2, v2 = lif(m) }}"""),
    "sums of spikes": ("or-pool", ["NC122"], "not all binary spikes", f"""{IN} =>
        (float[3,2,4,1] y) <int64[1] ax={{3}}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Add(s, t)  m = ReduceMax(a, ax)
        y, u2, v2 = lif(m) }}"""),
    "minimum": ("or-pool", ["NC122"], "no OR", f"""{IN} => (float[3,2,4,1] y)
        <int64[1] ax={{3}}> {{
        s, u, v = lif(x)  m = ReduceMin(s, ax)  y, u2, v2 = lif(m) }}"""),
    "maximum over time": ("or-pool", ["NC122", "NC126"], "mixes ticks", f"""{IN} =>
        (float[1,2,4,6] y) <int64[1] ax={{0}}> {{
        s, u, v = lif(x)  m = ReduceMax(s, ax)  y, u2, v2 = lif(m) }}"""),
    "places": ("or-pool", ["NC122"], "places of the maxima", """(float[3,2,8] x) =>
        (float[3,2,4] y) {
        s, u, v = lif(x)  m, at = MaxPool<kernel_shape=[2], strides=[2]>(s)
        i = Cast<to=1>(at)  j = Mul(i, o)  k = Add(m, j)  y, u2, v2 = lif(k) }""".replace(
        "y) {", "y) <float[1] o> {")),
    "another constant less spikes": (
        "coincidence-gates", ["NC121"], "not all binary spikes", f"""{IN} =>
        (float[3,2,4,6] y) <float[1] o={{2.0}}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  n = Sub(o, t)  r = Mul(n, s)
        y, u2, v2 = lif(r) }}"""),
    "a spike less another": ("coincidence-gates", ["NC121"], "not all binary spikes", f"""{IN} =>
        (float[3,2,4,6] y) {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  n = Sub(s, t)  r = Mul(n, s)
        y, u2, v2 = lif(r) }}"""),
    "analog": ("coincidence-gates", ["NC121"], "not all binary spikes", f"""{IN} =>
        (float[3,2,4,6] y) {{
        s, u, v = lif(x)  c = Mul(s, x2)  y, u2, v2 = lif(c) }}"""),
    "attention": ("coincidence-gates", ["NC120"], "", f"""{IN} => (float[3,2,4,4] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  kt = Transpose<perm=[0,1,3,2]>(k)
        a = MatMul(q, kt)  y, u2, v2 = lif(a) }}"""),
    "square": ("coincidence-gates", ["NC123"], "", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        q, u, v = lif(x)  a = MatMul(q, w)  b = Mul(a, a)  y, u2, v2 = lif(b) }}"""),
    "exclusive or": ("coincidence-gates", ["NC121"], "no product", f"""{IN} =>
        (float[3,2,4,6] y) {{
        q, u, v = lif(x)  k, u1, v1 = lif(x2)  qb = Cast<to=9>(q)  kb = Cast<to=9>(k)
        a = Xor(qb, kb)  c = Cast<to=1>(a)  y, u2, v2 = lif(c) }}"""),
    "refused branch": ("residual-distribution", ["NC123", "NC124"], "refused before", f"""{IN} =>
        (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Softmax(s)  b = MatMul(a, w)  c = Add(b, t)
        d = MatMul(c, w)  y, u2, v2 = lif(d) }}"""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(graph: Parse, name: str) -> None:
    option, errors, reason, text = REFUSALS[name]
    findings = check_graph(graph(text), allow=[option])
    assert sorted(d.code for d in findings) == errors
    assert reason in " ".join(note for d in findings for note in d.notes)


@pytest.mark.parametrize("name", ["max-pool", "mask"])
def test_gates_need_a_global_tick(graph: Parse, name: str) -> None:
    option, error, _, _, text = PRICES[name]
    findings = [d for d in check_graph(graph(text), "async", [option]) if d.level > Severity.NOTE]
    assert [d.code for d in findings] == [error]
    assert "without a global tick" in findings[0].notes[-1]


def loop(connect: str) -> str:
    """Two ticks; `connect` makes each tick's `m` from `s` and the last tick's `r`."""
    rounds = ""
    for t, state in (("0", "z, z"), ("1", "sv__0, sv__0")):
        rounds += f"""
        e__{t} = Add(x{t}, FEEDBACK{t})  s__{t}, su__{t}, sv__{t} = lif(e__{t}, {state})
        {connect.replace("{t}", t)}
        r__{t}, ru__{t}, rv__{t} = lif(m__{t}, {state.replace("sv", "rv")})"""
    rounds = rounds.replace("FEEDBACK0", "zero").replace("FEEDBACK1", "FB")
    return f"""(float[1,2,6] x0, float[1,2,6] x1) => (float[2,2,6] y) <float[1] zero={{0.0}}, float[6] six,
        int64[1] ax={{2}}> {{ {rounds}  y = Concat<axis=0>(r__0, r__1) }}"""


def test_a_gate_in_a_loop_is_priced_once(graph: Parse) -> None:
    pool = "p__{t} = ReduceMax(s__{t}, ax)  m__{t} = Add(p__{t}, six)"
    findings = check_graph(graph(loop(pool).replace("FB", "zero")), allow=["or-pool"])
    assert [d.code for d in findings] == ["NC134"]
    assert price(findings[0]) == (1, 6, 6, 1)


def test_a_gate_on_a_feedback_loop_has_no_tick_to_spare(graph: Parse) -> None:
    pool = "p__{t} = ReduceMax(s__{t}, ax)  m__{t} = Add(p__{t}, six)"
    findings = check_graph(graph(loop(pool).replace("FB", "r__0")), allow=["or-pool"])
    assert [d.code for d in findings] == ["NC122"]
    assert "feedback loop" in findings[0].notes[-1]


CHAIN = """(float[6,4,8,8] x) => (float[3,2,4,8,8] y)
    <int64[5] g={3,2,4,8,8}, int64[4] f={6,4,8,8}, float[4,4,3,3] a, float[4,4,1,1] b> {
    i = Reshape(x, g)  s, u, v = lif(i)  r = Reshape(s, f)
    p = Conv<pads=[1,1,1,1]>(r, a)  c = Conv<pads=[1,1,1,1]>(p, SECOND)
    h = Reshape(c, g)  y, u2, v2 = lif(h) }"""


def test_a_chain_is_priced_where_it_grows(graph: Parse) -> None:
    grows = graph(CHAIN.replace("SECOND", "a").replace("a> {", "a> {"))
    assert check_graph(grows) == []
    assert check_graph(grows, allow=[Allow.COMPOSE_LINEAR]) == []  # 5x5 against twice 3x3
    small = graph(CHAIN.replace("[4,4,3,3] a", "[4,1,3,3] a").replace(
        "Conv<pads=[1,1,1,1]>(r, a)", "Conv<pads=[1,1,1,1], group=4>(r, a)").replace(
        "c = Conv<pads=[1,1,1,1]>(p, SECOND)", "c = Conv(p, b)"))
    (finding,) = check_graph(small, allow=[Allow.COMPOSE_LINEAR])
    layers, whole = 256 * 9 + 256 * 4, 256 * 36
    assert (finding.code, finding.level) == ("NC132", Severity.NOTE)
    assert finding.values["before"] == layers
    assert finding.values["after"] == whole
    assert price(finding) == (0, whole - layers, 0, 0)


def test_unknown_names_are_refused(graph: Parse) -> None:
    with pytest.raises(ValueError, match="no-such"):
        check_graph(graph(PRICES["mask"][4]), allow=["no-such"])
