"""Classes that their author declared to be neurons, in the code or in the configuration."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from neurocompile.capture.adapters.base import Adapter, StandIn, full_class_name, one_number
from neurocompile.capture.declaration import ATTRIBUTE, LAYOUTS, Declaration
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.semantics.custom import custom_profile
from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import POTENTIAL


class DeclaredStandIn(StandIn):
    """Computes the declared equations in the declared layout."""

    def __init__(self, equations: str, constants: dict[str, float], path: str, start: float,
                 layout: str, keeps: bool) -> None:
        profile = custom_profile(equations, constants)
        super().__init__(profile, constants, path, start)
        self.layout, self.keeps = layout, keeps
        targets = {name for name, _ in profile.equations.steps}
        self.names = tuple(name for name in profile.states if name in {POTENTIAL, *targets})

    def forward(self, x: torch.Tensor, *state: Any) -> Any:
        """Spikes of x's shape; then the state where the layout is "state"."""
        if self.layout == "ticks":
            if not self.keeps:
                self.reset()
            return self.ticks(x)
        if self.layout == "tick":
            return self.ticks(x.unsqueeze(0)).squeeze(0)
        self.reset()
        for name, value in zip(self.names, state, strict=False):
            self.states[name] = value if value is None or isinstance(
                value, torch.Tensor) else x.new_full((), float(value))
        spikes = self.ticks(x.unsqueeze(0)).squeeze(0)
        return (spikes, *(self.states[name] for name in self.names))


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    """The stand-in for a declared neuron, or None. Raises UsageError (NC119, NC203)."""
    declaration = _declaration(module)
    if declaration is None:
        return None
    try:
        names = Equations(declaration.equations).constants
    except (ValueError, TypeError, AttributeError) as error:
        raise _bad(module, path, "equations", str(error)) from None
    if declaration.layout not in LAYOUTS:
        raise _bad(module, path, "layout",
                   f"`{declaration.layout}` is none of {', '.join(LAYOUTS)}")
    if Equations(declaration.equations).second_input:
        raise _bad(module, path, "equations", "`y` has no place in a layout; add it to x")
    for name in sorted({*names} ^ {*declaration.constants}):
        raise _bad(module, path, name, "no value is given" if name in names
                   else "the equations do not use it")
    values = {name: _number(module, path, name, declaration.constants[name]) for name in names}
    start = _number(module, path, "start", declaration.start)
    for name in _resets(module, path, declaration):
        if not hasattr(module, name):
            raise _bad(module, path, "reset", f"the class has no `{name}`")
    return DeclaredStandIn(declaration.equations, values, path, start, declaration.layout,
                           bool(declaration.reset))


def reset(module: nn.Module) -> None:
    """Call the methods and set the attributes that a declaration names."""
    declaration = _declaration(module)
    if declaration is None:
        return
    for name, value in _resets(module, "", declaration).items():
        attribute = getattr(module, name, None)
        if not hasattr(module, name):
            continue  # `adapt` tells
        if callable(attribute) and not isinstance(attribute, nn.Module):
            attribute()
        else:
            setattr(module, name, value)


def _declaration(module: nn.Module) -> Declaration | None:
    declaration = getattr(module, ATTRIBUTE, None)
    return declaration if isinstance(declaration, Declaration) else None


def _resets(module: nn.Module, path: str, declaration: Declaration) -> Mapping[str, Any]:
    resets = declaration.reset
    if isinstance(resets, Mapping):
        return resets
    names = (resets,) if isinstance(resets, str) else resets
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise _bad(module, path, "reset", "expected names of methods or attributes")
    return dict.fromkeys(names)


def _number(module: nn.Module, path: str, name: str, value: object) -> float:
    if isinstance(value, str):
        try:
            value = operator.attrgetter(value)(module)
        except AttributeError:
            raise _bad(module, path, name, f"the module has no attribute `{value}`") from None
    if isinstance(value, bool) or not isinstance(value, int | float | torch.Tensor):
        raise _bad(module, path, name, f"a {type(value).__name__} is no number")
    return one_number(value, module, path, name)


def _bad(module: nn.Module, path: str, key: str, error: str) -> UsageError:
    return UsageError(Diagnostic("NC119", Location(module=path), {
        "cls": full_class_name(module), "key": key, "error": error}))


ADAPTER = Adapter(adapt, reset)
