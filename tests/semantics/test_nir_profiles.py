"""Profiles of NIR files: the normal form's own equations give the normal form back."""

from __future__ import annotations

import itertools
import math

import pytest

from neurocompile.semantics.normal_form import FloatNeuron, normal_form
from neurocompile.semantics.profiles import nir
from neurocompile.semantics.reset import Reset

NEURONS = [FloatNeuron(model=model, decay=decay, v_th=0.75, strict=strict, reset=reset, alpha=alpha)
           for (model, decay, alpha), strict, reset in itertools.product(
               [("IF", 1.0, None), ("LIF", 0.875, None), ("LIF", 0.0, None),
                ("CubaLIF", 0.75, 0.5), ("CubaLIF", 1.0, 0.5)], [True, False], Reset)
           if decay or reset in (Reset.HARD, Reset.SOFT, Reset.NONE)]


@pytest.mark.parametrize("neuron", NEURONS, ids=str)
def test_normal_form_of_its_own_equations(neuron: FloatNeuron) -> None:
    form = normal_form(*nir.normal(neuron))
    assert form.neuron == neuron
    assert (form.gain, form.offset, form.rest) == (1.0, 0.0, 0.0)


def test_names_tell_different_equations_apart() -> None:
    by_name: dict[str, set[str]] = {}
    for neuron in NEURONS:
        one, _ = nir.normal(neuron)
        by_name.setdefault(one.name, set()).add(one.encode())
    assert all(len(texts) == 1 for texts in by_name.values())


def test_euler_and_exact_steps() -> None:
    euler = {"rate": 0.25, "v_leak": 0.0, "r": 4.0, "v_th": 1.0, "v_reset": 0.0}
    form = normal_form(nir.by_the_book("LIF"), euler)
    assert (form.neuron.decay, form.gain, form.neuron.strict) == (0.75, 1.0, True)
    exact = dict(euler, rate=1 - math.exp(-0.25))
    assert normal_form(nir.by_the_book("LIF", "soft"), exact).neuron.decay == math.exp(-0.25)


def test_leak_and_reset_potentials_become_a_bias_and_a_start() -> None:
    constants = {"rate": 0.25, "v_leak": 0.5, "r": 1.0, "v_th": 1.0, "v_reset": -0.25}
    form = normal_form(nir.by_the_book("LIF"), constants)
    assert form.rest == -0.25
    assert form.neuron.v_th == 1.25
    assert form.offset == 0.25 * 0.75


def test_a_threshold_forgets() -> None:
    form = normal_form(nir.threshold(), {"v_th": 0.5}).neuron
    assert (form.decay, form.reset, form.strict) == (0.0, Reset.NONE, True)


def test_norse_uses_the_current_before_its_decay() -> None:
    constants = {"rate": 0.125, "rate_syn": 0.25, "v_leak": 0.0, "v_th": 1.0, "v_reset": 0.0}
    form = normal_form(nir.norse("CubaLIF", "hard"), constants)
    assert (form.neuron.alpha, form.neuron.decay, form.gain) == (0.75, 0.875, 0.125)
