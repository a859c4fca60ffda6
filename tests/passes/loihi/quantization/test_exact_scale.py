"""Networks on the chip's grid keep their numbers; the quantizer finds the scale by itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import Severity
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from tests.loihi import loihi_target

LOIHI2 = loihi_target("loihi2")


def layer(weight: np.ndarray, cell: FloatNeuron, bias: np.ndarray | None = None) -> Network:
    return Network(
        (Input("x", (weight.shape[1],), InputKind.SPIKES),),
        (Population("lif", (len(weight),), cell, None if bias is None else Bias(bias)),),
        (Projection("x", "lif", Dense((weight.shape[1],), (len(weight),), weight)),), (), 6)


def exact(network: Network, integer: Network) -> bool:
    """Whether weights over threshold, and bias over threshold, are the float network's."""
    before, = network.projections
    after, = integer.projections
    population, = integer.populations
    old, = network.populations
    k = loihi_neuron(population).vth + (not old.floating.strict)
    scale = k / old.floating.v_th
    integers = after.operator.weights * 2.0**after.exponent
    same = np.allclose(integers, before.operator.weights * scale, rtol=1e-12, atol=0)
    if old.bias is not None and population.bias is not None:
        same = same and np.allclose(population.bias.value, old.bias.mantissa * scale * 64,
                                    rtol=1e-12, atol=0)
    return bool(same)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), unit=st.sampled_from([0.25, 1 / 64, 3 / 128, 0.1, 7.0]),
       decay=st.sampled_from([1.0, 0.5, 0.9]), strict=st.booleans(),
       sign=st.sampled_from(["mixed", "positive", "negative"]))
def test_weights_in_any_unit_are_stored_without_rounding(
        seed: int, unit: float, decay: float, strict: bool, sign: str) -> None:
    """Whole multiples of a unit that the threshold is a multiple of, too."""
    rng = np.random.default_rng(seed)
    unit = float(np.float32(unit))
    counts = rng.integers(-60, 60, (5, 9))
    counts = counts if sign == "mixed" else np.abs(counts) * (1 if sign == "positive" else -1)
    cell = FloatNeuron("LIF", decay, 40 * unit, strict, Reset.HARD)
    network = layer(counts * unit, cell, rng.integers(-20, 20, 5) * unit)
    integer, warnings = LoihiQuantizer(8).run(network, LOIHI2)
    assert exact(network, integer)
    assert [d for d in warnings if d.code in ("NC301", "NC302", "NC303")] == []


def test_a_neuron_that_rounds_keeps_its_own_scale() -> None:
    """With weights in fours a smaller threshold would store them as well, and round otherwise."""
    rng = np.random.default_rng(0)
    cell = FloatNeuron("CubaLIF", 0.9697265625, 80.0 * 64, True, Reset.HARD, None, 1.0)
    network = layer(rng.integers(-20, 30, (6, 12)) * 4.0 * 64, cell)
    integer, warnings = LoihiQuantizer(8).run(network, LOIHI2)
    assert warnings == []
    assert loihi_neuron(integer.populations[0]).vth == 80
    x = {"x": (rng.random((5, 6, 12)) < 0.5).astype(float)}
    expected, spikes = run(network, x).spikes["lif"], run(integer, x).spikes["lif"]
    assert np.array_equal(expected, spikes)
    assert 20 < spikes.sum() < spikes.size


@pytest.mark.parametrize(("change", "code"), [
    ({"v_th": 80.5 * 64}, "NC305"), ({"quantum": 3.0}, "NC305")])
def test_a_scale_that_the_chip_has_not_is_told(change: dict[str, Any], code: str) -> None:
    cell = FloatNeuron("CubaLIF", 0.75, 80.0 * 64, True, Reset.HARD, None, 1.0)
    network = layer(np.array([[2.0, -4.0]]) * 64, replace(cell, **change))
    _, warnings = LoihiQuantizer(8).run(network, LOIHI2)
    finding = next(d for d in warnings if d.code == code)
    assert finding.level is Severity.WARNING
    assert "another scale" in finding.notes[-1]


def test_weights_of_no_common_unit_are_rounded_as_before() -> None:
    rng = np.random.default_rng(1)
    network = layer(rng.normal(0, 0.3, (4, 7)), FloatNeuron("LIF", 0.5, 1.0, False, Reset.HARD))
    integer, _ = LoihiQuantizer(8).run(network, LOIHI2)
    assert not exact(network, integer)
