"""Equations: what is allowed, what is named, and one tick on tensors."""

import pytest
import torch

from neurocompile.semantics.equations import Equations, Tensors
from neurocompile.semantics.floating import Profile, decode

LIF = "h = v + (x - (v - v_reset)) / tau\ns = h - v_th >= 0\nv = (1 - s) * h + s * v_reset"


def test_constants_are_the_names_that_nothing_assigns() -> None:
    assert Equations(LIF).constants == ("tau", "v_reset", "v_th")
    assert not Equations(LIF).second_input
    assert Equations("v = v + x + y\ns = v > 1").second_input


def test_binary_means_that_a_comparison_is_emitted() -> None:
    assert Equations(LIF).binary
    assert not Equations("s = trunc(v + x)").binary


@pytest.mark.parametrize(("text", "reason"), [
    ("import os", "no assignment"), ("s = __import__('os')", "not allowed"),
    ("s = v.data", "not allowed"), ("s = [v][0]", "not allowed"), ("s = v ** 2", "not allowed"),
    ("s, t = v, v", "no assignment"), ("h = v + x", "no equation for `s`"), ("s = v +", "invalid"),
    ("x = v\ns = x > 1", "cannot be assigned"), ("s = 1 - 1 / tau > v", "constants only"),
    ("s = 0 < v < 1", "not allowed"), ("s = floor(v, x)", "not allowed"),
    ("s = " + "(" * 5000 + "v" + ")" * 5000, "not equations"), ("s = v > 'a'", "not allowed"),
])
def test_what_is_no_equation_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Equations(text)


def test_one_tick_on_tensors() -> None:
    x = torch.tensor([0.5, 2.0, 3.0])
    after = Equations(LIF).run({"x": x, "v": torch.zeros(3), "u": torch.zeros(3), "tau": 2.0,
                                "v_reset": 0.25, "v_th": 1.0}, Tensors())
    assert after["s"].tolist() == [0.0, 1.0, 1.0]
    assert after["v"].tolist() == [0.375, 0.25, 0.25]


def test_decays_of_integers_round_toward_zero() -> None:
    v = torch.tensor([3.0, -3.0, 4096.0 * 5 + 1])
    after = Equations("v = shifted(v, keep)\ns = v > x").run(
        {"x": v, "u": v, "v": v, "keep": 2048.0}, Tensors())
    assert after["v"].tolist() == [1.0, -1.0, 10240.0]


def test_a_profile_is_what_its_text_says() -> None:
    profile = Profile("lif", "LIF", "test 1", Equations(LIF))
    assert decode(profile.encode()) == profile
    for text in ("", "lif|LIF", "lif|XYZ|f\ns = v > x"):
        with pytest.raises(ValueError, match=r"no neuron profile|no equation"):
            decode(text)
