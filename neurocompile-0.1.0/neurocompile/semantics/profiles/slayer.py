"""lava-dl SLAYER: `slayer/neuron/cuba.py` of 0.6.0, in whole numbers, units of 1 / 4096.

keep_u = 4096 - round(4096 current_decay), keep_v alike, v_th = 4096 threshold. From a threshold of
64 on, float32 drops the epsilon that makes its comparison a strict one.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "slayer"


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    for name, fires in (("slayer-cuba", "h > v_th"), ("slayer-cuba-large", "h >= v_th")):
        states = ("u = shifted(u, keep_u) + trunc(x * 4096)", "h = shifted(v, keep_v) + u")
        yield profile(name, "CubaLIF", FRAMEWORK, *states, f"s = {fires}", "v = h * (1 - s)")
        yield profile(f"{name}-graded", "CubaLIF", FRAMEWORK, *states, f"r = {fires}",
                      "s = r * h / 4096", "v = h * (1 - r)")
