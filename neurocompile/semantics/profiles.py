"""The catalog of profiles: one per class and set of options that computes differently."""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import Profile

_SJ, _SNN = "spikingjelly 2.0", "snntorch 1.0"


def _spikingjelly() -> Iterator[Profile]:
    """`spikingjelly/activation_based/neuron`; rate = sigmoid(w), beta = 1 - 1/tau."""
    charges = {
        "if": ("IF", "h = v + x"),
        "lif-div-tau": ("LIF", "h = v + (x - (v - v_reset)) / tau"),
        "lif-sub-div-tau": ("LIF", "h = v - (v - v_reset) / tau + x"),
        "lif-rate": ("LIF", "h = v + (x - (v - v_reset)) * rate"),
        "lif-sub-rate": ("LIF", "h = v - (v - v_reset) * rate + x"),
    }
    resets = {"hard": "v = (1 - s) * h + s * v_reset", "soft": "v = h - s * v_th"}
    for charge, (model, text) in charges.items():
        for reset, after in resets.items():
            yield _made(f"spikingjelly-{charge}-{reset}", model, _SJ,
                        text, "s = h - v_th >= 0", after)


def _snntorch() -> Iterator[Profile]:
    """`snntorch/_neurons` 1.0; v is the potential before its reset, as that package returns it."""
    fire = "s = v - v_th > 0"
    before = "r = v - v_th > 0"
    yield _made("snntorch-leaky-subtract", "LIF", _SNN, before, "v = beta * v + x - r * v_th", fire)
    yield _made("snntorch-leaky-zero", "LIF", _SNN, before, "v = beta * ((1 - r) * v) + x", fire)
    yield _made("snntorch-leaky-none", "LIF", _SNN, "v = beta * v + x", fire)
    yield _made("snntorch-synaptic-subtract", "CubaLIF", _SNN, before, "u = alpha * u + x",
                "v = beta * v + u - r * v_th", fire)
    yield _made("snntorch-synaptic-zero", "CubaLIF", _SNN, before, "u = alpha * u + x",
                "h = beta * v + u", "v = h - r * h", fire)
    yield _made("snntorch-synaptic-none", "CubaLIF", _SNN, "u = alpha * u + x", "v = beta * v + u",
                fire)


def _made(name: str, model: str, framework: str, *equations: str) -> Profile:
    return Profile(name, model, framework, Equations("\n".join(equations)))


PROFILES: dict[str, Profile] = {
    profile.name: profile for source in (_spikingjelly, _snntorch) for profile in source()}
