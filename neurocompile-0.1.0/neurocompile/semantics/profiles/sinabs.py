"""sinabs: `layers/functional/lif.py` of 3.1.3. Names list the parts, from input to clip.

alpha = exp(-1 / tau_mem) (1 for IAF), gain = 1 - alpha, alpha_syn = exp(-1 / tau_syn). v is the
potential after reset and clip, u the current after its decay.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "sinabs"
SPIKES = {
    "multi": "s = (h > 0) * trunc(h / v_th)",
    "single": "s = h - v_th >= 0",
    "max": "s = minimum((h > 0) * trunc(h / v_th), s_max)",
}
RESETS = {"subtract": "v = h - s * v_less", "reset": "v = h * (s == 0) + v_reset"}
BOTH = (False, True)


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    for recurrent, syn, norm, spike, reset, low in itertools.product(
            BOTH, BOTH, BOTH, SPIKES, RESETS, BOTH):
        x = "(x + y)" if recurrent else "x"
        u = "u" if syn else x
        yield profile(
            name(recurrent, syn, norm, spike, reset, low), "CubaLIF" if syn else "LIF", FRAMEWORK,
            *([f"u = alpha_syn * (u + {x})"] if syn else []),
            f"h = alpha * v + {f'gain * {u}' if norm else u}", SPIKES[spike], RESETS[reset],
            *(["v = relu(v - v_min) + v_min"] if low else []))


def name(recurrent: bool, syn: bool, norm: bool, spike: str, reset: str, low: bool) -> str:
    """The name of the profile with these parts."""
    parts = {"recurrent": recurrent, "syn": syn, "norm": norm, spike: True, reset: True, "min": low}
    return "-".join(("sinabs", *(part for part, present in parts.items() if present)))
