"""SpikingJelly: `activation_based/neuron` of 2.0.0. rate = sigmoid(w)."""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "spikingjelly"


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
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
            yield profile(f"spikingjelly-{charge}-{reset}", model, FRAMEWORK,
                        text, "s = h - v_th >= 0", after)
