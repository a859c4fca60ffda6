"""Rockpool 3.1.0: LIFTorch with one synapse per neuron, with and without recurrent weights."""

from __future__ import annotations

from typing import Any

import torch
from rockpool.nn.modules import LIFTorch
from rockpool.nn.modules.torch.lif_torch import PeriodicExponential, StepPWL

from tests.frameworks.drive import NEURONS, drive, recurrent_weights
from tests.frameworks.golden import Case
from tests.frameworks.recorders.common import case

SPIKES = {"StepPWL": StepPWL, "PeriodicExponential": PeriodicExponential}


def make(options: dict[str, Any]) -> Any:
    """A fresh layer of NEURONS neurons."""
    keywords: dict[str, Any] = {
        k: torch.tensor(c) if k != "dt" and isinstance(c, list | float) else c
        for k, c in options.items()}
    if "spike_generation_fn" in keywords:
        keywords["spike_generation_fn"] = SPIKES[keywords["spike_generation_fn"]]
    if keywords.get("has_rec"):
        keywords["w_rec"] = recurrent_weights()
    return LIFTorch(NEURONS, **keywords)


def run(options: dict[str, Any], x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Spikes and states after each tick, from one call with all ticks; batch size 1."""
    whole = make(options)
    s, _, record = whole(x[None], record=True)
    arrays = {"s": s[0], "v": record["vmem"][0], "u": record["isyn"][0, :, :, 0]}
    one = make(options)
    ticks = torch.cat([one(row[None, None])[0][0] for row in x])
    if not torch.equal(ticks, arrays["s"]) or not torch.equal(one.vmem, arrays["v"][-1]):
        raise ValueError(f"LIFTorch {options}: tick by tick differs")
    if options.get("has_rec"):
        arrays |= {"y": record["irec"][0, :, :, 0], "w_rec": whole.w_rec.T}
    return arrays


def one(options: dict[str, Any], version: str) -> Case:
    """One set of options; the first tick of half the neurons meets the threshold exactly."""
    layer = make(options)
    by_name = {"alpha": layer.alpha, "beta": layer.beta, "bias": layer.bias,
             "v_th": layer.threshold, "s_max": layer.max_spikes_per_dt}
    beta = float(layer.beta.flatten()[0])
    x = drive(0.5 / beta, first=1.0 / beta)
    arrays = run(options, x)
    block = "rockpool-lif-recurrent" if options.get("has_rec") else "rockpool-lif"
    return case(layer, f"rockpool {version}", options, block, by_name, {"u": 0.0, "v": 0.0},
                {"x": x, **arrays}, ("one call", "tick by tick"))


def cases(version: str) -> list[Case]:
    """Leak modes, thresholds, biases, limits of spikes, recurrence."""
    half = {"leak_mode": "decays", "alpha": 0.5, "beta": 0.5}
    spread = {"tau_mem": [0.002 + 0.003 * i for i in range(NEURONS)],
              "threshold": [0.4 + 0.1 * i for i in range(NEURONS)]}
    settings: list[dict[str, Any]] = [
        half,
        {**half, "max_spikes_per_dt": 1.0},
        {**half, "has_rec": True},
        {"leak_mode": "bitshifts", "dash_mem": 2.0, "dash_syn": 1.0},
        {"tau_mem": 0.01, "tau_syn": 0.002, "threshold": 0.7, "bias": 0.05},
        {"tau_mem": 0.01, "tau_syn": 0.002, "bias": -0.1, "dt": 0.002,
         "spike_generation_fn": "PeriodicExponential"},
        {"tau_syn": 0.001, **spread},
        {"tau_mem": 0.005, "tau_syn": 0.001, "bias": 0.03, "has_rec": True},
    ]
    return [one(options, version) for options in settings]
