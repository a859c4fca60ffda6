"""Axes followed through reshapes, loops and broadcasts (neurocompile.ir.axes)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neurocompile.ir.axes import Layouts, Role, layouts
from neurocompile.ir.graph import Graph

Parse = Callable[[str], Graph]


def roles(axes: Layouts, graph: Graph, name: str) -> list[str]:
    """Each dimension of a value as text: `time*batch`, `data`, `` for size 1."""
    values = {v.name: v for node in graph.nodes() for v in node.outputs}
    values |= {v.name: v for v in graph.model.graph.inputs}
    layout = axes.layout(values[name])
    assert layout is not None
    return ["*".join(f"{atom.role.value}" for atom in atoms) for atoms in layout]


TIME_WITH_BATCH = """(float[8,3,6,6] x) => (float[2,10] y) <float[5,3,3,3] w, float[10,80] f,
    int64[5] five={4,2,5,4,4}, int64[4] four={8,5,4,4}, int64[2] two={2,80}, int64[1] ax={0}> {
    c = Conv(x, w)  r = Reshape(c, five)  s, u, v = lif(r)  q = Reshape(s, four)
    m = ReduceMean<keepdims=0>(s, ax)  k = Reshape(m, two)  y = Gemm<transB=1>(k, f) }"""


def test_time_and_batch_folded_into_one_dimension(graph: Parse) -> None:
    g = graph(TIME_WITH_BATCH)
    axes = layouts(g)
    assert roles(axes, g, "x")[0] == "time*batch"
    assert roles(axes, g, "q") == ["time*batch", "data", "data", "data"]
    assert roles(axes, g, "s")[:2] == ["time", "batch"]
    assert roles(axes, g, "u")[0] == "batch"
    assert roles(axes, g, "k") == ["batch", "data*data*data"]
    assert axes.conflicts == ()


def test_tokens_beside_samples_in_every_layer(graph: Parse) -> None:
    """Nothing has samples alone on axis 1: they are the outermost of what is merged there."""
    g = graph("""(float[2,5,8] x) => (float[2,5,8] y)
        <float[8,8] w, int64[4] ticks={3,1,1,1}, int64[4] one={1,2,5,8},
        int64[3] three={3,10,8}, int64[4] apart={3,2,5,8}, int64[1] ax={0}> {
        a = Reshape(x, one)  b = Tile(a, ticks)  c = Reshape(b, three)  d = MatMul(c, w)
        s, u, v = lif(d)  e = Reshape(s, apart)  y = ReduceMean<keepdims=0>(e, ax) }""")
    axes = layouts(g)
    assert roles(axes, g, "x")[:2] == ["batch", "data"]
    assert roles(axes, g, "s") == ["time", "batch*data", "data"]
    assert roles(axes, g, "y")[:2] == ["batch", "data"]


def test_positions(graph: Parse) -> None:
    g = graph(TIME_WITH_BATCH)
    axes = layouts(g)
    value = next(node for node in g.nodes() if node.op_type == "LIF").inputs[0]
    assert axes.positions(value, Role.TIME) == {0}
    assert axes.positions(value, Role.BATCH) == {1}
    assert axes.is_dynamic(value)
    assert axes.layout(None) is None


def test_heads_split_and_merge_channels(graph: Parse) -> None:
    g = graph("""(float[3,2,4,6] x) => (float[3,2,4,6] y)
        <int64[5] h={3,2,4,2,3}, int64[4] back={3,2,4,6}> {
        s, u, v = lif(x)  a = Reshape(s, h)  b = Transpose<perm=[0,1,3,2,4]>(a)
        c = Transpose<perm=[0,1,3,2,4]>(b)  y0 = Reshape(c, back)  y, u1, v1 = lif(y0) }""")
    axes = layouts(g)
    values = {v.name: v for node in g.nodes() for v in node.outputs}
    assert axes.layout(values["y0"]) == axes.layout(values["s"])
    assert roles(axes, g, "b") == ["time", "batch", "data", "data", "data"]


@pytest.mark.parametrize("make", ["e = Expand(i, n)", "e = Tile(i, r)"])
def test_repetition_becomes_time(graph: Parse, make: str) -> None:
    g = graph(f"""(float[2,6] x) => (float[5,2,6] y)
        <int64[1] ax={{0}}, int64[3] n={{5,2,6}}, int64[3] r={{5,1,1}}> {{
        i = Unsqueeze(x, ax)  {make}  y, u, v = lif(e) }}""")
    axes = layouts(g)
    assert roles(axes, g, "e") == ["time", "batch", "data"]
    assert roles(axes, g, "x") == ["batch", "data"]


def test_a_batch_of_one_has_no_axis(graph: Parse) -> None:
    g = graph("""(float[4,1,6] x) => (float[4,1,6] y) <int64[2] two={4,6}, int64[3] three={4,1,6},
        float[6,6] w> {
        s, u, v = lif(x)  a = Reshape(s, two)  b = MatMul(a, w)  c = Reshape(b, three)
        y, u1, v1 = lif(c) }""")
    axes = layouts(g)
    assert roles(axes, g, "b") == ["time", "data"]
    assert axes.conflicts == ()


def test_sizes_that_do_not_divide_get_new_data_axes(graph: Parse) -> None:
    g = graph("""(float[5,2,6,4] x) => (float[5,2,8,3] y) <int64[4] n={5,2,8,3}> {
        s, u, v = lif(x)  a = Reshape(s, n)  y, u1, v1 = lif(a) }""")
    assert roles(layouts(g), g, "a") == ["time", "batch", "data", "data"]


def test_a_reshape_through_time_is_a_conflict(graph: Parse) -> None:
    g = graph("""(float[4,2,6] x) => (float[2,4,6] y) <int64[3] n={2,4,6}> {
        s, u, v = lif(x)  y = Reshape(s, n) }""")
    axes = layouts(g)
    assert axes.dims["y"] is None
    assert [conflict.node.op_type for conflict in axes.conflicts] == ["Reshape"]


def test_ticks_of_a_sequence(graph: Parse) -> None:
    g = graph("""(float[2,3,6] x) => (float[2,3,6] y) <int64 zero={0}, int64 last={-1},
        int64[1] ax={0}> {
        s, u, v = lif(x)  a = Gather<axis=0>(s, zero)  b = Gather<axis=0>(s, last)
        c = Unsqueeze(a, ax)  d = Unsqueeze(b, ax)  k = Concat<axis=0>(c, d)  j = Add(a, b)
        y, u1, v1 = lif(k) }""")
    axes = layouts(g)
    assert [axes.ticks[name] for name in "ab"] == [{0}, {1}]
    assert [axes.ticks[name] for name in "jk"] == [{0, 1}, set()]
    assert roles(axes, g, "k") == ["time", "batch", "data"]


def test_einsum_and_contractions(graph: Parse) -> None:
    g = graph("""(float[3,2,4,6] x) => (float[3,2,4,4] y) <float[6,4] w, float[4,4] m> {
        s, u, v = lif(x)  a = Einsum<equation="...c,cd->d...">(s, w)
        b = MatMul(m, s)  k = Transpose<perm=[0,1,3,2]>(s)  y = MatMul(s, k) }""")
    axes = layouts(g)
    assert roles(axes, g, "a") == ["data", "time", "batch", "data"]
    assert roles(axes, g, "b")[:2] == ["time", "batch"]
    assert roles(axes, g, "y") == ["time", "batch", "data", "data"]
