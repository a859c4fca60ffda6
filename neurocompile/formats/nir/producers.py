"""What the neurons of a .nir file compute: the file says less than a simulator has to know.

NIR has no tick, no order of operations, no soft reset, no comparison and one spike a tick; who wrote
the file decides them. Each producer's export (snnTorch 0.8 to 1.0, SpikingJelly 2.0, norse 1.1 and
master, sinabs 2.0 to 3.1, Rockpool 2.9 to 3.1) is undone here, roundings included. What neither file
nor producer says was asked for (NC116, `options.complete`); a number that the producer does not
write is refused (NC111).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.options import NirOptions, bad_option
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import PROFILES, nir
from neurocompile.semantics.profiles import sinabs as sinabs_profiles

MIN_TAU = 0.05  # ticks; of less, float32 keeps nothing
MAX_TAPS = 64  # different delays of one node; chips hold 62 or fewer


@dataclass(frozen=True)
class Meaning:
    """A neuron as a profile; before it, its input is multiplied by `gain` and `offset` added."""

    profile: Profile
    constants: dict[str, float]
    rest: float = 0.0
    gain: n.Floats | None = None
    offset: n.Floats | None = None


def ticks_of(node: n.Delay, name: str, options: NirOptions) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A delay in whole ticks, of the shape of its array. Raises UsageError (NC205)."""
    if options.producer != "nir":
        raise _unlike(name, f"{options.producer} writes no Delay")
    exact = np.asarray(node.delay, np.float64) / float(options.dt or 0)
    ticks = np.round(exact)
    if np.any(np.abs(exact - ticks) > 1e-3) or np.any(ticks < 0) or np.any(ticks > 1e6):
        raise _unlike(name, f"its delay is {exact.reshape(-1)[0]:g} ticks, no whole number from 0")
    if len(np.unique(ticks)) > MAX_TAPS:
        raise _unlike(name, f"it has more than {MAX_TAPS} different delays")
    return ticks.astype(np.int64)


def meaning(node: n.Neuron | n.Integrator, name: str, options: NirOptions,
            recurrent: bool = False) -> Meaning:
    """The neuron that a node stands for; `recurrent`: it lies on a cycle.

    Raises UsageError: NC203 for parameters that differ between neurons, NC111 for what the
    producer does not write.
    """
    makers: dict[str, Callable[[Any, str, NirOptions], Meaning]] = {
        "snntorch": partial(_snntorch, recurrent=recurrent), "spikingjelly": _spikingjelly,
        "norse": _norse, "sinabs": _sinabs, "rockpool": _rockpool, "nir": _by_the_book}
    return makers[options.producer or "nir"](node, name, options)


def _one(value: n.Floats, name: str, field: str) -> float:
    """A parameter that all neurons share."""
    flat = np.asarray(value, np.float64).reshape(-1)
    if not flat.size or np.any(flat != flat[0]):
        raise UsageError(Diagnostic("NC203", Location(name), {
            "param": field, "module": name, "count": len(np.unique(flat)), "target": "a chip",
            "limit": 1}))
    return float(flat[0])


def _unlike(name: str, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC111", Location(name), {
        "module": name, "cls": "NIR node", "reason": reason}))


def _close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-5, abs_tol=1e-9)


def _writes(name: str, producer: str, field: str, value: n.Floats | None, expected: float) -> None:
    """Refuse a parameter that the producer does not write; one that is not there is none."""
    if value is not None and not _close(_one(value, name, field), expected):
        raise _unlike(name, f"{producer} writes {field} = {expected:g} here, not "
                            f"{_one(value, name, field):g}")


def _reset_to(node: Any, name: str) -> float:
    return 0.0 if node.v_reset is None else _one(node.v_reset, name, "v_reset")


def invert(forward: Callable[[Any], Any], guess: float, result: n.Floats) -> float:
    """The number that `forward` made the stored one of, in the stored precision.

    The shortest decimal that gives exactly what is stored, else the nearest float32 that does, else
    the guess.
    """
    with np.errstate(all="ignore"):  # a candidate may be out of range
        return _search(forward, guess, result)


def _search(forward: Callable[[Any], Any], guess: float, result: n.Floats) -> float:
    kind = np.asarray(result).dtype.type
    exact = kind(np.asarray(result).reshape(-1)[0])
    for digits in range(1, 16):
        candidate = float(f"{guess:.{digits}g}")
        if kind(forward(kind(candidate))) == exact:
            return candidate
    near = np.float32(guess)
    for _ in range(4):
        near = np.nextafter(near, np.float32(-np.inf))
    for _ in range(9):
        if kind(forward(kind(near))) == exact:
            return float(near)
        near = np.nextafter(near, np.float32(np.inf))
    return guess


def _snntorch(node: Any, name: str, options: NirOptions, recurrent: bool) -> Meaning:
    """tau = dt / (1 - beta), r = tau / dt, w_in = tau_syn / dt; threshold and reset as they are."""
    if not isinstance(node, n.LIF | n.CubaLIF):
        raise _unlike(name, f"snnTorch writes no {type(node).__name__}")
    dt = float(options.dt or 0)
    tau = node.tau_mem if isinstance(node, n.CubaLIF) else node.tau
    _writes(name, "snnTorch", "r", node.r, _one(tau, name, "tau") / dt)
    for field in ("v_leak", "v_reset"):
        _writes(name, "snnTorch", field, getattr(node, field), 0.0)

    def retention(result: n.Floats) -> float:
        guess = 1 - dt / _one(result, name, "tau")
        keep = invert(lambda beta: dt / (1 - beta), guess, result)
        return min(max(keep, 0.0), 1.0)  # written as it was learned, clamped when it is used
    constants = {"v_th": _one(node.v_threshold, name, "v_threshold"), "beta": retention(tau)}
    reset = {"hard": "zero", "soft": "subtract", "none": "none"}[options.reset or ""]
    if isinstance(node, n.CubaLIF):
        _writes(name, "snnTorch", "w_in", node.w_in, _one(node.tau_syn, name, "tau_syn") / dt)
        constants["alpha"] = retention(node.tau_syn)
        return Meaning(PROFILES[f"snntorch-synaptic-{reset}"], constants)
    if recurrent and reset == "zero":
        return Meaning(nir.rleaky_of_snntorch(), constants)
    return Meaning(PROFILES[f"snntorch-leaky-{reset}"], constants)


def _spikingjelly(node: Any, name: str, options: NirOptions) -> Meaning:
    """IF r = 1/dt; LIF tau = tau_sj dt, r = 1 or tau_sj; CubaLIF as snnTorch's, with dt."""
    dt = float(options.dt or 0)
    if not isinstance(node, n.IF | n.LIF | n.CubaLIF):
        raise _unlike(name, f"SpikingJelly writes no {type(node).__name__}")
    v_reset = _reset_to(node, name)
    constants = {"v_th": _one(node.v_threshold, name, "v_threshold"), "v_reset": v_reset}
    if isinstance(node, n.IF):
        _writes(name, "SpikingJelly", "r", node.r, 1.0 / dt)
        return Meaning(PROFILES["spikingjelly-if-hard"], constants, v_reset)
    if isinstance(node, n.LIF):
        return _lif_of_spikingjelly(node, name, dt, constants)
    _writes(name, "SpikingJelly", "v_leak", node.v_leak, 0.0)
    _writes(name, "SpikingJelly", "r", node.r, _one(node.tau_mem, name, "tau_mem") / dt)
    _writes(name, "SpikingJelly", "w_in", np.ones(1) if node.w_in is None else node.w_in,
            _one(node.tau_syn, name, "tau_syn") / dt)
    for key, tau in (("beta", node.tau_mem), ("alpha", node.tau_syn)):
        guess = 1 - dt / _one(tau, name, "tau")
        constants[key] = invert(lambda keep: dt / (1.0 - keep), guess, tau)
    return Meaning(nir.cuba_lif_of_spikingjelly(), constants, v_reset)


def _lif_of_spikingjelly(node: n.LIF, name: str, dt: float, constants: dict[str, float]
                         ) -> Meaning:
    """A LIFNode, or a ParametricLIFNode: its tau is 1 / a float32, not a number that people type."""
    v_reset = constants["v_reset"]
    _writes(name, "SpikingJelly", "v_leak", node.v_leak, v_reset)
    seconds = _one(node.tau, name, "tau")
    if not seconds > dt:
        raise _unlike(name, f"SpikingJelly's tau is above 1 tick, and {seconds:g} s is not for "
                            f"--nir-dt {dt:g}")
    tau = invert(lambda number: number * dt, seconds / dt, node.tau)
    rate = float(np.float32(dt / seconds))
    parametric = 1.0 / rate * dt == seconds and tau != float(f"{tau:.7g}")
    constants |= {"rate": rate} if parametric else {"tau": tau}
    r = _one(node.r, name, "r")
    form = "rate" if parametric else "div-tau"
    if not _close(r, 1.0):  # decay_input=False
        _writes(name, "SpikingJelly", "r", node.r, tau)
        form = f"sub-{form}"
    return Meaning(PROFILES[f"spikingjelly-lif-{form}-hard"], constants, v_reset)


def _norse(node: Any, name: str, options: NirOptions) -> Meaning:
    """tau = tau_scale / tau_inv, where norse multiplies by dt tau_inv; r = w_in = 1."""
    dt, kind = float(options.dt or 0), type(node).__name__
    if not isinstance(node, n.IF | n.LI | n.LIF | n.CubaLIF) or _one(node.r, name, "r") != 1.0:
        raise _unlike(name, f"norse writes IF, LI, LIF and CubaLIF with r = 1, not this {kind}")
    if kind == "CubaLIF" and options.reset == "soft":
        raise bad_option("--nir-reset", "soft", f"`{name}` is norse's LIFCell, which resets hard")

    def rate(tau: n.Floats) -> float:
        scale = float(options.tau_scale or 0)
        inverse = invert(lambda inv: scale / inv, scale / _one(tau, name, "tau"), tau)
        step = float(np.float32(dt) * np.float32(inverse))
        if not 0 < step <= 2:
            raise _unlike(name, (
                f"with --nir-tau-scale {scale:g} and --nir-dt {dt:g} it goes {step:g} times the "
                "way to its rest in a tick; it would never come there"))
        return step
    constants: dict[str, float] = {}
    if not isinstance(node, n.LI):
        constants = {"v_th": _one(node.v_threshold, name, "v_threshold"),
                     "v_reset": _reset_to(node, name)}
    if isinstance(node, n.CubaLIF):
        _writes(name, "norse", "w_in", node.w_in, 1.0)
        constants.update(rate=rate(node.tau_mem), rate_syn=rate(node.tau_syn))
    elif not isinstance(node, n.IF):
        constants["rate"] = rate(node.tau)
    if not isinstance(node, n.IF):
        constants["v_leak"] = _one(node.v_leak, name, "v_leak")
    rest = constants.get("v_leak", 0.0)  # norse's cells start there
    return Meaning(nir.norse(kind, options.reset or ""), constants, rest)


def _sinabs(node: Any, name: str, options: NirOptions) -> Meaning:
    """tau in ticks, decay exp(-1/tau); r = 1. Several spikes a tick unless the user says one."""
    kind = type(node).__name__
    if not isinstance(node, n.IF | n.LI | n.LIF) or _one(node.r, name, "r") != 1.0:
        raise _unlike(name, f"sinabs writes IF, LI and LIF with r = 1, not this {kind}")
    constants = {"alpha": 1.0}
    if not isinstance(node, n.IF):
        _writes(name, "sinabs", "v_leak", node.v_leak, 0.0)
        tau = _one(node.tau, name, "tau")
        if not tau >= MIN_TAU:
            raise _unlike(name, f"sinabs's tau is in ticks, and {tau:g} would keep nothing")
        alpha = _keeps(tau, 1.0)
        constants = {"alpha": alpha, "gain": float(1 - np.float32(alpha))}
    if isinstance(node, n.LI):
        return Meaning(nir.exp_leak_of_sinabs(), {"alpha": constants["alpha"]})
    _writes(name, "sinabs", "v_reset", node.v_reset, 0.0)
    v_th = _one(node.v_threshold, name, "v_threshold")
    constants |= {"v_th": v_th, "v_less": v_th, "v_reset": 0.0}
    reset = {"hard": "reset", "soft": "subtract"}[options.reset or ""]
    profile = PROFILES[sinabs_profiles.name(
        False, False, kind == "LIF", options.spikes or "", reset, False)]
    return Meaning(profile, {key: constants[key] for key in profile.constants})


def _rockpool(node: Any, name: str, options: NirOptions) -> Meaning:
    """LIFTorch: taus in seconds, r = tau exp(-dt/tau) / dt. Several spikes a tick, as sinabs."""
    dt = float(options.dt or 0)
    if not isinstance(node, n.CubaLIF):
        raise _unlike(name, f"of Rockpool's modules LIFTorch is read, a CubaLIF, not this "
                            f"{type(node).__name__}")
    tau = _one(node.tau_mem, name, "tau_mem")
    _writes(name, "Rockpool", "r", node.r, tau * math.exp(-dt / tau) / dt)
    for field, value in (("w_in", 1.0), ("v_leak", 0.0), ("v_reset", 0.0)):
        _writes(name, "Rockpool", field, getattr(node, field), value)
    constants = {"v_th": _one(node.v_threshold, name, "v_threshold"), "bias": 0.0, "s_max": 2.0**16,
                 "alpha": _keeps(tau, dt), "beta": _keeps(_one(node.tau_syn, name, "tau_syn"), dt)}
    profile = PROFILES["rockpool-lif" + ("-single" if options.spikes == "single" else "")]
    return Meaning(profile, {key: constants[key] for key in profile.constants})


def _keeps(tau: float, dt: float) -> float:
    """exp(-dt / tau) in float32, as torch computes it."""
    return float(torch.exp(-dt / torch.tensor(tau, dtype=torch.float32)))


def _by_the_book(node: Any, name: str, options: NirOptions) -> Meaning:
    """NIR's own equations. What differs between neurons moves out of them, into gain and offset."""
    if isinstance(node, n.Threshold):
        return Meaning(nir.threshold(), {"v_th": _one(node.threshold, name, "threshold")})
    dt, kind, reset = float(options.dt or 0), type(node).__name__, options.reset or ""
    constants: dict[str, float] = {}
    rest = 0.0
    if isinstance(node, n.IF | n.LIF | n.CubaLIF):
        rest = _reset_to(node, name)
        constants = {"v_th": _one(node.v_threshold, name, "v_threshold"), "v_reset": rest}
    if isinstance(node, n.I | n.IF):
        factor, common = _common(node.r)
        constants["gain"] = dt * common
        return Meaning(nir.by_the_book(kind, reset), constants, rest, gain=factor)
    exact = options.discretization == "exact"

    def step(k: float) -> float:
        return -math.expm1(-k) if exact else k
    factor, r = _common(node.r)
    leak, v_leak = (None, 0.0) if np.ptp(node.v_leak) == 0 else (node.v_leak, 0.0)
    if leak is None:
        v_leak = _one(node.v_leak, name, "v_leak")
    constants |= {"r": r, "v_leak": v_leak}
    if isinstance(node, n.CubaLI | n.CubaLIF):
        if leak is not None:
            _one(node.v_leak, name, "v_leak")
        w_in = np.ones(()) if node.w_in is None else node.w_in
        if factor is not None or np.ptp(w_in):
            factor = np.asarray(w_in * (1.0 if factor is None else factor))
            constants["w_in"] = 1.0
        else:
            constants["w_in"] = _one(w_in, name, "w_in")
        constants["rate_syn"] = step(dt / _one(node.tau_syn, name, "tau_syn"))
        constants["rate"] = step(dt / _one(node.tau_mem, name, "tau_mem"))
    else:
        constants["rate"] = step(dt / _one(node.tau, name, "tau"))
        if leak is not None:  # r x + v_leak, with r = 1 after it
            factor = np.asarray(r if factor is None else factor * r, np.float64)
            constants["r"] = 1.0
    return Meaning(nir.by_the_book(kind, reset), constants, rest, gain=factor, offset=leak)


def _common(r: n.Floats) -> tuple[n.Floats | None, float]:
    """What of a resistance goes before the neuron, and what all neurons share."""
    flat = np.asarray(r, np.float64)
    return (None, float(flat.reshape(-1)[0])) if np.ptp(flat) == 0 else (flat, 1.0)
