"""lava-dl SLAYER 0.6: the CUBA neuron, its synapses, and the CUBA blocks made of them.

Equations: `lava/lib/dl/slayer` of 0.6.0, checked over 300 steps per variant. Time is the last axis.
Weights are fixed as the blocks use them: normed, rounded to multiples of 1 / 32 and clipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import (
    Adapter,
    StandIn,
    descends_from,
    full_class_name,
    one_number,
    refusal,
)
from neurocompile.capture.adapters.slayer_layers import BLOCKS, SYNAPSES, Synapse, block
from neurocompile.semantics.equations import SHIFT_ONE
from neurocompile.semantics.floating import Constants, Profile
from neurocompile.semantics.profiles import PROFILES

_PACKAGE = "lava.lib.dl.slayer."
_NEURON = _PACKAGE + "neuron.cuba.Neuron"
_BASE = _PACKAGE + "neuron.base.Neuron"
_DROPOUT = _PACKAGE + "neuron.dropout.Dropout"
_BLOCK = _PACKAGE + "block.cuba."
_LAYER = _PACKAGE + "synapse.layer."
UNIT, SCALE = SHIFT_ONE, 64


def profile_of(cls: str, version: str, options: Mapping[str, Any]
               ) -> tuple[Profile, dict[str, float]]:
    """The profile and constants of a neuron or block. Raises ValueError for other options."""
    if cls.removeprefix(_BLOCK) in BLOCKS:
        options = options["neuron_params"]
    elif cls != _NEURON:
        raise ValueError(f"{cls} has no profile")
    if options.get("scale", SCALE) != SCALE:
        raise ValueError(f"scale={options['scale']}: its states are in other units")
    if options.get("norm") is not None:
        raise ValueError("a norm acts on its synaptic current")
    if not options.get("shared_param", True):
        raise ValueError("shared_param=False gives every channel decays of its own")
    threshold = int(options["threshold"] * SCALE) / SCALE
    if threshold <= 0:
        raise ValueError(f"threshold {threshold} is not above 0")
    keep = {f"keep_{state}": UNIT - round(float(torch.tensor(UNIT * options[name])))
            for state, name in (("u", "current_decay"), ("v", "voltage_decay"))}
    if any(not 0 <= value <= UNIT for value in keep.values()):
        raise ValueError("a decay is outside of 0 to 1")
    name = "slayer-cuba" + ("" if _strict(threshold) else "-large") + (
        "-graded" if options.get("graded_spike") else "")
    return PROFILES[name], {**keep, "v_th": threshold * UNIT}


def _strict(threshold: float) -> bool:
    """Whether SLAYER's comparison with threshold + 0.01 / 4096 in float32 is a strict one."""
    return bool(torch.tensor(threshold + 0.01 / UNIT) > torch.tensor(threshold))


class SlayerStandIn(StandIn):
    """Takes a current [B, ..., T]; spikes of that shape. From rest unless state persists."""

    def __init__(self, profile: Profile, constants: Constants, path: str,
                 persistent: bool) -> None:
        super().__init__(profile, constants, path)
        self.persistent_state = persistent

    def forward(self, current: torch.Tensor) -> torch.Tensor:
        """Spikes of all ticks."""
        x_seq = current.movedim(-1, 0)
        if not self.persistent_state or self.shape not in (None, x_seq.shape[1:]):
            self.reset()
        return self.ticks(x_seq).movedim(0, -1)


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a neuron, synapse or block of SLAYER, or None. Raises UsageError (NC111)."""
    cls, m = full_class_name(module), module
    if cls == _NEURON:
        return _neuron(m, path)
    if cls.removeprefix(_LAYER) in SYNAPSES:
        return Synapse(m, cls.removeprefix(_LAYER))
    try:
        if cls.removeprefix(_BLOCK) in BLOCKS:
            return block(m, cls.removeprefix(_BLOCK))
    except ValueError as reason:
        raise refusal(module, path, str(reason)) from None
    if any(descends_from(module, base) for base in (_BASE, _BLOCK + "AbstractCuba")):
        raise refusal(module, path, "supported are the CUBA neuron and the CUBA blocks "
                                    f"{', '.join(BLOCKS)}, not their subclasses")
    return None


def _neuron(module: Any, path: str) -> nn.Module:
    options = {name: one_number(getattr(module, name), module, path, name) / UNIT
               for name in ("current_decay", "voltage_decay")}
    options |= {"threshold": module.threshold, "scale": module.scale, "norm": module.norm,
                "shared_param": module.shared_param, "graded_spike": module.graded_spike}
    if module.drop is not None and full_class_name(module.drop) != _DROPOUT:
        raise refusal(module, path, f"its dropout is {module.drop!r}, not slayer.neuron.Dropout")
    try:
        profile, constants = profile_of(_NEURON, "", options)
    except ValueError as reason:
        raise refusal(module, path, str(reason)) from None
    return SlayerStandIn(profile, constants, path, bool(module.persistent_state))


def reset(module: nn.Module) -> None:
    """Forget the state of a neuron and, with persistent state, the last spikes of a block."""
    if descends_from(module, _BASE):
        for name in ("current_state", "voltage_state"):
            if name in module._buffers:
                setattr(module, name, torch.zeros(1))
    if hasattr(module, "delay_buffer") and full_class_name(module).startswith(_PACKAGE):
        vars(module)["delay_buffer"] = None


ADAPTER = Adapter(adapt, reset)
