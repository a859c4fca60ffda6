"""What the neurons of a .nir file compute: the file says less than a simulator has to know.

NIR has no tick, no order of operations, no soft reset and no comparison; who wrote the file decides
them. Each producer's export (snnTorch 1.0, SpikingJelly 2.0, norse 1.1, sinabs 3.1) is undone here,
roundings included. What neither file nor producer says is asked for (NC116).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.options import LACKS, SNNTORCH_DT, NirOptions, bad_option
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import PROFILES, nir

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
    dt = {"snntorch": SNNTORCH_DT, "sinabs": 1.0}.get(options.producer or "", options.dt)
    if dt is None:
        raise UsageError(Diagnostic("NC116", Location(name), {
            "file": name, "what": LACKS["dt"][0], "option": LACKS["dt"][1]}))
    exact = np.asarray(node.delay, np.float64) / dt
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
    if isinstance(node, n.Threshold):
        return Meaning(nir.threshold(), {"v_th": _one(node.threshold, name, "threshold")})
    makers: dict[str, Callable[[Any, str, NirOptions], Meaning]] = {
        "snntorch": partial(_snntorch, recurrent=recurrent), "spikingjelly": _spikingjelly,
        "norse": _norse, "sinabs": _sinabs, "nir": _by_the_book}
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
    cuba = isinstance(node, n.CubaLIF)
    tau = node.tau_mem if isinstance(node, n.CubaLIF) else node.tau
    pairs = [("r", node.r, tau)]
    if isinstance(node, n.CubaLIF) and node.w_in is not None:
        pairs.append(("w_in", node.w_in, node.tau_syn))
    for field, value, of in pairs:
        if not _close(_one(value, name, field) * SNNTORCH_DT, _one(of, name, "tau")):
            raise _unlike(name, f"snnTorch writes {field} = tau / {SNNTORCH_DT}")
    if _one(node.v_leak, name, "v_leak") or _reset_to(node, name):
        raise _unlike(name, "snnTorch writes no leak or reset potential")

    def retention(result: n.Floats) -> float:
        guess = 1 - SNNTORCH_DT / _one(result, name, "tau")
        return invert(lambda beta: SNNTORCH_DT / (1 - beta), guess, result)
    constants = {"v_th": _one(node.v_threshold, name, "v_threshold"), "beta": retention(tau)}
    if isinstance(node, n.CubaLIF):
        constants["alpha"] = retention(node.tau_syn)
    reset = {"hard": "zero", "soft": "subtract"}[options.reset or "hard"]
    if recurrent and not cuba and reset == "zero":
        return Meaning(nir.rleaky_of_snntorch(), constants)
    return Meaning(PROFILES[f"snntorch-{'synaptic' if cuba else 'leaky'}-{reset}"], constants)


def _spikingjelly(node: Any, name: str, options: NirOptions) -> Meaning:
    """IF r = 1/dt; LIF tau = tau_sj dt, r = 1 or tau_sj; CubaLIF as snnTorch's, with dt."""
    dt = float(options.dt or 0)
    if not isinstance(node, n.IF | n.LIF | n.CubaLIF):
        raise _unlike(name, f"SpikingJelly writes no {type(node).__name__}")
    r, v_reset = _one(node.r, name, "r"), _reset_to(node, name)
    constants = {"v_th": _one(node.v_threshold, name, "v_threshold"), "v_reset": v_reset}
    if isinstance(node, n.IF):
        if not _close(r * dt, 1.0):
            raise _unlike(name, f"SpikingJelly writes r = 1/dt, which is not {r:g} for dt = {dt:g}")
        return Meaning(PROFILES["spikingjelly-if-hard"], constants, v_reset)
    if isinstance(node, n.CubaLIF):
        keeps = {}
        for key, tau in (("beta", node.tau_mem), ("alpha", node.tau_syn)):
            guess = 1 - dt / _one(tau, name, "tau")
            keeps[key] = invert(lambda keep: dt / (1.0 - keep), guess, tau)
        return Meaning(nir.cuba_lif_of_spikingjelly(), constants | keeps, v_reset)
    if not _close(_one(node.v_leak, name, "v_leak"), v_reset):
        raise _unlike(name, "SpikingJelly leaks to the reset potential")
    constants["tau"] = invert(lambda tau: tau * dt, _one(node.tau, name, "tau") / dt, node.tau)
    charge = "div-tau" if _close(r, 1.0) else "sub-div-tau"
    if not _close(r, 1.0) and not _close(r, constants["tau"]):
        raise _unlike(name, f"SpikingJelly writes r = 1 or r = tau/dt, which is not {r:g} for "
                            f"dt = {dt:g}")
    return Meaning(PROFILES[f"spikingjelly-lif-{charge}-hard"], constants, v_reset)


def _norse(node: Any, name: str, options: NirOptions) -> Meaning:
    """tau = dt / tau_inv, where norse multiplies by dt tau_inv; r = 1 whatever dt is."""
    dt, kind = np.float32(options.dt or 0), type(node).__name__
    if not isinstance(node, n.IF | n.LI | n.LIF | n.CubaLIF) or _one(node.r, name, "r") != 1.0:
        raise _unlike(name, f"norse writes IF, LI, LIF and CubaLIF with r = 1, not this {kind}")
    if kind == "CubaLIF" and options.reset == "soft":
        raise bad_option("--nir-reset", "soft", f"`{name}` is norse's LIFCell, which resets hard")

    def rate(tau: n.Floats) -> float:
        guess = float(dt) / _one(tau, name, "tau")
        inverse = invert(lambda inv: float(dt) / inv, guess, tau)
        return float(dt * np.float32(inverse))
    constants: dict[str, float] = {}
    if not isinstance(node, n.LI):
        constants = {"v_th": _one(node.v_threshold, name, "v_threshold"),
                     "v_reset": _reset_to(node, name)}
    if isinstance(node, n.CubaLIF):
        constants.update(rate=rate(node.tau_mem), rate_syn=rate(node.tau_syn))
    elif not isinstance(node, n.IF):
        constants["rate"] = rate(node.tau)
    if not isinstance(node, n.IF):
        constants["v_leak"] = _one(node.v_leak, name, "v_leak")
    rest = constants.get("v_leak", 0.0)  # norse's cells start there
    return Meaning(nir.norse(kind, options.reset or "hard"), constants, rest)


def _sinabs(node: Any, name: str, options: NirOptions) -> Meaning:
    """tau in ticks, decay exp(-1/tau), input times 1 - decay (norm_input); r = 1."""
    kind = type(node).__name__
    if not isinstance(node, n.IF | n.LI | n.LIF) or _one(node.r, name, "r") != 1.0:
        raise _unlike(name, f"sinabs writes IF, LI and LIF with r = 1, not this {kind}")
    constants = {}
    if not isinstance(node, n.LI):
        constants = {"v_th": _one(node.v_threshold, name, "v_threshold"),
                     "v_reset": _reset_to(node, name)}
    if not isinstance(node, n.IF):
        if _one(node.v_leak, name, "v_leak"):
            raise _unlike(name, "sinabs leaks to 0")
        decay = np.exp(np.float32(-1.0) / np.float32(_one(node.tau, name, "tau")))
        constants.update(decay=float(decay), gain=float(np.float32(1) - decay))
    return Meaning(nir.sinabs(kind, options.reset or "hard"), constants)


def _by_the_book(node: Any, name: str, options: NirOptions) -> Meaning:
    """NIR's own equations. What differs between neurons moves out of them, into gain and offset."""
    dt, kind = float(options.dt or 0), type(node).__name__
    reset = options.reset or "hard"
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
