"""SpikingJelly: `activation_based` of 2.0.0 and 0.0.0.0.14, `clock_driven` of 0.0.0.0.14 and 12.

v is the potential after its reset. rate = sigmoid(w) of a parametric LIF; keep = 1 - 1 / tau, or
1 - rate, as the older versions decay a potential that rests at 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "spikingjelly"
CHARGES = {
    "if": ("IF", "h = v + x"),
    "lif-div-tau": ("LIF", "h = v + (x - (v - v_reset)) / tau"),
    "lif-sub-div-tau": ("LIF", "h = v - (v - v_reset) / tau + x"),
    "lif-rate": ("LIF", "h = v + (x - (v - v_reset)) * rate"),
    "lif-sub-rate": ("LIF", "h = v - (v - v_reset) * rate + x"),
    "lif-keep": ("LIF", "h = v * keep + x"),
}
RESETS = {"hard": "v = (1 - s) * h + s * v_reset", "soft": "v = h - s * v_th"}


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    for charge, (model, text) in CHARGES.items():
        for reset, after in RESETS.items():
            yield profile(f"spikingjelly-{charge}-{reset}", model, FRAMEWORK,
                          text, "s = h - v_th >= 0", after)
