"""Relays: how many, which projections they serve, and that no spike changes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurocompile.backends import synchronous
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.quantization.bounds import state_overflows
from neurocompile.passes.loihi.relay import relay
from neurocompile.semantics.loihi import LoihiNeuron
from tests.loihi import loihi_target
from tests.properties.timed_nets import delays_up_to, inputs_for, timed_net


def skip(length: int, ends: int = 1, levels: int = 1) -> Network:
    """A chain n00, n01 ..; input and n00 skip to each `end`, which n00 and the chain reach too."""
    chain = [f"n{i:02}" for i in range(length)]
    edges = [("x", chain[0]), *itertools.pairwise(chain)]
    for k in range(ends):
        edges += [("x", f"end{k}"), (chain[0], f"end{k}"), (chain[-1], f"end{k}")]
    names = sorted({n for edge in edges for n in edge} - {"x"})
    return Network(
        (Input("x", (2,), InputKind.SPIKES, levels=levels),),
        tuple(Population(n, (2,), LoihiNeuron(4095, 0, 1)) for n in names),
        tuple(Projection(a, b, Dense((2,), (2,), 2 * np.eye(2, dtype=np.int32)))
              for a, b in edges), (), 4)


def test_nothing_changes_where_delays_suffice() -> None:
    net = skip(62)
    schedule = align(net)
    with_relays, same, notes = relay(net, schedule, delays_up_to(62), 8)
    assert (with_relays.populations, same.depth, notes) == (net.populations, schedule.depth, [])


@pytest.mark.parametrize(("limit", "of_input", "of_first"), [(0, 7, 6), (1, 3, 3), (2, 2, 2),
                                                             (6, 1, 0), (7, 0, 0)])
def test_relays_are_as_few_as_delays_allow_and_shared(limit: int, of_input: int,
                                                      of_first: int) -> None:
    net = skip(7, ends=3)  # `end` is 8 steps behind the input, 7 behind n00
    with_relays, schedule, notes = relay(net, align(net), delays_up_to(limit), 8)
    relays = [p for p in with_relays.populations if p.repeats]
    assert [p.repeats for p in relays] == ["x"] * of_input + ["n00"] * of_first
    assert [n.values["count"] for n in notes] == [n for n in (of_input, of_first) if n]
    assert {n.code for n in notes} <= {"NC207"}
    assert all(n.values["neurons"] == 2 * int(str(n.values["count"])) for n in notes)
    waits = [wait for _, wait in schedule.waits(with_relays)]
    assert max(waits) <= limit
    assert min(waits) == 0
    assert schedule.latency == align(net).latency


def test_names_of_relays_are_free() -> None:
    net = skip(4)
    namesake = replace(net.populations[0], name="x relay 1")
    with_relays, _, _ = relay(replace(net, populations=(*net.populations, namesake)), align(net),
                          delays_up_to(2), 8)
    assert [p.name for p in with_relays.populations if p.repeats] == ["x relay 2", "n00 relay 1"]


def test_graded_spikes_are_not_relayed() -> None:
    net = skip(7, levels=3)
    relay(net, align(net), delays_up_to(7), 8)
    with pytest.raises(FindingsError) as error:
        relay(net, align(net), delays_up_to(3), 8)
    assert [(d.code, d.values["projection"], d.values["value"], d.values["limit"])
            for d in error.value.diagnostics] == [("NC205", "x -> end0", 7, 3)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_relays_change_no_spike(seed: int, limit: int) -> None:
    net = timed_net(seed, size=7)
    with_relays, schedule, _ = relay(net, align(net), delays_up_to(limit), 8)
    inputs = inputs_for(net, 2)
    before, after = (synchronous.run(n, inputs, record_state=True) for n in (net, with_relays))
    assume(all(spikes.any() for spikes in before.spikes.values()))
    for name, spikes in before.spikes.items():
        np.testing.assert_array_equal(after.spikes[name], spikes)
        np.testing.assert_array_equal(after.v[name], before.v[name])
    for population in with_relays.populations:
        assert not list(state_overflows(with_relays, population, loihi_target("loihi2")))
        if population.repeats is not None:
            frames = inputs["frames"].reshape(2, 4, -1)
            np.testing.assert_array_equal(after.spikes[population.name],
                                          before.spikes.get(population.repeats, frames))
    assert all(0 <= wait <= limit for _, wait in schedule.waits(with_relays))
