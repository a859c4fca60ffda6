"""snnTorch 1.0.0: Leaky, RLeaky, Synaptic, RSynaptic and Lapicque.

State passed or hidden, all resets, delayed or at once. `tests/golden/neurons` holds what each class
computes.
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
    fires,
    framework_class,
    one_number,
    refusal,
)
from neurocompile.capture.adapters.probe import same_as
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import PROFILES
from neurocompile.semantics.profiles.snntorch import AT_ONCE, WITH_FACTOR

VERSION = "1.0.0"
_PACKAGE = "snntorch._neurons."
_BASE = _PACKAGE + "neurons.SpikingNeuron"
_STATES = {  # of each class, in the order in which it takes and returns them
    "leaky": ("mem",), "rleaky": ("spk", "mem"), "synaptic": ("syn", "mem"),
    "rsynaptic": ("spk", "syn", "mem"), "lapicque": ("mem",),
}
_NAMES = {"mem": "v", "syn": "u"}  # theirs and ours
_CLASSES = {f"{_PACKAGE}{name.lower()}.{name}": name.lower()
            for name in ("Leaky", "RLeaky", "Synaptic", "RSynaptic", "Lapicque")}
_RESETS = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}


def profile_of(cls: str, version: str, options: Mapping[str, Any]
               ) -> tuple[Profile, dict[str, float]]:
    """Profile and constants of a class, from its constructor's arguments.

    Raises ValueError with the reason where there is no profile.
    """
    kind = _CLASSES.get(cls)
    if kind is None:
        raise ValueError("supported are Leaky, RLeaky, Synaptic, RSynaptic and Lapicque, not their "
                         "subclasses")
    if version != VERSION:
        raise ValueError(f"its equations are known in snnTorch {VERSION}; this is {version}")
    reset = options.get("reset_mechanism", "subtract")
    at_once = not options.get("reset_delay", True)
    factor = _number(options, "graded_spikes_factor", 1.0)
    graded = float(factor) != 1.0
    if at_once and kind not in AT_ONCE:
        raise ValueError("with reset_delay=False this class fails, or ignores it")
    if graded and kind not in WITH_FACTOR:
        raise ValueError("its graded_spikes_factor is not 1")
    profile = PROFILES[f"snntorch-{kind}-{reset}" + "-at-once" * (at_once and reset != "none")
                     + "-scaled" * graded]
    constants = {"v_th": _number(options, "threshold", 1.0), "factor": factor}
    if kind == "lapicque":
        constants |= _circuit(options)
    else:
        constants |= {name: _number(options, name, 0.0).clamp(0, 1) for name in ("alpha", "beta")}
    return profile, {name: float(constants[name]) for name in profile.constants}


def _circuit(options: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """What a Lapicque computes with, as its constructor and its forward derive it, in float32."""
    beta, r, c = (_number(options, name, 0.0) for name in ("beta", "R", "C"))
    dt = _number(options, "time_step", 1.0)
    if not r and not c:
        r = torch.tensor(1.0)
    if not c:
        c = dt / (r * torch.log(1 / beta))
    elif not r:
        r = dt / (c * torch.log(1 / beta))
    return {"R": r, "dt": dt, "inv_rc": 1 / (r * c), "keep": 1 - dt / (r * c)}


def _number(options: Mapping[str, Any], name: str, default: float) -> torch.Tensor:
    value = torch.as_tensor(options.get(name, default), dtype=torch.float32)
    if value.numel() != 1:
        raise ValueError(f"`{name}` holds {value.numel()} numbers, one per neuron")
    return value.reshape(())


class SnnTorchStandIn(StandIn):
    """Keeps snnTorch's calling conventions: state in and out, hidden, or both."""

    def __init__(self, profile: Profile, constants: Mapping[str, float], path: str,
                 names: tuple[str, ...], hidden: bool, output: bool,
                 recurrent: nn.Module | None) -> None:
        super().__init__(profile, constants, path)
        self.names, self.hidden, self.output = names, hidden, output
        self.recurrent = recurrent
        self.spk: torch.Tensor | None = None

    @property
    def mem(self) -> torch.Tensor:
        """The potential; empty after a reset."""
        return self._or_empty("v")

    @property
    def syn(self) -> torch.Tensor:
        """The synaptic current; empty after a reset."""
        return self._or_empty("u")

    def reset(self) -> None:
        """Forget all state."""
        super().reset()
        self.spk = None

    def reset_mem(self) -> Any:
        """Zeros of the state's shape, which is empty before the first input."""
        self.states |= {"u": torch.zeros_like(self.syn), "v": torch.zeros_like(self.mem)}
        self.spk = torch.zeros(0) if self.spk is None else torch.zeros_like(self.spk)
        return self._state() if len(self.names) > 1 else self.mem

    init_leaky = init_rleaky = init_synaptic = init_rsynaptic = init_lapicque = reset_mem

    def _or_empty(self, name: str) -> torch.Tensor:
        state = self.states[name]
        return torch.zeros(0) if state is None else state

    def _state(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.names)

    def forward(self, input_: torch.Tensor, *states: torch.Tensor | None,
                **by_name: torch.Tensor | None) -> Any:
        """Spikes, then (syn,) mem unless the state is hidden.

        Raises TypeError for a state that is given to a neuron with hidden state.
        """
        for name, value in (*zip(self.names, states, strict=False), *by_name.items()):
            if value is None:
                continue
            if self.hidden or name not in self.names:
                raise TypeError(f"`{name}` is no argument of `{self.path}`, whose state is hidden")
            if name == "spk":
                self.spk = value
            else:
                self.states[_NAMES[name]] = value
        self.states = {name: _of_shape(state, input_) for name, state in self.states.items()}
        self.spk = _of_shape(self.spk, input_)
        spikes = self.ticks(input_.unsqueeze(0), *self._feedback(input_)).squeeze(0)
        self.spk = None if self.recurrent is None else spikes
        state = (spikes, self.syn, self.mem) if "syn" in self.names else (spikes, self.mem)
        return spikes if self.hidden and not self.output else state

    def _feedback(self, input_: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the recurrent layer makes of the spikes before, [1, ...]; nothing without one."""
        if self.recurrent is None:
            return ()
        spk = torch.zeros_like(input_) if self.spk is None else self.spk
        return (self.recurrent(spk).unsqueeze(0),)


def _of_shape(state: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor | None:
    """A state, if it is of an input's shape."""
    return state if state is not None and state.shape == x.shape else None


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for an snnTorch neuron, or None. Raises UsageError (NC111, NC203)."""
    cls = framework_class(module, "snntorch")
    if cls not in _CLASSES and not descends_from(module, _BASE):
        return None
    m: Any = module
    try:
        profile, constants = profile_of(cls, VERSION, _options(m, path) if cls in _CLASSES else {})
    except ValueError as error:
        raise refusal(module, path, str(error)) from None
    stand_in = SnnTorchStandIn(profile, constants, path, _STATES[_CLASSES[cls]], bool(m.init_hidden),
                               bool(m.output), getattr(m, "recurrent", None))
    return stand_in if stand_in.recurrent is not None else same_as(
        module, path, [stand_in], observe)


def observe(neuron: Any, x: torch.Tensor) -> Iterator[object]:
    """What each tick gives, and the hidden potential, from a neuron or its stand-in."""
    hidden = getattr(neuron, "hidden", getattr(neuron, "init_hidden", False))
    state: tuple[torch.Tensor, ...] = ()
    for row in x:
        result = neuron(row.unsqueeze(0), *state)
        state = () if hidden else result[1:]
        yield result, neuron.mem if hidden else ()


def _options(m: Any, path: str) -> dict[str, Any]:
    """The constructor's arguments, from a neuron. Raises ValueError for what is not read."""
    reset = _RESETS.get(m.state_function.__name__)
    for quirk, reason in (
            (m.inhibition, "inhibition=True"), (m.state_quant, "state_quant is set"),
            (reset != m.reset_mechanism, "its reset_mechanism was changed after it was made"),
            (m.reset_mechanism_val != m.reset_dict[m.reset_mechanism],
             "its reset_mechanism differs from the one that was loaded"),
            (fires(m.spike_grad) != (0.0, 0.0, 0.0, 1.0, 1.0),
             "its spike_grad is no step that fires above the threshold")):
        if quirk:
            raise ValueError(reason)
    names = [n for n in ("threshold", "alpha", "beta", "R", "C", "time_step",
                         "graded_spikes_factor") if hasattr(m, n)]
    options: dict[str, Any] = {n: one_number(getattr(m, n), m, path, n) for n in names}
    return {"reset_mechanism": reset, "reset_delay": getattr(m, "reset_delay", True), **options}


def reset(module: nn.Module) -> None:
    """Forget the state that snnTorch keeps in its buffers `mem`, `syn` and `spk`.

    A copy of a neuron is also made known to `snntorch.utils.reset`, as its constructor would: else
    a model that calls it between ticks would be proved with neurons that it does not reset.
    """
    if descends_from(module, _BASE):
        neuron: Any = module
        if not any(instance is module for instance in neuron.instances):
            neuron.instances.append(module)
        for name in ("mem", "syn", "spk"):
            if hasattr(module, name):
                setattr(module, name, torch.zeros(0))


ADAPTER = Adapter(adapt, reset)
