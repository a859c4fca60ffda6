"""Norse 1.1.0: LIF, LIFBox, IAF and LI cells, their forms over time, and recurrent LIF."""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import torch
from norse.torch.functional.reset import reset_subtract, reset_value

from tests.frameworks.drive import NEURONS, drive, recurrent_weights
from tests.frameworks.golden import Case
from tests.frameworks.recorders.common import case

DEFAULT: dict[str, float] = {}
HALF = {"tau_mem_inv": 500.0, "tau_syn_inv": 250.0}
ODD = {"tau_mem_inv": 223.0, "tau_syn_inv": 77.0, "v_leak": -0.1, "v_th": 0.7, "v_reset": -0.2}
RECURRENT = ("LIFRecurrentCell", "LIFRecurrent")


def parameters(kind: Any, options: dict[str, float], **more: Any) -> Any:
    """A parameter tuple with those of the options that it has."""
    fields = set(kind._fields)
    return kind(**{k: torch.tensor(c) for k, c in options.items() if k in fields}, **more)


def make(name: str, p: Any, dt: float, **more: Any) -> Any:
    """A module; recurrent ones take their input as it is (identity weights)."""
    if name not in RECURRENT:
        return getattr(norse, name)(p, dt=dt, **more)
    return getattr(norse, name)(
        NEURONS, NEURONS, p=p, dt=dt, input_weights=torch.eye(NEURONS),
        recurrent_weights=recurrent_weights().clone(), **more)


def run(name: str, p: Any, dt: float, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Output and state after each tick."""
    module, state, outputs, states = make(name, p, dt), None, [], []
    over_time = not name.endswith("Cell")
    for row in x:
        out, state = module(row[None] if over_time else row, state)
        outputs.append(out.reshape(NEURONS))
        states.append(state)
    ticks = {"v": torch.stack([state.v.expand(NEURONS).reshape(NEURONS) for state in states])}
    if hasattr(states[0], "i"):
        ticks["u"] = torch.stack([state.i.reshape(NEURONS) for state in states])
    out = torch.stack(outputs)
    if over_time and not torch.equal(make(name, p, dt)(x)[0].reshape(out.shape), out):
        raise ValueError(f"{name}: one call with all ticks differs")
    if name.startswith("LI") and not name.startswith("LIF"):
        if not torch.equal(out, ticks["v"]):
            raise ValueError(f"{name}: the output is not the membrane")
        return ticks | {"s": out}
    if name in RECURRENT:
        w = module.recurrent_weights.detach()
        before = torch.cat([torch.zeros(1, NEURONS), out[:-1]])
        ticks |= {"w_rec": w, "y": before @ w.T}
    return ticks | {"s": out}


def constants(p: Any, dt: float) -> dict[str, Any]:
    """The step sizes, multiplied in the framework's order, and the potentials."""
    fields = p._asdict()
    by_name = {k: fields[k] for k in ("v_leak", "v_th", "v_reset") if k in fields}
    if "tau_mem_inv" in fields:
        by_name["dt_mem"] = dt * torch.as_tensor(p.tau_mem_inv)
    if "tau_syn_inv" in fields:
        by_name["dt_syn"] = -dt * torch.as_tensor(p.tau_syn_inv)
    return by_name


def one(name: str, block: str, kind: Any, options: dict[str, float], version: str,
        dt: float = 0.001, scale: float = 1.0, **more: Any) -> Case:
    """One class with one set of parameters."""
    p = parameters(kind, options, **more)
    by_name = constants(p, dt)
    gap = float(by_name.get("v_th", 1.0)) - float(by_name.get("v_leak", 0.0))
    x = drive(scale, first=gap / float(by_name.get("dt_mem", 1.0)))
    public = {k: c for k, c in options.items() if k in kind._fields} | {"dt": dt}
    public |= {k: function.__name__ for k, function in more.items()}
    arrays = run(name, p, dt, x)
    start = {"u": 0.0, "v": float(by_name["v_leak" if "v_leak" in by_name else "v_reset"])}
    start = {k: c for k, c in start.items() if k in arrays}
    variants = ("tick by tick",) if name.endswith("Cell") else ("tick by tick", "one call")
    return case(make(name, p, dt), f"norse {version}", public, block, by_name, start,
                {"x": x, **arrays}, variants)


def cases(version: str) -> list[Case]:
    """Every class with default, dyadic and odd parameters."""
    rows = []
    for options, dt, scale in ((DEFAULT, 0.001, 2.0), (HALF, 0.001, 1.0), (ODD, 0.002, 1.0)):
        rest = (options, version, dt, scale)
        for name in ("LIFCell", "LIF"):
            rows.append(one(name, "norse-lif", norse.LIFParameters, *rest))
        for name in RECURRENT:
            rows.append(one(name, "norse-lif-recurrent", norse.LIFParameters, *rest))
        for name in ("LICell", "LI"):
            rows.append(one(name, "norse-li", norse.LIParameters, *rest))
        rows.append(one("LIBoxCell", "norse-li-box", norse.LIBoxParameters, *rest))
        stronger = (options, version, dt, 4 * scale)
        for reset in (reset_value, reset_subtract):
            rows.append(one("LIFBoxCell", f"norse-lif-box-{reset.__name__.removeprefix('reset_')}",
                             norse.LIFBoxParameters, *stronger, reset_method=reset))
    for options in (DEFAULT, {"v_th": 0.7, "v_reset": -0.2}):
        for name in ("IAFCell", "IAF"):
            rows.append(one(name, "norse-iaf", norse.IAFParameters, options, version))
    return rows
