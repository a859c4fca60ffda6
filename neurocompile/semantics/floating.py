"""Float neurons: each framework's exact order of operations, and the normal form they share.

A `Profile` names how one framework's class computes a tick, operation by operation; `advance` is
its executable specification and works alike on torch tensors, numpy arrays and numpy scalars, in
their own precision. `normal_form` strips what does not change a spike in exact arithmetic: gains,
reset potentials, the order of additions. Sources: the frameworks' code at the named versions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neurocompile.semantics.loihi import Reset


@dataclass(frozen=True, slots=True)
class Constants:
    """Numbers of a neuron. Which are used depends on the profile's charge; the rest stay 0."""

    v_th: float
    v_reset: float = 0.0
    tau: float = 0.0  # divides (SpikingJelly LIF)
    rate: float = 0.0  # multiplies (SpikingJelly ParametricLIF: sigmoid(w))
    beta: float = 0.0  # retention of v (snnTorch)
    alpha: float = 0.0  # retention of u (snnTorch Synaptic)


@dataclass(frozen=True, slots=True)
class Profile:
    """How one class of one framework computes a tick, operation by operation."""

    name: str  # the id that a Graph stores
    model: str  # "IF", "LIF" or "CubaLIF"
    charge: str  # a key of CHARGE
    strict: bool  # True: fires on v > v_th; False: on v >= v_th
    reset: Reset
    framework: str


def _charge_add(c: Constants, x: Any, v: Any) -> Any:
    return v + x


def _charge_div_tau(c: Constants, x: Any, v: Any) -> Any:
    return v + (x - (v - c.v_reset)) / c.tau


def _charge_sub_div_tau(c: Constants, x: Any, v: Any) -> Any:
    return v - (v - c.v_reset) / c.tau + x


def _charge_rate(c: Constants, x: Any, v: Any) -> Any:
    return v + (x - (v - c.v_reset)) * c.rate


def _charge_sub_rate(c: Constants, x: Any, v: Any) -> Any:
    return v - (v - c.v_reset) * c.rate + x


def _charge_beta(c: Constants, x: Any, v: Any) -> Any:
    return c.beta * v + x


CHARGE: dict[str, Callable[[Constants, Any, Any], Any]] = {
    "add": _charge_add,
    "div-tau": _charge_div_tau,
    "sub-div-tau": _charge_sub_div_tau,
    "rate": _charge_rate,
    "sub-rate": _charge_sub_rate,
    "beta": _charge_beta,
}
RETENTION: dict[str, Callable[[Constants], tuple[float, float]]] = {  # (of v, gain of x)
    "add": lambda c: (1.0, 1.0),
    "div-tau": lambda c: (1.0 - 1.0 / c.tau, 1.0 / c.tau),
    "sub-div-tau": lambda c: (1.0 - 1.0 / c.tau, 1.0),
    "rate": lambda c: (1.0 - c.rate, c.rate),
    "sub-rate": lambda c: (1.0 - c.rate, 1.0),
    "beta": lambda c: (c.beta, 1.0),
}

_SJ, _SNN = "spikingjelly 2.0", "snntorch 1.0"


def _spikingjelly() -> list[Profile]:
    found = []
    for reset in (Reset.HARD, Reset.SOFT):
        found.append(Profile(f"spikingjelly-if-{reset.value}", "IF", "add", False, reset, _SJ))
        for charge in ("div-tau", "sub-div-tau", "rate", "sub-rate"):
            name = f"spikingjelly-lif-{charge}-{reset.value}"
            found.append(Profile(name, "LIF", charge, False, reset, _SJ))
    return found


PROFILES: dict[str, Profile] = {
    profile.name: profile for profile in (
        *_spikingjelly(),
        Profile("snntorch-leaky-subtract", "LIF", "beta", True, Reset.SOFT_DELAYED, _SNN),
        Profile("snntorch-leaky-zero", "LIF", "beta", True, Reset.HARD, _SNN),
        Profile("snntorch-leaky-none", "LIF", "beta", True, Reset.NONE, _SNN),
        Profile("snntorch-synaptic-subtract", "CubaLIF", "beta", True, Reset.SOFT_DELAYED, _SNN),
        Profile("snntorch-synaptic-zero", "CubaLIF", "beta", True, Reset.HARD_DELAYED, _SNN),
        Profile("snntorch-synaptic-none", "CubaLIF", "beta", True, Reset.NONE, _SNN),
    )
}


def advance(profile: Profile, c: Constants, x: Any, u: Any, v: Any,
            as_number: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """One tick: (spikes, next u, next v) from input x and state u, v.

    `as_number` turns a comparison's result into 0/1 of x's dtype. Profiles of snnTorch keep the
    membrane potential before its reset as state, as that framework returns it.
    """
    if profile.model == "CubaLIF":
        u = c.alpha * u + x
        x = u
    if profile.framework == _SJ:
        h = CHARGE[profile.charge](c, x, v)
        s = as_number(h - c.v_th >= 0)
        v = (1.0 - s) * h + s * c.v_reset if profile.reset is Reset.HARD else h - s * c.v_th
        return s, u, v
    r = as_number(v - c.v_th > 0)
    if profile.reset is Reset.HARD:
        v = (1 - r) * v
    h = CHARGE[profile.charge](c, x, v)
    if profile.reset is Reset.SOFT_DELAYED:
        h = h - r * c.v_th
    elif profile.reset is Reset.HARD_DELAYED:
        h = h - r * h
    return as_number(h - c.v_th > 0), u, h


@dataclass(frozen=True, slots=True)
class FloatNeuron:
    """Normal form: `u = alpha u + x` (if alpha), `v = decay v + u`, fire above `v_th`, reset to 0.

    The soft resets subtract `v_th`. `strict`: fires on v > v_th, else on v >= v_th.
    """

    model: str
    decay: float
    v_th: float
    strict: bool
    reset: Reset
    alpha: float | None = None


def normal_form(profile: Profile, c: Constants) -> tuple[FloatNeuron, float]:
    """The neuron with its reset potential moved to 0, and the gain that its input needs.

    Moving v by v_reset is exact for every charge but "beta", whose frameworks reset to 0.
    """
    decay, gain = RETENTION[profile.charge](c)
    alpha = c.alpha if profile.model == "CubaLIF" else None
    shift = 0.0 if profile.reset is Reset.SOFT else c.v_reset
    neuron = FloatNeuron(profile.model, decay, c.v_th - shift, profile.strict, profile.reset, alpha)
    return neuron, gain
