"""What every recorder needs: one way to make a case, which refuses inactive neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from tests.frameworks.golden import Case


def number(value: torch.Tensor | float) -> float | np.ndarray:
    """A constant as float32: a number, or an array of one per neuron."""
    array = torch.as_tensor(value).detach().to(torch.float32)
    return float(array) if array.numel() == 1 else array.flatten().numpy()


def class_path(module: torch.nn.Module) -> str:
    """Module and class name, as users import it."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def case(module: torch.nn.Module, version: str, options: Mapping[str, Any], block: str,
         constants: Mapping[str, torch.Tensor | float], start: Mapping[str, float],
         arrays: Mapping[str, torch.Tensor], variants: tuple[str, ...] = ("step by step",)) -> Case:
    """A checked case. Raises ValueError where a neuron never fires or never rests."""
    by_name = {name: array.detach().numpy().copy() for name, array in arrays.items()}
    if not np.array_equal(by_name["s"], by_name["v"]):  # emits spikes
        counts = (by_name["s"] != 0).sum(0)
        if not ((counts > 0) & (counts < len(by_name["s"]))).all():
            raise ValueError(f"{class_path(module)} {dict(options)}: spikes per neuron {counts}")
    return Case(
        framework=version.split(" ")[0], version=version.split(" ")[1], cls=class_path(module),
        options=dict(options), variants=list(variants), block=block,
        constants={name: number(value) for name, value in constants.items()},
        start=dict(start), arrays=by_name)
