"""sinabs 3.1.3: LIF and IAF, their Squeeze and recurrent forms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import sinabs.layers
import torch
from sinabs.activation import (
    MaxSpike,
    MembraneReset,
    MembraneSubtract,
    MultiSpike,
    SingleSpike,
)

from tests.frameworks.drive import NEURONS, STEPS, drive, recurrent_weights
from tests.frameworks.golden import Case
from tests.frameworks.recorders.common import case

SPIKES = {"multi": MultiSpike, "single": SingleSpike, "max": MaxSpike(2)}
RESETS = {"subtract": MembraneSubtract(), "reset": MembraneReset(),
          "subtract-value": MembraneSubtract(0.6), "reset-value": MembraneReset(-0.25)}
LABELS = {"multi": "MultiSpike", "single": "SingleSpike", "max": "MaxSpike(2)",
         "subtract": "MembraneSubtract()", "reset": "MembraneReset()",
         "subtract-value": "MembraneSubtract(0.6)", "reset-value": "MembraneReset(-0.25)"}


def make(name: str, options: dict[str, Any]) -> Any:
    """A fresh layer; recurrent ones get a Linear without bias."""
    keywords = {**options, "spike_fn": SPIKES[options["spike_fn"]],
             "reset_fn": RESETS[options["reset_fn"]]}
    if "Squeeze" in name:
        keywords["batch_size"] = 1
    if "Recurrent" in name:
        keywords["rec_connect"] = torch.nn.Linear(NEURONS, NEURONS, bias=False)
        keywords["rec_connect"].weight.copy_(recurrent_weights())
    return getattr(sinabs.layers, name)(**keywords)


def run(name: str, options: dict[str, Any], x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Spikes and states after each tick, from one call with all ticks; batch size 1."""
    whole = make(name, options)
    if "Recurrent" not in name:
        whole.record_states = True
    s = whole(x if "Squeeze" in name else x[None]).reshape(x.shape)
    if "Recurrent" in name:
        return _recurrent(name, options, x, s)
    arrays = {"s": s, "v": whole.recordings["v_mem"][0]}
    if "i_syn" in whole.recordings:
        arrays["u"] = whole.recordings["i_syn"][0]
    one = make(name, options)
    ticks = torch.cat([one(t[None] if "Squeeze" in name else t[None, None]) for t in x])
    if not torch.equal(ticks.reshape(x.shape), s) or not torch.equal(one.v_mem, whole.v_mem):
        raise ValueError(f"{name} {options}: tick by tick differs")
    return arrays


def _recurrent(name: str, options: dict[str, Any], x: torch.Tensor,
               s: torch.Tensor) -> dict[str, torch.Tensor]:
    """States after t ticks are those of a run that stops there: every call forgets its spikes."""
    v, u = [], []
    for t in range(1, STEPS + 1):
        layer = make(name, options)
        layer(x[None, :t])
        v.append(layer.v_mem[0])
        if options.get("tau_syn"):
            u.append(layer.i_syn[0])
    w = layer.rec_connect.weight
    before = torch.cat([torch.zeros(1, NEURONS), s[:-1]])
    ticks = {"s": s, "v": torch.stack(v), "w_rec": w, "y": before @ w.T}
    return ticks | ({"u": torch.stack(u)} if u else {})


def block(name: str, options: dict[str, Any]) -> str:
    """The equations: input, synapse and gain; spike; reset; clip."""
    parts = ["sinabs"]
    if "Recurrent" in name:
        parts.append("recurrent")
    if options.get("tau_syn"):
        parts.append("syn")
    if options.get("norm_input", name.startswith("LIF")):
        parts.append("norm")
    parts += [options["spike_fn"], options["reset_fn"].removesuffix("-value")]
    if options.get("min_v_mem") is not None:
        parts.append("min")
    return "-".join(parts)


def constants(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """What the forward computes from the parameters."""
    layer = make(name, options)
    alpha = layer.alpha_mem_calculated
    reset = RESETS[options["reset_fn"]]
    by_name = {"alpha": alpha, "gain": 1 - alpha, "v_th": layer.spike_threshold}
    if options.get("tau_syn"):
        by_name["alpha_syn"] = layer.alpha_syn_calculated
    if options["spike_fn"] == "max":
        by_name["s_max"] = float(SPIKES["max"].max_num_spikes_per_bin)
    if isinstance(reset, MembraneReset):
        by_name["v_reset"] = reset.reset_value
    else:
        by_name["v_less"] = layer.spike_threshold
        if reset.subtract_value is not None:
            by_name["v_less"] = reset.subtract_value
    if options.get("min_v_mem") is not None:
        by_name["v_min"] = layer.min_v_mem
    return by_name


def one(name: str, options: dict[str, Any], version: str) -> Case:
    """One layer; the first tick of half the neurons meets the threshold exactly."""
    by_name = constants(name, options)
    gain = float(by_name["gain"]) if "-norm" in block(name, options) else 1.0
    gain *= float(by_name.get("alpha_syn", 1.0))
    x = drive(1.5 / gain if gain < 1 else 1.0, first=float(by_name["v_th"]) / gain)
    public = {k: float(c) if isinstance(c, torch.Tensor) else LABELS.get(c, c)
             for k, c in options.items()}
    variants = ("one call",) if "Recurrent" in name else ("one call", "tick by tick")
    arrays = run(name, options, x)
    return case(make(name, options), f"sinabs {version}", public, block(name, options), by_name,
                {k: 0.0 for k in "uv" if k in arrays}, {"x": x, **arrays}, variants)


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Options of IAF: spikes x reset x clip; of LIF: input side x spikes, and the odd resets."""
    for spike, reset, low in itertools.product(("multi", "single"), ("subtract", "reset"),
                                               (None, -0.5)):
        more = {"spike_fn": spike, "reset_fn": reset, "min_v_mem": low}
        yield "IAF", more
        yield "IAFSqueeze", more
        yield "LIF", {"tau_mem": 3.0, **more}
        yield "LIFSqueeze", {"tau_mem": 3.0, **more}
    for norm, syn, (spike, reset) in itertools.product(
            (True, False), (None, 2.0), (("multi", "subtract"), ("single", "reset"))):
        yield "LIF", {"tau_mem": 5.0, "norm_input": norm, "tau_syn": syn, "spike_fn": spike,
                      "reset_fn": reset, "spike_threshold": torch.tensor(0.7)}
    yield "LIF", {"tau_mem": 5.0, "tau_syn": 2.0, "train_alphas": True, "spike_fn": "multi",
                  "reset_fn": "subtract"}
    yield "IAF", {"tau_syn": 2.0, "spike_fn": "multi", "reset_fn": "subtract"}
    yield "LIF", {"tau_mem": 3.0, "norm_input": False, "spike_fn": "max", "reset_fn": "subtract"}
    for spike, reset in (("multi", "subtract-value"),
                         ("single", "reset-value"), ("multi", "reset-value")):
        yield "LIF", {"tau_mem": 3.0, "spike_fn": spike, "reset_fn": reset}
    for spike, syn in (("multi", None), ("single", 2.0)):
        yield "LIFRecurrent", {"tau_mem": 3.0, "tau_syn": syn, "spike_fn": spike,
                               "reset_fn": "subtract"}
        yield "IAFRecurrent", {"spike_fn": spike, "reset_fn": "subtract"}


def cases(version: str) -> list[Case]:
    """Every setting."""
    return [one(name, options, version) for name, options in settings()]
