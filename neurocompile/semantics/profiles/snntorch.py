"""snnTorch: `_neurons` of 1.0.0. v is the potential before its reset, as that package returns it."""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "snntorch"


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    fire = "s = v - v_th > 0"
    before = "r = v - v_th > 0"
    yield profile("snntorch-leaky-subtract", "LIF", FRAMEWORK, before, "v = beta * v + x - r * v_th", fire)
    yield profile("snntorch-leaky-zero", "LIF", FRAMEWORK, before, "v = beta * ((1 - r) * v) + x", fire)
    yield profile("snntorch-leaky-none", "LIF", FRAMEWORK, "v = beta * v + x", fire)
    yield profile("snntorch-synaptic-subtract", "CubaLIF", FRAMEWORK, before, "u = alpha * u + x",
                "v = beta * v + u - r * v_th", fire)
    yield profile("snntorch-synaptic-zero", "CubaLIF", FRAMEWORK, before, "u = alpha * u + x",
                "h = beta * v + u", "v = h - r * h", fire)
    yield profile("snntorch-synaptic-none", "CubaLIF", FRAMEWORK, "u = alpha * u + x", "v = beta * v + u",
                fire)
