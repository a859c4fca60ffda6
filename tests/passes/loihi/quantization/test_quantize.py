"""Quantization: the chip's grids, exact cases, bounds that hold, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense
from neurocompile.passes.loihi.quantization.bounds import state_bounds, state_overflows
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.loihi_widths import STATE_MAX
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from tests.loihi import loihi_target

LOIHI2, LOIHI1 = loihi_target("loihi2"), loihi_target("loihi1")


def neuron(decay: float = 0.5, v_th: float = 1.0, strict: bool = False, reset: Reset = Reset.HARD,
           alpha: float | None = None) -> FloatNeuron:
    model = "LIF" if alpha is None else "CubaLIF"
    return FloatNeuron(model, decay, v_th, strict, reset, alpha)


def one_layer(weight: np.ndarray, cell: FloatNeuron | None = None, bias: np.ndarray | None = None,
              kind: InputKind = InputKind.SPIKES, ticks: int = 6) -> Network:
    return Network(
        (Input("x", (weight.shape[1],), kind),),
        (Population("lif", (len(weight),), cell or neuron(), None if bias is None else Bias(bias)),),
        (Projection("x", "lif", Dense((weight.shape[1],), (len(weight),), weight)),), (), ticks)


def quantize(network: Network, **options: object) -> Network:
    choices: dict[str, Any] = {"weight_bits": 8, **options}
    return LoihiQuantizer(**choices).run(network, LOIHI2)[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 8), st.sampled_from(["mixed", "positive", "negative"]))
def test_weights_lie_on_the_grid_of_their_bits(seed: int, bits: int, sign: str) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 0.3, (5, 9))
    if sign != "mixed":
        weight = np.abs(weight) * (1 if sign == "positive" else -1)
    projection, = quantize(one_layer(weight), weight_bits=bits).projections
    integers = projection.operator.weights
    step = 1 << (9 - bits if sign == "mixed" else 8 - bits)
    assert np.all(integers % step == 0)
    assert integers.min() >= -256
    assert integers.max() <= 255
    assert 0 <= projection.exponent <= 7
    assert (integers.min() >= 0) == (sign == "positive") or sign == "mixed"


def test_weights_that_fit_the_grid_are_exact() -> None:
    """An IF network in powers of two computes the float spikes exactly, ties included."""
    rng = np.random.default_rng(0)
    weight = rng.integers(-32, 33, (8, 12)) / 64
    bias = rng.integers(-8, 9, 8) / 64
    for strict in (False, True):
        for reset in (Reset.HARD, Reset.SOFT, Reset.SOFT_DELAYED):
            network = one_layer(weight, neuron(1.0, 0.5, strict, reset), bias, ticks=9)
            x = (rng.random((40, 9, 12)) < 0.4).astype(float)
            exact, integer = run(network, {"x": x}), run(quantize(network), {"x": x})
            assert exact.spikes["lif"].sum() > 200
            assert np.array_equal(exact.spikes["lif"], integer.spikes["lif"]), (strict, reset)


def test_spikes_follow_the_float_network_closely() -> None:
    rng = np.random.default_rng(1)
    network = one_layer(rng.normal(0, 0.25, (60, 40)), bias=rng.normal(0, 0.1, 60), ticks=10)
    x = (rng.random((30, 10, 40)) < 0.3).astype(float)
    exact, integer = run(network, {"x": x}), run(quantize(network), {"x": x})
    spikes = exact.spikes["lif"].sum()
    assert spikes > 2000
    assert (exact.spikes["lif"] != integer.spikes["lif"]).sum() < 0.02 * spikes


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(list(Reset)), st.sampled_from([0.5, 0.9, 1.0]),
       st.booleans())
def test_no_reachable_state_leaves_its_bound(seed: int, reset: Reset, decay: float,
                                             cuba: bool) -> None:
    """Extreme inputs: everything excitatory on, everything inhibitory on, random."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 0.5, (6, 30))
    network = quantize(one_layer(weight, neuron(decay, 1.0, True, reset, 0.7 if cuba else None),
                                  None if cuba else rng.normal(0, 0.3, 6), ticks=8))
    population, = network.populations
    bounds = state_bounds(network, population)
    assert not list(state_overflows(network, population, LOIHI2))
    assert max(bounds.largest.values()) <= STATE_MAX
    positive = (weight > 0).astype(int)
    cases = [positive[i] for i in range(6)] + [1 - positive[i] for i in range(6)]
    x = np.concatenate([np.repeat(np.array(cases)[:, None], 8, 1), rng.random((6, 8, 30)) < 0.5])
    result = run(network, {"x": x.astype(int)}, record_state=True)
    assert result.spikes["lif"].any()
    low, high = bounds.states["v"]
    assert np.all(result.v["lif"] >= np.minimum(low, 0))
    assert np.all(result.v["lif"] <= np.maximum(high, 0))


def test_bound_is_tight_without_leak() -> None:
    network = one_layer(np.full((1, 10), -0.5), neuron(1.0), ticks=5)
    integer = quantize(network)
    low, _ = state_bounds(integer, integer.populations[0]).states["v"]
    result = run(integer, {"x": np.ones((1, 5, 10))}, record_state=True)
    assert result.v["lif"].min() == low.min()


def image_network(neurons: FloatNeuron, low: float = 0.0) -> Network:
    rng = np.random.default_rng(5)
    conv = Conv((1, 6, 6), (4, 6, 6), rng.normal(0, 0.6, (4, 1, 3, 3)), padding=(1, 1))
    return Network(
        (Input("image", (1, 6, 6), InputKind.STATIC, low=low, high=1.0),),
        (Population("a", (4, 6, 6), neurons, Bias(rng.normal(0, 0.2, 144))),
         Population("b", (3,), neuron())),
        (Projection("image", "a", conv),
         Projection("a", "b", Dense((144,), (3,), rng.normal(0.03, 0.3, (3, 144))))), (), 8)


@pytest.mark.parametrize("encoder", ["auto", "bias", "graded", "host"])
def test_every_encoder_follows_the_float_network(encoder: str) -> None:
    network = image_network(neuron())
    x = np.random.default_rng(0).random((20, 1, 6, 6))
    exact, integer = run(network, {"image": x}), run(
        quantize(network, encoder=encoder), {"image": x})
    for name in ("a", "b"):
        assert exact.spikes[name].sum() > 50
        wrong = (exact.spikes[name] != integer.spikes[name]).sum()
        assert wrong < 0.3 * exact.spikes[name].sum(), (encoder, name)


def test_encoder_mantissas_are_the_rounded_currents() -> None:
    network = image_network(neuron())
    encoder, = quantize(network).encoders
    x = np.random.default_rng(0).random((4, 1, 6, 6))
    projection, population = network.projections[0], network.populations[0]
    assert population.bias is not None
    current = (projection.operator.matrix() @ x.reshape(4, -1).T).T + population.bias.value
    chip = quantize(network).population("a").neuron
    assert isinstance(chip, LoihiNeuron)
    exact = (current * (chip.vth + 1) * 2.0 ** (6 - encoder.exponent)).clip(
        encoder.low, encoder.high)
    assert encoder.low == 0  # it gets nothing else: with less than 0 it is silent alike
    assert np.abs(encoder.mantissas({encoder.sources[0]: x}) - exact).max() <= 0.51
    assert np.abs(encoder.mantissas({encoder.sources[0]: x})).max() <= encoder.limit


def test_input_that_changes_every_tick_is_encoded_by_the_host() -> None:
    rng = np.random.default_rng(0)
    network = one_layer(rng.normal(0, 0.3, (30, 12)), neuron(), rng.normal(0, 0.1, 30),
                        InputKind.ANALOG)
    x = rng.random((20, 6, 12))
    integer = quantize(network)
    assert [p.on_host for p in integer.populations] == [True]
    exact, result = run(network, {"x": x}), run(integer, {"x": x})
    assert exact.spikes["lif"].sum() > 200
    assert (exact.spikes["lif"] != result.spikes["lif"]).sum() < 0.05 * exact.spikes["lif"].sum()


def test_analog_input_of_a_synaptic_current_comes_as_graded_spikes() -> None:
    rng = np.random.default_rng(0)
    network = one_layer(rng.normal(0, 0.3, (30, 12)), neuron(0.8, alpha=0.5), None,
                        InputKind.STATIC)
    integer = quantize(network)
    assert integer.inputs[0].levels == 15  # its sum over ticks is finer, and so are its weights
    assert not integer.encoders
    x = rng.random((20, 12))
    exact, result = run(network, {"x": x}), run(integer, {"x": x})
    assert exact.spikes["lif"].sum() > 200
    # 17 bits for weights times inputs, with room for the worst case: coarse, and said in reports
    assert (exact.spikes["lif"] != result.spikes["lif"]).sum() < 0.15 * exact.spikes["lif"].sum()


def test_host_population_is_off_chip() -> None:
    network = quantize(image_network(neuron()), encoder="host")
    assert [p.on_host for p in network.populations] == [True, False]


@pytest.mark.parametrize(("network", "target", "options", "code"), [
    (one_layer(np.ones((1, 2)), neuron(reset=Reset.SOFT)), LOIHI1, {}, "NC202"),
    (one_layer(np.ones((1, 2)), neuron(decay=1.2)), LOIHI2, {}, "NC204"),
    (one_layer(np.ones((1, 2)), neuron(decay=1e-5)), LOIHI2, {}, "NC204"),
    (one_layer(np.ones((1, 2)), neuron(alpha=1.0)), LOIHI2, {}, "NC204"),
    (one_layer(np.ones((1, 2)), neuron(v_th=0.0)), LOIHI2, {}, "NC305"),
    (one_layer(np.ones((1, 2)), neuron(v_th=-1.0)), LOIHI2, {}, "NC305"),
    (one_layer(np.array([[1.0, np.nan]])), LOIHI2, {}, "NC307"),
    (one_layer(np.ones((1, 2)), bias=np.array([np.inf])), LOIHI2, {}, "NC307"),
    (one_layer(np.ones((1, 2)), kind=InputKind.ANALOG), LOIHI2, {"encoder": "bias"}, "NC206"),
    (one_layer(np.ones((1, 2)), neuron(alpha=0.5), kind=InputKind.STATIC), LOIHI2,
     {"encoder": "bias"}, "NC206"),
    (image_network(neuron()), LOIHI1, {"encoder": "graded"}, "NC206"),
    (image_network(neuron(), low=-1.0), LOIHI2, {"encoder": "graded"}, "NC206"),
    (one_layer(np.full((1, 200_000), 1.0), neuron(v_th=1e-2)), LOIHI2, {}, "NC303"),
    (one_layer(np.ones((1, 2)) * 1e-3, bias=np.array([1e4])), LOIHI2, {}, "NC306"),
])
def test_what_the_target_cannot_hold_is_named(network: Network, target: object,
                                              options: dict[str, str], code: str) -> None:
    with pytest.raises(FindingsError) as error:
        LoihiQuantizer(**{"weight_bits": 8, **options}).run(network, target)  # type: ignore[arg-type]
    assert {d.code for d in error.value.diagnostics} == {code}
    assert all(d.message for d in error.value.diagnostics)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.sampled_from([Reset.HARD, Reset.SOFT, Reset.NONE]))
def test_a_neuron_without_memory_forgets(seed: int, reset: Reset) -> None:
    """A binary layer (decay 0) of small whole weights is exact."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-3, 4, (10, 8)).astype(float)
    network = one_layer(weight, neuron(0.0, float(rng.integers(1, 5)), True, reset), ticks=5)
    x = (rng.random((20, 5, 8)) < 0.5).astype(float)
    exact, integer = run(network, {"x": x}), run(quantize(network), {"x": x})
    assert exact.spikes["lif"].any()
    assert np.array_equal(exact.spikes["lif"], x @ weight.T > network.populations[0].floating.v_th)
    assert np.array_equal(exact.spikes["lif"], integer.spikes["lif"])


def test_coarse_decay_is_warned_of() -> None:
    _, warnings = LoihiQuantizer(8).run(
        replace(one_layer(np.ones((1, 2)), neuron(0.9999)), n_ticks=1000), LOIHI2)
    assert [d.code for d in warnings] == ["NC304"]
    assert not LoihiQuantizer(8).run(one_layer(np.ones((1, 2)) * 0.5, neuron(0.5)), LOIHI2)[1]


def test_clipped_tail_is_warned_of() -> None:
    weight = np.random.default_rng(0).normal(0, 1, (20, 20))  # one bit holds no positive weight
    _, warnings = LoihiQuantizer(weight_bits=1).run(one_layer(weight), LOIHI2)
    assert {d.code for d in warnings} == {"NC302"}
