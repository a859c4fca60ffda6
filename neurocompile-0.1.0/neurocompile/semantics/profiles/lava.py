"""Lava: `proc/lif/models.py` (PyLifModelBitAcc) of 0.10.0, in the chip's own integers.

u and v are whole numbers, x and y are in units of the weights. keep_u = 4096 - iDecay,
keep_v = 4096 - vDecay and v_th = vThMant << 6, as lava-dl's `.net` files name them. y is a bias:
it is added to v beside the current. The registers' ends (u wraps, v clips) are left out: a float32
holds every whole number up to 2**24, and what quantization accepts (NC303) stays below 2**23.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "lava"
CUBA, CUBA_BIAS, INPUT = "lava-cuba-hard", "lava-cuba-bias-hard", "lava-input-hard"


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    current = "u = shifted(u, keep_u) + x * 64"
    fire = ("s = h > v_th", "v = (1 - s) * h")
    yield profile(CUBA, "CubaLIF", FRAMEWORK, current, "h = shifted(v, keep_v) + u", *fire)
    yield profile(CUBA_BIAS, "CubaLIF", FRAMEWORK, current, "h = shifted(v, keep_v) + u + y * 64",
                  *fire)
    # an input block gets no synapses; x is what is written to its bias mantissas, rounded
    yield profile(INPUT, "LIF", FRAMEWORK, "h = shifted(v, keep_v) + rounded(x) * 64", *fire)
