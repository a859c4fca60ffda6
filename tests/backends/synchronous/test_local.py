"""Populations on their own: fed with a run's spikes they give that run, and nothing cascades."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings

from neurocompile.backends.synchronous import Executor, run
from neurocompile.backends.synchronous.forced import OtherSide, decide
from neurocompile.backends.synchronous.local import Local
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from tests.backends.synchronous.test_run import networks


@given(networks())
@settings(max_examples=20, deadline=None)
def test_a_runs_own_spikes_give_the_run(case: tuple[Network, np.ndarray]) -> None:
    """Delayed projections included; populations whose spikes are not given compute theirs."""
    network, x = case
    spikes = run(network, {"x": x}).spikes
    for part in ({}, {"a": spikes["a"]}, spikes) if not any(
            p.delay for p in network.projections) else (spikes,):
        local = Local(Executor(network), {"x": x}, part)
        for population in network.populations:
            assert np.array_equal(local.spikes(population).numpy(), spikes[population.name])


RNG = np.random.default_rng(5)


def chain(neuron: FloatNeuron) -> Network:
    """A static input, then feedback."""
    weights = RNG.normal(size=(12, 5))
    return Network(
        (Input("x", (5,), InputKind.STATIC),),
        (Population("a", (12,), neuron, Bias(RNG.normal(size=12) * 0.1)),
         Population("b", (8,), neuron)),
        (Projection("x", "a", Dense((5,), (12,), weights)),
         Projection("a", "b", Dense((12,), (8,), RNG.normal(size=(8, 12)))),
         Projection("b", "b", Dense((8,), (8,), RNG.normal(size=(8, 8))), delay=1)), (), 9)


X = {"x": RNG.random((3, 5))}


def decisions_of(network: Network, spikes: dict[str, np.ndarray], bound: float = 1e-5
                 ) -> dict[str, tuple[int, int]]:
    local = Local(Executor(network), X, spikes)
    return {d.population.name: (int(d.different.sum()), int(d.ties.sum()))
            for d in decide(local, dict.fromkeys(spikes, OtherSide(0.0)), bound)}


def test_a_float_network_decides_its_own_run_the_same_way() -> None:
    for reset in Reset:
        for alpha in (None, 0.6):
            network = chain(FloatNeuron("LIF", 0.7, 1.0, True, reset, alpha))
            spikes = run(network, X).spikes
            assert all(0.02 < s.mean() < 0.98 for s in spikes.values())
            assert decisions_of(network, spikes) == {"a": (0, 0), "b": (0, 0)}


def test_a_difference_does_not_cascade_and_is_no_tie() -> None:
    network = chain(FloatNeuron("LIF", 0.7, 1.0, False, Reset.HARD))
    spikes = {name: train.copy() for name, train in run(network, X).spikes.items()}
    spikes["b"][0, -1, 3] ^= 1
    assert decisions_of(network, spikes) == {"a": (0, 0), "b": (1, 0)}


def test_rounding_on_the_threshold_is_a_tie_and_an_exact_potential_is_none() -> None:
    """A potential of 0.1 + 0.2 against 0.3, and one of 1/4 + 1/2 against 3/4."""
    for parts, v_th, ties in (((0.1, 0.2), 0.3, 1), ((0.25, 0.5), 0.75, 0)):
        neuron = FloatNeuron("IF", 1.0, v_th, True, Reset.HARD)
        network = Network(
            (Input("x", (2,), InputKind.STATIC),), (Population("a", (1,), neuron),),
            (Projection("x", "a", Dense((2,), (1,), np.array([parts]))),), (), 1)
        inputs, own = {"x": np.ones((1, 2))}, torch.tensor(sum(parts) > v_th)
        spikes = {"a": (~own).to(torch.uint8).numpy().reshape(1, 1, 1)}
        local = Local(Executor(network), inputs, spikes)
        (decisions,) = decide(local, {"a": OtherSide(0.0)}, 1e-5)
        assert (int(decisions.different.sum()), int(decisions.ties.sum())) == (1, ties)
        far = replace(network, projections=(replace(
            network.projections[0], operator=Dense((2,), (1,), np.array([parts]) * 0.999)),))
        fires = {"a": np.ones((1, 1, 1), np.uint8)}
        (decisions,) = decide(Local(Executor(far), inputs, fires), {"a": OtherSide(0.0)}, 1e-5)
        assert (int(decisions.different.sum()), int(decisions.ties.sum())) == (1, 0)
