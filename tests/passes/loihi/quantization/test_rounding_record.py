"""What was decided on a sample: out to arrays and in again, the same integers; else one finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.quantization.quantize import IntegerForm, LoihiQuantizer
from neurocompile.passes.loihi.quantization.rounding_record import Rounding, read_rounding
from neurocompile.semantics.reset import Reset
from tests.passes.loihi.quantization.float_nets import (
    LOIHI2,
    integers_of,
    neuron,
    one_population,
    spikes,
)
from tests.properties.random_nets import random_net

Arrays = dict[str, np.ndarray[Any, Any]]


def same(one: Network, two: Network) -> bool:
    """Whether two integer networks are equal to the bit."""
    for a, b in zip(one.projections, two.projections, strict=True):
        if a.exponent != b.exponent or not np.array_equal(a.operator.weights, b.operator.weights):
            return False
    for p, q in zip(one.populations, two.populations, strict=True):
        values = [None if x.bias is None else (x.bias.exponent, *x.bias.mantissa) for x in (p, q)]
        if (p.neuron, p.on_host, p.saturates) != (q.neuron, q.on_host, q.saturates) or (
                values[0] != values[1]):
            return False
    for e, f in zip(one.encoders, two.encoders, strict=True):
        if (e.exponent, e.low, e.high, e.lossless) != (f.exponent, f.low, f.high, f.lossless) or (
                not np.array_equal(e.offset, f.offset)):
            return False
    return one.inputs == two.inputs


def arrays_of(result: IntegerForm) -> Arrays:
    """As the arrays of a file hold it: numbers and texts, nothing pickled."""
    arrays = {key: np.array(values) for key, values in result.rounding.arrays().items()}
    assert all(array.dtype.kind in "ifbU" for array in arrays.values())
    return arrays


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 400))
def test_the_same_integers_without_the_sample(seed: int) -> None:
    case = random_net(seed)
    try:
        result = integers_of(case.network, case.sample)
    except FindingsError:
        return
    again = LoihiQuantizer(8, rounding=read_rounding(arrays_of(result))).quantize(case.network, LOIHI2)
    assert same(result.network, again.network)
    twice = again.rounding.arrays()
    assert all(np.array_equal(twice[key], values) for key, values in arrays_of(result).items())


def small() -> tuple[Network, IntegerForm]:
    rng = np.random.default_rng(0)
    network = one_population(neuron(0.0, reset=Reset.HARD), [
        (spikes(6), rng.normal(0, 0.4, (5, 6)) * np.logspace(0, -1, 5)[:, None])], np.zeros(5))
    return network, integers_of(network, {"x": (rng.random((9, 8, 6)) < 0.4).astype(float)})


def test_the_record_holds_gains_and_corrections() -> None:
    network, result = small()
    arrays = arrays_of(result)
    assert {"0.gains", "0.correction", "0.numbers", "0.exponents", "0.weights.0"} < set(arrays)
    assert arrays["populations"].tolist() == ["n"]
    for key in ("0.gains", "0.correction"):  # both are needed
        others = {name: x for name, x in arrays.items() if name != key}
        again = LoihiQuantizer(8, rounding=read_rounding(others)).quantize(network, LOIHI2)
        assert not same(result.network, again.network)


def without(key: str) -> Callable[[Arrays], object]:
    return lambda arrays: arrays.pop(key)


def setting(key: str, value: Any) -> Callable[[Arrays], object]:
    return lambda arrays: arrays.update({key: np.array(value)})


DAMAGES: dict[str, Callable[[Arrays], object]] = {
    "no populations": without("populations"), "no levels": without("levels"),
    "no numbers": without("0.numbers"), "no weights": without("0.weights.0"),
    "no exponents": without("0.exponents"),
    "other numbers": setting("0.numbers", [1.0, 2.0]),
    "words for numbers": setting("0.numbers", ["a", "b", "c"]),
    "not a number": setting("0.numbers", [np.nan, np.inf, 0.0]),
    "no end": setting("0.numbers", [np.inf, np.inf, 0.0]),
    "words for weights": setting("0.weights.0", [["x"] * 6] * 5),
    "words for gains": setting("0.gains", ["x"] * 5),
    "a number for names": setting("populations", 3),
    "a number for exponents": setting("0.exponents", 3),
    "fewer levels than inputs": setting("inputs", ["x"]),
    "more scales than adders": setting("scales", [1.0]),
    "another population": setting("populations", ["m"]),
    "fewer weights": setting("0.weights.0", np.zeros((4, 6), np.int16)),
    "weights without rows": setting("0.weights.0", np.zeros(30, np.int16)),
    "weights beyond the grid": setting("0.weights.0", np.full((5, 6), 30_000, np.int16)),
    "odd weights": setting("0.weights.0", np.full((5, 6), 1, np.int16) * [[1], [-1], [1], [1], [1]]),
    "more exponents": setting("0.exponents", [0, 0]),
    "an exponent that is none": setting("0.exponents", [90]),
    "an exponent below 0": setting("0.exponents", [-3]),
    "fewer gains": setting("0.gains", np.ones(3)),
    "gains that are none": setting("0.gains", np.full(5, np.nan)),
    "more corrections": setting("0.correction", np.zeros((5, 2))),
    "corrections without end": setting("0.correction", np.full(5, np.inf)),
    "a threshold of 0": setting("0.numbers", [0.0, np.inf, 0.0]),
    "a threshold below 0": setting("0.numbers", [-5.0, np.inf, 0.0]),
    "a threshold that no register holds": setting("0.numbers", [1e9, np.inf, 0.0]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_malformed_record_is_one_finding(damage: str) -> None:
    network, result = small()
    arrays = arrays_of(result)
    DAMAGES[damage](arrays)
    with pytest.raises(UsageError, match="NC003") as error:
        LoihiQuantizer(8, rounding=read_rounding(arrays)).quantize(network, LOIHI2)
    finding, = error.value.diagnostics
    assert "rounding.npz" in finding.message
    assert "build it again" in finding.help


def test_an_empty_record_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="`n`"):
        Rounding().check(small()[0], 255)
