"""Lava's profiles against the executable specification of the chip, and their normal form."""

import pytest
import torch

from neurocompile.backends.synchronous.neurons import FloatBatch
from neurocompile.semantics.floating import advance
from neurocompile.semantics.loihi import LoihiNeuron, State, step
from neurocompile.semantics.normal_form import NoNormalForm, normal_form
from neurocompile.semantics.profiles import PROFILES, lava
from neurocompile.semantics.reset import Reset

TICKS, NEURONS = 60, 12


@pytest.mark.parametrize(("i_decay", "v_decay"), [(4096, 0), (4096, 123), (1024, 1024), (1, 4096),
                                                  (3001, 77)])
@pytest.mark.parametrize("name", [lava.CUBA, lava.CUBA_BIAS])
def test_profiles_are_the_integer_neuron(name: str, i_decay: int, v_decay: int) -> None:
    """Spikes and states of the torch equations (float32), the chip's and the float network's."""
    torch.manual_seed(i_decay)
    x = torch.randint(-90, 120, (TICKS, NEURONS)).float()
    y = torch.randint(-40, 60, (NEURONS,)).float() * (name == lava.CUBA_BIAS)
    constants = {"keep_u": 4096.0 - i_decay, "keep_v": 4096.0 - v_decay, "v_th": 150.0 * 64}
    normal = normal_form(PROFILES[name], constants)
    assert normal.neuron.quantum == 1
    assert normal.direct_y == (name == lava.CUBA_BIAS and i_decay < 4096)
    chip = LoihiNeuron(i_decay - 1, v_decay, 150)
    states = [State() for _ in range(NEURONS)]
    floating = FloatBatch(normal.neuron, y.double() * 64, (1, NEURONS), "cpu")
    in_float = floating.advance(x.double()[None] * normal.gain, None)[0]
    now = dict.fromkeys("uv", torch.zeros(NEURONS))
    spikes = 0
    for tick in range(TICKS):
        s, now = advance(PROFILES[name], constants, x[tick], now, y)
        expected = [step(chip, states[i], int(x[tick, i]), int(y[i]) << 6) for i in range(NEURONS)]
        assert s.bool().tolist() == expected == in_float[tick].tolist()
        assert [int(n) for n in now["u"]] == [state.u for state in states]
        assert [int(n) for n in now["v"]] == [state.v for state in states]
        spikes += sum(expected)
    assert 20 < spikes < TICKS * NEURONS


def test_the_input_layer_rounds_its_current_like_an_encoder() -> None:
    normal = normal_form(PROFILES[lava.INPUT], {"keep_v": 4096.0, "v_th": 6400.0})
    assert (normal.gain, normal.neuron.reset, normal.neuron.alpha) == (64, Reset.HARD, None)
    x = torch.tensor([1.5, -1.5, 0.49, -0.51])
    _, after = advance(PROFILES[lava.INPUT], {"keep_v": 4096.0, "v_th": 6400.0}, x,
                       {"u": x * 0, "v": x * 0})
    assert after["v"].tolist() == [128, -64, 0, -64]


def test_a_current_that_never_decays_has_no_second_path() -> None:
    """y beside the current is read for v only; in both at once there is no normal form."""
    profile = PROFILES[lava.CUBA_BIAS]
    both = type(profile)("both", "CubaLIF", "test", type(profile.equations)(
        "u = shifted(u, k) + x + y\nv = v + u + y\ns = v > 9\nv = (1 - s) * v"))
    with pytest.raises(NoNormalForm, match="low-pass"):
        normal_form(both, {"k": 100.0})
