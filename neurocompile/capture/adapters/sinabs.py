"""sinabs 3.1: IAF and LIF, their Squeeze and recurrent forms.

Equations: `sinabs/layers/functional/lif.py` of 3.1.3, checked over 300 steps per variant. State is
carried from call to call; the spikes that a recurrent layer hears start at 0 in every call.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
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
from neurocompile.semantics.profiles import sinabs as profiles

_CLASSES = tuple(f"sinabs.layers.{kind.lower()}.{kind}{form}"
                 for kind in ("IAF", "LIF") for form in ("", "Squeeze", "Recurrent"))
_BASE = "sinabs.layers.stateful_layer.StatefulLayer"
_SPIKES = {"MultiSpike": "multi", "SingleSpike": "single", "MaxSpike": "max"}
_RESETS = {"MembraneSubtract": "subtract", "MembraneReset": "reset"}
_CALL = re.compile(r"(\w+)(?:\((.*)\))?")


def profile_of(cls: str, version: str, options: Mapping[str, Any]
               ) -> tuple[Profile, dict[str, float]]:
    """The profile and constants of a class. Raises ValueError with the reason for other options.

    `spike_fn` and `reset_fn` are texts: `MaxSpike(2)`. `alpha_mem` and `alpha_syn` stand for the
    time constants where `train_alphas` makes them parameters.
    """
    if cls not in _CLASSES:
        raise ValueError(f"{cls} has no profile")
    name = cls.rpartition(".")[2]
    spike, spike_value = _function("spike_fn", options.get("spike_fn", "MultiSpike"), _SPIKES)
    reset, reset_value = _function("reset_fn", options.get("reset_fn", "MembraneSubtract()"),
                                   _RESETS)
    if spike == "max" and spike_value is None:
        spike = "multi"
    low = options.get("min_v_mem")
    v_th = options.get("spike_threshold", 1.0)
    alpha = _alpha(options, "mem") if name.startswith("LIF") else torch.tensor(1.0)
    alpha_syn = _alpha(options, "syn")
    values = {"v_th": v_th, "alpha": alpha, "gain": 1 - alpha if alpha is not None else None,
              "alpha_syn": alpha_syn, "s_max": spike_value, "v_min": low,
              "v_less": v_th if reset_value is None else reset_value,
              "v_reset": 0.0 if reset_value is None else reset_value}
    norm = name.startswith("LIF") and options.get("norm_input", True)
    profile = PROFILES[profiles.name("Recurrent" in name, alpha_syn is not None, norm, spike,
                                     reset, low is not None)]
    return profile, {key: float(values[key]) for key in profile.constants}


def _alpha(options: Mapping[str, Any], which: str) -> torch.Tensor | None:
    """exp(-1 / tau) in float32, as the layers compute it; None without a time constant."""
    if options.get(f"alpha_{which}") is not None:
        return torch.as_tensor(options[f"alpha_{which}"], dtype=torch.float32)
    tau = options.get(f"tau_{which}")
    return None if tau is None else torch.exp(-1.0 / torch.as_tensor(tau, dtype=torch.float32))


def _function(option: str, text: str, functions: Mapping[str, str]) -> tuple[str, float | None]:
    """(what a function is called in profiles, its argument)."""
    match = _CALL.fullmatch(text)
    if match is None or match[1] not in functions:
        raise ValueError(f"{option}={text}; supported are {', '.join(functions)}")
    return functions[match[1]], float(match[2]) if match[2] else None


class SinabsStandIn(StandIn):
    """Takes [B, T, ...], or [B * T, ...] in the Squeeze forms, whose sizes are then given."""

    def __init__(self, profile: Profile, constants: Constants, path: str,
                 sizes: tuple[int, int] | None, rec_connect: nn.Module | None) -> None:
        super().__init__(profile, constants, path)
        self.sizes, self.rec_connect = sizes, rec_connect

    def reset_states(self) -> None:
        """What the layers call it."""
        self.reset()

    def forward(self, input_data: torch.Tensor) -> torch.Tensor:
        """Spikes of the same shape as the input."""
        x = input_data
        if self.sizes is not None:
            x = x.reshape(*self.sizes, *x.shape[1:])
        x_seq = x.transpose(0, 1)
        if self.shape not in (None, x_seq.shape[1:]):
            self.reset()
        spikes = (self.ticks(x_seq) if self.rec_connect is None
                  else self._recurrent(x_seq, self.rec_connect)).transpose(0, 1)
        return spikes if self.sizes is None else spikes.flatten(0, 1)

    def _recurrent(self, x_seq: torch.Tensor, connect: nn.Module) -> torch.Tensor:
        y = torch.zeros_like(x_seq[0])
        train = []
        for x in x_seq:
            spikes = self.ticks(x.unsqueeze(0), y.unsqueeze(0)).squeeze(0)
            y = connect(spikes).reshape(x.shape)
            train.append(spikes)
        return torch.stack(train)


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a sinabs layer, or None. Raises UsageError (NC111, NC203)."""
    cls = framework_class(module, "sinabs")
    if cls not in _CLASSES:
        if descends_from(module, _BASE):
            raise refusal(module, path, "supported are IAF and LIF, their Squeeze and recurrent "
                                        "forms, not their subclasses")
        return None
    m: Any = module
    try:
        profile, constants = profile_of(cls, "", _options(m, path))
    except ValueError as reason:
        raise refusal(module, path, str(reason)) from None
    sizes = (m.batch_size, m.num_timesteps) if "Squeeze" in cls else None
    connect = getattr(m, "rec_connect", None)
    stand_in = SinabsStandIn(profile, constants, path, sizes, connect)
    return stand_in if connect is not None else same_as(module, path, [stand_in], observe)


def observe(layer: Any, x: torch.Tensor) -> Iterator[object]:
    """Spikes and potential of each tick, or of each block of the ticks that a Squeeze form takes."""
    sizes = getattr(layer, "sizes", None) or (
        getattr(layer, "batch_size", -1), getattr(layer, "num_timesteps", -1))
    batch, ticks = (max(size, 1) for size in sizes)
    squeezed = getattr(layer, "sizes", None) is not None or "Squeeze" in type(layer).__name__
    whole = x.repeat(-(-ticks // len(x)), 1)  # one block at least
    for start in range(0, len(whole) - ticks + 1, ticks):
        both = whole[start:start + ticks].expand(batch, -1, -1)
        spikes = layer(both.flatten(0, 1) if squeezed else both)
        yield spikes, layer.states["v"] if isinstance(layer, StandIn) else layer.v_mem


def _options(module: Any, path: str) -> dict[str, Any]:
    """The options of a layer, read off its attributes."""
    options: dict[str, Any] = {"norm_input": module.norm_input}
    for name in ("tau_mem", "tau_syn", "alpha_mem", "alpha_syn", "spike_threshold", "min_v_mem"):
        value = getattr(module, name, None)
        if value is not None:
            options[name] = one_number(value, module, path, name)
    spike, reset = module.spike_fn, module.reset_fn
    options["spike_fn"] = _text(spike, getattr(spike, "max_num_spikes_per_bin", None))
    options["reset_fn"] = _text(
        reset, getattr(reset, "reset_value", getattr(reset, "subtract_value", None)))
    return options


def _text(function: Any, argument: Any) -> str:
    """A spike or reset function of sinabs as text; of anyone else's, its representation."""
    cls = function if isinstance(function, type) else type(function)
    if ".sinabs.activation." not in f".{cls.__module__}":
        return repr(function)
    return cls.__name__ if argument is None else f"{cls.__name__}({float(argument)!r})"


def copy_layer(module: nn.Module, memo: dict[int, Any]) -> None:
    """Copy a layer into a deepcopy memo: the recurrent layers' own `__deepcopy__` fails."""
    if descends_from(module, _BASE) and id(module) not in memo:
        twin = memo[id(module)] = type(module).__new__(type(module))
        vars(twin).update(copy.deepcopy(vars(module), memo))


def reset(module: nn.Module) -> None:
    """Forget the state that a layer keeps in its buffers `v_mem` and `i_syn`."""
    if descends_from(module, _BASE):
        for name in ("v_mem", "i_syn"):
            if name in module._buffers:
                setattr(module, name, torch.zeros(0))


ADAPTER = Adapter(adapt, reset, copy=copy_layer)
