"""The integer neuron against hand-computed traces and the laws it must keep."""

from hypothesis import given
from hypothesis import strategies as st

from neurocompile.semantics.loihi import LoihiNeuron, State, clip24, step, toward_zero, wrap24
from neurocompile.semantics.loihi_widths import STATE_MAX
from neurocompile.semantics.reset import Reset


def trace(neuron: LoihiNeuron, a: int, bias: int, ticks: int) -> tuple[list[int], list[int]]:
    state = State()
    spikes = [int(step(neuron, state, a, bias)) for _ in range(ticks)]
    return spikes, [state.v, state.u]


def test_soft_reset_matches_the_trace_measured_on_lava() -> None:
    neuron = LoihiNeuron(du=4095, dv=0, vth=10, reset=Reset.SOFT, v_sub=10)
    state, v, spikes = State(), [], []
    for _ in range(12):
        spikes.append(int(step(neuron, state, 0, 7 * 64)))
        v.append(state.v // 64)
    assert v == [7, 4, 1, 8, 5, 2, 9, 6, 3, 10, 7, 4]
    assert spikes == [0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1]


def test_threshold_is_strict() -> None:
    neuron = LoihiNeuron(du=4095, dv=0, vth=3)
    assert not step(neuron, State(), 3, 0)
    assert step(neuron, State(), 3, 1)


def test_decay_rounds_toward_zero() -> None:
    neuron = LoihiNeuron(du=4095, dv=2048, vth=1000)
    state = State(v=-3)
    step(neuron, state, 0, 0)
    assert state.v == -1


def test_hard_reset_clears_v_and_keeps_u() -> None:
    neuron = LoihiNeuron(du=2047, dv=0, vth=1)
    state = State()
    assert step(neuron, state, 5, 0)
    assert state.v == 0
    assert state.u == 5 * 64


def test_delayed_soft_reset_subtracts_after_the_decay() -> None:
    neuron = LoihiNeuron(du=4095, dv=2048, vth=1, reset=Reset.SOFT_DELAYED, v_sub=1)
    state = State()
    assert step(neuron, state, 4, 0)
    assert state.v == 256  # not yet
    step(neuron, state, 0, 0)
    assert state.v == 256 // 2 - 64


def test_delayed_hard_reset_discards_the_next_input() -> None:
    neuron = LoihiNeuron(du=4095, dv=0, vth=1, reset=Reset.HARD_DELAYED)
    state = State()
    assert step(neuron, state, 4, 0)
    assert not step(neuron, state, 100, 0)
    assert state.v == 0


def test_no_reset_integrates_on() -> None:
    neuron = LoihiNeuron(du=4095, dv=0, vth=1, reset=Reset.NONE)
    assert trace(neuron, 1, 0, 5) == ([0, 1, 1, 1, 1], [320, 64])


@given(st.integers(-(1 << 40), 1 << 40), st.integers(0, 20))
def test_toward_zero_is_odd_and_truncates(x: int, shift: int) -> None:
    assert toward_zero(-x, shift) == -toward_zero(x, shift)
    assert toward_zero(x, shift) == int(x / 2**shift) or abs(x) > 1 << 52


@given(st.integers(-(1 << 25), 1 << 25))
def test_registers_stay_in_24_bits(x: int) -> None:
    assert -STATE_MAX <= clip24(x) <= STATE_MAX
    if abs(x) <= STATE_MAX:
        assert wrap24(x) == clip24(x) == x


@given(st.integers(1, 5000), st.integers(0, 4095), st.lists(st.integers(-500, 500), max_size=40))
def test_hard_reset_leaves_v_at_or_below_threshold(vth: int, dv: int, inputs: list[int]) -> None:
    neuron, state = LoihiNeuron(4095, dv, vth), State()
    for a in inputs:
        spike = step(neuron, state, a, 0)
        assert state.v <= vth << 6
        assert not spike or state.v == 0
