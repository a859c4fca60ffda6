"""snnTorch 1.0.0: Leaky, RLeaky, Synaptic, RSynaptic, Lapicque."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import snntorch
import torch

from tests.frameworks.drive import NEURONS, drive, recurrent_weights
from tests.frameworks.golden import Case
from tests.frameworks.recorders.common import case

SYNAPTIC = ("Synaptic", "RSynaptic")
RESETS = ("subtract", "zero", "none")


def make(name: str, options: dict[str, Any], hidden: bool) -> Any:
    """A fresh cell; recurrent Linear layers get weights and biases of multiples of 1/16."""
    keywords = {k: torch.tensor(c) if isinstance(c, list) else c for k, c in options.items()}
    cell = getattr(snntorch, name)(**keywords, init_hidden=hidden, output=hidden)
    if options.get("all_to_all"):
        with torch.no_grad():
            cell.recurrent.weight.copy_(recurrent_weights())
            cell.recurrent.bias.copy_(recurrent_weights(seed=2)[0] / 4)
    return cell


def run(name: str, options: dict[str, Any], hidden: bool, x: torch.Tensor) -> dict[str, Any]:
    """s, u, v and the recurrent current y after each tick, batch size 1."""
    cell = make(name, options, hidden)
    y: list[torch.Tensor] = []
    if hasattr(cell, "recurrent"):
        cell.recurrent.register_forward_hook(lambda module, inputs, out: y.append(out))
    state = cell.reset_mem()
    state = (state,) if isinstance(state, torch.Tensor) else state
    ticks: dict[str, list[torch.Tensor]] = {k: [] for k in "suvy"}
    recurrent = name.startswith("R")
    for row in x:
        out = cell(row.unsqueeze(0), *([] if hidden else state))
        state = out if recurrent else out[1:]
        ticks["s"].append(out[0])
        ticks["v"].append(out[-1].clone())
        if name in SYNAPTIC:
            ticks["u"].append(out[-2].clone())
        if y:
            ticks["y"].append(y[-1])
    arrays = {k: torch.cat(rows) for k, rows in ticks.items() if rows}
    if options.get("all_to_all"):
        arrays |= {"w_rec": cell.recurrent.weight, "b_rec": cell.recurrent.bias}
    return arrays


def block(name: str, options: dict[str, Any]) -> str:
    """The equations of a class and its options."""
    reset = options.get("reset_mechanism", "subtract")
    at_once = "" if options.get("reset_delay", True) or reset == "none" else "-at-once"
    suffix = "-scaled" if "graded_spikes_factor" in options else ""
    return f"snn-{name.lower()}-{reset}{at_once}{suffix}"


def constants(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The buffers of a cell, as its forward uses them."""
    cell = make(name, options, False)
    by_name: dict[str, Any] = {"v_th": cell.threshold}
    if name == "Lapicque":
        rc = cell.R * cell.C
        return by_name | {"R": cell.R, "dt": cell.time_step, "inv_rc": 1 / rc,
                        "keep": 1 - cell.time_step / rc}
    by_name["beta"] = cell.beta.clamp(0, 1)
    if name in SYNAPTIC:
        by_name["alpha"] = cell.alpha.clamp(0, 1)
    if "graded_spikes_factor" in options:
        by_name["factor"] = cell.graded_spikes_factor
    return by_name


def one(name: str, options: dict[str, Any], version: str) -> Case:
    """The case, after both ways of keeping state gave the same numbers."""
    scale = 4.0 if name == "Lapicque" else 1.0
    threshold = options.get("threshold", 1.0)
    x = drive(scale, first=threshold[0] if isinstance(threshold, list) else threshold)
    outside, hidden = run(name, options, False, x), run(name, options, True, x)
    for k in outside:
        if not torch.equal(outside[k], hidden[k]):
            raise ValueError(f"{name} {options}: init_hidden changes {k}")
    start = {k: 0.0 for k in "uv" if k in outside}
    cell = make(name, options, False)
    if not options.get("all_to_all") and "V" in options:
        outside["w_rec"] = cell.V.expand(NEURONS)
    return case(cell, f"snntorch {version}", options, block(name, options),
                constants(name, options), start, {"x": x, **outside},
                ("state passed", "init_hidden"))


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Classes and their constructor arguments."""
    linear = {"all_to_all": True, "linear_features": NEURONS}
    for reset, delay in itertools.product(RESETS, (True, False)):
        more = {"reset_mechanism": reset, "reset_delay": delay}
        yield "Leaky", {"beta": 0.87, "threshold": 0.7, **more}
        yield "Synaptic", {"alpha": 0.6, "beta": 0.8, **more}
        yield "RLeaky", {"beta": 0.87, "V": 0.3, "all_to_all": False, **more}
    per_neuron = [float(b) for b in np.linspace(0.05, 1.0, NEURONS, dtype=np.float32)]
    thresholds = [0.5 + 0.25 * i for i in range(NEURONS)]
    for reset in RESETS[:2]:
        more = {"reset_mechanism": reset}
        yield "Leaky", {"beta": per_neuron, **more}
        yield "Leaky", {"beta": 0.5, "threshold": thresholds, **more}
        yield "Leaky", {"beta": 1.5 if reset == "subtract" else -0.25, **more}
        for delay in (True, False):
            yield "Leaky", {"beta": 0.5, "graded_spikes_factor": 0.3, "reset_delay": delay, **more}
        yield "RLeaky", {"beta": 0.5, **linear, **more}
        yield "RSynaptic", {"alpha": 0.5, "beta": 0.5, **linear, **more}
    for reset in RESETS:
        more = {"reset_mechanism": reset}
        yield "RSynaptic", {"alpha": 0.6, "beta": 0.7, "V": -0.4, "all_to_all": False, **more}
        yield "Lapicque", {"R": 2.0, "C": 1.0, **more}
        yield "Lapicque", {"R": 5, "C": 0.7, "time_step": 1, "threshold": 0.7, **more}
    yield "Lapicque", {"beta": 0.7, "R": 2, "time_step": 0.5}
    yield "Lapicque", {"beta": 0.5}


def cases(version: str) -> list[Case]:
    """Every setting."""
    return [one(name, options, version) for name, options in settings()]
