"""snnTorch: `_neurons` of 1.0.0. v is `mem` as that package returns it, u is `syn`.

With a delayed reset (the default) that is the potential before the reset of this tick's spike. The
recurrent classes add y, what their recurrent layer makes of the spikes before. `at-once` is
reset_delay=False, `scaled` a graded_spikes_factor other than 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "snntorch"
CHARGES = {
    "leaky": ("LIF", "h = beta * v + x"),
    "rleaky": ("LIF", "h = beta * v + x + y"),
    "synaptic": ("CubaLIF", "u = alpha * u + x\nh = beta * v + u"),
    "rsynaptic": ("CubaLIF", "u = alpha * u + x + y\nh = beta * v + u"),
    "lapicque": ("LIF", "h = x * R * inv_rc * dt + keep * v"),
}
RESETS = ("subtract", "zero", "none")
AT_ONCE = ("leaky", "rleaky", "synaptic")
WITH_FACTOR = ("leaky",)


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    for kind, (model, charge) in CHARGES.items():
        for reset in RESETS:
            for at_once in (False, True)[:1 + (kind in AT_ONCE and reset != "none")]:
                for has_factor in (False, True)[:1 + (kind in WITH_FACTOR)]:
                    name = "-".join((f"snntorch-{kind}-{reset}", *["at-once"] * at_once,
                                     *["scaled"] * has_factor))
                    fires = "(h - v_th > 0) * factor" if has_factor else "h - v_th > 0"
                    yield profile(name, model, FRAMEWORK, *_reset(kind, charge, reset),
                                  f"s = {fires}", _after(reset, at_once, has_factor))


def _reset(kind: str, charge: str, reset: str) -> tuple[str, ...]:
    """The potential of a tick, with the reset of the last tick's spike."""
    before = "r = v - v_th > 0"
    if reset == "subtract":
        return before, f"{charge} - r * v_th"
    if reset == "zero" and kind == "leaky":  # it clears before it decays, and keeps the input
        return before, "h = beta * ((1 - r) * v) + x"
    return (before, charge, "h = h - r * h") if reset == "zero" else (charge,)


def _after(reset: str, at_once: bool, has_factor: bool) -> str:
    """The potential after a tick: less what this tick's spike resets, unless the last one did."""
    if not at_once:
        return "v = h"
    spike = "s / factor" if has_factor else "s"
    return f"v = h - ({spike} - r) * {'v_th' if reset == 'subtract' else 'h'}"
