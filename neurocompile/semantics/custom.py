"""Profiles that no framework has, from equations: hand-written and declared neurons."""

from __future__ import annotations

import ast
import hashlib

from neurocompile.semantics.equations import parse
from neurocompile.semantics.floating import Constants, Profile, profile
from neurocompile.semantics.normal_form import NoNormalForm, normal_form

FRAMEWORK = "hand-written"


def custom_profile(equations: str, constants: Constants) -> Profile:
    """The profile of equations, named by their hash; equal equations get equal names.

    Its model is `CubaLIF` with a synaptic current, `IF` without a leak, else `LIF`. Raises
    ValueError for what are no equations.
    """
    text = ast.unparse(ast.parse(equations))
    model = "CubaLIF" if "u" in dict(parse(text)) else "LIF"
    if model == "LIF" and _keeps_all(profile("custom", model, FRAMEWORK, text), constants):
        model = "IF"
    digest = hashlib.sha256(f"{model}\n{text}".encode()).hexdigest()[:12]
    return profile(f"custom-{digest}", model, FRAMEWORK, text)


def _keeps_all(profile: Profile, constants: Constants) -> bool:
    try:
        return normal_form(profile, constants).neuron.decay == 1.0
    except NoNormalForm:
        return False
