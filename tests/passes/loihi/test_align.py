"""Alignment: depths, waits of short paths, feedback, and loops that cannot close."""

from dataclasses import replace

import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.loihi.align import align
from neurocompile.semantics.loihi import LoihiNeuron


def network(edges: list[tuple[str, str, int]], host: str = "") -> Network:
    names = sorted({n for a, b, _ in edges for n in (a, b)} - {"x"})
    return Network(
        (Input("x", (2,), InputKind.SPIKES),),
        tuple(Population(n, (2,), LoihiNeuron(4095, 0, 1), on_host=n == host) for n in names),
        tuple(Projection(a, b, Dense((2,), (2,), np.eye(2)), delay=d) for a, b, d in edges), (), 4)


def test_a_chain_lies_one_step_apart() -> None:
    schedule = align(network([("x", "a", 0), ("a", "b", 0)]))
    assert schedule.depth == {"x": 0, "a": 1, "b": 2}
    assert schedule.latency == 2
    assert schedule.steps(3) == 3 * 4 + 2


def test_a_skip_waits_for_the_long_path() -> None:
    net = network([("x", "a", 0), ("a", "b", 0), ("b", "c", 0), ("a", "c", 0)])
    assert [wait for _, wait in align(net).waits(net)] == [0, 0, 0, 1]


def test_feedback_closes_in_one_step() -> None:
    net = network([("x", "a", 0), ("a", "a", 1)])
    assert dict(align(net).waits(net))[net.projections[1]] == 0


def test_what_spikes_in_every_step_never_waits() -> None:
    net = network([("x", "a", 0), ("a", "b", 0), ("b", "c", 0), ("x", "c", 0)])
    net = replace(net, inputs=(Input("x", (2,), InputKind.ONE),))
    assert [wait for _, wait in align(net).waits(net)] == [0, 0, 0, 0]


def test_host_populations_send_at_depth_zero() -> None:
    assert align(network([("x", "a", 0), ("a", "b", 0)], "a")).depth == {
        "x": 0, "a": 0, "b": 1}


@pytest.mark.parametrize("edges", [
    [("x", "a", 0), ("a", "b", 0), ("b", "a", 0)],
    [("x", "a", 0), ("a", "b", 0), ("b", "a", 1)],
])
def test_loops_that_cannot_close_in_time_are_refused(edges: list[tuple[str, str, int]]) -> None:
    with pytest.raises(FindingsError) as error:
        align(network(edges))
    assert {d.code for d in error.value.diagnostics} == {"NC504"}
