"""The state that hand-written neurons keep in their modules, put back between runs.

Only modules whose neurons were recognized are rewound: state that anything else keeps is not part
of the captured program, and the replay gate must see it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

_TORCH = frozenset(vars(nn.Module()))  # what torch itself keeps in a module


class Rewind:
    """Resets models: by `reset`, and modules of these paths to what they were at first sight."""

    def __init__(self, reset: Callable[[nn.Module], None], paths: Iterable[str],
                 *models: nn.Module) -> None:
        self.reset = reset
        self.snapshots: dict[int, list[tuple[nn.Module, dict[str, Any], dict[str, Any]]]] = {}
        for model in models:
            self.snapshots[id(model)] = [
                (module, _snapshot(_plain(module)), _snapshot(module._buffers))
                for module in map(model.get_submodule, sorted(paths))]

    def __call__(self, model: nn.Module) -> None:
        """Reset one of the models."""
        self.reset(model)
        for module, attributes, buffers in self.snapshots.get(id(model), ()):
            for name in set(_plain(module)) - set(attributes):
                delattr(module, name)
            vars(module).update(_snapshot(attributes))
            module._buffers.update(_snapshot(buffers))


def _plain(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items()
            if name not in _TORCH and _is_state(value)}


def _is_state(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_state(one) for one in value)
    if isinstance(value, dict):
        return all(_is_state(one) for one in value.values())
    return value is None or isinstance(value, torch.Tensor | int | float | str)


def _snapshot(values: dict[str, Any]) -> dict[str, Any]:
    """A copy that later computation does not change; tensors are detached."""
    return {name: _copy(value) for name, value in values.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, list | tuple):
        return type(value)(_copy(one) for one in value)
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return copy.copy(value)
