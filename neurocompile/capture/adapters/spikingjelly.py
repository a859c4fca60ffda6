"""SpikingJelly: IF, LIF and parametric LIF neurons of 2.0.0, 0.0.0.0.14 and 0.0.0.0.12.

Packages `activation_based` (2.0.0, 0.0.0.0.14) and `clock_driven` (0.0.0.0.14, 0.0.0.0.12) with its
MultiStep classes. Evaluation mode; `tests/golden/neurons` holds what each class computes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import (
    Adapter,
    StandIn,
    descends_from,
    fires,
    framework_class,
    one_number,
    refusal,
)
from neurocompile.capture.adapters.probe import same_as
from neurocompile.semantics.floating import POTENTIAL, Profile
from neurocompile.semantics.profiles import PROFILES

_ACTIVATION, _CLOCK = "spikingjelly.activation_based.", "spikingjelly.clock_driven."
_OWN_FILES = (_ACTIVATION + "neuron.integrate_and_fire.", _ACTIVATION + "neuron.lif.",
              _ACTIVATION + "neuron.plif.")
_PACKAGES = {  # where the known classes are -> versions that have them there
    **dict.fromkeys(_OWN_FILES, ("2.0.0",)),
    _ACTIVATION + "neuron.": ("0.0.0.0.14",),
    _CLOCK + "neuron.": ("0.0.0.0.14", "0.0.0.0.12"),
}
_KINDS = {"IFNode": "if", "LIFNode": "lif", "ParametricLIFNode": "plif"}
_BASES = (_ACTIVATION + "neuron.base_node.BaseNode",
          _ACTIVATION + "neuron.base_node.SimpleBaseNode",
          _ACTIVATION + "neuron.BaseNode", _CLOCK + "neuron.BaseNode",
          "spikingjelly.cext.neuron.BaseNode")
_MEMORIES = (_ACTIVATION + "base.MemoryModule", _CLOCK + "base.MemoryModule")


def _kind(cls: str) -> str | None:
    """if, lif or plif for a known class by its full name, else None."""
    package, _, name = cls.rpartition(".")
    if package + "." not in _PACKAGES:
        return None
    return _KINDS.get(name.removeprefix("MultiStep") if cls.startswith(_CLOCK) else name)


def profile_of(cls: str, version: str, options: Mapping[str, Any]
               ) -> tuple[Profile, dict[str, float]]:
    """Profile and constants of a class in evaluation mode, from its constructor's arguments.

    A parametric LIF may give its parameter `w` in place of `init_tau`. Raises ValueError with the
    reason where there is no profile.
    """
    kind, versions = _kind(cls), _PACKAGES.get(cls.rpartition(".")[0] + ".", ())
    if kind is None:
        raise ValueError("supported are IFNode, LIFNode and ParametricLIFNode, not their "
                         "subclasses")
    if version not in versions:
        raise ValueError(f"its equations are known in SpikingJelly {' and '.join(versions)}; "
                         f"this is {version}")
    v_reset = options.get("v_reset", 0.0)
    reset = "soft" if v_reset is None else "hard"
    constants = {"v_th": float(options.get("v_threshold", 1.0)), "v_reset": float(v_reset or 0.0)}
    charge = kind
    if kind == "lif":
        tau = float(options.get("tau", 2.0))
        constants |= {"tau": tau, "keep": 1.0 - 1.0 / tau}
    elif kind == "plif":
        w = options.get("w", -math.log(options.get("init_tau", 2.0) - 1.0))
        rate = torch.as_tensor(w, dtype=torch.float32).detach().sigmoid()
        constants |= {"rate": float(rate), "keep": float(1.0 - rate)}
    if kind != "if":
        charge = f"lif-{_decay(cls, version, kind, v_reset, options.get('decay_input', True))}"
    profile = PROFILES[f"spikingjelly-{charge}-{reset}"]
    return profile, {name: constants[name] for name in profile.constants}


def _decay(cls: str, version: str, kind: str, v_reset: float | None, decay_input: bool) -> str:
    """How a leaky class decays: the versions differ where the input does not decay."""
    form = "div-tau" if kind == "lif" else "rate"
    if decay_input:
        return form
    own_code = cls.startswith(_ACTIVATION) and kind == "lif"  # its evaluation has code of its own
    if version == "2.0.0" or v_reset or (own_code and v_reset is not None):
        return f"sub-{form}"
    return "keep"


class SpikingJellyStandIn(StandIn):
    """Takes [T, B, ...] in step mode m and [B, ...] in step mode s."""

    def __init__(self, profile: Profile, constants: Mapping[str, float], path: str, rest: float,
                 cls: str, step_mode: str) -> None:
        super().__init__(profile, constants, path, rest)
        self.cls, self.step_mode = cls, step_mode
        self.restarts = cls.startswith(_OWN_FILES)  # where the shape of its input changes

    @property
    def v(self) -> torch.Tensor | None:
        """The potential, which models read and set; None after a reset."""
        return self.states[POTENTIAL]

    @v.setter
    def v(self, potential: torch.Tensor | None) -> None:
        self.states[POTENTIAL] = potential

    @property
    def v_seq(self) -> torch.Tensor:
        """Potentials of all ticks: a neuron of a chip has none to give. Raises UsageError."""
        raise refusal(self.cls, self.path, "its membrane potentials `v_seq` are read; "
                                           "a neuron gives spikes")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes of the same shape as x."""
        x_seq = x if self.step_mode == "m" else x.unsqueeze(0)
        if self.restarts and self.shape not in (None, x_seq.shape[1:]):
            self.reset()
        spikes = self.ticks(x_seq)
        return spikes if self.step_mode == "m" else spikes.squeeze(0)


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a SpikingJelly neuron, or None. Raises UsageError (NC111, NC203).

    `store_v_seq` changes no spikes and is not looked at: reading `v_seq` is what is refused.
    """
    cls = framework_class(module, "spikingjelly")
    if _kind(cls) is None and not any(descends_from(module, base) for base in _BASES):
        return None
    m: Any = module
    versions = _PACKAGES.get(cls.rpartition(".")[0] + ".", ("",))
    try:
        options = _options(m, path) if _kind(cls) else {}
        profiles = [profile_of(cls, version, options) for version in versions]
    except ValueError as error:
        raise refusal(module, path, str(error)) from None
    if getattr(m, "backend", "torch") == "lava":
        raise refusal(module, path, "backend='lava' runs another neuron")
    if getattr(m, "_neuron_precision", None) is not None:
        raise refusal(module, path, "it computes in a reduced precision")
    if fires(m.surrogate_function) != (0.0, 0.0, 1.0, 1.0, 1.0):
        raise refusal(module, path, "its surrogate function is no step that fires at the threshold")
    rest = one_number(m._memories_rv["v"], module, path, "v")
    return same_as(module, path, [
        SpikingJellyStandIn(profile, constants, path, rest, cls, _step_mode(m))
        for profile, constants in profiles], observe)


def observe(neuron: Any, x: torch.Tensor) -> Iterator[object]:
    """Spikes and potential of each tick, from a node or its stand-in."""
    for row in x:
        tick = row.unsqueeze(0)
        yield neuron(tick.unsqueeze(0) if _step_mode(neuron) == "m" else tick), neuron.v


def _step_mode(neuron: Any) -> str:
    return str(getattr(neuron, "step_mode", "m" if "MultiStep" in type(neuron).__name__ else "s"))


def _options(m: Any, path: str) -> dict[str, Any]:
    """The constructor's arguments, from a neuron after a reset."""
    names = [n for n in ("v_threshold", "v_reset", "tau", "w") if getattr(m, n, None) is not None]
    options: dict[str, Any] = {n: one_number(getattr(m, n), m, path, n) for n in names}
    return {"v_reset": None, "decay_input": getattr(m, "decay_input", True), **options}


def reset(module: nn.Module) -> None:
    """What `functional.reset_net` does to one module."""
    if any(descends_from(module, name) for name in _MEMORIES):
        memory: Any = module
        memory.reset()


ADAPTER = Adapter(adapt, reset)
