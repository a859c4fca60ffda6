"""The normal form of neurons that no profile has yet, and why some have none."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import Profile, advance
from neurocompile.semantics.normal_form import NoNormalForm, NormalForm, normal_form
from neurocompile.semantics.reset import Reset


def profile(text: str, model: str = "LIF") -> Profile:
    return Profile("test", model, "test", Equations(text))


@pytest.mark.parametrize(("text", "reset", "expected"), [
    ("v = v * 0.5 * (1 - (v >= 1)) + x\ns = v >= 1", Reset.HARD, {"decay": 0.5}),
    ("v = v * 0.5 + x\ns = v >= 1\nv = v * (1 - s)", Reset.HARD, {}),
    ("v = 0.5 * (v - (v > 1)) + x\ns = v > 1", Reset.SOFT, {"strict": True}),
    ("v = 0.5 * v + x\ns = v / 4 > 0.25\nv = v - s", Reset.SOFT, {"v_th": 1.0}),
    ("r = v > 1\nh = 0.5 * v + x\ns = h > 1\nv = h - (s - r) * h", Reset.HARD,
     {"decay": 0.5, "strict": True, "v_th": 1.0}),
    ("v = 0.5 * v + x\ns = 1 <= v", Reset.NONE, {"strict": False}),
    ("v = v + 0.5 * (rest - v + x)\ns = v > 1\nv = (1 - s) * v + s * rest", Reset.HARD,
     {"v_th": 0.75}),
    ("i = u + x\nv = v + 0.25 * (0 - v + i)\nu = 0.5 * i\ns = v > 1\nv = v - s", Reset.SOFT,
     {"alpha": 0.5, "decay": 0.75}),
])
def test_patterns_of_hand_written_neurons(text: str, reset: Reset, expected: dict[str, object]
                                          ) -> None:
    form = normal_form(profile(text), {"rest": 0.25})
    assert form.neuron.reset is reset
    assert {k: getattr(form.neuron, k) for k in expected} == expected


@pytest.mark.parametrize(("text", "reason"), [
    ("s = trunc(v + x)\nv = v - s", "more than one spike"),
    ("v = relu(v + x)\ns = v > 1", "not affine"),
    ("v = v * x\ns = v > 1", "multiplies"),
    ("v = v + x\ns = (v > 1) * 2", "more than one spike"),
    ("v = v + x\ns = v > 1\nv = v - s * 0.3", "neither sets"),
    ("v = v + u\nu = 0.5 * u + x\ns = v > 1", "not reach"),
    ("u = 0.5 * u + x\nv = 0.5 * v + u + 0.1\ns = v > 1", "drifts"),
    ("u = 0.5 * u + x\nv = v + u + x\ns = v > 1", "low-pass"),
    ("h = v + x - (v > 1)\ns = h > 1\nv = h - s", "own tick and in the next"),
    ("r = v > -1\nh = v + x\ns = h > -1\nv = h - (s - r) * h", "own tick and in the next"),
    ("h = v + x - (v > 2)\ns = h > 1\nv = h", "one threshold"),
    ("v = v + x\ns = x > 1", "not its membrane"),
    ("a = v > 3\nb = v > 2\nv = v + x + a + b\ns = v > 1", "3 times"),
    ("v = v + x\ns = v > 1\nu = u * (1 - s)", "synaptic current"),
])
def test_what_no_chip_computes_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NoNormalForm, match=reason):
        normal_form(profile(text), {})


def test_a_leaky_integrator_emits_no_spikes() -> None:
    with pytest.raises(NoNormalForm, match="membrane potential"):
        normal_form(profile("v = v + x\ns = v", "LI"), {})


def run(normal: NormalForm, xs: list[torch.Tensor], ys: list[torch.Tensor]) -> list[list[bool]]:
    neuron, spikes = normal.neuron, []
    u, v = torch.zeros_like(xs[0]), torch.zeros_like(xs[0])
    spike = torch.zeros_like(xs[0], dtype=torch.bool)
    for x, y in zip(xs, ys, strict=True):
        drive = normal.gain * x + normal.gain_y * y + normal.offset
        u = drive if neuron.alpha is None else neuron.alpha * u + drive
        v = neuron.decay * v + u
        if neuron.reset is Reset.SOFT_DELAYED:
            v = v - spike * neuron.v_th
        elif neuron.reset is Reset.HARD_DELAYED:
            v = v.masked_fill(spike, 0.0)
        spike = v > neuron.v_th if neuron.strict else v >= neuron.v_th
        if neuron.reset is Reset.HARD:
            v = v.masked_fill(spike, 0.0)
        elif neuron.reset is Reset.SOFT:
            v = v - spike * neuron.v_th
        spikes.append(spike.tolist())
    return spikes


EIGHTHS = st.integers(0, 8).map(lambda n: n / 8)
CHARGES = ("v = a * v + x", "v = v + (x - v) * a", "v = v - a * (v - rest) + x",
           "u = b * u + x\nv = a * v + u", "i = u + x\nv = v + a * (i - v)\nu = b * i",
           "v = a * v + x + y")
RESETS = ("v = v * (1 - s)", "v = v - s * th", "v = (1 - s) * v + s * rest", "v = v * 1")


@settings(max_examples=150, deadline=None)
@given(charge=st.sampled_from(CHARGES), reset=st.sampled_from(RESETS), a=EIGHTHS, b=EIGHTHS,
       th=st.sampled_from((0.5, 1.0, 1.5)), compare=st.sampled_from((">", ">=")),
       seed=st.integers(0, 1000))
def test_the_normal_form_fires_as_the_equations_do(charge: str, reset: str, a: float, b: float,
                                                   th: float, compare: str, seed: int) -> None:
    """Eighths over nine ticks are exact in float64, so that spikes can be compared."""
    spec = profile(f"{charge}\ns = v {compare} th\n{reset}")
    constants = {"a": a, "b": b, "th": th, "rest": 0.25}
    try:
        normal = normal_form(spec, constants)
    except NoNormalForm:
        return
    generator = torch.Generator().manual_seed(seed)
    xs, ys = (list(torch.randint(-4, 12, (9, 16), generator=generator).double() / 8)
              for _ in range(2))
    states = {"u": torch.zeros(16).double(), "v": torch.full((16,), normal.rest).double()}
    spikes = []
    for x, y in zip(xs, ys, strict=True):
        s, states = advance(spec, constants, x, states, y)
        spikes.append(s.bool().tolist())
    assert run(normal, xs, ys if spec.equations.second_input else [y * 0 for y in ys]) == spikes
