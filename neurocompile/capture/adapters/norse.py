"""Norse 1.1: LIF, LIFBox, IAF, LI and LIBox cells, their forms over time, and recurrent LIF.

Equations: `norse/torch/functional` of 1.1.0, checked over 300 steps per variant. State is passed
by the caller as a named tuple and returned; None is rest. The modules themselves hold no state.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import (
    Adapter,
    StandIn,
    descends_from,
    framework_class,
    one_number,
    refusal,
)
from neurocompile.capture.adapters.probe import same_as
from neurocompile.semantics.floating import Constants, Profile
from neurocompile.semantics.profiles import PROFILES


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a class computes and returns."""

    profile: str
    state: str  # name of the tuple that its module imports
    over_time: bool = False
    recurrent: bool = False


_PACKAGE = "norse.torch.module."
_CLASSES = {
    _PACKAGE + "lif.LIFCell": _Kind("norse-lif", "LIFFeedForwardState"),
    _PACKAGE + "lif.LIF": _Kind("norse-lif", "LIFFeedForwardState", over_time=True),
    _PACKAGE + "lif.LIFRecurrentCell": _Kind("norse-lif-recurrent", "LIFState", recurrent=True),
    _PACKAGE + "lif.LIFRecurrent": _Kind("norse-lif-recurrent", "LIFState", True, True),
    _PACKAGE + "lif_box.LIFBoxCell": _Kind("norse-lif-box", "LIFBoxFeedForwardState"),
    _PACKAGE + "iaf.IAFCell": _Kind("norse-iaf", "IAFFeedForwardState"),
    _PACKAGE + "iaf.IAF": _Kind("norse-iaf", "IAFFeedForwardState", over_time=True),
    _PACKAGE + "leaky_integrator.LICell": _Kind("norse-li", "LIState"),
    _PACKAGE + "leaky_integrator.LI": _Kind("norse-li", "LIState", over_time=True),
    _PACKAGE + "leaky_integrator_box.LIBoxCell": _Kind("norse-li-box", "LIBoxState"),
}
_BASES = tuple(_PACKAGE + "snn." + name
               for name in ("SNNCell", "SNN", "SNNRecurrentCell", "SNNRecurrent"))
_DEFAULTS = {"tau_syn_inv": 200.0, "tau_mem_inv": 100.0, "v_leak": 0.0, "v_th": 1.0,
             "v_reset": 0.0}
_METHODS = ("heaviside", "super", "triangle", "tanh", "circ", "heavi_erfc")  # fire above v_th
_RESETS = {"reset_value": "value", "reset_subtract": "subtract"}


def profile_of(cls: str, version: str, options: Mapping[str, Any]
               ) -> tuple[Profile, dict[str, float]]:
    """The profile and constants of a class. Raises ValueError with the reason for other options.

    Numbers may be tensors: products with dt are rounded as their type is.
    """
    if cls not in _CLASSES:
        raise ValueError(f"{cls} has no profile")
    name = _CLASSES[cls].profile
    method = options.get("method", "super")
    if method not in _METHODS:
        raise ValueError(f"method={method!r}")
    if name == "norse-lif-box":
        reset = options.get("reset_method", "reset_value")
        if reset not in _RESETS:
            raise ValueError(f"reset_method {reset} is neither reset_value nor reset_subtract")
        name += "-" + _RESETS[reset]
    dt = options.get("dt", 0.001)
    values = {key: torch.as_tensor(options.get(key, default)) for key, default in _DEFAULTS.items()}
    values["dt_mem"], values["dt_syn"] = dt * values["tau_mem_inv"], -dt * values["tau_syn_inv"]
    profile = PROFILES[name]
    return profile, {key: float(values[key]) for key in profile.constants}


class NorseStandIn(StandIn):
    """Takes [B, ...] (cells) or [T, B, ...] and a state; returns what it emits, and the state."""

    def __init__(self, profile: Profile, constants: Constants, path: str, over_time: bool,
                 state: Any) -> None:
        rest = constants["v_leak" if "v_leak" in constants else "v_reset"]
        super().__init__(profile, constants, path, rest)
        self.over_time, self.state_type = over_time, state

    def forward(self, input_tensor: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """What is emitted per tick, and the state after the last one."""
        self.states |= {"u": getattr(state, "i", None), "v": getattr(state, "v", None)}
        x = input_tensor if self.over_time else input_tensor.unsqueeze(0)
        spikes = self.emit(x, state)
        after = {"z": spikes[-1], "v": self.states["v"], "i": self.states["u"]}
        return (spikes if self.over_time else spikes.squeeze(0),
                self.state_type(**{name: after[name] for name in self.state_type._fields}))

    def emit(self, x_seq: torch.Tensor, state: Any) -> torch.Tensor:
        """What is emitted [T, B, ...] for an input of that shape."""
        return self.ticks(x_seq)


class NorseRecurrentStandIn(NorseStandIn):
    """Weights of the input and of the recurrent synapses belong to the module, without bias."""

    def __init__(self, profile: Profile, constants: Constants, path: str, over_time: bool,
                 state: Any, weights: tuple[torch.Tensor, torch.Tensor]) -> None:
        super().__init__(profile, constants, path, over_time, state)
        self.input, self.recurrent = (_linear(weight) for weight in weights)

    def emit(self, x_seq: torch.Tensor, state: Any) -> torch.Tensor:
        """Spikes [T, B, N] for an input [T, B, M]; each tick hears the spikes of the one before."""
        z = state.z if state is not None else x_seq.new_zeros(
            (*x_seq.shape[1:-1], self.recurrent.in_features))
        spikes = []
        for x in x_seq:
            z = self.ticks(self.input(x).unsqueeze(0), self.recurrent(z).unsqueeze(0)).squeeze(0)
            spikes.append(z)
        return torch.stack(spikes)


def _linear(weight: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    return layer


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a Norse neuron, or None. Raises UsageError (NC111, NC203)."""
    cls = framework_class(module, "norse")
    kind = _CLASSES.get(cls)
    if kind is None:
        if any(descends_from(module, base) for base in _BASES):
            raise refusal(module, path, "supported are LIF, LIFBox, IAF, LI, LIBox and recurrent "
                                        "LIF, not their subclasses")
        return None
    m: Any = module
    if getattr(m, "record_states", False):
        raise refusal(module, path, "record_states=True asks for membrane potentials")
    try:
        profile, constants = profile_of(cls, "", _options(m, path))
    except ValueError as reason:
        raise refusal(module, path, str(reason)) from None
    state = getattr(sys.modules[type(module).__module__], kind.state)
    if kind.recurrent:
        return NorseRecurrentStandIn(profile, constants, path, kind.over_time, state,
                                     (m.input_weights, m.recurrent_weights))
    return same_as(module, path,
                  [NorseStandIn(profile, constants, path, kind.over_time, state)], observe)


def observe(neuron: Any, x: torch.Tensor) -> Iterator[object]:
    """What each tick gives and the state after it, from a module or its stand-in."""
    over_time = getattr(neuron, "over_time", "Cell" not in type(neuron).__name__)
    state = None
    for row in x:
        tick = row.unsqueeze(0)
        out, state = neuron(tick.unsqueeze(0) if over_time else tick, state)
        yield out, state


def _options(module: Any, path: str) -> dict[str, Any]:
    """The options of a module. Python numbers become float64: that is how Norse multiplies them."""
    options: dict[str, Any] = {"dt": module.dt}
    for name, value in module.p._asdict().items():
        if name in _DEFAULTS:
            one_number(value, module, path, name)
            options[name] = (value.detach() if isinstance(value, torch.Tensor)
                           else torch.tensor(value, dtype=torch.float64)).reshape(())
    options["method"] = getattr(module.p, "method", "super")
    function = getattr(module.p, "reset_method", None)
    if function is not None:
        ours = getattr(function, "__module__", "").endswith("norse.torch.functional.reset")
        options["reset_method"] = function.__name__ if ours else repr(function)
    return options


ADAPTER = Adapter(adapt)
