"""Readouts on chip: sums in neurons that never fire, exact in floats, bounded in integers."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends import synchronous
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection, Readout
from neurocompile.ir.operators import Dense, from_matrix
from neurocompile.passes.loihi.accumulate import accumulate
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.bounds import state_bounds, state_overflows
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from tests.loihi import loihi_target

LOIHI2 = loihi_target("loihi2")
CELL = FloatNeuron("IF", 1.0, 1.0, False, Reset.HARD)


def network(hidden: int = 40, deep: int = 20, outputs: int = 6, ticks: int = 7, seed: int = 0
            ) -> Network:
    """Two populations, both read, and the input as well."""
    rng = np.random.default_rng(seed)
    size = 15
    return Network(
        (Input("x", (size,), InputKind.SPIKES),),
        (Population("a", (hidden,), CELL), Population("b", (deep,), CELL)),
        (Projection("x", "a", Dense((size,), (hidden,), rng.integers(-2, 4, (hidden, size)) / 4)),
         Projection("a", "b", Dense((hidden,), (deep,), rng.integers(-2, 3, (deep, hidden)) / 4))),
        (Readout("y", (outputs,), (
            ("a", from_matrix((hidden,), (outputs,), np_sparse(rng, outputs, hidden))),
            ("b", Dense((deep,), (outputs,), rng.normal(0, 1, (outputs, deep)))),
            ("x", Dense((size,), (outputs,), rng.normal(0, 1, (outputs, size))))),
            rng.normal(0, 5, outputs)),), ticks)


def np_sparse(rng: np.random.Generator, rows: int, columns: int) -> sp.csr_array:
    return sp.csr_array(rng.normal(0, 1, (rows, columns)) * (rng.random((rows, columns)) < 0.3))


def inputs(net: Network, samples: int = 8, rate: float = 0.4) -> dict[str, np.ndarray]:
    item, = net.inputs
    shape = (samples, net.n_ticks, *item.shape)
    return {"x": (np.random.default_rng(1).random(shape) < rate).astype(float)}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(1, 9))
def test_a_sum_on_chip_is_the_readout(seed: int, ticks: int) -> None:
    before = network(ticks=ticks, seed=seed)
    floating, notes = accumulate(before, "chip", LOIHI2, 8)
    assert not notes
    assert floating.accumulators == {"y.sum"}
    x = inputs(before)
    answers = synchronous.outputs(before, x)["y"]
    assert np.abs(answers).max() > 1
    assert np.abs(synchronous.outputs(floating, x)["y"] - answers).max() < 1e-9
    integer, _ = LoihiQuantizer(8).run(floating, LOIHI2)
    assert not list(state_overflows(integer, integer.population("y.sum"), LOIHI2))
    run = synchronous.run(integer, x, record_state=True)
    assert not run.spikes["y.sum"].any()
    assert np.array_equal(run.sums["y.sum"], run.v["y.sum"][:, -1])
    counts, accumulator = run.counts(), integer.population("y.sum")
    assert loihi_neuron(accumulator).vth == (1 << 17) - 1
    total = sum((p.operator.matrix() @ counts[p.source].T).T << np.int64(p.exponent)
                for p in integer.into("y.sum"))
    assert np.array_equal(run.sums["y.sum"], total << 6)
    # 8-bit weights: half a step each, at most
    exact = before.readouts[0].values(counts)
    steps = [2.0 ** p.exponent * 64 for p in integer.into("y.sum")]
    unit = integer.readouts[0].terms[0][1].weights.max()
    spikes = sum(counts[p.source].sum(1).max() for p in integer.into("y.sum"))
    assert np.abs(run.read(integer.readouts[0]) - exact).max() < max(steps) * unit * spikes


def test_whole_weights_are_exact_on_chip() -> None:
    before = network()
    readout, = before.readouts
    terms = tuple((name, operator.with_weights(np.rint(operator.weights * 4) / 8))
                  for name, operator in readout.terms)
    before = replace(before, readouts=(replace(readout, terms=terms),))
    floating, _ = accumulate(before, "chip", LOIHI2, 8)
    integer, _ = LoihiQuantizer(8).run(floating, LOIHI2)
    x = inputs(before)
    run = synchronous.run(integer, x)
    assert run.sums["y.sum"].any()
    assert np.abs(run.read(integer.readouts[0]) - before.readouts[0].values(run.counts())).max() < 1e-9


def test_no_input_makes_an_accumulator_fire() -> None:
    """Every source fires in every tick: the bound is reached, the threshold is not."""
    ticks, hidden = 16, 300
    before = Network(
        (Input("x", (1,), InputKind.SPIKES),), (Population("a", (hidden,), CELL),),
        (Projection("x", "a", Dense((1,), (hidden,), np.full((hidden, 1), 2.0))),),
        (Readout("y", (2,), (("a", Dense((hidden,), (2,), np.stack(
            [np.linspace(0.5, 1, hidden), np.linspace(-1, -0.5, hidden)]))),), np.zeros(2)),), ticks)
    integer, _ = LoihiQuantizer(8).run(accumulate(before, "chip", LOIHI2, 8)[0], LOIHI2)
    run = synchronous.run(integer, {"x": np.ones((1, ticks, 1))})
    assert run.spikes["a"].all()
    assert not run.spikes["y.sum"].any()
    low, high = state_bounds(integer, integer.population("y.sum")).states["v"]
    assert (run.sums["y.sum"][0] == [high[0], low[1]]).all()
    assert high[0] > (1 << 22)  # the range is used
    before = replace(before, n_ticks=2 * ticks * 20)
    floating, warnings = accumulate(before, "chip", LOIHI2, 8)
    assert [d.code for d in warnings] == ["NC209"]
    assert "steps" in warnings[0].message
    assert floating.readouts == before.readouts


@pytest.mark.parametrize("ticks", ["each", 3])
def test_single_ticks_stay_on_the_host(ticks: Literal["each"] | int) -> None:
    before = network()
    before = replace(before, readouts=(replace(before.readouts[0], ticks=ticks), before.readouts[0]))
    floating, warnings = accumulate(before, "chip", LOIHI2, 8)
    assert [(d.code, d.values["reason"]) for d in warnings] == [("NC209", "it reads ticks one by one")]
    assert [r.accumulator for r in floating.readouts] == [None, "y.sum"]
    floating, warnings = accumulate(before, "host", LOIHI2, 8)
    assert (floating.readouts, warnings) == (before.readouts, [])


def test_a_readout_of_inputs_alone_stays_on_the_host() -> None:
    before = network()
    readout, = before.readouts
    before = replace(before, readouts=(replace(readout, terms=readout.terms[2:]),))
    floating, warnings = accumulate(before, "chip", LOIHI2, 8)
    assert [d.code for d in warnings] == ["NC209"]
    assert not floating.accumulators


@pytest.mark.parametrize(("neurons", "ticks", "outputs", "on_chip"), [
    (208, 8, 10, False),  # the MNIST example
    (2048, 4, 10, False),  # 8,192 messages less 10 values: a core's neurons
    (2048, 5, 10, True),
    (4096, 2, 10, False),
    (4096, 3, 10, True),
    (4097, 3, 10, False),  # a second core for the axons
    (2048, 8, 200, False),  # four cores for the synapses
])
def test_auto_weighs_messages_against_cores(neurons: int, ticks: int, outputs: int,
                                            on_chip: bool) -> None:
    head = Dense((neurons,), (outputs,), np.random.default_rng(0).normal(0, 1, (outputs, neurons)))
    before = Network((Input("x", (1,), InputKind.SPIKES),), (Population("a", (neurons,), CELL),),
                     (Projection("x", "a", Dense((1,), (neurons,), np.ones((neurons, 1)))),),
                     (Readout("y", (outputs,), (("a", head),), np.zeros(outputs)),), ticks)
    assert bool(accumulate(before, "auto", LOIHI2, 8)[0].accumulators) == on_chip


def test_a_taken_name_is_left_alone_and_paths_are_aligned() -> None:
    before = network()
    before = replace(before, populations=(*before.populations, Population("y.sum", (3,), CELL)),
                     projections=(*before.projections, Projection(
                         "b", "y.sum", Dense((20,), (3,), np.ones((3, 20))))))
    floating, _ = accumulate(before, "chip", LOIHI2, 8)
    assert floating.accumulators == {"y.sum'"}
    integer, _ = LoihiQuantizer(8).run(floating, LOIHI2)
    waits = dict(align(integer).waits(integer))
    assert {p.source: waits[p] for p in integer.into("y.sum'")} == {"a": 1, "b": 0}


def test_a_sum_of_more_axons_than_a_core_has_stays_on_the_host() -> None:
    """Even where it would pay: no core holds the neuron."""
    for hidden, deep, fits in ((0, 4096, True), (0, 4097, False), (2000, 2097, False)):
        net = network(hidden=max(hidden, 1), deep=deep, outputs=2, ticks=8)
        readout = net.readouts[0]
        weights = {name: np.where(np.arange(size) == 0, 1.0, np.full((2, size), 1 / 64))
                   for name, size in (("a", hidden), ("b", deep)) if size}
        dense = {name: Dense((w.shape[1],), (2,), w) for name, w in weights.items()}
        net = replace(net, readouts=(replace(readout, terms=tuple(dense.items())),))
        _, warnings = accumulate(net, "chip", LOIHI2, 8)
        assert [d.code for d in warnings] == ([] if fits else ["NC209"])
        floating, _ = accumulate(net, "auto", LOIHI2, 8)
        assert floating.accumulators == ({"y.sum"} if fits else set())
