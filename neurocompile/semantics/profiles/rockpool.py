"""Rockpool: `LIFTorch` of 3.1.0 with one synapse per neuron.

alpha = exp(-dt / tau_mem), beta = exp(-dt / tau_syn). v is the potential after its reset, u the
current after its decay. Where s_max is 1, several spikes less those above it are one spike.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "rockpool"


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    spikes = {
        "": ("n = (h >= v_th) * floor(h / v_th)", "s = n - (n - s_max) * (n > s_max)"),
        "-single": ("s = h >= v_th",),
    }
    for form, current in (("", "u = (u + x) * beta"), ("-recurrent", "u = (u + x + y) * beta")):
        for limit, spike in spikes.items():
            yield profile(f"rockpool-lif{form}{limit}", "CubaLIF", FRAMEWORK, current,
                          "h = v * alpha + u + bias", *spike, "v = h - s * v_th")
