"""Quantization for TrueNorth: exact where weights are on a grid, in range always, and what is refused."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense, identity
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.quantization.potential_range import overflows, potential_range
from neurocompile.passes.truenorth.quantization.quantizer import CrossbarQuantizer
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons
from tests.passes.truenorth.build import with_numbers
from tests.truenorth import truenorth_target

TARGET = truenorth_target()
TICKS = 7


def neuron(reset: Reset = Reset.SOFT, strict: bool = False, decay: float = 1.0,
           v_th: float = 1.0, alpha: float | None = None) -> FloatNeuron:
    return FloatNeuron("IF", decay, v_th, strict, reset, alpha)


def one_layer(weight: np.ndarray, cell: FloatNeuron, bias: np.ndarray | None = None,
              kind: InputKind = InputKind.SPIKES, ticks: int = TICKS) -> Network:
    return Network(
        (Input("x", (weight.shape[1],), kind),),
        (Population("a", (len(weight),), cell, None if bias is None else Bias(bias)),),
        (Projection("x", "a", Dense((weight.shape[1],), (len(weight),), weight)),), (), ticks)


def quantize(network: Network, weight_bits: int = 4, encoder: str = "auto",
              whole_biases: bool = False) -> Network:
    return CrossbarQuantizer(weight_bits, encoder, whole_biases).run(network, TARGET)


def codes(error: pytest.ExceptionInfo[FindingsError]) -> set[str]:
    return {d.code for d in error.value.diagnostics}


def spikes(network: Network, seed: int = 0, rate: float = 0.4) -> dict[str, np.ndarray]:
    item, rng = network.inputs[0], np.random.default_rng(seed)
    x = (rng.random((20, network.n_ticks, *item.shape)) < rate).astype(float)
    return run(network, {"x": x}).spikes


def residual(seed: int, reset: Reset, ticks: int = TICKS) -> Network:
    """Ternary convolutions, each channel with its own scale, and a skip path with another scale."""
    rng = np.random.default_rng(seed)

    def ternary(*shape: int) -> np.ndarray:
        gains = rng.uniform(0.2, 0.9, (shape[0], *[1] * (len(shape) - 1)))
        return rng.integers(-1, 2, shape) * gains
    return Network(
        (Input("x", (2, 6, 6), InputKind.SPIKES),),
        (Population("a", (4, 6, 6), neuron(reset)), Population("b", (4, 6, 6), neuron(reset)),
         Population("c", (5,), neuron(reset))),
        (Projection("x", "a", Conv((2, 6, 6), (4, 6, 6), ternary(4, 2, 3, 3), padding=(1, 1))),
         Projection("a", "b", Conv((4, 6, 6), (4, 6, 6), ternary(4, 4, 3, 3), padding=(1, 1))),
         Projection("x", "b", Conv((2, 6, 6), (4, 6, 6), ternary(4, 2, 1, 1))),
         Projection("b", "c", Dense((4, 6, 6), (5,), ternary(5, 144)))), (), ticks)


@pytest.mark.parametrize("reset", [Reset.SOFT, Reset.HARD])
@pytest.mark.parametrize("strict", [False, True])
def test_a_network_on_a_grid_with_whole_thresholds_is_exact(reset: Reset, strict: bool) -> None:
    """Ties included; a strict soft reset is the one that cannot be."""
    rng = np.random.default_rng(1)
    weight, bias = rng.integers(-8, 8, (30, 12)) / 16, rng.integers(-3, 9, 30) / 16
    network = one_layer(weight, neuron(reset, strict), bias)
    integer = quantize(network)
    result, expected = spikes(integer)["a"], spikes(network)["a"]
    assert expected.sum() > 700
    if strict and reset is Reset.SOFT:
        assert np.mean(result != expected) < 0.2
        return
    assert np.array_equal(result, expected)
    cells = integer.population("a").neuron
    assert isinstance(cells, TrueNorthNeurons)
    assert np.array_equal(integer.projections[0].operator.weights,
                          weight * (cells.threshold - strict)[:, None])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 8), st.booleans(), st.booleans())
def test_without_memory_no_threshold_is_rounded(seed: int, bits: int, strict: bool,
                                                one_tick: bool) -> None:
    """Weights on any grid, a unit per neuron, any threshold and bias: float spikes, all of them."""
    rng = np.random.default_rng(seed)
    low, high = {1: (0, 1), 2: (-1, 1)}.get(bits, (-(1 << (bits - 1)), (1 << (bits - 1)) - 1))
    units = rng.uniform(0.01, 3, 40)
    weight = rng.integers(low, high + 1, (40, 15)) * units[:, None]
    bias = rng.normal(0, 0.5, 40) * units * high
    cell = (neuron(Reset.SOFT_DELAYED, strict, 0.3, alpha=0.6) if one_tick
            else neuron(Reset.HARD, strict, 0.0))
    network = one_layer(weight, replace(cell, v_th=0.7), bias, ticks=1 if one_tick else TICKS)
    integer = quantize(network, weight_bits=bits)
    cells = integer.population("a").neuron
    assert isinstance(cells, TrueNorthNeurons)
    assert not cells.memory
    expected = spikes(network, seed)["a"]
    assert expected.any()
    assert not expected.all()
    assert np.array_equal(spikes(integer, seed)["a"], expected)


@pytest.mark.parametrize("seed", range(3))
def test_scales_of_each_projection_are_kept_where_four_weights_suffice(seed: int) -> None:
    """The skip path's ternary weights have another unit: four weights a neuron, one per type."""
    network = residual(seed, Reset.HARD, ticks=1)
    integer = quantize(network)
    result, expected = spikes(integer, seed, 0.5), spikes(network, seed, 0.5)
    for name in ("a", "b", "c"):
        assert 0.01 < expected[name].mean() < 0.9, name
        assert np.mean(result[name] != expected[name]) < 2e-3, name
    main, skip = (p.operator for p in integer.into("b"))
    assert isinstance(main, Conv)
    assert isinstance(skip, Conv)
    values = [{abs(int(w)) for op in (main, skip) for w in op.weight[channel].flat} - {0}
              for channel in range(4)]
    assert max(map(len, values)) == 2
    assert max(map(max, values)) > 8
    coarse = quantize(replace(network, projections=tuple(
        replace(p, operator=p.operator.with_weights(p.operator.weights + 0.013 * np.sin(
            np.arange(p.operator.weights.size)).reshape(p.operator.weights.shape)))
        for p in network.projections)))
    top = max(int(np.abs(p.operator.weights).max()) for p in coarse.into("b"))
    assert top <= 8  # rounded: on one grid of 4 bits, and no threshold to be fine for


@pytest.mark.parametrize("reset", [Reset.SOFT, Reset.HARD])
def test_fine_thresholds_keep_nearly_all_spikes(reset: Reset) -> None:
    network = residual(5, reset)
    integer = quantize(network)
    result, expected = spikes(integer)["a"], spikes(network)["a"]
    assert expected.mean() > 0.05
    assert np.mean(result != expected) < 0.01
    assert np.array_equal(np.sign(integer.projections[0].operator.weights),
                          np.sign(network.projections[0].operator.weights))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 8), st.sampled_from([Reset.SOFT, Reset.HARD]),
       st.sampled_from([0.05, 1.0, 30.0]))
def test_all_numbers_have_their_place(seed: int, bits: int, reset: Reset, size: float) -> None:
    rng = np.random.default_rng(seed)
    network = one_layer(rng.normal(0, size, (20, 25)), neuron(reset), rng.normal(0, 0.4, 20))
    integer = quantize(network, weight_bits=bits)
    weights = integer.projections[0].operator.weights
    layer = integer.population("a")
    assert isinstance(layer.neuron, TrueNorthNeurons)
    assert weights.dtype == np.int64
    assert np.abs(weights).max() <= 255
    for row in weights:
        steps = set(np.unique(row // max(int(np.gcd.reduce(row)), 1)))
        assert len(steps) <= {1: 2, 2: 3}.get(bits, 1 << bits)
    assert layer.neuron.threshold.min() >= 1
    assert np.array_equal(layer.neuron.memory, True)
    assert not list(overflows(integer, layer, TARGET))


def test_whole_biases_are_steps_of_the_weights() -> None:
    """Of 4-bit weights, whose axons take all types; ternary ones leave two for finer biases."""
    rng = np.random.default_rng(6)
    network = one_layer(rng.normal(0, 0.3, (30, 20)), neuron(), rng.normal(0, 0.2, 30))
    fine, whole = quantize(network), quantize(network, whole_biases=True)
    step = np.gcd.reduce(whole.projections[0].operator.weights, axis=1)
    biases = [net.population("a").bias for net in (fine, whole)]
    assert np.any(step > 10)
    assert np.any(biases[0].value % np.gcd.reduce(fine.projections[0].operator.weights, axis=1))
    assert not np.any(biases[1].value % step)
    assert np.any(biases[1].value)
    ternary = one_layer(rng.integers(-1, 2, (30, 20)) * 0.3, neuron(), rng.normal(0, 0.2, 30))
    values = [quantize(ternary, whole_biases=way).population("a").bias.value
              for way in (False, True)]
    assert np.array_equal(values[0], values[1])


def test_more_bits_are_nearer() -> None:
    rng = np.random.default_rng(3)
    network = one_layer(rng.normal(0, 0.3, (40, 20)), neuron())
    expected = spikes(network)["a"]
    off = [np.mean(spikes(quantize(network, weight_bits=bits))["a"] != expected)
           for bits in (2, 4, 8)]
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.02


def test_a_source_that_always_spikes_is_a_bias() -> None:
    network = one_layer(np.eye(3), neuron(), np.full(3, 0.25))
    by_source = replace(
        network, inputs=(*network.inputs, Input("one", (1,), InputKind.ONE)),
        populations=(replace(network.populations[0], bias=None),),
        projections=(*network.projections, Projection("one", "a", Dense((1,), (3,), np.full((3, 1), 0.25)))))
    integer = quantize(by_source)
    assert [item.name for item in integer.inputs] == ["x"]
    bias = integer.population("a").bias
    assert bias is not None
    assert bias.value.tolist() == quantize(network).population("a").bias.value.tolist() == [1] * 3


def test_a_population_of_images_runs_on_the_host() -> None:
    """Its spikes are those of the float network, but for rounding."""
    rng = np.random.default_rng(2)
    first = one_layer(rng.normal(0, 0.4, (30, 12)), neuron(), rng.normal(0, 0.1, 30),
                      InputKind.STATIC)
    network = replace(
        first, populations=(*first.populations, Population("b", (30,), neuron())),
        projections=(*first.projections, Projection("a", "b", identity((30,)))))
    integer = quantize(network)
    assert [p.on_host for p in integer.populations] == [True, False]
    x = rng.random((50, 12))
    result, expected = (run(net, {"x": x}).spikes for net in (integer, network))
    assert expected["a"].sum() > 1000
    assert np.mean(result["a"] != expected["a"]) < 1e-3
    assert result["b"].sum() > 1000


def test_leaks_are_refused_and_both_fixes_work() -> None:
    weight = np.full((4, 6), 0.5)
    leaky = one_layer(weight, neuron(Reset.HARD, decay=0.9))
    with pytest.raises(FindingsError) as error:
        quantize(leaky)
    assert codes(error) == {"NC211"}
    assert "keeps 0.9 of its membrane potential per tick, over 7 ticks" in (
        error.value.diagnostics[0].message)
    quantize(replace(leaky, n_ticks=1))
    quantize(one_layer(weight, neuron(Reset.HARD)))
    with pytest.raises(FindingsError) as error:
        quantize(one_layer(weight, neuron(alpha=0.5)))
    assert codes(error) == {"NC211"}


@pytest.mark.parametrize(("network", "code"), [
    (one_layer(np.ones((2, 3)), neuron(Reset.SOFT_DELAYED)), "NC202"),
    (one_layer(np.ones((2, 3)), neuron(Reset.NONE)), "NC202"),
    (one_layer(np.ones((2, 3)), neuron(v_th=0.0)), "NC305"),
    (one_layer(np.full((2, 3), np.nan), neuron()), "NC307"),
    (one_layer(np.ones((2, 3)), neuron(), np.array([0, np.inf])), "NC307"),
    (replace(one_layer(np.ones((2, 3)), neuron()),
             inputs=(Input("x", (3,), InputKind.SPIKES, levels=4),)), "NC309"),
])
def test_what_the_chip_cannot_do_is_refused(network: Network, code: str) -> None:
    with pytest.raises(FindingsError) as error:
        quantize(network)
    assert codes(error) == {code}


@pytest.mark.parametrize("encoder", ["bias", "graded"])
def test_images_reach_the_chip_through_the_host_only(encoder: str) -> None:
    network = one_layer(np.ones((2, 3)), neuron(), kind=InputKind.STATIC)
    with pytest.raises(FindingsError) as error:
        quantize(network, encoder=encoder)
    assert codes(error) == {"NC206"}
    quantize(network, encoder="host")
    with_spikes = replace(network, inputs=(*network.inputs, Input("s", (2,), InputKind.SPIKES)),
                    projections=(*network.projections, Projection("s", "a", identity((2,)))))
    with pytest.raises(FindingsError) as error:
        quantize(with_spikes)
    assert codes(error) == {"NC206"}


@pytest.mark.parametrize("reset", [Reset.SOFT, Reset.HARD])
def test_no_input_leaves_the_reach(reset: Reset) -> None:
    """The interval holds on inputs that go to its ends; a potential beyond 18 bits is found."""
    rng = np.random.default_rng(4)
    network = quantize(one_layer(
        rng.normal(0, 0.3, (20, 10)), neuron(reset), rng.normal(0, 0.2, 20)))
    layer = network.population("a")
    weights, bias = network.projections[0].operator.weights, layer.bias.value
    low = np.minimum(weights, 0).sum(axis=1) + bias
    high = np.maximum(weights, 0).sum(axis=1) + bias
    lowest, highest = potential_range(low, high, layer.neuron.threshold, (reset, True), TICKS)
    x = np.concatenate([np.repeat(weights[:, None] > 0, TICKS, 1), np.repeat(weights[:, None] < 0, TICKS, 1)])
    v = run(network, {"x": x.astype(float)}, record_state=True).v["a"]
    assert np.all(v >= lowest)
    assert np.all(v <= highest)
    assert np.any(v == lowest)
    large = replace(layer, bias=Bias(np.full(20, -Crossbar.of(TARGET).potential_max // 3)))
    finding, = overflows(replace(network, populations=(large,)), large, TARGET)
    assert finding.code == "NC303"


Amount = Callable[[Population, np.ndarray], int]
LIMITS: dict[str, tuple[int, Amount]] = {  # a smaller number of the target, and what it bounds in the integer network
    "neuron.weight_max": (127, lambda _, w: int(np.abs(w).max())),
    "neuron.leak_max": (127, lambda p, _: int(np.abs(p.bias.mantissa).max())),
    "neuron.threshold_bits": (7, lambda p, _: int(p.neuron.threshold.max()).bit_length()),
    "neuron.potential_bits": (10, lambda _, w: int(np.abs(w).sum(axis=1).max()).bit_length() + 1)}


@pytest.mark.parametrize("key", LIMITS)
def test_scales_keep_to_the_target(key: str) -> None:
    """Thresholds and biases between the steps want a large multiplier: limits make it smaller."""
    rng = np.random.default_rng(4)
    weight = rng.integers(-3, 4, (6, 9)) / 3
    network = one_layer(weight, neuron(v_th=1.2345), rng.uniform(-0.9, 0.9, 6))
    most, amount = LIMITS[key]
    amounts = []
    for target in (TARGET, with_numbers(TARGET, {key: most})):
        integer = CrossbarQuantizer(3).run(network, target)
        population, = integer.populations
        amounts.append(amount(population, integer.projections[0].operator.matrix().toarray()))
    assert amounts[0] > most >= amounts[1]


def test_a_potential_beyond_the_target_nc303() -> None:
    network = one_layer(np.ones((2, 40)), neuron(Reset.HARD, v_th=30.0), np.full(2, -1.0))
    CrossbarQuantizer(2).run(network, TARGET)
    with pytest.raises(FindingsError) as error:
        CrossbarQuantizer(2).run(network, with_numbers(TARGET, {"neuron.potential_bits": 6}))
    finding, = error.value.diagnostics
    assert (finding.code, finding.values["limit"]) == ("NC303", 31)
    assert "neuron.potential_bits" in finding.notes[0]


def test_fewer_types_of_axons_take_fewer_grids() -> None:
    """Two ternary projections of their own scales take four types; else they share a grid."""
    rng = np.random.default_rng(2)
    first, second = (rng.choice([-1, 0, 1], (5, 7)) * scale for scale in (1.0, 0.3))
    network = replace(one_layer(first, neuron()), projections=(
        *one_layer(first, neuron()).projections,
        Projection("x", "a", Dense((7,), (5,), second))))
    for types, exact in ((4, True), (3, False)):
        integer = CrossbarQuantizer(4).run(
            network, with_numbers(TARGET, {"core.axon_types": types}))
        values = [set(np.abs(p.operator.weights).ravel().tolist()) for p in integer.projections]
        assert all(len(one) <= 2 for one in values)
        ratio = max(values[1]) / max(values[0])
        assert (abs(ratio - 0.3) < 0.01) == exact
