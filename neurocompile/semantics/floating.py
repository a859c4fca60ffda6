"""Float neurons: how each framework's classes compute a tick, operation by operation.

A `Profile` names one class with its options; its equations are the executable specification, from
which the torch op, the ONNX body and the normal form (`normal_form`) are all derived. Sources: the
frameworks' code at the named versions; `tests/golden/neurons` holds what they compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from neurocompile.semantics.equations import STATES, Equations, Tensors

Constants = Mapping[str, float]
States = tuple[str, ...]
MODELS: dict[str, States] = dict.fromkeys(("IF", "LIF", "CubaLIF", "LI"), STATES)
"""Each model's states. A neuron node takes and gives them in this order."""
POTENTIAL = "v"  # the state that a threshold is compared with
STATE_WORDS = {POTENTIAL: "membrane potential", "u": "synaptic current"}


@dataclass(frozen=True, slots=True)
class Profile:
    """How one class of one framework computes a tick, operation by operation."""

    name: str  # the id that a Graph stores
    model: str  # one of MODELS
    framework: str
    equations: Equations

    @property
    def states(self) -> States:
        """What it carries from tick to tick."""
        return MODELS[self.model]

    @property
    def constants(self) -> tuple[str, ...]:
        """The names of the numbers it needs, sorted."""
        return self.equations.constants

    def encode(self) -> str:
        """The profile as text: a head line, then the equations."""
        return f"{self.name}|{self.model}|{self.framework}\n{self.equations.text}"


def profile(name: str, model: str, framework: str, *equations: str) -> Profile:
    """The profile with these equations, a line each."""
    return Profile(name, model, framework, Equations("\n".join(equations), MODELS[model]))


@lru_cache(maxsize=1024)
def decode(text: str) -> Profile:
    """The profile that `Profile.encode` wrote. Raises ValueError for any other text."""
    head, _, equations = text.partition("\n")
    name, model, framework = (*head.split("|"), "", "")[:3]
    if model not in MODELS:
        raise ValueError("no neuron profile")
    return Profile(name, model, framework, Equations(equations, MODELS[model]))


def at_rest(states: States, potential: float) -> dict[str, float]:
    """The states of a neuron whose potential rests there; all others rest at 0."""
    return {name: potential if name == POTENTIAL else 0.0 for name in states}


def advance(profile: Profile, constants: Constants, x: Any, states: Mapping[str, Any],
            y: Any = None) -> tuple[Any, dict[str, Any]]:
    """One tick on torch tensors: what is emitted, and the states after it."""
    values = {"x": x, **states, **{name: constants[name] for name in profile.constants}}
    if profile.equations.second_input:
        values["y"] = y
    after = profile.equations.run(values, Tensors())
    return after["s"], {name: after[name] for name in profile.states}
