"""The state that hand-written neurons keep in their modules, put back between runs.

Only modules whose neurons were recognized are rewound: state that anything else keeps is not part
of the captured program, and the replay gate must see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import nn

from neurocompile.capture.copies import copy_state, is_state

_TORCH = frozenset(vars(nn.Module()))  # what torch itself keeps in a module


class _State(NamedTuple):
    """What a module holds beside its modules and parameters."""

    attributes: dict[str, Any]
    buffers: dict[str, Any]


class Rewind:
    """Resets models: by `reset`, and modules of these paths to what they were at first sight."""

    def __init__(self, reset: Callable[[nn.Module], None], paths: Iterable[str],
                 *models: nn.Module) -> None:
        self.reset = reset
        self.paths = sorted(paths)
        self.first = {id(model): copy_state(list(map(_state, self._modules(model))))
                      for model in models}

    def __call__(self, model: nn.Module) -> None:
        """Reset one of the models."""
        self.reset(model)
        if id(model) not in self.first:
            return
        states = copy_state(self.first[id(model)])
        for module, state in zip(self._modules(model), states, strict=True):
            for name in set(_attributes(module)) - set(state.attributes):
                delattr(module, name)
            vars(module).update(state.attributes)
            module._buffers.update(state.buffers)

    def _modules(self, model: nn.Module) -> list[nn.Module]:
        return [model.get_submodule(path) for path in self.paths]


def _state(module: nn.Module) -> _State:
    return _State(_attributes(module), dict(module._buffers))


def _attributes(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items()
            if name not in _TORCH and is_state(value)}
