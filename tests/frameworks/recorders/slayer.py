"""lava-dl 0.6.0 SLAYER: the CUBA neuron alone, and in Dense and Conv blocks."""

from __future__ import annotations

import sys
import types
from typing import Any

import torch

from tests.frameworks.drive import NEURONS, STEPS, drive
from tests.frameworks.golden import Case
from tests.frameworks.recorders.common import case

_NEEDS_OPENCV = "lava.lib.dl.slayer.object_detection"  # needs OpenCV and more
sys.modules[_NEEDS_OPENCV] = types.ModuleType(_NEEDS_OPENCV)

from lava.lib.dl.slayer.block import cuba as blocks
from lava.lib.dl.slayer.neuron import cuba

UNIT = 4096


def run(options: dict[str, Any], x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Spikes, and the states as integers, after each tick of a current [T, N]."""
    whole = cuba.Neuron(**options)(x.T[None])[0].T
    one = cuba.Neuron(**options, persistent_state=True)
    ticks: dict[str, list[torch.Tensor]] = {k: [] for k in "suv"}
    for row in x:
        ticks["s"].append(one(row[None, :, None])[0, :, 0])
        ticks["u"].append(one.current_state[0] * UNIT)
        ticks["v"].append(one.voltage_state[0] * UNIT)
    arrays = {k: torch.stack(rows) for k, rows in ticks.items()}
    if not torch.equal(arrays["s"], whole):
        raise ValueError(f"CUBA {options}: one call with all ticks differs")
    return arrays


def equations(options: dict[str, Any]) -> str:
    """Thresholds from 64 on lose the epsilon that SLAYER adds to them."""
    if options.get("graded_spike"):
        return "slayer-cuba-graded"
    return "slayer-cuba-large" if options["threshold"] >= 64 else "slayer-cuba"


def constants(neuron: Any) -> dict[str, float]:
    """Integers, as the forward uses them."""
    return {"keep_u": UNIT - float(neuron.cx_current_decay),
            "keep_v": UNIT - float(neuron.cx_voltage_decay),
            "v_th": neuron.threshold * UNIT}


def alone(options: dict[str, Any], version: str, scale: float = 1.0) -> Case:
    """The neuron on a current."""
    neuron = cuba.Neuron(**options)
    x = drive(scale, first=neuron.threshold)
    return case(neuron, f"lava-dl {version}", options, equations(options), constants(neuron),
                {"u": 0.0, "v": 0.0}, {"x": x, **run(options, x)},
                ("one call", "tick by tick with persistent_state"))


def block(name: str, options: dict[str, Any], shape: tuple[int, ...], make: dict[str, Any],
          version: str) -> Case:
    """A block on random spikes: its weights as trained and as used, its current, its output."""
    layer = getattr(blocks, name)(neuron_params=dict(options), **make)
    spikes = (torch.rand(1, *shape, STEPS) < 0.3).float()
    with torch.no_grad():
        random = torch.randn_like(layer.synapse.weight) * 0.4
        random -= random.mean(dim=(1, 2, 3, 4), keepdim=True) - 0.05
        random[0, 0, 0, 0], random[0, -1, -1, -1] = 5.0, -5.0  # are clipped
        layer.synapse.weight.copy_(random)
    x = layer.synapse(spikes)[0].flatten(0, -2).T.contiguous()
    out = layer(spikes)[0].flatten(0, -2).T.contiguous()
    weight = layer.synapse.weight[..., 0]
    arrays = {"x": x, **run(options, x), "input": spikes[0].flatten(0, -2).T, "output": out,
              "weight": weight, "weight_used": layer.synapse.pre_hook_fx(weight)}
    public = {**make, "neuron_params": options, "input_shape": list(shape)}
    return case(layer, f"lava-dl {version}", public, equations(options), constants(layer.neuron),
                {"u": 0.0, "v": 0.0}, arrays, ("one call",))


def cases(version: str) -> list[Case]:
    """Neurons with dyadic, odd and zero decays, thresholds that are rounded down; two blocks."""
    half = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.5}
    odd = {"threshold": 1.26, "current_decay": 0.2617, "voltage_decay": 0.0731}
    return [
        alone(half, version),
        alone(odd, version, 0.3),
        alone({**half, "voltage_decay": 0.0}, version),
        alone({**half, "current_decay": 1.0}, version, 2.0),
        alone({**half, "threshold": 64.0}, version, 64.0),
        alone({**odd, "graded_spike": True}, version, 0.3),
        block("Dense", half, (12,), {"in_neurons": 12, "out_neurons": NEURONS}, version),
        block("Conv", odd, (1, 4, 4), {"in_features": 1, "out_features": 2, "kernel_size": 3},
              version),
    ]
