"""What the checker calls a current is affine in the spikes, on random graphs between neurons."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import onnx_ir as ir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurocompile.ir.graph import LINE, Graph
from neurocompile.ir.neuron_node import DOMAIN
from neurocompile.passes.legality.check import walk_graph
from neurocompile.passes.legality.spike_types import Current, Opaque, Spike, Static
from tests.properties.spike_net import Array, Net
from tests.properties.spike_operators import LINEAR, NONLINEAR

EXAMPLES = 250
RESIDUALS = {"NC124", "NC125"}  # affine, but not events
STATISTICS: Counter[str] = Counter()


def build(draw: random.Random, share: float) -> Graph:
    """A random graph; `share` of its operators come from the nonlinear ones."""
    net = Net(draw)
    for _ in range(draw.randint(3, 9)):
        pool = NONLINEAR if draw.random() < share else LINEAR
        with np.errstate(all="ignore"):
            pool[draw.randrange(len(pool))](net)
    leaves = [v for v in net.values if not list(v.uses())]
    for number, leaf in enumerate(leaves):
        if leaf.dtype == ir.DataType.FLOAT:
            net.model.graph.outputs.append(net.neuron(leaf, f"out{number}"))
    net.model.graph.outputs[:] = net.model.graph.outputs or list(net.values)[:1]
    graph = Graph(net.model)
    check(graph, net.values)
    return graph


def affine(cases: list[Array]) -> bool:
    """f(a + b) - f(b) = f(a) - f(0)."""
    a, b, both, zero, _ = (np.asarray(case, np.float64) for case in cases)
    scale = max(1.0, *(float(np.abs(case).max(initial=0.0)) for case in (a, b, both)))
    return bool(np.all(np.abs(both - b - a + zero) <= 1e-9 * scale))


def check(graph: Graph, values: dict[ir.Value, list[Array]]) -> None:
    """Every spike type against numbers."""
    walk = walk_graph(graph)
    lines = {d.where.line for d in walk.findings.values() if d.code not in RESIDUALS}
    doubtful: set[ir.Value] = set()
    for node in graph.nodes():
        if node.domain == DOMAIN or node not in walk.live:
            continue
        line = int(node.metadata_props[LINE])
        if line in lines or any(v in doubtful for v in node.inputs):
            doubtful.update(node.outputs)
            continue
        value = node.outputs[0]
        truth = node.op_type == "Cast" and value.dtype == ir.DataType.BOOL
        if truth or node in walk.functions.affine:  # exact on 0 and 1 only
            doubtful.add(value)
            continue
        kind, cases = walk.type_of(value), values[value]
        assert not isinstance(kind, Opaque), (node.op_type, kind)  # would reach a neuron silently
        assert not isinstance(kind, Static) or not any(np.ptp(c) for c in zip(*map(np.ravel, cases),
                                                                             strict=True))
        assert affine(cases), (node.op_type, kind)
        STATISTICS["clean values"] += 1
        a, _, _, zero, ones = cases
        if isinstance(kind, Spike):
            sources = [v for v in values if v.name in kind.sources]
            levels = np.concatenate([values[s][0].ravel() for s in sources] + [np.zeros(1)])
            assert np.isin(a, levels).all()
            assert not zero.any()
        elif isinstance(kind, Current):
            assert np.abs(zero).max() <= kind.bias * (1 + 1e-9), (node.op_type, kind, zero)
            if not kind.weighted:
                STATISTICS["sums of spikes"] += 1
                assert not zero.any()
                assert ones.min() >= 0
                assert ones.max() <= kind.levels, (node.op_type, kind, ones)
    STATISTICS["graphs"] += 1
    STATISTICS["legal"] += not walk.findings
    STATISTICS["nonlinear"] += bool(lines)
    STATISTICS["residual"] += any(d.code in RESIDUALS for d in walk.findings.values())
    STATISTICS["not affine"] += any(not affine(values[v]) for v in doubtful if v in values)


SETTINGS = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
                    suppress_health_check=list(HealthCheck))


@SETTINGS
@given(st.integers(0, 2**32 - 1))
def test_currents_are_affine(seed: int) -> None:
    build(random.Random(seed), 0.25)


@SETTINGS
@given(st.integers(0, 2**32 - 1))
def test_linear_operators_are_never_accused(seed: int) -> None:
    graph = build(random.Random(seed), 0.0)
    assert {d.code for d in walk_graph(graph).findings.values()} <= RESIDUALS


def test_the_generator_was_active() -> None:
    """A skewed generator proves little."""
    STATISTICS.clear()
    for seed in range(150):
        build(random.Random(seed), 0.25)
    assert STATISTICS["legal"] >= 0.15 * STATISTICS["graphs"]
    assert 0.4 * STATISTICS["graphs"] <= STATISTICS["nonlinear"] <= 0.85 * STATISTICS["graphs"]
    assert STATISTICS["not affine"] >= 0.5 * STATISTICS["graphs"]
    assert STATISTICS["residual"] >= 0.1 * STATISTICS["graphs"]
    assert STATISTICS["sums of spikes"] >= 20
    assert STATISTICS["clean values"] >= 4 * STATISTICS["graphs"]
