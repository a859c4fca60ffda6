"""Normal forms of Norse's, sinabs' and Rockpool's profiles: spikes in exact arithmetic, or why none."""

from __future__ import annotations

import pytest
import torch

from neurocompile.semantics.floating import Profile, advance
from neurocompile.semantics.normal_form import NoNormalForm, normal_form
from neurocompile.semantics.profiles import PROFILES
from neurocompile.semantics.reset import Reset

OURS = [p for p in PROFILES.values() if p.framework in ("norse", "sinabs", "rockpool")]
DYADIC = {"v_th": 0.75, "v_less": 0.75, "dt_mem": 0.5, "dt_syn": -0.25, "v_leak": 0.0, "alpha": 0.5,
          "alpha_syn": 0.5, "gain": 0.5, "beta": 0.5, "bias": 0.0, "s_max": 2.0, "v_min": -0.5}


def constants(profile: Profile) -> dict[str, float]:
    """Dyadic numbers. A reset other than 0 is a drift beside a synaptic current."""
    return {**DYADIC, "v_reset": 0.25 if profile.model in ("IF", "LIF") else 0.0}


def refusal(profile: Profile) -> str | None:
    """Part of the reason why it has no normal form, by its name."""
    if profile.model == "LI":
        return "membrane potential"
    parts = profile.name.split("-")
    several = {"multi", "max"} & set(parts) or (profile.framework == "rockpool" and "single" not in parts)
    if several:
        return "more than one spike"
    return "affine" if "min" in parts else None


@pytest.mark.parametrize("profile", OURS, ids=lambda p: p.name)
def test_normal_form_spikes_like_the_profile(profile: Profile) -> None:
    c = constants(profile)
    if (reason := refusal(profile)) is not None:
        with pytest.raises(NoNormalForm, match=reason):
            normal_form(profile, c)
        return
    normal = normal_form(profile, c)
    model = normal.neuron
    torch.manual_seed(2)
    xs, ys = (torch.randint(-64, 192, (40, 40)).double() / 64 * scale for scale in (1.0, 0.5))
    states = {"u": torch.zeros(40).double(), "v": torch.full((40,), normal.rest).double()}
    nu, nv = torch.zeros(40).double(), torch.zeros(40).double()
    spikes = 0
    for x, y in zip(xs, ys, strict=True):
        s, states = advance(profile, c, x, states, y)
        current = normal.gain * x + normal.gain_y * y + normal.offset
        nu = current if model.alpha is None else model.alpha * nu + current
        nv = model.decay * nv + nu
        spike = nv > model.v_th if model.strict else nv >= model.v_th
        assert model.reset in (Reset.HARD, Reset.SOFT)
        nv = nv.masked_fill(spike, 0.0) if model.reset is Reset.HARD else nv - spike * model.v_th
        assert torch.equal(s.bool(), spike)
        spikes += int(spike.sum())
    assert 50 < spikes < 1590  # of 1600
