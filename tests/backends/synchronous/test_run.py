"""The vectorized reference against the executable specification, spike for spike and state."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.backends.synchronous import arithmetic, run
from neurocompile.diagnostics import Location, UsageError
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense, Operator, Restriction
from neurocompile.semantics.loihi import LoihiNeuron, State, step
from neurocompile.semantics.reset import Reset
from tests.backends.synchronous.both_paths import assert_paths_agree

TICKS, SAMPLES = 7, 3


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    levels = draw(st.sampled_from([1, 5]))

    def neuron() -> LoihiNeuron:
        reset = draw(st.sampled_from(list(Reset)))
        vth = draw(st.integers(50, 900))
        return LoihiNeuron(draw(st.sampled_from([4095, 2047, 0, 3001])),
                           draw(st.sampled_from([0, 1, 2048, 410, 4095])), vth, reset,
                           vth if reset in (Reset.SOFT, Reset.SOFT_DELAYED) else 0)

    def bias(size: int) -> Bias | None:
        return Bias(rng.integers(-300, 300, size), draw(st.integers(0, 7))) \
            if draw(st.booleans()) else None
    conv: Operator = Conv((2, 4, 4), (3, 4, 4), rng.integers(-128, 128, (3, 2, 3, 3)) * 2,
                          padding=(1, 1))
    dense = Dense((3, 4, 4), (6,), rng.integers(-128, 128, (6, 48)) * 2)
    skip = Dense((2, 4, 4), (6,), rng.integers(0, 256, (6, 32)))
    back = Dense((6,), (6,), rng.integers(-128, 128, (6, 6)) * 2)
    projections = [Projection("x", "a", conv), Projection("a", "b", dense, exponent=1),
                   Projection("x", "b", skip)]
    if draw(st.booleans()):
        projections.append(Projection("b", "b", back, delay=draw(st.integers(1, 2))))
    network = Network(
        (Input("x", (2, 4, 4), InputKind.SPIKES, levels=levels),),
        (Population("b", (6,), neuron(), bias(6)), Population("a", (3, 4, 4), neuron(), bias(48))),
        tuple(projections), (), TICKS)
    x = (rng.random((SAMPLES, TICKS, 2, 4, 4)) < 0.3) * rng.integers(1, levels + 1)
    return network, x


def specification(network: Network, x: np.ndarray
                  ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Spikes and v by the specification alone: one neuron at a time, plain integers."""
    spikes = {p.name: np.zeros((SAMPLES, TICKS, p.size), int) for p in network.populations}
    spikes["x"] = x.reshape(SAMPLES, TICKS, -1)
    v = {p.name: np.zeros((SAMPLES, TICKS, p.size), int) for p in network.populations}
    matrices = {id(p): p.operator.matrix().toarray().astype(int) for p in network.projections}
    for sample in range(SAMPLES):
        states = {p.name: [State() for _ in range(p.size)] for p in network.populations}
        for tick in range(TICKS):
            for population in network.order():
                total = np.zeros(population.size, int)
                for p in network.into(population.name):
                    if tick - p.delay >= 0:
                        source_spikes = spikes[p.source][sample, tick - p.delay]
                        total += (matrices[id(p)] @ source_spikes) << p.exponent
                for i in range(population.size):
                    b = 0 if population.bias is None else int(population.bias.value[i])
                    state = states[population.name][i]
                    assert isinstance(population.neuron, LoihiNeuron)
                    spike = step(population.neuron, state, int(total[i]), b)
                    spikes[population.name][sample, tick, i] = spike
                    v[population.name][sample, tick, i] = state.v
    return spikes, v


@settings(max_examples=60, deadline=None)
@given(networks())
def test_reference_equals_the_specification(case: tuple[Network, np.ndarray]) -> None:
    network, x = case
    expected, v = specification(network, x)
    result = run(network, {"x": x}, record_state=True)
    for name in ("a", "b"):
        assert np.array_equal(expected[name], result.spikes[name]), name
        assert np.array_equal(v[name], result.v[name]), name


@settings(max_examples=25, deadline=None)
@given(networks())
def test_torch_and_compiled_neurons_agree(case: tuple[Network, np.ndarray]) -> None:
    assert_paths_agree(*case)


def test_the_property_sees_activity() -> None:
    """The strategy's networks fire: agreement of silent networks would prove nothing."""
    active = []

    @settings(max_examples=30, deadline=None, database=None)
    @given(networks())
    def collect(case: tuple[Network, np.ndarray]) -> None:
        result = run(case[0], {"x": case[1]})
        active.append(all(s.any() for s in result.spikes.values()))
    collect()
    assert np.mean(active) > 0.5


def test_batches_and_order_of_populations_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    network = Network(
        (Input("x", (30,), InputKind.SPIKES),),
        (Population("a", (20,), LoihiNeuron(4095, 1024, 200)),
         Population("b", (5,), LoihiNeuron(4095, 1024, 200))),
        (Projection("x", "a", Dense((30,), (20,), rng.integers(-60, 128, (20, 30)) * 2)),
         Projection("a", "b", Dense((20,), (5,), rng.integers(-60, 128, (5, 20)) * 2))), (), TICKS)
    x = (rng.random((6, TICKS, 30)) < 0.3).astype(int)
    whole = run(network, {"x": x})
    assert all(s.any() for s in whole.spikes.values())
    backwards = replace(network, populations=network.populations[::-1],
                     projections=network.projections[::-1])
    again = run(backwards, {"x": x})
    parts = [run(network, {"x": x[i:i + 2]}) for i in (0, 2, 4)]
    for name, spikes in whole.spikes.items():
        assert np.array_equal(spikes, again.spikes[name])
        assert np.array_equal(spikes, np.concatenate([p.spikes[name] for p in parts]))


@pytest.mark.parametrize(("largest", "dtype"), [(1, torch.float32), (1 << 30, torch.float64)])
def test_arithmetic_is_chosen_by_the_bound(largest: int, dtype: torch.dtype,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    dtypes: list[torch.dtype] = []
    real = arithmetic.float_map

    def spy(operator: Operator, dtype: torch.dtype, device: str) -> arithmetic.LinearMap:
        dtypes.append(dtype)
        return real(operator, dtype, device)
    monkeypatch.setattr(arithmetic, "float_map", spy)
    dense = Dense((4,), (4,), np.full((4, 4), 254))
    linear = arithmetic.integer_map(dense, largest, "cpu", Location())
    assert dtypes == [dtype]
    x = torch.full((1, 4), largest)
    assert linear(x).tolist() == [[254 * 4 * largest] * 4]


def test_inexact_arithmetic_is_caught_by_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    real = arithmetic.float_map

    def off_by_one(operator: Operator, dtype: torch.dtype, device: str) -> arithmetic.LinearMap:
        exact = real(operator, dtype, device)
        return (lambda x: exact(x) + 1) if dtype is torch.float32 else exact
    monkeypatch.setattr(arithmetic, "float_map", off_by_one)
    linear = arithmetic.integer_map(Dense((4,), (4,), np.eye(4, dtype=int)), 1, "cpu", Location())
    assert linear(torch.eye(4, dtype=torch.int64)).tolist() == np.eye(4).tolist()


def test_sums_beyond_float64_are_refused() -> None:
    dense = Dense((4,), (1,), np.full((1, 4), 254))
    with pytest.raises(UsageError) as error:
        arithmetic.integer_map(dense, 1 << 52, "cpu", Location("net.fc"))
    assert error.value.diagnostics[0].code == "NC303"


def test_selected_neurons_of_a_convolution() -> None:
    conv = Conv((2, 4, 4), (3, 4, 4), np.arange(54).reshape(3, 2, 3, 3), padding=(1, 1))
    ins, outs = np.arange(31, 0, -3), np.array([40, 7, 0, 13])
    restriction = Restriction((len(ins),), (4,), conv, ins, outs)
    x = np.random.default_rng(0).integers(0, 2, (5, len(ins)))
    linear = arithmetic.integer_map(restriction, 1, "cpu", Location())
    expected = x @ conv.matrix().toarray()[np.ix_(outs, ins)].T
    assert expected.any()
    assert np.array_equal(linear(torch.as_tensor(x)).numpy(), expected)
