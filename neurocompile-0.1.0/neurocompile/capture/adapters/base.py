"""What every adapter shares: a stand-in module that calls the opaque neuron op."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

import neurocompile.capture.neuron_op  # noqa: F401 - registers torch.ops.neurocompile.neuron
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.semantics.floating import Constants, Profile


class Adapter(Protocol):
    """One framework's adapter: a Python module with these two functions."""

    def adapt(self, module: nn.Module, path: str) -> nn.Module | None:
        """The stand-in for a neuron of this framework; None for any other module.

        Raises UsageError (NC111) for a neuron of the framework that cannot be read exactly.
        """

    def reset(self, module: nn.Module) -> None:
        """Clear the state of a module of this framework."""


class StandIn(nn.Module):
    """A neuron that computes by its profile, from v = rest. State is None after a reset."""

    def __init__(self, profile: Profile, constants: Constants, path: str,
                 rest: float = 0.0) -> None:
        super().__init__()
        self.profile, self.path, self.rest = profile.encode(), path, _single(rest)
        self.constants = [_single(constants[name]) for name in profile.constants]
        self.u: torch.Tensor | None = None
        self.v: torch.Tensor | None = None

    def reset(self) -> None:
        """Forget u and v."""
        self.u = self.v = None

    def ticks(self, x_seq: torch.Tensor, y_seq: torch.Tensor | None = None) -> torch.Tensor:
        """Spikes [T, ...] for inputs x (and y) [T, ...]; carries the state on."""
        u0 = self.u if self.u is not None else x_seq.new_full((), 0.0)
        v0 = self.v if self.v is not None else x_seq.new_full((), self.rest)
        spikes: torch.Tensor
        spikes, self.u, self.v = torch.ops.neurocompile.neuron(
            x_seq, u0, v0, y_seq, self.profile, self.constants, self.path)
        return spikes


def _single(value: float) -> float:
    """A number as float32 holds it: what ONNX stores, and what torch computes with."""
    return float(torch.tensor(value, dtype=torch.float32))


def qualified(module: nn.Module) -> str:
    """Full name of a module's exact class."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def descends_from(module: nn.Module, name: str) -> bool:
    """Whether a class of that full name is among a module's bases."""
    return any(f"{c.__module__}.{c.__qualname__}" == name for c in type(module).__mro__)


def installed_version(package: str) -> str:
    """The version of an installed package, without its local part; "unknown" where it has none."""
    try:
        return importlib.metadata.version(package).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def fires(surrogate: Callable[[torch.Tensor], torch.Tensor]) -> tuple[float, ...]:
    """What a spike function gives far below, just below, at, just above and far above zero."""
    with torch.no_grad():
        return tuple(surrogate(torch.tensor((-1.0, -(2.0**-24), 0.0, 2.0**-24, 1.0))).tolist())


def refused(module: nn.Module | str, path: str, reason: str) -> UsageError:
    """NC111 for a neuron, given by itself or its full class name, that cannot be read exactly."""
    cls = module if isinstance(module, str) else qualified(module)
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
