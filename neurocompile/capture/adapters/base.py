"""What every adapter shares: its hooks, and a stand-in module that calls the opaque neuron op."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neurocompile.capture.neuron_op import NEURON, neuron_call
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir.neuron_node import Inputs
from neurocompile.semantics.floating import POTENTIAL, Constants, Profile, at_rest, decode

UNKNOWN = "unknown"  # the version of what is not installed


def _nothing(module: nn.Module, *_: Any) -> None:
    """What a hook does that a framework does not need."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One framework's hooks. Each is called with any module, and leaves other frameworks' alone.

    `adapt(module, path)`: the stand-in for a neuron of this framework; None for any other module.
    Raises UsageError (NC111) for a neuron of the framework that cannot be read exactly.
    `reset(module)`: clears the state of a module.
    `copy(module, memo)`: puts a copy into a deepcopy memo where copy.deepcopy alone would fail.
    `prepare(model)`: changes a copied model as a whole before any of it is looked at.
    """

    adapt: Callable[[nn.Module, str], nn.Module | None]
    reset: Callable[[nn.Module], None] = _nothing
    copy: Callable[[nn.Module, dict[int, Any]], None] = _nothing
    prepare: Callable[[nn.Module], None] = _nothing


class StandIn(nn.Module):
    """A neuron that computes by its profile, from a potential at rest.

    `states` are those after the last call, by name; all are None after a reset.
    """

    def __init__(self, profile: Profile, constants: Constants, path: str,
                 rest: float = 0.0) -> None:
        super().__init__()
        self.profile, self.path, self.rest = profile.encode(), path, _single(rest)
        self.constants = [_single(constants[name]) for name in profile.constants]
        self.states: dict[str, torch.Tensor | None] = dict.fromkeys(profile.states)

    @property
    def framework(self) -> str:
        """The framework of its profile."""
        return decode(self.profile).framework

    @property
    def named_constants(self) -> dict[str, float]:
        """Its constants by name."""
        return dict(zip(decode(self.profile).constants, self.constants, strict=True))

    def reset(self) -> None:
        """Forget all states."""
        self.states = dict.fromkeys(self.states)

    @property
    def shape(self) -> torch.Size | None:
        """That of the potential; None after a reset."""
        potential = self.states[POTENTIAL]
        return None if potential is None else potential.shape

    def ticks(self, x_seq: torch.Tensor, y_seq: torch.Tensor | None = None) -> torch.Tensor:
        """Spikes [T, ...] for inputs x (and y) [T, ...]; carries the states on."""
        profile = decode(self.profile)
        initial = {name: x_seq.new_full((), rest) if (state := self.states[name]) is None else state
                   for name, rest in at_rest(profile.states, self.rest).items()}
        call = neuron_call(Inputs(x_seq, initial, y_seq), profile, self.constants, self.path)
        outputs = call.outputs(NEURON(*call))
        self.states = dict(outputs.final)
        spikes: torch.Tensor = outputs.spikes
        return spikes


def _single(value: float) -> float:
    """A number as float32 holds it: what ONNX stores, and what torch computes with."""
    return float(torch.tensor(value, dtype=torch.float32))


def full_class_name(module: nn.Module) -> str:
    """Full name of a module's exact class."""
    return _full_name(type(module))


def framework_class(module: nn.Module, package: str) -> str:
    """Full name of a module's exact class, from a framework's package on.

    A repository's own copy of the package may lie in another: `libs.norse.torch...`.
    """
    return _from(package, _full_name(type(module)))


def descends_from(module: nn.Module, name: str) -> bool:
    """Whether a class of that full name in a framework is among a module's bases."""
    package = name.partition(".")[0]
    return any(_from(package, _full_name(c)) == name for c in type(module).__mro__)


def _full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _from(package: str, name: str) -> str:
    start = f".{name}".rfind(f".{package}.")
    return name[max(start, 0):]


def installed_version(package: str, file: str | None) -> str:
    """The version of an installed package that a file belongs to, without its local part.

    UNKNOWN for a file that pip did not install: a repository's own copy.
    """
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return UNKNOWN
    home = Path(str(distribution.locate_file(""))).resolve()
    ours = file is not None and Path(file).resolve().is_relative_to(home)
    return distribution.version.split("+")[0] if ours else UNKNOWN


def fires(surrogate: Callable[[torch.Tensor], torch.Tensor]) -> tuple[float, ...]:
    """What a spike function gives far below, just below, at, just above and far above zero."""
    with torch.no_grad():
        return tuple(surrogate(torch.tensor((-1.0, -(2.0**-24), 0.0, 2.0**-24, 1.0))).tolist())


def refusal(module: nn.Module | str, path: str, reason: str) -> UsageError:
    """NC111 for a neuron, given by itself or its full class name, that cannot be read exactly."""
    cls = module if isinstance(module, str) else full_class_name(module)
    return UsageError(Diagnostic("NC111", Location(module=path), {
        "module": path, "cls": cls, "reason": reason}))


def one_number(value: Any, module: nn.Module, path: str, name: str) -> float:
    """A parameter whose values must all be equal. Raises UsageError (NC203) if they are not."""
    tensor = torch.as_tensor(value, dtype=torch.float64).detach().reshape(-1)
    if tensor.numel() == 0 or bool((tensor != tensor[0]).any()):
        raise UsageError(Diagnostic("NC203", Location(module=path), {
            "param": name, "module": path, "count": tensor.numel(), "target": "a chip",
            "limit": 1}))
    return float(tensor[0])
