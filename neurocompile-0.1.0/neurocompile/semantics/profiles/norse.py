"""Norse: `torch/functional` of 1.1.0. dt_mem = dt tau_mem_inv, dt_syn = -dt tau_syn_inv.

v is the potential after its reset and u the current after its decay, as that package returns them.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurocompile.semantics.floating import Profile, profile

FRAMEWORK = "norse"


def profiles() -> Iterator[Profile]:
    """All profiles of this framework."""
    charge = "h = v + dt_mem * (v_leak - v + j)"
    decay = "u = j + dt_syn * j"
    fire = "s = h - v_th > 0"
    to_value = "v = (1 - s) * h + s * v_reset"
    box = "h = v + dt_mem * (x + v_leak - v)"
    for name, current in (("lif", "j = u + x"), ("lif-recurrent", "j = u + x + y")):
        yield profile(f"norse-{name}", "CubaLIF", FRAMEWORK, current, charge, decay, fire, to_value)
    yield profile("norse-lif-box-value", "LIF", FRAMEWORK, box, fire, to_value)
    yield profile("norse-lif-box-subtract", "LIF", FRAMEWORK, box, fire,
                  "v = (1 - s) * h + s * (h - v_th)")
    yield profile("norse-iaf", "IF", FRAMEWORK, "h = v + x", fire, to_value)
    yield profile("norse-li", "LI", FRAMEWORK, "j = u + x", "v = v + dt_mem * (v_leak - v + j)",
                  decay, "s = v")
    yield profile("norse-li-box", "LI", FRAMEWORK, "v = v + dt_mem * (v_leak - v + x)", "s = v")
