"""Declared neurons: a user's class and the equations that it computes. Imports no torch.

    @neurocompile.neuron("v = decay * v + x\\ns = v >= v_th\\nv = v * (1 - s)",
                         layout="tick", reset="reset_state", decay="decay", v_th=1.0)
    class MyLIF(nn.Module): ...

The equations are those of `neurocompile.semantics.equations`. A declaration is checked when a model
with it is captured, and proved by the replay gate: wrong equations are NC105.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

LAYOUTS = ("ticks", "tick", "state")
ATTRIBUTE = "__neurocompile__"  # where a class or a module keeps its declaration
ResetHooks = str | Sequence[str] | Mapping[str, object]
T = TypeVar("T", bound=type)


@dataclass(frozen=True)
class Declaration:
    """What a user says of a class. Nothing in it is checked yet."""

    equations: str
    layout: str = "ticks"
    reset: ResetHooks = ()
    start: float | str = 0.0
    constants: Mapping[str, float | str] = field(default_factory=dict)


def neuron(equations: str, layout: str = "ticks", reset: ResetHooks = (), start: float | str = 0.0,
           **constants: float | str) -> Callable[[T], T]:
    """Declare that a class of module is a neuron that computes these equations each tick.

    `layout`: "ticks", `forward` takes and gives all ticks [T, ...]; "tick", one tick a call, the
    state kept in the module; "state", one tick a call, (x, v) or (x, u, v) to (s, v) or (s, u, v).
    `reset`: methods that are called, and attributes that are set to None, before a capture; or a
    mapping of attributes to what they are set to. Naming any says that the layout "ticks" keeps its
    state from call to call. `start`: the potential before the first tick.
    `constants`: each a number or the name of an attribute of the module.
    """
    declaration = Declaration(equations, layout, reset, start, constants)

    def declare(cls: T) -> T:
        setattr(cls, ATTRIBUTE, declaration)
        return cls
    return declare
