"""Whether two objects that the same code made are alike: nothing in them was drawn or counted."""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from types import FunctionType, MethodType
from typing import Any
from weakref import ReferenceType

import numpy as np
import torch

_PLAIN = (int, float, complex, str, bytes, set, frozenset, range, slice, enum.Enum, torch.dtype,
          torch.device, torch.layout, torch.memory_format)


def alike(one: Any, two: Any) -> bool:
    """Whether all that hangs on two objects is equal; False where that cannot be seen.

    Tensors and arrays are equal in every element, functions in their code and what they enclose.
    Classes and modules are equal only to themselves.
    """
    return _Comparison().alike(one, two)


class _Comparison:
    def __init__(self) -> None:
        self.pairs: dict[tuple[int, int], tuple[Any, Any]] = {}  # kept, so that no id is reused

    def alike(self, one: Any, two: Any) -> bool:
        if one is two:
            return True
        if type(one) is not type(two):
            return False
        if isinstance(one, _PLAIN):
            return bool(one == two)
        if (id(one), id(two)) in self.pairs:
            return True
        self.pairs[id(one), id(two)] = (one, two)
        if isinstance(one, torch.Tensor):
            return (one.dtype == two.dtype and one.shape == two.shape and torch.equal(one, two)
                    and one.requires_grad == two.requires_grad)
        if isinstance(one, np.ndarray):
            return one.dtype == two.dtype and np.array_equal(one, two)
        return self._parts(one, two)

    def _parts(self, one: Any, two: Any) -> bool:
        if isinstance(one, Mapping):
            return self.all_alike(list(one.items()), list(two.items()))
        if isinstance(one, list | tuple):
            return self.all_alike(one, two)
        if isinstance(one, FunctionType):
            return one.__code__ == two.__code__ and self.all_alike(
                _closure(one), _closure(two))
        if isinstance(one, MethodType):
            return self.all_alike((one.__func__, one.__self__), (two.__func__, two.__self__))
        if isinstance(one, functools.partial):
            return self.all_alike((one.func, one.args, one.keywords),
                                  (two.func, two.args, two.keywords))
        if isinstance(one, ReferenceType):
            return self.alike(one(), two())
        return not isinstance(one, type) and hasattr(one, "__dict__") and self.alike(
            vars(one), vars(two))

    def all_alike(self, one: Any, two: Any) -> bool:
        return len(one) == len(two) and all(map(self.alike, one, two))


def _closure(function: FunctionType) -> tuple[Any, ...]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__defaults__, function.__kwdefaults__, cells, vars(function)
