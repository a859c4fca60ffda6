"""Copies of models and of the state in them. Tensors of a copy hang in no autograd graph."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

import torch
from torch import nn

from neurocompile.capture import adapters

T = TypeVar("T")
_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
_NUMBERS = (str, bytes, int, float, complex, bool, type(None))


def copy_model(model: nn.Module) -> nn.Module:
    """A deep copy, its state detached. What cannot be copied (a lock, a file) is shared."""
    twin: nn.Module
    try:
        twin = copy.deepcopy(model, _memo(model))
    except Exception:  # noqa: BLE001 - whatever the value's own code raises
        shared = {id(value): value for value in _single_values(model)
                  if not _can_be_copied(value, _memo(model))}
        twin = copy.deepcopy(model, {**_memo(model), **shared})
    return twin


def copy_state(state: T) -> T:
    """A deep copy of what modules hold; every tensor is detached."""
    return copy.deepcopy(state, {
        id(tensor): tensor.detach().clone() for tensor in tensors_in(state)})


def is_state(value: Any) -> bool:
    """Whether a value is made of tensors and numbers, and can be copied."""
    return (not any(isinstance(part, (nn.Module, *_CODE)) for part in _parts(value))
            and _can_be_copied(value, {id(one): one for one in tensors_in(value)}))


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in a value: in containers, attributes and modules."""
    return (part for part in _parts(value) if isinstance(part, torch.Tensor))


def _parts(value: Any) -> Iterator[Any]:
    """A value and all that it holds, each object once."""
    ids: set[int] = set()
    rest = [value]
    while rest:
        part = rest.pop()
        if isinstance(part, _NUMBERS) or id(part) in ids:
            continue
        ids.add(id(part))
        yield part
        if isinstance(part, (torch.Tensor, *_CODE)):
            continue
        if isinstance(part, dict):
            rest += part.values()
        elif isinstance(part, list | tuple | set | frozenset | deque):
            rest += part
        rest += getattr(part, "__dict__", {}).values()
        rest += (getattr(part, name) for name in _slots(part) if hasattr(part, name))


def _slots(value: Any) -> Iterator[str]:
    for cls in type(value).__mro__:
        names = vars(cls).get("__slots__", ())
        yield from (names,) if isinstance(names, str) else names


def _memo(model: nn.Module) -> dict[int, Any]:
    """A deepcopy memo: tensors in autograd graphs without them, and the adapters' own copies."""
    memo: dict[int, Any] = {id(tensor): tensor.detach().clone() for tensor in tensors_in(model)
                            if not tensor.is_leaf}
    for _, module in model.named_modules():
        for adapter in adapters.ADAPTERS:
            adapter.copy(module, memo)
    return memo


def _single_values(model: nn.Module) -> Iterator[Any]:
    """What modules hold as plain attributes, one by one."""
    for module in model.modules():
        for name, value in vars(module).items():
            if name != "_modules":
                yield value


def _can_be_copied(value: Any, memo: dict[int, Any]) -> bool:
    try:
        copy.deepcopy(value, memo)
    except Exception:  # noqa: BLE001 - whatever the value's own code raises
        return False
    return True
