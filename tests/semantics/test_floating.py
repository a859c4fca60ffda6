"""Float profiles against the frameworks themselves, bit for bit, and their normal form."""

import itertools
from typing import Any

import pytest
import torch

from neurocompile.capture.adapters import snntorch as snn_adapter
from neurocompile.capture.adapters import spikingjelly as sj_adapter
from neurocompile.semantics.floating import advance
from neurocompile.semantics.normal_form import NoNormalForm, NormalForm, normal_form
from neurocompile.semantics.profiles import PROFILES
from neurocompile.semantics.reset import Reset

neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
snntorch = pytest.importorskip("snntorch")
STEPS = 300


def drive(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(STEPS, 40) * 0.8 + 0.3


def jelly_nodes() -> list[Any]:
    nodes = []
    for v_reset, v_th in itertools.product((0.0, None, -0.3), (1.0, 0.7)):
        nodes.append(neuron.IFNode(v_threshold=v_th, v_reset=v_reset))
        for decay_input, tau in itertools.product((True, False), (2.0, 1.7)):
            nodes.append(neuron.LIFNode(tau, decay_input, v_th, v_reset))
            nodes.append(neuron.ParametricLIFNode(tau, decay_input, v_th, v_reset))
    return nodes


@pytest.mark.parametrize("mode", ["s", "m"])
def test_spikingjelly_stand_ins_equal_their_nodes(mode: str) -> None:
    x = drive()
    for node in jelly_nodes():
        node.step_mode = mode
        node.eval()
        stand_in: Any = sj_adapter.adapt(node, "n")
        assert stand_in is not None
        with torch.no_grad():
            if mode == "m":
                expected, result = node(x), stand_in(x)
            else:
                expected = torch.stack([node(t) for t in x])
                result = torch.stack([stand_in(t) for t in x])
        assert expected.sum() > 100
        assert torch.equal(expected, result), node
        assert torch.equal(node.v, stand_in.states["v"]), node


@pytest.mark.parametrize(("reset", "beta", "threshold"), list(itertools.product(
    ("subtract", "zero", "none"), (0.9, 0.37, 1.0), (1.0, 0.6))))
def test_snntorch_leaky_equals_its_stand_in(reset: str, beta: float, threshold: float) -> None:
    leaky = snntorch.Leaky(beta=beta, threshold=threshold, reset_mechanism=reset)
    stand_in: Any = snn_adapter.adapt(leaky, "n")
    assert stand_in is not None
    mem, mem_found = leaky.reset_mem(), stand_in.reset_mem()
    total = 0.0
    for x in drive():
        spk, mem = leaky(x, mem)
        spk_found, mem_found = stand_in(x, mem_found)
        total += float(spk.sum())
        assert torch.equal(spk, spk_found)
        assert torch.equal(mem, mem_found)
    assert total > 100


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("hidden", [False, True])
def test_snntorch_synaptic_equals_its_stand_in(reset: str, hidden: bool) -> None:
    cell = snntorch.Synaptic(alpha=0.6, beta=0.8, reset_mechanism=reset, init_hidden=hidden,
                             output=hidden)
    stand_in: Any = snn_adapter.adapt(cell, "n")
    assert stand_in is not None
    state, state_found = cell.reset_mem(), stand_in.reset_mem()
    total = 0.0
    for x in drive(1):
        framework_state, own_state = ((), ()) if hidden else (state, state_found)
        spk, *state = cell(x, *framework_state)
        spk_found, *state_found = stand_in(x, *own_state)
        total += float(spk.sum())
        assert torch.equal(spk, spk_found)
        assert torch.equal(torch.stack(state), torch.stack(state_found))
    assert total > 100


NAMES = [n for n in sorted(PROFILES) if n.startswith(("snntorch", "spikingjelly"))]
CONSTANTS = {"v_th": 0.75, "v_reset": 0.25, "tau": 2.0, "rate": 0.5, "keep": 0.5, "beta": 0.5,
             "alpha": 0.25, "factor": 0.5, "R": 2.0, "inv_rc": 0.5, "dt": 0.5}


def form(name: str) -> NormalForm | str:
    """The normal form of a profile, or why it has none."""
    try:
        return normal_form(PROFILES[name], CONSTANTS)
    except NoNormalForm as error:
        return str(error)


def test_profiles_without_a_normal_form_are_the_known_ones() -> None:
    none = {name for name in NAMES if isinstance(form(name), str)}
    assert none == {name for name in NAMES if "subtract-at-once" in name or "-scaled" in name}


@pytest.mark.parametrize("name", NAMES)
def test_normal_form_spikes_like_the_profile(name: str) -> None:
    """In exact arithmetic; dyadic numbers make float64 exact enough to compare spikes."""
    profile, normal = PROFILES[name], form(name)
    if isinstance(normal, str):
        return  # named by the test above
    model = normal.neuron
    x_seq, y_seq = (torch.round(drive(seed) * 64).double() / 64 for seed in (2, 3))
    states = {"u": torch.zeros(40).double(), "v": torch.full((40,), normal.rest).double()}
    nu, nv, spike = torch.zeros(40).double(), torch.zeros(40).double(), torch.zeros(40).bool()
    spikes = 0
    for x, y in zip(x_seq[:40], y_seq[:40], strict=True):
        s, states = advance(profile, CONSTANTS, x, states, y)
        drive_ = normal.gain * x + normal.gain_y * y + normal.offset
        nu = drive_ if model.alpha is None else model.alpha * nu + drive_
        nv = model.decay * nv + nu
        if model.reset is Reset.SOFT_DELAYED:
            nv = nv - spike * model.v_th
        elif model.reset is Reset.HARD_DELAYED:
            nv = nv.masked_fill(spike, 0.0)
        spike = nv > model.v_th if model.strict else nv >= model.v_th
        if model.reset is Reset.HARD:
            nv = nv.masked_fill(spike, 0.0)
        elif model.reset is Reset.SOFT:
            nv = nv - spike * model.v_th
        assert torch.equal(s.bool(), spike)
        spikes += int(spike.sum())
    assert spikes > 50
