"""What is measured of a float network, against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.quantization.observations import Observations
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

TRAINS = {"x": np.array([[[0, 2], [1, 0]], [[1, 1], [0, 3]]]),
        "n": np.array([[[0, 1, 1], [0, 0, 1]], [[0, 1, 0], [0, 0, 1]]], np.uint8),
        "silent": np.zeros((2, 2, 3), np.uint8),
        "image": np.array([[[0.5, -2.0]], [[-1.0, 0.25]]])}


def test_power_is_the_mean_square_of_what_is_sent() -> None:
    observations = Observations(TRAINS, {})
    assert observations.power("x") == (0 + 4 + 1 + 0 + 1 + 1 + 0 + 9) / 8
    assert observations.power("n") == 5 / 12
    assert observations.power("silent") == 0


def test_rate_is_that_of_the_neuron_of_a_spike() -> None:
    """Rates are 0, 2/4 and 3/4; of five spikes two are of the second, three of the third."""
    observations = Observations(TRAINS, {})
    assert observations.rate("n") == pytest.approx((2 * 2 / 4 + 3 * 3 / 4) / 5)
    assert observations.rate("silent") == 0


def test_largest_current_adds_up_all_inputs_and_the_bias() -> None:
    projections = [Projection("x", "n", Dense((2,), (2,), np.array([[1.0, -1.0], [0.5, 0.0]]))),
                   Projection("image", "n", Dense((2,), (2,), np.array([[1.0, 1.0], [0.0, 2.0]])))]
    largest = 0.0
    for sample in range(2):
        for tick in range(2):
            x, image = TRAINS["x"][sample, tick], TRAINS["image"][sample, 0]
            currents = [x[0] - x[1] + image[0] + image[1] + 0.25, 0.5 * x[0] + 2 * image[1] - 4]
            largest = max(largest, *(abs(c) for c in currents))
    observations = Observations(TRAINS, {})
    assert observations.largest_current(projections, np.array([0.25, -4.0])) == largest == 8.0
    assert observations.largest_current([], 0.0) == 0


def plain_peak(cell: FloatNeuron, currents: np.ndarray, bias: np.ndarray) -> float:
    """The largest |v| that decides a spike: its depth before one, its height where some is left."""
    peak = cell.v_th
    for sample in currents:
        for n in range(sample.shape[1]):
            u = v = lowest = 0.0
            for x in sample[:, n]:
                late = v > cell.v_th if cell.strict else v >= cell.v_th
                u = float(x) if cell.alpha is None else cell.alpha * u + float(x)
                v = cell.decay * v + u + float(bias[n])
                if late and cell.reset is Reset.SOFT_DELAYED:
                    v -= cell.v_th
                if late and cell.reset is Reset.HARD_DELAYED:
                    v = 0.0
                lowest = min(lowest, v)
                if v > cell.v_th if cell.strict else v >= cell.v_th:
                    peak, lowest = max(peak, -lowest), 0.0
                    if cell.reset is not Reset.HARD:
                        peak = max(peak, v)
                    if cell.reset is Reset.HARD:
                        v = 0.0
                    elif cell.reset is Reset.SOFT:
                        v -= cell.v_th
    return peak


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(list(Reset)), st.booleans(),
       st.sampled_from([1.0, 0.75, 0.0]), st.sampled_from([None, 0.5]))
def test_peaks_are_those_of_a_plain_run(seed: int, reset: Reset, strict: bool, decay: float,
                                        alpha: float | None) -> None:
    rng = np.random.default_rng(seed)
    cell = FloatNeuron("LIF", decay, 1.0, strict, reset, alpha)
    weight, bias = rng.integers(-8, 9, (5, 4)) / 4, rng.integers(-2, 3, 5) / 4
    network = Network((Input("x", (4,), InputKind.SPIKES),), (Population("n", (5,), cell, Bias(bias)),),
                      (Projection("x", "n", Dense((4,), (5,), weight)),), (), 10)
    x = (rng.random((3, 10, 4)) < 0.5).astype(float)
    result = run(network, {"x": x})
    assume(result.spikes["n"].any())
    assert result.peaks == {"n": plain_peak(cell, x @ weight.T, bias)}


def test_peaks_forget_what_decides_nothing() -> None:
    """A neuron that only falls has no peak but its threshold; one that then fires has its depth."""
    cell = FloatNeuron("IF", 1.0, 1.0, False, Reset.HARD)
    network = Network((Input("x", (2,), InputKind.SPIKES),), (Population("n", (1,), cell),),
                      (Projection("x", "n", Dense((2,), (1,), np.array([[-3.0, 10.0]]))),), (), 4)
    falls, rises = [[1, 0]] * 4, [[1, 0], [1, 0], [0, 1], [1, 0]]
    assert run(network, {"x": np.array([falls])}).peaks == {"n": 1.0}
    assert run(network, {"x": np.array([falls, rises])}).peaks == {"n": 6.0}


def test_ties_are_potentials_on_the_threshold_of_what_fires_there() -> None:
    """0.1 + 0.2 and 0.3 in floats are not the same; nor is what is off by more than rounding."""
    x = {"x": np.array([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])}
    weight = Dense((3,), (2,), np.array([[0.1, 0.2, 0.3], [0.1, 0.2001, 0.0]]))
    for strict, ties in ((False, {"n": 2}), (True, {"n": 0})):
        cell = FloatNeuron("LIF", 0.0, 0.3, strict, Reset.HARD)
        network = Network((Input("x", (3,), InputKind.SPIKES),), (Population("n", (2,), cell),),
                          (Projection("x", "n", weight),), (), 4)
        assert run(network, x).ties == ties
