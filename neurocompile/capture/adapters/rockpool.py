"""Rockpool 3.1: LIFTorch with one synapse per neuron, with and without recurrent weights.

Equations: `rockpool/nn/modules/torch/lif_torch.py` of 3.1.0, checked over 300 steps per variant.
A module returns (output, state, record), or the output alone once it has torch's API. State is
carried from call to call, that of the first sample to all samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from neurocompile.capture.adapters.probe import same_as
from neurocompile.semantics.floating import Constants, Profile
from neurocompile.semantics.profiles import PROFILES

_PACKAGE = "rockpool.nn.modules.torch."
_LIF = _PACKAGE + "lif_torch.LIFTorch"
_TORCH_MODULE = _PACKAGE + "torch_module.TorchModule"
_SPIKES = ("StepPWL", "PeriodicExponential")  # one forward, two surrogate gradients


def profile_of(cls: str, version: str, options: Mapping[str, Any]
               ) -> tuple[Profile, dict[str, float]]:
    """The profile and constants of a class. Raises ValueError with the reason for other options.

    Parameters are numbers, or one number per neuron, which must be equal.
    """
    if cls != _LIF:
        raise ValueError(f"{cls} has no profile")
    function = options.get("spike_generation_fn", "StepPWL")
    if function not in _SPIKES:
        raise ValueError(f"spike_generation_fn is {function}, not one of {', '.join(_SPIKES)}")
    if options.get("noise_std", 0.0) != 0:
        raise ValueError("noise_std adds random numbers to its potential")
    values = {"alpha": _decay(options, "mem"), "beta": _decay(options, "syn"),
              "bias": options.get("bias", 0.0), "v_th": options.get("threshold", 1.0),
              "s_max": options.get("max_spikes_per_dt", 2.0**16)}
    numbers = {name: _one(name, value) for name, value in values.items()}
    profile = PROFILES["rockpool-lif" + ("-recurrent" if options.get("has_rec") else "")
                       + ("-single" if numbers["s_max"] == 1 else "")]
    return profile, {name: numbers[name] for name in profile.constants}


def _decay(options: Mapping[str, Any], which: str) -> torch.Tensor:
    """What a state keeps from tick to tick, computed as the module does in its leak mode."""
    mode = options.get("leak_mode", "taus")
    names = {"taus": (f"tau_{which}", 0.02), "bitshifts": (f"dash_{which}", 1.0),
             "decays": ("alpha" if which == "mem" else "beta", 0.5)}
    if mode not in names:
        raise ValueError(f"leak_mode={mode!r}")
    name, default = names[mode]
    value = torch.as_tensor(options.get(name, default), dtype=torch.float32)
    if mode == "taus":
        return torch.exp(-options.get("dt", 1e-3) / value)
    return value if mode == "decays" else 1 - 1 / 2**value


def _one(name: str, value: Any) -> float:
    values = set(torch.as_tensor(value, dtype=torch.float32).reshape(-1).tolist())
    if len(values) != 1:
        raise ValueError(f"{name} has {len(values)} different values")
    return float(values.pop())


class RockpoolStandIn(StandIn):
    """Takes [B, T, N], [T, N] or [T], as the module does; spikes [B, T, N]."""

    def __init__(self, profile: Profile, constants: Constants, path: str, size: int,
                 w_rec: torch.Tensor | None, torch_api: bool) -> None:
        super().__init__(profile, constants, path)
        self.size, self.torch_api = size, torch_api
        self.recurrent = None if w_rec is None else nn.Linear(size, size, bias=False)
        if self.recurrent is not None and w_rec is not None:
            self.recurrent.weight = nn.Parameter(w_rec.detach().T, requires_grad=False)
        self.spikes: torch.Tensor | None = None  # of the first sample's last tick

    def reset(self) -> None:
        """Forget all states and the last spikes."""
        super().reset()
        self.spikes = None

    def forward(self, input_data: Any, record: bool = False) -> Any:
        """Spikes; unless it has torch's API, with what it is given beside its input."""
        x, *rest = input_data if isinstance(input_data, tuple) else (input_data, {}, {})
        if x.ndim < 3:
            x = x.unsqueeze(0) if x.ndim == 2 else x.reshape(-1, 1, 1)
        x_seq = x.expand(*x.shape[:2], self.size).transpose(0, 1)
        spikes = self.ticks(x_seq) if self.recurrent is None else self._recurrent(
            x_seq, self.recurrent)
        self.states = {name: state if state is None else state[0]
                       for name, state in self.states.items()}
        self.spikes = spikes[-1][0]
        spikes = spikes.transpose(0, 1)
        return spikes if self.torch_api else (spikes, *rest)

    def _recurrent(self, x_seq: torch.Tensor, connect: nn.Module) -> torch.Tensor:
        spikes = torch.zeros_like(x_seq[0])
        if self.spikes is not None:
            spikes = self.spikes.expand_as(spikes)
        train = []
        for x in x_seq:
            spikes = self.ticks(x.unsqueeze(0), connect(spikes).unsqueeze(0)).squeeze(0)
            train.append(spikes)
        return torch.stack(train)


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a LIFTorch, or None. Raises UsageError (NC111, NC203)."""
    cls = full_class_name(module)
    if cls != _LIF:
        stateful = cls.startswith(_PACKAGE) and module._buffers and not cls.startswith(
            _PACKAGE + "torch_module.")
        if stateful or descends_from(module, _PACKAGE + "lif_torch.LIFBaseTorch"):
            raise refusal(module, path, "of the modules with state only LIFTorch is supported, "
                                        "not its subclasses")
        return None
    m: Any = module
    if m.n_synapses != 1:
        raise refusal(module, path, f"it has {m.n_synapses} synapses per neuron")
    try:
        profile, constants = profile_of(cls, "", _options(m, path))
    except ValueError as reason:
        raise refusal(module, path, str(reason)) from None
    stand_in = RockpoolStandIn(profile, constants, path, int(m.size_out),
                               m.w_rec if m._has_rec else None, "_call" in vars(m))
    return same_as(module, path, [stand_in], observe)


def observe(layer: Any, x: torch.Tensor) -> Iterator[object]:
    """Spikes of each tick, from a layer or its stand-in."""
    size = layer.size if isinstance(layer, RockpoolStandIn) else int(layer.size_out)
    for row in x:
        result = layer(row[torch.arange(size) % len(row)].reshape(1, 1, size))
        yield result[0] if isinstance(result, tuple) else result


def _options(module: Any, path: str) -> dict[str, Any]:
    """The options of a module: its decays are those that it computes itself."""
    options: dict[str, Any] = {
        name: one_number(getattr(module, name), module, path, name)
        for name in ("alpha", "beta", "bias", "threshold", "max_spikes_per_dt")}
    function = getattr(module.spike_generation_fn, "__self__", None)
    ours = getattr(function, "__module__", "") == _PACKAGE + "lif_torch"
    options["spike_generation_fn"] = getattr(function, "__name__", "") if ours else repr(function)
    return options | {"leak_mode": "decays", "has_rec": bool(module._has_rec),
                    "noise_std": float(module.noise_std)}


def use_torch_api(model: nn.Module) -> None:
    """Give a whole model of Rockpool torch's API: it then returns its output alone."""
    if descends_from(model, _TORCH_MODULE) and not vars(model).get("_has_torch_api"):
        rockpool: Any = model
        rockpool.to_torch()


def reset(module: nn.Module) -> None:
    """What `reset_state` does to one LIFTorch: potential, current and last spikes are 0."""
    if descends_from(module, _PACKAGE + "lif_torch.LIFBaseTorch"):
        for name in ("vmem", "isyn", "spikes"):
            setattr(module, name, torch.zeros_like(getattr(module, name)))


ADAPTER = Adapter(adapt, reset, prepare=use_torch_api)
