"""Thresholds of leaky neurons: at the float one's, unless potentials lie on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.quantize import IntegerForm
from neurocompile.semantics.reset import Reset
from tests.passes.loihi.quantization.float_nets import (
    integers_of,
    neuron,
    observations_of,
    one_population,
    share_wrong,
    spikes,
    trains,
)


def inputs(seed: int, size: int, samples: int = 40) -> dict[str, Array]:
    return {"x": (np.random.default_rng(seed).random((samples, 8, size)) < 0.3).astype(float)}


def leaky(seed: int, reset: Reset = Reset.HARD, strict: bool = False) -> Network:
    rng = np.random.default_rng(seed)
    return one_population(neuron(0.5, strict=strict, reset=reset), [
        (spikes(30), rng.normal(0.1, 0.3, (16, 30)))], rng.normal(0, 0.1, 16))


def on_the_threshold() -> Network:
    """One input takes v to the threshold, from which it decays; nothing of it is a binary fraction."""
    return one_population(neuron(0.9, 0.3), [(spikes(4), 0.3 * np.eye(4))], np.zeros(4))


def fires_below(network: Network, result: IntegerForm) -> bool:
    k = result.rounding.decisions["n"].k
    vth = loihi_neuron(result.network.population("n")).vth
    assert vth in (k, k - 1)
    return vth < k


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(list(Reset)), st.booleans())
def test_where_no_potential_lies_on_it(seed: int, reset: Reset, strict: bool) -> None:
    network = leaky(seed, reset, strict)
    sample = inputs(seed, 30)
    assert not fires_below(network, integers_of(network, sample))
    assert fires_below(network, integers_of(network)) != strict  # without a sample nobody knows


def test_what_lies_on_it_still_fires() -> None:
    network, sample = on_the_threshold(), inputs(0, 4)
    assert trains(network, sample).sum() > 100
    assert "n" not in observations_of(network, sample).without_ties
    result = integers_of(network, sample)
    assert result.rounding.decisions["n"].has_ties
    assert share_wrong(network, result.network, sample) == 0


@pytest.mark.parametrize("decay", [1.0, 0.0])
def test_whole_potentials_stay(decay: float) -> None:
    weight = np.random.default_rng(0).normal(0.1, 0.3, (16, 30))
    network, sample = one_population(neuron(decay), [(spikes(30), weight)]), inputs(1, 30)
    assert "n" in observations_of(network, sample).without_ties
    assert integers_of(network, sample).rounding.decisions["n"].has_ties


def test_a_silent_population_may_have_ties() -> None:
    network = leaky(0)
    assert "n" not in observations_of(network, {"x": np.full((4, 8, 30), 0.0)}).without_ties
