"""snnTorch 1.0: Leaky and Synaptic, explicit and hidden state, reset subtract, zero or none.

Equations: `snntorch/_neurons` of 1.0.0, checked over 300 steps per variant. The default reset is
delayed: the threshold is subtracted in the tick after the spike, after the decay.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import (
    StandIn,
    descends_from,
    one_number,
    qualified,
    refused,
)
from neurocompile.semantics.profiles import PROFILES

_CLASSES = {"snntorch._neurons.leaky.Leaky": "leaky", "snntorch._neurons.synaptic.Synaptic": "synaptic"}
_BASE = "snntorch._neurons.neurons.SpikingNeuron"


class SnnTorchStandIn(StandIn):
    """Keeps snnTorch's calling conventions: state in and out, hidden, or both."""

    def __init__(self, profile: str, constants: dict[str, float], path: str, synaptic: bool,
                 hidden: bool, output: bool) -> None:
        super().__init__(PROFILES[profile], constants, path)
        self.synaptic, self.hidden, self.output = synaptic, hidden, output

    def reset_mem(self) -> Any:
        """State tensors that mean "none yet": the first input fixes their shape."""
        self.reset()
        empty = torch.zeros(0)
        return (empty, empty) if self.synaptic else empty

    init_leaky = init_synaptic = reset_mem

    def forward(self, x: torch.Tensor, *state: torch.Tensor | None) -> Any:
        """Spikes, then (syn,) mem unless the state is hidden."""
        names = ("u", "v") if self.synaptic else ("v",)
        for name, given in zip(names, state, strict=False):
            if given is not None:
                setattr(self, name, given)
        for name in ("u", "v"):
            held = getattr(self, name)
            if held is not None and held.shape != x.shape:
                setattr(self, name, None)
        spikes = self.ticks(x.unsqueeze(0)).squeeze(0)
        if self.hidden and not self.output:
            return spikes
        return (spikes, *(getattr(self, name) for name in names))


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for an snnTorch neuron, or None. Raises UsageError (NC111, NC203)."""
    kind = _CLASSES.get(qualified(module))
    if kind is None:
        if descends_from(module, _BASE):
            raise refused(module, path, "supported are Leaky and Synaptic, not their subclasses")
        return None
    m: Any = module
    for quirk, reason in ((m.inhibition, "inhibition=True"), (m.state_quant, "state_quant is set"),
                          (not m.reset_delay, "reset_delay=False")):
        if quirk:
            raise refused(module, path, reason)
    if one_number(m.graded_spikes_factor, module, path, "graded_spikes_factor") != 1.0:
        raise refused(module, path, "graded_spikes_factor is not 1")
    constants = {"v_th": one_number(m.threshold, module, path, "threshold"),
                 "beta": min(max(one_number(m.beta, module, path, "beta"), 0.0), 1.0)}
    if kind == "synaptic":
        constants["alpha"] = min(max(one_number(m.alpha, module, path, "alpha"), 0.0), 1.0)
    profile = f"snntorch-{kind}-{m.reset_mechanism}"
    return SnnTorchStandIn(profile, constants, path, kind == "synaptic", bool(m.init_hidden),
                           bool(m.output))


def reset(module: nn.Module) -> None:
    """Forget the state that snnTorch keeps in its buffers `mem` and `syn`."""
    if descends_from(module, _BASE):
        for name in ("mem", "syn"):
            if hasattr(module, name):
                setattr(module, name, torch.zeros(0))
