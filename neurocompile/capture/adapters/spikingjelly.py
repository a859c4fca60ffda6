"""SpikingJelly 2.0: IFNode, LIFNode and ParametricLIFNode, step modes s and m.

Equations: `spikingjelly/activation_based/neuron` of 2.0.0, checked over 300 steps per variant.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import StandIn, descends_from, qualified, refused
from neurocompile.semantics.profiles import PROFILES

_PACKAGE = "spikingjelly.activation_based.neuron."
_CLASSES = {
    _PACKAGE + "integrate_and_fire.IFNode": "if",
    _PACKAGE + "lif.LIFNode": "lif",
    _PACKAGE + "plif.ParametricLIFNode": "plif",
}


class SpikingJellyStandIn(StandIn):
    """Takes [T, B, ...] in step mode m and [B, ...] in step mode s."""

    def __init__(self, profile: str, constants: dict[str, float], path: str,
                 multi_step: bool) -> None:
        super().__init__(PROFILES[profile], constants, path, constants["v_reset"])
        self.multi_step = multi_step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes of the same shape as x."""
        return self.ticks(x) if self.multi_step else self.ticks(x.unsqueeze(0)).squeeze(0)


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a SpikingJelly neuron, or None. Raises UsageError (NC111)."""
    kind = _CLASSES.get(qualified(module))
    if kind is None:
        if descends_from(module, _PACKAGE + "base_node.BaseNode"):
            raise refused(module, path, "supported are IFNode, LIFNode and ParametricLIFNode, not "
                                        "their subclasses")
        return None
    m: Any = module
    v_reset, multi_step = m.v_reset, m.step_mode == "m"
    reset = "soft" if v_reset is None else "hard"
    constants = {"v_th": float(m.v_threshold), "v_reset": float(v_reset or 0.0)}
    if m.store_v_seq:
        raise refused(module, path, "store_v_seq=True asks for membrane potentials")
    if kind == "if":
        profile = f"spikingjelly-if-{reset}"
    elif kind == "lif":
        charge = "div-tau" if m.decay_input else "sub-div-tau"
        profile = f"spikingjelly-lif-{charge}-{reset}"
        constants["tau"] = float(m.tau)
    else:
        charge = "rate" if m.decay_input else "sub-rate"
        profile = f"spikingjelly-lif-{charge}-{reset}"
        constants["rate"] = float(torch.sigmoid(m.w.detach()))
    return SpikingJellyStandIn(profile, constants, path, multi_step)


def reset(module: nn.Module) -> None:
    """What `functional.reset_net` does to one module."""
    if descends_from(module, "spikingjelly.activation_based.base.MemoryModule"):
        memory: Any = module
        memory.reset()
